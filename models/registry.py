"""Finds models: those of this package, of a file, and of installed packages.

Registering is done by the decorator :func:`model`; looking for the files that
use it is done once, the first time that anybody asks for a model.
"""

import ast
import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
import textwrap
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from models.claims import Claim
from models.exact.posterior import Posterior
from models.spec import TUTORIAL_SECTIONS, Data, ModelSpec, SamplerSettings

if sys.version_info >= (3, 10):
    from importlib.metadata import entry_points
else:
    from importlib.metadata import entry_points as _entry_points

    def entry_points(*, group: str) -> Any:
        """Select entry points by group, as Python 3.10 does."""
        return _entry_points().get(group, [])


ENTRY_POINT_GROUP = "nutsbench.models"
#: Modules of this package that hold no models.
_MACHINERY = frozenset({"spec", "registry", "exact", "claims"})

_registered: Dict[str, ModelSpec] = {}
_loaded: Dict[str, ModuleType] = {}


class ModelError(Exception):
    """A model's definition cannot be used: its file, its name or its arguments."""


class UnknownModelError(ModelError):
    """No model has this name.

    Parameters
    ----------
    name : str
        What was asked for.
    choices : list of str
        What there is.
    """

    def __init__(self, name: str, choices: List[str]) -> None:
        super().__init__(f"there is no model {name!r}")
        self.name = name
        self.choices = choices


def model(
    *,
    data: Callable[[], Data],
    notation: str,
    teaches: str,
    tutorial_name: str = "",
    section: str = "",
    settings: SamplerSettings = SamplerSettings(),
    quick: Optional[SamplerSettings] = None,
    monitored: Tuple[str, ...] = (),
    tags: Tuple[str, ...] = (),
    exact: Optional[Callable[[Data], Posterior]] = None,
    no_truth: str = "",
    claims: Tuple[Claim, ...] = (),
) -> Callable[[Callable[[Data], Any]], Callable[[Data], Any]]:
    """Register the decorated function as a model of the function's name.

    Parameters
    ----------
    data, notation, teaches, tutorial_name, section, settings, quick, monitored, tags, exact, no_truth, claims
        As in :class:`models.spec.ModelSpec`.

    Returns
    -------
    callable
        A decorator that returns the function unchanged.

    Raises
    ------
    ModelError
        If a model of that name is registered already.
    """

    def register(build: Callable[[Data], Any]) -> Callable[[Data], Any]:
        spec = ModelSpec(
            name=build.__name__,
            build=build,
            data=data,
            notation=inspect.cleandoc(notation),
            teaches=" ".join(teaches.split()),
            tutorial_name=tutorial_name,
            section=section,
            settings=settings,
            quick=quick,
            monitored=monitored,
            tags=tags,
            exact=exact,
            no_truth=" ".join(no_truth.split()),
            claims=claims,
            source=Path(build.__code__.co_filename).name,
        )
        _add(spec)
        return build

    return register


def _add(spec: ModelSpec) -> None:
    known = _registered.get(spec.name)
    if known is not None:
        raise ModelError(
            f"two models are called {spec.name!r}: one in {known.source}, "
            f"one in {spec.source}; rename one of them"
        )
    _registered[spec.name] = spec


def load_package() -> None:
    """Import this package's models and those of installed packages, once.

    Raises
    ------
    ModelError
        If an installed package's models cannot be loaded.
    """
    if "package" in _loaded:
        return
    package = sys.modules["models"]
    _loaded["package"] = package
    found = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    for name in found:
        if name not in _MACHINERY:
            importlib.import_module(f"models.{name}")
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            module = importlib.import_module(point.value)
            _loaded[str(Path(str(module.__file__)).resolve())] = module
        except Exception as error:
            raise ModelError(f"the models of entry point {point.name!r} do not load: {error}") from error


def loaded_files() -> List[Path]:
    """Return the files of models from outside of this package, installed ones included.

    A process of another stack loads them by their path: what is installed for one
    interpreter is not there for the other.
    """
    load_package()
    return [Path(name) for name in _loaded if name != "package"]


def load_file(path: Path) -> List[str]:
    """Register the models of a user's own file.

    Parameters
    ----------
    path : Path
        A Python file that uses :func:`model`. Loading it twice does nothing more.

    Returns
    -------
    list of str
        Names of the models that it added.

    Raises
    ------
    ModelError
        If the file is missing, fails, defines no model, or a name that is taken.
    """
    load_package()
    path = Path(path).resolve()
    if str(path) in _loaded:
        return []
    if not path.is_file():
        raise ModelError(f"there is no models file {path.name!r} at that place")
    _check_imports(path)
    before = dict(_registered)
    module_name = f"nutsbench_models_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    module_spec = importlib.util.spec_from_file_location(module_name, path)
    if module_spec is None or module_spec.loader is None:
        raise ModelError(f"{path.name} is not a Python file: its name has to end in .py")
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[module_name] = module
    try:
        module_spec.loader.exec_module(module)
        added = [name for name in _registered if name not in before]
        if not added:
            raise ModelError(f"{path.name} defines no model: decorate its build function with @model(...)")
    except Exception as error:
        # A file that fails halfway leaves nothing behind.
        sys.modules.pop(module_name, None)
        _registered.clear()
        _registered.update(before)
        raise _explained(path, error) from error
    _loaded[str(path)] = module
    return added


def _check_imports(path: Path) -> None:
    """Refuse a file that would load Theano just to say what its models are called."""
    try:
        tree = ast.parse(path.read_text())
    except (SyntaxError, ValueError):
        return  # Loading it says so.
    for node in tree.body:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            if module.split(".")[0] in ("pymc3", "theano"):
                raise ModelError(
                    f"{path.name}, line {node.lineno}: import {module} inside the build function:"
                    " listing models must not load Theano"
                )


def _explained(path: Path, error: Exception) -> ModelError:
    if isinstance(error, ModelError):
        return error
    if isinstance(error, SyntaxError):
        text = (error.text or "").strip()
        return ModelError(f"{path.name}, line {error.lineno}: {error.msg}: {text}")
    lines = (
        [f.lineno for f in inspect.getinnerframes(error.__traceback__) if f.filename == str(path)]
        if (error.__traceback__)
        else []
    )
    where = f", line {lines[-1]}" if lines else ""
    return ModelError(f"{path.name}{where}: {type(error).__name__}: {error}")


def names() -> List[str]:
    """Names of all models, the tutorial's first, in its order."""
    load_package()
    return sorted(_registered, key=_tutorial_order)


def _tutorial_order(name: str) -> Tuple[int, int]:
    section = _registered[name].section
    known = section in TUTORIAL_SECTIONS
    place = TUTORIAL_SECTIONS.index(section) if known else len(TUTORIAL_SECTIONS)
    return place, list(_registered).index(name)


def get(name: str) -> ModelSpec:
    """Return the model of that name.

    Raises
    ------
    UnknownModelError
        If there is none; it carries the names that there are.
    """
    load_package()
    if name not in _registered:
        raise UnknownModelError(name, names())
    return _registered[name]


def data_digest(data: Data) -> str:
    """Return the SHA-256 of a data set: names, types, shapes and every value.

    Parameters
    ----------
    data : dict of ndarray
        A model's data.
    """
    digest = hashlib.sha256()
    for key in sorted(data):
        values = np.ascontiguousarray(data[key])
        digest.update(f"{key} {values.dtype.str} {values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def model_digest(spec: ModelSpec) -> str:
    """Return a short digest of what a model is: the text of its definition and its data.

    To the definition belong the build function and, of its own file, the functions and
    the plain values that it uses. Its words (teaches, notation) do not, nor its settings.
    """
    parts = [data_digest(spec.data()), *_definition(spec.build, {})]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _definition(function: Callable[..., Any], known: Dict[str, str]) -> List[str]:
    text = textwrap.dedent(inspect.getsource(function))
    start = re.search(r"^def ", text, re.MULTILINE)
    known[function.__name__] = text[start.start() :] if start else text
    for name in _names_in(function.__code__):
        value = function.__globals__.get(name)
        if name in known:
            continue
        if inspect.isfunction(value) and value.__module__ == function.__module__:
            _definition(value, known)
        elif isinstance(value, (bool, int, float, str, tuple, list, dict)):
            known[name] = repr(value)
        elif isinstance(value, np.ndarray):
            known[name] = data_digest({name: value})
    return [f"{name}: {known[name]}" for name in sorted(known)]


def _names_in(code: CodeType) -> List[str]:
    """Names that a function looks up outside of itself, those of its inner functions included."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return sorted({*code.co_names, *(name for one in inner for name in _names_in(one))})
