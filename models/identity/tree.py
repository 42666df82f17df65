"""A function's code as its syntax tree, the same for every Python.

Bytecode differs from one Python to the next, and so do the names of some nodes; here a
tree is encoded by itself, without positions, comments, docstrings, annotations and other
statements that do nothing.
"""

import ast
import tokenize
import types
from typing import Any, Dict, Iterator, List, Optional, Tuple

from nutsbench.models.identity import canonical

#: Source of the files that this package has loaded, as it was when it ran.
sources: Dict[str, str] = {}

_trees: Dict[str, Tuple[str, ast.Module]] = {}

#: What has no effect on what a function does, or is there in some Pythons only.
_SKIPPED = frozenset({"annotation", "returns", "type_comment", "type_params", "type_ignores", "kind", "ctx"})
_FUNCTIONS = ("FunctionDef", "AsyncFunctionDef")
#: A literal's field by the name of its node; Python 3.8 made one node of them all.
_LITERALS = {"Constant": "value", "Num": "n", "Str": "s", "Bytes": "s", "NameConstant": "value"}


class NoSourceError(Exception):
    """The source of a function cannot be found; the message says why."""


def kind(node: ast.AST) -> str:
    """Return the name of a node's type."""
    return type(node).__name__


def is_literal(node: ast.AST) -> bool:
    """Return whether a node is a literal constant."""
    return kind(node) in _LITERALS or kind(node) == "Ellipsis"


def literal(node: ast.AST) -> Any:
    """Return the value of a literal constant."""
    return Ellipsis if kind(node) == "Ellipsis" else getattr(node, _LITERALS[kind(node)])


def parsed(filename: str) -> ast.Module:
    """Return the tree of a file, as it was when this package loaded it.

    Raises
    ------
    NoSourceError
        If the file cannot be read, or is no longer Python.
    """
    source = sources.get(filename)
    if source is None:
        try:
            with tokenize.open(filename) as file:
                source = file.read()
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            raise NoSourceError("its source cannot be read") from error
    known = _trees.get(filename)
    if known is None or known[0] != source:
        try:
            known = source, ast.parse(source, filename)
        except (SyntaxError, ValueError) as error:
            raise NoSourceError("its source is no longer what was loaded") from error
        _trees[filename] = known
    return known[1]


def node_of(code: types.CodeType) -> ast.AST:
    """Return the node that a function's code was compiled from.

    Parameters
    ----------
    code : code
        Of a function or a lambda that stands in a file.

    Raises
    ------
    NoSourceError
        If there is no file, or the function is not in it.
    """
    if code.co_filename.startswith("<"):
        raise NoSourceError("it has no source: it was made by exec, eval or at a prompt")
    tree = parsed(code.co_filename)
    found = [node for node in ast.walk(tree) if _fits(node, code)]
    if len(found) > 1:
        found = _by_column(code, found) or _compiled_alike(code, tree, found)
    if not found:
        raise NoSourceError("its source is no longer what was loaded")
    return found[0]


def _fits(node: ast.AST, code: types.CodeType) -> bool:
    if code.co_name == "<lambda>":
        return kind(node) == "Lambda" and first_line(node) == code.co_firstlineno
    if kind(node) not in _FUNCTIONS or getattr(node, "name", "") != code.co_name:
        return False
    return first_line(node) == code.co_firstlineno


def first_line(node: Any) -> int:
    """Return the line of a node, of a decorated function that of its first decorator."""
    lines = [decorator.lineno for decorator in getattr(node, "decorator_list", [])]
    return int(min([node.lineno, *lines]))


def _by_column(code: types.CodeType, found: List[Any]) -> List[Any]:
    """Return the one of several lambdas that all of a code's instructions stand in, if code says where."""
    if not hasattr(code, "co_positions"):  # Python 3.11
        return []
    places: List[Tuple[Tuple[Any, Any], Tuple[Any, Any]]] = [
        ((line, column), (end_line, end_column))
        for line, end_line, column, end_column in code.co_positions()
        if None not in (line, end_line, column, end_column) and (column, end_column) != (0, 0)
    ]
    inside = [
        (one.body.lineno, one.body.col_offset, one)
        for one in found
        if places and kind(one) == "Lambda" and all(_holds(one.body, *place) for place in places)
    ]
    return [max(inside, key=lambda row: row[:2])[2]] if inside else []


def _holds(node: Any, begin: Tuple[int, int], end: Tuple[int, int]) -> bool:
    first, last = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    return bool(first <= begin and end <= last)


def _compiled_alike(code: types.CodeType, tree: ast.Module, found: List[Any]) -> List[Any]:
    """Return those of several lambdas on one line that compile to this very code.

    Each in its turn is moved to lines of its own, so that its code can be told from the
    others' in what the whole file compiles to.
    """
    wanted = _signature(code)
    apart = [(node, _compiled_apart(code.co_filename, tree, node)) for node in found]
    return [node for node, made in apart if made is not None and _signature(made) == wanted]


def _compiled_apart(filename: str, tree: ast.Module, node: Any) -> Optional[types.CodeType]:
    inside: List[Any] = [one for one in ast.walk(node) if hasattr(one, "lineno")]
    lines = [(one, one.lineno, getattr(one, "end_lineno", None)) for one in inside]
    mark = 10**6
    try:
        for one, line, end in lines:
            one.lineno = line - node.lineno + mark if one is not node else line
            if end is not None:
                one.end_lineno = end - node.lineno + mark
        node.lineno = mark
        compiled = compile(tree, filename, "exec", dont_inherit=True)
    finally:
        for one, line, end in lines:
            one.lineno = line
            if end is not None:
                one.end_lineno = end
    # What can never run is not compiled.
    made = (one for one in _codes(compiled) if one.co_firstlineno == mark and one.co_name == "<lambda>")
    return next(made, None)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _codes(constant)


def _signature(code: types.CodeType) -> Tuple[Any, ...]:
    constants = tuple(
        _signature(one) if isinstance(one, types.CodeType) else (type(one), one) for one in code.co_consts
    )
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return (code.co_code, constants, code.co_argcount, code.co_flags, *names)


def encode(node: ast.AST) -> bytes:
    """Return the digest of a function's or a module's code.

    Of a function, neither its decorators nor its defaults: what they made is taken by value.
    """
    if kind(node) in _FUNCTIONS:
        return canonical.digest(
            kind(node), canonical.text(getattr(node, "name", "")), _arguments(node), _body(node)
        )
    if kind(node) == "Lambda":
        return canonical.digest("Lambda", _arguments(node), _node(getattr(node, "body")))  # noqa: B009
    return canonical.digest(kind(node), _body(node))


def _arguments(node: Any) -> bytes:
    given = node.args
    plain = [*getattr(given, "posonlyargs", []), *given.args]
    names = [canonical.text(one.arg) for one in plain]
    only = [canonical.text(one.arg) for one in given.kwonlyargs]
    rest = [canonical.text(one.arg) if one else b"" for one in (given.vararg, given.kwarg)]
    first = canonical.whole(len(getattr(given, "posonlyargs", [])))
    return canonical.digest(
        "arguments", first, canonical.digest("names", *names), canonical.digest("only", *only), *rest
    )


def _body(node: Any) -> bytes:
    return canonical.digest("body", *(_node(one) for one in node.body if not _does_nothing(one)))


def _does_nothing(node: Any) -> bool:
    """Docstrings and other bare literals, ``pass``, and annotations without a value."""
    if kind(node) == "AnnAssign" and node.value is None:
        return kind(node.target) == "Name"
    return kind(node) == "Pass" or (kind(node) == "Expr" and is_literal(node.value))


def _node(node: Any) -> bytes:
    """Return the digest of any node, by names that every Python knows."""
    name = kind(node)
    if is_literal(node):
        return canonical.digest("literal", _plain(literal(node)))
    if name == "Index":
        return _node(node.value)
    if name == "ExtSlice":
        return canonical.digest("Tuple", canonical.text("elts"), _value([_slice(one) for one in node.dims]))
    if name == "AnnAssign" and node.value is not None:
        halves = [b"targets", _value([node.target]), b"value", _value(node.value)]
        return canonical.digest("Assign", *halves)
    if name == "JoinedStr":
        return canonical.digest("JoinedStr", *_joined(node.values))
    if name == "ClassDef":
        return _class(node)
    parts: List[bytes] = []
    for field in node._fields:
        value = getattr(node, field, None)
        if field in _SKIPPED or value is None or (isinstance(value, list) and not value):
            continue
        parts += [canonical.text(field), _value(value)]
    return canonical.digest(name, *parts)


def _slice(node: Any) -> Any:
    return node.value if kind(node) == "Index" else node


def _class(node: Any) -> bytes:
    """Encode a class inside of a function; the annotations of its body may make its fields."""
    fields = [
        canonical.digest("field", _node(one.target), _node(one.annotation))
        for one in node.body
        if kind(one) == "AnnAssign"
    ]
    outside = [_value(getattr(node, field)) for field in ("bases", "keywords", "decorator_list")]
    return canonical.digest("ClassDef", canonical.text(node.name), *outside, *fields, _body(node))


def _value(value: Any) -> bytes:
    if isinstance(value, ast.AST):
        return _node(value)
    if isinstance(value, list):
        kept = [one for one in value if not (isinstance(one, ast.stmt) and _does_nothing(one))]
        return canonical.digest("list", *(_value(one) for one in kept))
    return _plain(value)


def _plain(value: Any) -> bytes:
    return canonical.LEAVES[type(value)](value)


def _joined(values: List[Any]) -> List[bytes]:
    """Encode an f-string; texts that stand side by side are one text, however they were cut."""
    parts: List[bytes] = []
    run: Optional[str] = None
    for one in values:
        if is_literal(one):
            run = (run or "") + literal(one)
            continue
        parts += [] if not run else [canonical.digest("text", canonical.text(run))]
        run = None
        parts.append(_node(one))
    return parts + ([] if not run else [canonical.digest("text", canonical.text(run))])
