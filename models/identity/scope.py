"""Which names a function takes from outside of itself, and what it asks of them.

``helpers.scale(x)`` asks the outer name ``helpers`` for ``scale``: the chain
``("helpers", "scale")``. Python's own rules of scope, on the syntax tree, since the names
in compiled code differ from one Python to the next.
"""

import ast
from typing import Any, Dict, Iterable, Iterator, List, Set, Tuple

from nutsbench.models.identity.tree import kind

Chain = Tuple[str, ...]

_FUNCTIONS = ("FunctionDef", "AsyncFunctionDef", "Lambda")
_COMPREHENSIONS = ("ListComp", "SetComp", "DictComp", "GeneratorExp")


def chains(node: ast.AST) -> List[Chain]:
    """Return the outer names of a function, each with the attributes asked of it, in order.

    Its decorators, defaults and annotations are left out: they are over once it is defined.

    Parameters
    ----------
    node : AST
        Of a function, a lambda or a module; of a module its own names are left out as well.
    """
    if kind(node) in _FUNCTIONS:
        return sorted(_of_function(node))
    return sorted(_of_block(getattr(node, "body"), set()))  # noqa: B009


def imports(node: ast.AST) -> List[Tuple[int, str, Tuple[str, ...]]]:
    """Return what a function or module imports, inner functions included.

    Returns
    -------
    list of tuple
        For each statement how many folders up it begins, the module, and the names that are
        taken from it; none for ``import module``.
    """
    found: Set[Tuple[int, str, Tuple[str, ...]]] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            found |= {(0, alias.name, ()) for alias in one.names}
        elif isinstance(one, ast.ImportFrom):
            found.add((one.level or 0, one.module or "", tuple(alias.name for alias in one.names)))
    return sorted(found)


def reassigned(tree: ast.AST) -> Dict[str, str]:
    """Return the names of a module that its functions bind anew with ``global``.

    Returns
    -------
    dict of str
        For each name the module that it is imported as (``global pm; import pymc3 as pm``), if
        that is all that is done with it; else an empty text.
    """
    found: Dict[str, str] = {}
    for function in [one for one in ast.walk(tree) if kind(one) in _FUNCTIONS]:
        nodes = list(_own_nodes(_statements(function)))
        imported = {
            alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0]
            for one in nodes
            if isinstance(one, ast.Import)
            for alias in one.names
        }
        assigned = _stored([one for one in nodes if kind(one) == "Name"])
        for name in {name for one in nodes if isinstance(one, ast.Global) for name in one.names}:
            module = "" if name in assigned else imported.get(name, "")
            if name in _stored(_statements(function)):
                found[name] = module if found.get(name, module) == module else ""
    return found


def _statements(function: Any) -> List[ast.AST]:
    return [function.body] if kind(function) == "Lambda" else list(function.body)


def _of_function(function: Any) -> Set[Chain]:
    given = function.args
    plain = [*getattr(given, "posonlyargs", []), *given.args, *given.kwonlyargs]
    names = {one.arg for one in [*plain, given.vararg, given.kwarg] if one is not None}
    return _of_block(_statements(function), names)


def _of_block(statements: List[ast.AST], names: Set[str]) -> Set[Chain]:
    outer = {
        name for one in _own_nodes(statements) if kind(one) in ("Global", "Nonlocal") for name in one.names
    }
    inside = (names | _stored(statements)) - outer
    found = {chain for one in statements for chain in _walk(one)}
    return {chain for chain in found if chain[0] not in inside}


def _own_nodes(statements: Iterable[ast.AST]) -> Iterator[Any]:
    """Yield all nodes of a scope: not what stands inside of inner functions and classes."""
    todo = list(statements)
    while todo:
        node: Any = todo.pop()
        yield node
        if kind(node) in _FUNCTIONS:
            todo += [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]
            todo += getattr(node, "decorator_list", [])
        elif kind(node) == "ClassDef":
            todo += [*node.bases, *node.keywords, *node.decorator_list]
        else:
            todo += ast.iter_child_nodes(node)


def _stored(statements: Iterable[ast.AST]) -> Set[str]:
    """Return the names that a scope binds, whether it says so with ``global`` or not."""
    found: Set[str] = set()
    inner: Set[int] = set()  # What a comprehension binds is its own, but for `:=`.
    for node in _own_nodes(statements):
        name = kind(node)
        if name in _COMPREHENSIONS:
            inner |= {id(one) for part in node.generators for one in ast.walk(part.target)}
        if name == "Name" and kind(node.ctx) != "Load" and id(node) not in inner:
            found.add(node.id)
        elif name in ("FunctionDef", "AsyncFunctionDef", "ClassDef") or (
            name == "ExceptHandler" and node.name
        ):
            found.add(node.name)
        elif name in ("Import", "ImportFrom"):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif name in ("MatchAs", "MatchStar") and node.name:
            found.add(node.name)
        elif name == "MatchMapping" and node.rest:
            found.add(node.rest)
    return found


def _walk(node: Any) -> Set[Chain]:
    name = kind(node)
    if name == "Name":
        return {(node.id,)} if kind(node.ctx) == "Load" else set()
    if name == "Attribute":
        return _of_attribute(node)
    if name in _FUNCTIONS:
        outside = [*node.args.defaults, *node.args.kw_defaults, *getattr(node, "decorator_list", [])]
        return _of_function(node).union(*(_walk(one) for one in outside if one is not None))
    if name == "ClassDef":
        return _of_class(node)
    if name in _COMPREHENSIONS:
        targets = [one for part in node.generators for one in ast.walk(part.target)]
        bound = {one.id for one in targets if isinstance(one, ast.Name)}
        return {chain for chain in _children(node) if chain[0] not in bound}
    if name == "AnnAssign":
        return _walk(node.target) | (set() if node.value is None else _walk(node.value))
    if name == "AugAssign" and kind(node.target) == "Name":
        return {(node.target.id,)} | _walk(node.value)
    return _children(node)


def _children(node: ast.AST) -> Set[Chain]:
    return set().union(*(_walk(one) for one in ast.iter_child_nodes(node)))


def _of_attribute(node: Any) -> Set[Chain]:
    names: List[str] = []
    while kind(node) == "Attribute":
        names.append(node.attr)
        node = node.value
    if kind(node) == "Name":
        return {(node.id, *reversed(names))}
    return _walk(node)


def _of_class(node: Any) -> Set[Chain]:
    """Walk a class: what its body binds is seen in the body itself, not in its methods."""
    found: Set[Chain] = set().union(
        *(_walk(one) for one in [*node.bases, *node.keywords, *node.decorator_list])
    )
    own = _stored(node.body)
    for one in node.body:
        if kind(one) in _FUNCTIONS:
            found |= _of_function(one)
            outside = [*one.args.defaults, *one.args.kw_defaults, *one.decorator_list]
            found |= {c for part in outside if part is not None for c in _walk(part) if c[0] not in own}
        else:
            found |= {chain for chain in _walk(one) if chain[0] not in own}
    return found


def calls(node: ast.AST) -> List[Chain]:
    """Return every chain of attributes that a function or module calls, whatever it begins with."""
    found: Set[Chain] = set()
    for one in ast.walk(node):
        names: List[str] = []
        place: Any = getattr(one, "func", None)
        while kind(place) == "Attribute":
            names.append(place.attr)
            place = place.value
        if names:
            root = place.id if kind(place) == "Name" else "..."
            found.add((root, *reversed(names)))
    return sorted(found)


def imported_names(tree: ast.AST) -> Dict[str, Tuple[str, str]]:
    """Return what a module takes from others by name: for each name the module and the name there."""
    return {
        alias.asname or alias.name: (one.module or "", alias.name)
        for one in _own_nodes(getattr(tree, "body"))  # noqa: B009
        if isinstance(one, ast.ImportFrom) and not one.level
        for alias in one.names
    }


def at_import(tree: ast.AST) -> List[Any]:
    """Return the statements of a module that run when it is imported, in the order of their lines."""
    todo: List[Any] = list(getattr(tree, "body"))  # noqa: B009
    found: List[Any] = []
    while todo:
        node = todo.pop()
        is_for_types = kind(node) == "If" and "TYPE_CHECKING" in ast.dump(node.test)
        if kind(node) in _FUNCTIONS or is_for_types:
            continue
        found.append(node)
        todo += [one for one in ast.iter_child_nodes(node) if isinstance(one, (ast.stmt, ast.ExceptHandler))]
    return sorted(found, key=lambda node: int(node.lineno))
