"""Has models' files changed as they are read, where a later PyMC is installed than they are written for.

What is run is what ``nutsbench migrate --diff`` says to write, line by line; nothing is changed on the disk,
and a model's digest stays that of its file.
"""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import CodeType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from nutsbench import models
from nutsbench.dialect import changes, installed
from nutsbench.dialect.names import DialectError
from nutsbench.models import files
from nutsbench.models.identity import tree
from nutsbench.models.spec import ModelSpec

#: What this package's own files of models are called.
_MODELS = "nutsbench.models."
#: Of each file that was changed, what was changed in it.
_changed: Dict[str, changes.Checked] = {}


def is_later() -> bool:
    """Return whether what is installed is a later PyMC than models are written for."""
    return installed.packages()[0] != "pymc3"


def begin() -> None:
    """Have all files of models changed from now on; nothing where PyMC3 itself is installed."""
    if is_later() and not any(isinstance(one, _Finder) for one in sys.meta_path):
        installed.names()
        files.changed = changed
        sys.meta_path.insert(0, _Finder())


def changed(path: str, source: str) -> str:
    """Return a file's text as the PyMC that is installed can run it.

    Parameters
    ----------
    path : str
        The file.
    source : str
        Its text.

    Raises
    ------
    DialectError
        If a change would move a function to another line, so that nothing could be said of it any more.
    """
    if not any(package in source for package in ("pymc3", "theano")):
        return source
    try:
        found = changes.check(Path(path), installed.names(), source.encode())
    except DialectError:
        return source  # It is no Python, which to run it says better.
    if _places(found.before) != _places(found.after):
        raise DialectError(
            f"{Path(path).name}: what has to be changed for {installed.packages()[0]} moves its lines: change"
            " the file itself, as `nutsbench migrate --diff` says"
        )
    _changed[path] = found
    return found.after


def _places(source: str) -> List[Tuple[str, int]]:
    """Return the functions of a file, with their lines."""
    nodes = ast.walk(ast.parse(source))
    return [
        (getattr(node, "name", ""), tree.first_line(node))
        for node in nodes
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda))
    ]


def adaptations(spec: ModelSpec) -> List[Dict[str, Any]]:
    """Return what was changed for a model to run: in its build function, and in what other models share.

    Parameters
    ----------
    spec : ModelSpec
        The model.

    Returns
    -------
    list of dict
        As :meth:`nutsbench.dialect.changes.Change.to_dict`, and ``file``, the file's name.

    Raises
    ------
    DialectError
        If something is left to a person; the message names each with its line.
    """
    others = list(_others(spec))
    found, left = [], []
    for path, checked in _changed.items():
        for change in checked.changes:
            if any(path == file and first <= change.line <= last for file, first, last in others):
                continue
            found.append({"file": Path(path).name, **change.to_dict()})
            if change.by_hand and _is_near(spec, path):
                after = f": write {change.after}" if change.after else ""
                left.append(f"{Path(path).name}, line {change.line}: {change.before} ({change.why}){after}")
    if left:
        raise DialectError(f"{spec.name} has to be changed by hand: {'; '.join(left)}")
    return [one for one in found if not one["by_hand"]]


def _is_near(spec: ModelSpec, path: str) -> bool:
    """Return whether a file is the model's own, or lies beside it."""
    return bool(spec.file) and Path(path).parent == Path(spec.file).parent


def _others(spec: ModelSpec) -> Iterator[Tuple[str, int, int]]:
    """Yield where other models' build functions are: file, first line and last."""
    own = {Path(spec.file).parent}
    for name in models.names():
        other = models.get(name)
        if name == spec.name:
            continue
        try:
            node: Any = tree.node_of(other.build.__code__)
        except tree.NoSourceError:
            continue
        yield other.file, tree.first_line(node), node.end_lineno
        if Path(other.file).parent in own and other.file != spec.file:
            yield other.file, 1, sys.maxsize  # Files of other models are no part of this one.


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs one of this package's files of models, changed."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the file's changed text, whatever compiled copy there is."""
        path = self.get_filename(fullname)
        source = importlib.util.decode_source(self.get_data(path))
        return compile(changed(path, source), path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds this package's files of models."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[Any]] = None, target: Any = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        """Find a module as Python does, and have it changed as it is read."""
        if not fullname.startswith(_MODELS):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, str(spec.loader.path))
        return spec
