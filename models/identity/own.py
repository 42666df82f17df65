"""Whose code it is: the user's own is taken by its text, a library's by its name.

A library is what was installed: the standard library, what lies in ``site-packages``, and
this project but for its models. All else is the user's own, and so is what a package of
models in ``site-packages`` holds.
"""

import functools
import importlib.machinery
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from nutsbench.models.identity import canonical

_INSTALLED = ("site-packages", "dist-packages")
#: Files and folders of installed packages that hold models.
_roots: List[str] = []
#: Folders of users' files, by the name of the package that they were loaded as.
folders: Dict[str, str] = {}

#: The folder of models, and that of the whole package: as they are imported, and where they lie.
_MODELS = {path.parent.parent for path in (Path(__file__), Path(__file__).resolve())}
_PACKAGE = {Path(__file__).parents[2], Path(__file__).parents[2].resolve()}
#: What this project's own packages hold beside models.
_MACHINERY = (
    "__init__",
    "arguments",
    "claims",
    "errors",
    "exact",
    "files",
    "identity",
    "published",
    "registry",
    "spec",
)


def add_root(path: Path) -> None:
    """Say that a file holds models: if it lies among installed packages, its package is the user's own."""
    places = [number for number, part in enumerate(path.parts) if part in _INSTALLED]
    root = str(Path(*path.parts[: places[-1] + 2])) if places else ""
    if root and root not in _roots:
        _roots.append(root)
        is_own.cache_clear()


@functools.lru_cache(maxsize=None)
def is_own(filename: str) -> bool:
    """Return whether a file of Python is the user's own, or one of this project's models."""
    if filename.startswith("<frozen") or filename == "<__array_function__ internals>":
        return False
    path = Path(filename)
    if any(str(path) == root or root in map(str, path.parents) for root in _roots):
        return True
    for models in _MODELS:
        if models in path.parents:
            return Path(path.relative_to(models).parts[0]).stem not in _MACHINERY
    if _PACKAGE & set(path.parents):
        return False
    if set(_INSTALLED) & set(path.parts):
        return False
    return not any(filename.startswith(place) for place in _standard_library())


@functools.lru_cache(maxsize=None)
def _standard_library() -> Tuple[str, ...]:
    places = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    known = {variant for place in places if place for variant in (place, str(Path(place).resolve()))}
    return tuple(place.rstrip("/\\") + ("\\" if "\\" in place else "/") for place in sorted(known))


def is_own_module(module: Any) -> bool:
    """Return whether a module is the user's own; one without a file is part of the interpreter."""
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return is_own(file)
    places = list(getattr(module, "__path__", []))  # A folder without __init__.py.
    return bool(places) and is_own(str(Path(places[0], "__init__.py")))


def home_of(namespace: Mapping[str, Any]) -> str:
    """Return the folder that a module's absolute imports are looked for in first; empty for none."""
    package = str(namespace.get("__package__") or namespace.get("__name__") or "").split(".")[0]
    return folders.get(package, "")


def files_of(
    namespace: Mapping[str, Any], level: int, module: str, names: Tuple[str, ...]
) -> Optional[List[str]]:
    """Return the files of the user's own that an import statement would run, without running it.

    Parameters
    ----------
    namespace : mapping
        Globals of the module that the statement stands in: its file and its package.
    level, module, names
        How many folders up it begins; the module; what is taken from it.

    Returns
    -------
    list of str or None
        ``None`` if what is imported is not the user's own.
    """
    here = str(namespace.get("__file__") or "")
    parts = [part for part in module.split(".") if part]
    if level:
        base = Path(here).parent
        for _ in range(level - 1):
            base = base.parent
        return _along(base, parts, names) if is_own(here) else None
    home = home_of(namespace)
    if not parts or parts[0] == "nutsbench" or is_earlier_name(parts[0], home):
        return None
    if home and sibling(home, parts[0]):
        return _along(Path(home), parts, names)
    origin = None if parts[0] in sys.builtin_module_names else _elsewhere(parts[0])
    if origin is None or not is_own(origin):
        return None
    place = Path(origin)
    return _along(place.parent.parent if place.stem == "__init__" else place.parent, parts, names)


def sibling(home: str, name: str) -> bool:
    """Return whether a folder has a module or a package of this name; never this project's own."""
    if name == "nutsbench" or name in sys.builtin_module_names or not home:
        return False
    if Path(home).name in _INSTALLED or Path(home, name).resolve() in _MODELS | _PACKAGE:
        return False
    endings = (".py", *importlib.machinery.EXTENSION_SUFFIXES)
    places = [Path(home, name, "__init__.py"), *(Path(home, name + ending) for ending in endings)]
    if any(place.is_file() for place in places):
        return True
    # A folder without __init__.py comes last, as everywhere in Python.
    return any(Path(home, name).glob("*.py")) and _elsewhere(name) is None


def is_earlier_name(name: str, home: str) -> bool:
    """Return whether a user's file means this project's models by ``models``, as they were called once.

    Parameters
    ----------
    name : str
        The first part of what is imported.
    home : str
        Folder of the file; empty if it is not a user's.
    """
    if name != "models" or (home and sibling(home, name)):
        return False
    origin = _elsewhere(name)
    return origin is None or Path(origin).resolve().parent in _MODELS


def _elsewhere(name: str) -> Optional[str]:
    """Return the file of a module that is found as usual, without importing it."""
    try:
        spec = importlib.machinery.PathFinder.find_spec(name)
    except (ImportError, AttributeError, ValueError):
        return None
    return None if spec is None else spec.origin


def _along(base: Path, parts: List[str], names: Tuple[str, ...]) -> List[str]:
    found: List[str] = []
    for part in parts:
        base = base / part
        found += _files(base)
    if not parts:
        found += _files(base)
    for name in names:
        found += _files(base / name)
    return sorted(dict.fromkeys(found))


def _files(place: Path) -> Iterator[str]:
    for path in (place.with_name(place.name + ".py"), place / "__init__.py"):
        if path.is_file():
            yield str(path)


def text_of(module: ModuleType, rest: Tuple[str, ...] = ()) -> bytes:
    """Return what a library's module, or something in it, is called, as bytes."""
    return canonical.text(canonical.spelled(".".join([module.__name__, *rest])))
