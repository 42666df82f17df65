"""A file of Python as it is written: what its names stand for, and edits that leave the rest of it alone."""

import ast
import codecs
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple, Union

from nutsbench.dialect.names import DialectError

#: What PyMC3 and its tensor library are called, in whatever way they are imported.
PACKAGES = ("pymc3", "theano")
#: What is symbolic and yet no random variable.
_VALUES = ("pymc3.Data", "pymc3.Minibatch", "pymc3.Model")


@dataclass(frozen=True)
class Edit:
    """A part of the text, and what takes its place.

    Parameters
    ----------
    begins, ends : int
        In bytes of the text.
    text : str
        May be empty.
    """

    begins: int
    ends: int
    text: str


class Source:
    """A file that is going to be looked through.

    Parameters
    ----------
    path : Path
        The file.
    text : bytes, optional
        What is in it, where that has been read already.

    Raises
    ------
    DialectError
        If it cannot be read, or is no Python.
    """

    def __init__(self, path: Path, text: Optional[bytes] = None) -> None:
        self.path = path
        try:
            self.bytes = path.read_bytes() if text is None else text
            self.bytes.decode()
            with warnings.catch_warnings():
                # Of escapes that are none, say: of no interest here.
                warnings.simplefilter("ignore")
                self.tree = ast.parse(self.bytes, filename=str(path))
        except OSError as error:
            raise DialectError(f"{path} cannot be read ({error.strerror}).") from error
        except (SyntaxError, ValueError) as error:
            place = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            raise DialectError(f"{path}{place} is no Python that can be read: {error}.") from error
        self._lines = [0]
        for line in self.bytes.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        # Columns of the first line are counted from behind it.
        self._lines[0] = len(codecs.BOM_UTF8) if self.bytes.startswith(codecs.BOM_UTF8) else 0
        self.aliases = dict(self._imported())
        self.random = self._random()

    def place(self, line: int, column: int) -> int:
        """Return where in the text a line (from 1) and a column (in bytes) are."""
        return self._lines[line - 1] + column

    def span(self, node: ast.AST) -> Tuple[int, int]:
        """Return where a node begins and ends."""
        if isinstance(node, ast.keyword):
            return self._span_of_keyword(node)
        assert isinstance(node, (ast.expr, ast.stmt))
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.place(node.lineno, node.col_offset), self.place(node.end_lineno, node.end_col_offset)

    def _span_of_keyword(self, node: ast.keyword) -> Tuple[int, int]:
        """Return where a keyword begins and ends, its value's brackets included: Python 3.8 does not say."""
        first, last = self.span(node.value)
        head = rb"\*\*" if node.arg is None else rb"(?<!\w)" + re.escape(node.arg.encode()) + rb"\s*="
        # Between it and its value are brackets and comments at most.
        begins, opened = [(one.start(), one.end()) for one in re.finditer(head, self.bytes[:first])][-1]
        for _ in range(_without_comments(self.bytes[opened:first]).count(b"(")):
            closing = re.compile(rb"(?:\s|#[^\n]*\n)*\)").match(self.bytes, last)
            assert closing is not None
            last = closing.end()
        return begins, last

    def imports(self, node: Union[ast.Import, ast.ImportFrom]) -> List[Tuple[ast.alias, int]]:
        """Return what a statement imports, each with where its name begins: Python 3.8 does not say."""
        begins, ends = self.span(node)
        written = self.bytes[begins:ends]
        head = rb"from\s+[\w.\s]*?\bimport\b" if isinstance(node, ast.ImportFrom) else rb"import\b"
        first = re.match(head, written)
        assert first is not None
        at, found = first.end(), []
        for one in node.names:
            name = re.compile(rb"(?<![\w.])" + re.escape(one.name.encode()) + rb"(?![\w])").search(
                written, at
            )
            assert name is not None
            found.append((one, begins + name.start()))
            at = name.end()
            if one.asname:
                after = re.compile(rb"\s+as\s+\w+").match(written, at)
                at = after.end() if after else at
        return found

    def text(self, node: ast.AST) -> str:
        """Return a node as it is written."""
        begins, ends = self.span(node)
        return self.bytes[begins:ends].decode()

    def dotted(self, node: ast.AST) -> str:
        """Return what a name or an attribute stands for, ``theano.tensor.exp`` say; empty if neither's."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, "")
        if isinstance(node, ast.Attribute):
            before = self.dotted(node.value)
            return f"{before}.{node.attr}" if before else ""
        return ""

    def _imported(self) -> Iterator[Tuple[str, str]]:
        """Yield the names that imports give to PyMC3 and Theano, and what they stand for."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for one in node.names:
                    if one.name.partition(".")[0] in PACKAGES:
                        yield (one.asname, one.name) if one.asname else (one.name.partition(".")[0],) * 2
            elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PACKAGES:
                for one in node.names:
                    yield one.asname or one.name, f"{node.module}.{one.name}"

    def _random(self) -> Set[Tuple[int, str]]:
        """Return the names that hold what depends on random variables, by the function that they are in."""
        found: Set[Tuple[int, str]] = set()
        for scope in ast.walk(self.tree):
            if not isinstance(scope, (ast.FunctionDef, ast.Module)):
                continue
            given = [node for node in ast.walk(scope) if isinstance(node, (ast.Assign, ast.AugAssign))]
            for node in sorted(given, key=lambda one: one.lineno):
                if self.is_random(node.value, id(scope), found):
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    found.update((id(scope), name) for target in targets for name in _given_names(target))
        return found

    def is_random(self, node: ast.AST, scope: int, known: Optional[Set[Tuple[int, str]]] = None) -> bool:
        """Return whether an expression depends on a random variable.

        Parameters
        ----------
        node : ast.AST
            The expression.
        scope : int
            Of the function that it is in.
        known : set, optional
            The names that do; all of the file's if not given.
        """
        names = self.random if known is None else known
        for one in ast.walk(node):
            if isinstance(one, ast.Name) and (scope, one.id) in names:
                return True
            if isinstance(one, ast.Call):
                path = self.dotted(one.func)
                last = path.rpartition(".")[2]
                if path.startswith("pymc3.") and path not in _VALUES and last[:1].isupper():
                    return True
        return False

    def edited(self, edits: Sequence[Edit]) -> str:
        """Return the text with all edits made; of what is put in at one place, in the order of the list."""
        return self.within(0, len(self.bytes), edits)

    def within(self, begins: int, ends: int, edits: Sequence[Edit]) -> str:
        """Return a part of the text with the edits made that lie in it."""
        inside = [edit for edit in edits if begins <= edit.begins and edit.ends <= ends]
        parts: List[bytes] = []
        at = begins
        # What is put in comes before what is replaced, and a whole before its parts.
        for edit in sorted(inside, key=lambda one: (one.begins, one.ends > one.begins, -one.ends)):
            if edit.begins < at:
                continue  # Within what another one has replaced.
            parts += [self.bytes[at : edit.begins], edit.text.encode()]
            at = edit.ends
        return b"".join([*parts, self.bytes[at:ends]]).decode()


def _without_comments(text: bytes) -> bytes:
    return re.sub(rb"#[^\n]*", b"", text)


def _given_names(target: ast.expr) -> List[str]:
    """Return the names that an assignment gives; not that of an object of which an attribute is set."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Starred):
        return _given_names(target.value)
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for one in target.elts for name in _given_names(one)]
    return []


def scopes(tree: ast.AST) -> Dict[int, int]:
    """Return by the id of each node that of the innermost function, or module, that it is in."""
    found: Dict[int, int] = {}

    def enter(node: ast.AST, scope: int) -> None:
        found[id(node)] = scope
        own = id(node) if isinstance(node, ast.FunctionDef) else scope
        for child in ast.iter_child_nodes(node):
            enter(child, own)

    enter(tree, id(tree))
    return found
