"""Loads a user's file: what it imports and reads beside itself, and what it prints.

Each folder of such files is a package of its own, whose name nobody types; ``import helpers``
in one of them finds the ``helpers`` beside it, also when it is called later, and two
folders can each have theirs. Libraries import as ever.
"""

import ast
import builtins
import contextlib
import functools
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, TypeVar

from nutsbench.models.errors import ModelError
from nutsbench.models.identity import own, scope, tree

T = TypeVar("T")

_PREFIX = "nutsbench_models_"
#: Where the command was started, for processes that are started elsewhere.
_STARTED_IN = "NUTSBENCH_STARTED_IN"
#: How often each file has been run: a second time if it did not find in the first folder what it reads.
runs: Dict[str, int] = {}
#: More than 0 while a file is being loaded, and not merely used.
_depth = 0


def _as_it_is(_path: str, source: str) -> str:
    return source


#: Returns what is run of a file, of its path and its text; a stack with a later PyMC has another one here.
changed: Callable[[str, str], str] = _as_it_is


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs a file from its text, which is kept: the digest has to be of what was run."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the file as it is; a compiled copy that lies about may be of another text."""
        path = self.get_filename(fullname)
        source = importlib.util.decode_source(self.get_data(path))
        tree.sources[path] = source
        if _depth:
            _check_imports(Path(path), source)
        return compile(changed(path, source), path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        """Run the file, with imports that look beside it first."""
        package = module.__name__.split(".")[0]
        home = own.folders[package]
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import_in(home, package)}
        run = super().exec_module

        def once() -> None:
            runs[self.path] = runs.get(self.path, 0) + 1
            run(module)

        in_place(once, home)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds what lies in the folders of users' files."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[Any]] = None, target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        """Find a module as Python does, and have it loaded from its text."""
        if not fullname.startswith(_PREFIX) or "." not in fullname:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, str(spec.loader.path))
        return spec


def _import_in(home: str, package: str) -> Callable[..., Any]:
    def find(name: str, space: Any = None, names: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        top = name.split(".")[0]
        if not level and own.is_earlier_name(top, home):
            found = builtins.__import__(f"nutsbench.{name}", space, names, fromlist, 0)
            return found if fromlist else sys.modules["nutsbench.models"]
        if level or not own.sibling(home, top):
            return builtins.__import__(name, space, names, fromlist, level)
        found = builtins.__import__(f"{package}.{name}", space, names, fromlist, 0)
        return found if fromlist else sys.modules[f"{package}.{top}"]

    return find


def load(path: Path) -> ModuleType:
    """Run a user's file as a module; what it prints goes to standard error.

    Parameters
    ----------
    path : Path
        The file, resolved.

    Raises
    ------
    ModelError
        If it is no Python file, or would load Theano.
    Exception
        Whatever it raises.
    """
    global _depth
    if path.suffix != ".py":
        raise ModelError(f"{path.name} is not a Python file: its name has to end in .py")
    os.environ.setdefault(_STARTED_IN, os.getcwd())
    package = _package(path.parent)
    _depth += 1
    try:
        with to_stderr():
            return _run(f"{package}.{_stem(path)}", path)
    finally:
        _depth -= 1


def _run(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))
    if spec is None or spec.loader is None:
        raise ModelError(f"{path.name} is not a Python file: its name has to end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def forget(before: Set[str]) -> None:
    """Forget what a file that failed has imported from beside it.

    Parameters
    ----------
    before : set of str
        Names of the modules that there were.
    """
    for name in set(sys.modules) - before:
        if name.startswith(_PREFIX) and "." in name:
            del sys.modules[name]


def _stem(path: Path) -> str:
    return path.stem if path.stem.isidentifier() else f"file_{_short(path.name)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _package(folder: Path) -> str:
    name = f"{_PREFIX}{_short(str(folder))}"
    if name not in sys.modules:
        module = ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module
        own.folders[name] = str(folder)
        own.is_own.cache_clear()
    if not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    # Files may have come since this folder was last looked at.
    importlib.invalidate_caches()
    return name


def in_place(do: Callable[[], T], home: str) -> T:
    """Do something that may read files by relative paths, and return what it returns.

    Such a path is looked for beside the user's file first, whose folder is the same in every
    process, then in the working directory, then where the command was started.

    Parameters
    ----------
    do : callable
        Done again in the next folder if a file is not there.
    home : str
        Folder of the user's file.
    """
    first: Optional[OSError] = None
    for place in _places(home):
        try:
            with _at(place):
                return do()
        except OSError as error:
            numpy_says_so = error.errno is None and "not found" in str(error)
            if not (isinstance(error, FileNotFoundError) or numpy_says_so):
                raise
            first = first or error
    assert first is not None
    if not first.filename or os.path.isabs(first.filename):
        raise first
    said = "there is no such file beside the model's, nor in the folder where the command was started"
    raise FileNotFoundError(first.errno, said, first.filename) from first


def _places(home: str) -> List[str]:
    known: Dict[str, None] = {home: None}
    with contextlib.suppress(OSError):
        known[os.getcwd()] = None
    started = os.environ.get(_STARTED_IN, "")
    if os.path.isdir(started):
        known[started] = None
    return list(known)


@contextlib.contextmanager
def _at(folder: str) -> Iterator[None]:
    before = ""
    with contextlib.suppress(OSError):
        before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        if before:
            os.chdir(before)


@contextlib.contextmanager
def to_stderr() -> Iterator[None]:
    """Have all that is printed go to standard error, also by what is not Python."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    kept = -1
    with contextlib.suppress(OSError):
        kept = os.dup(1)
        os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        if kept >= 0:
            os.dup2(kept, 1)
            os.close(kept)


def placed(data: Callable[[], T], home: str) -> Callable[[], T]:
    """Return a user's data function as it can be called from any folder, whatever it prints."""

    @functools.wraps(data)
    def call() -> T:
        with to_stderr():
            return in_place(data, home)

    return call


def _check_imports(path: Path, source: str) -> None:
    """Refuse a file that would load Theano just to say what its models are called."""
    try:
        parsed = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # Running it says so.
    for node in scope.at_import(parsed):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            if module.split(".")[0] in ("pymc3", "theano"):
                raise ModelError(
                    f"{path.name}, line {node.lineno}: import {module} inside the build function:"
                    " listing models must not load Theano"
                )
