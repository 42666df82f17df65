"""Finds models: those of this package, of a file, and of installed packages.

Registering is done by the decorator :func:`model`; looking for the files that
use it is done once, the first time that anybody asks for a model.
"""

import ast
import hashlib
import importlib
import inspect
import pkgutil
import re
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

from nutsbench.models import arguments, files, identity
from nutsbench.models.claims import Claim
from nutsbench.models.errors import ModelError, NotByValueError, UnknownModelError
from nutsbench.models.exact.posterior import Posterior
from nutsbench.models.identity import own, tree
from nutsbench.models.published import PUBLISHED
from nutsbench.models.spec import TUTORIAL_SECTIONS, Data, ModelSpec, SamplerSettings

if sys.version_info >= (3, 10):
    from importlib.metadata import entry_points
else:
    from importlib.metadata import entry_points as _entry_points

    def entry_points(*, group: str) -> Any:
        """Select entry points by group, as Python 3.10 does."""
        return _entry_points().get(group, [])


__all__ = ["ModelError", "UnknownModelError", "get", "load_file", "model", "model_digest", "names"]

ENTRY_POINT_GROUP = "nutsbench.models"
#: Modules of this package that hold no models.
_MACHINERY = frozenset(
    {"arguments", "claims", "errors", "exact", "files", "identity", "published", "registry", "spec"}
    | {"truths", "tutorial"}
)

_registered: Dict[str, ModelSpec] = {}
_loaded: Dict[str, ModuleType] = {}
#: When this file was read, as files' times are told; and when each of the user's was.
_BEGAN = time.time()
_read_at: Dict[str, float] = {}
#: Of each build function the digest of its code, taken when its file was loaded.
_codes: Dict[Callable[..., Any], bytes] = {}
#: Build functions whose code was seen to be the same before and after their data were made.
_steady: Set[Callable[..., Any]] = set()
#: In which run of its file each model was registered.
_runs: Dict[str, int] = {}


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
    variant_of: str = "",
    claims: Tuple[Claim, ...] = (),
) -> Callable[[Callable[[Data], Any]], Callable[[Data], Any]]:
    """Register the decorated function as a model of the function's name.

    Parameters
    ----------
    data, notation, teaches, tutorial_name, section, settings, quick, monitored, tags, exact, no_truth, \
    variant_of, claims
        As in :class:`nutsbench.models.spec.ModelSpec`.

    Returns
    -------
    callable
        A decorator that returns the function unchanged.

    Raises
    ------
    ModelError
        If a model of that name is registered already.
    """
    given = {
        "data": data,
        "notation": notation,
        "teaches": teaches,
        "tutorial_name": tutorial_name,
        "section": section,
        "settings": settings,
        "quick": quick,
        "monitored": monitored,
        "tags": tags,
        "exact": exact,
        "no_truth": no_truth,
        "variant_of": variant_of,
        "claims": claims,
    }
    space = sys._getframe(1).f_globals
    file, home = str(space.get("__file__", "")), own.home_of(space)

    def register(build: Callable[[Data], Any]) -> Callable[[Data], Any]:
        known = arguments.check(build, given, Path(file).name)
        known["notation"] = inspect.cleandoc(known["notation"])
        known["teaches"] = " ".join(known["teaches"].split())
        known["no_truth"] = " ".join(known["no_truth"].split())
        known["data"] = files.placed(data, home) if home else data
        _add(ModelSpec(name=build.__name__, build=build, source=Path(file).name, file=file, **known))
        return build

    return register


def _add(spec: ModelSpec) -> None:
    known = _registered.get(spec.name)
    run = files.runs.get(spec.file, 0)
    # A file that is run again, since it did not find what it reads, registers its models again.
    if known is not None and not (known.file == spec.file and _runs.get(spec.name, 0) < run):
        places = _told_apart(known.file, spec.file)
        where = (
            f"one in {places[0]}, one in {places[1]}" if known.file != spec.file else f"both in {spec.source}"
        )
        raise ModelError(f"two models are called {spec.name!r}: {where}; rename one of them")
    _registered[spec.name], _runs[spec.name] = spec, run


def _told_apart(one: str, other: str) -> Tuple[str, str]:
    """Return the names of two files, with as many of their folders as it takes to tell them apart."""
    first, second = Path(one).parts, Path(other).parts
    count = 1
    while first[-count:] == second[-count:] and count < max(len(first), len(second)):
        count += 1
    return "/".join(first[-count:]), "/".join(second[-count:])


def load_package() -> None:
    """Import this package's models and those of installed packages, once.

    Raises
    ------
    ModelError
        If an installed package's models cannot be loaded.
    """
    if "package" in _loaded:
        return
    package = sys.modules[__package__]
    _loaded["package"] = package
    for name in _modules(package):
        importlib.import_module(f"{__package__}.{name}")
    for point in entry_points(group=ENTRY_POINT_GROUP):
        before = set(_registered)
        try:
            module = importlib.import_module(point.value)
            path = Path(str(module.__file__)).resolve()
            _loaded[str(path)] = module
            own.add_root(path)
            _take_codes([name for name in _registered if name not in before])
        except Exception as error:
            raise ModelError(f"the models of entry point {point.name!r} do not load: {error}") from error


def _modules(package: ModuleType) -> List[str]:
    """Return which modules of this package may hold models: those of the tutorial's sections, then others."""
    folder = Path(package.__path__[0], "tutorial")
    tutorial = sorted(f"tutorial.{info.name}" for info in pkgutil.iter_modules([str(folder)]))
    found = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return [*tutorial, *(name for name in found if name not in _MACHINERY)]


def loaded_files() -> List[Path]:
    """Return the files of models from outside of this package, installed ones included.

    A process of another stack loads them by their path: what is installed for one
    interpreter is not there for the other.
    """
    load_package()
    return [Path(name) for name in _loaded if name != "package"]


def read_at(spec: ModelSpec) -> float:
    """Return when the file of a model was read, in seconds since the epoch; this one, of the package's."""
    return _read_at.get(str(Path(spec.file).resolve()), min(_read_at.values(), default=_BEGAN))


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
    known = [name for name, spec in _registered.items() if _is_file(spec, path)]
    if known:  # Another file has imported it, or it is one of this package.
        _loaded[str(path)] = sys.modules[_registered[known[0]].build.__module__]
        return known
    _read_at[str(path)] = time.time()
    before, codes, modules = dict(_registered), dict(_codes), set(sys.modules)
    own.add_root(path)
    try:
        module = files.load(path)
        added = [name for name in _registered if name not in before]
        if not added:
            raise ModelError(f"{path.name} defines no model: decorate its build function with @model(...)")
        _take_codes(added)
    except (Exception, SystemExit) as error:
        # A file that fails halfway leaves nothing behind.
        files.forget(modules)
        _registered.clear()
        _registered.update(before)
        _codes.clear()
        _codes.update(codes)
        raise _explained(path, error) from error
    _loaded[str(path)] = module
    return added


def _is_file(spec: ModelSpec, path: Path) -> bool:
    return spec.source == path.name and Path(spec.file).resolve() == path


def _take_codes(added: List[str]) -> None:
    """Take the code of models while nothing of theirs has run: it is the same in every process then."""
    for name in added:
        _code_digest(_registered[name])


def _explained(path: Path, error: BaseException) -> ModelError:
    if isinstance(error, ModelError):
        return error
    if isinstance(error, SyntaxError):
        text = (error.text or "").strip()
        file = Path(error.filename or path).name
        return ModelError(f"{file}, line {error.lineno}: {error.msg}: {text}")
    frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ else []
    lines = [f.lineno for f in frames if f.filename == str(path)]
    where = f", line {lines[-1]}" if lines else ""
    whose = _model_at(path, lines[-1]) if lines else ""
    said = " ".join(str(error).split())
    if isinstance(error, SystemExit):
        instead = "put what is for a program of its own behind `if __name__ == '__main__':`"
        return ModelError(f"{path.name}{where} ends the program: {instead}")
    if "model() takes 0 positional arguments" in said:
        return ModelError(f"{path.name}{where}: write @model(data=..., notation=..., teaches=...)")
    unknown = re.search(r"unexpected keyword argument '(\w+)'", said)
    choices = _choices(path, unknown[1]) if unknown else []
    if unknown and choices:
        said = f"there is no argument {unknown[1]!r}: {arguments.nearest(unknown[1], choices)}"
        return ModelError(f"{path.name}{where}{whose}: {said}")
    return ModelError(f"{path.name}{where}{whose}: {type(error).__name__}: {said}")


def _model_at(path: Path, line: int) -> str:
    """Return which model a line belongs to, its decorators included, as a message says it; else nothing."""
    try:
        statements = tree.parsed(str(path)).body
    except tree.NoSourceError:
        return ""
    starts = [(tree.first_line(one), one) for one in statements]
    found = [one for start, one in starts if start <= line]
    last = found[-1] if found else None
    is_model = isinstance(last, ast.FunctionDef) and line <= last.lineno and bool(last.decorator_list)
    return f", model {last.name}" if is_model and isinstance(last, ast.FunctionDef) else ""


def _choices(path: Path, word: str) -> List[str]:
    """Return the arguments that there are in place of one that there is not, if it was given to us."""
    known = {
        "SamplerSettings": list(SamplerSettings.names()),
        "model": list(inspect.signature(model).parameters),
    }
    try:
        calls = [one for one in ast.walk(tree.parsed(str(path))) if isinstance(one, ast.Call)]
    except tree.NoSourceError:
        return []
    for one in calls:
        name = getattr(one.func, "attr", getattr(one.func, "id", ""))
        if name in known and word in [keyword.arg for keyword in one.keywords]:
            return known[name]
    return []


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
    data : dict
        A model's data: arrays, or whatever else :mod:`nutsbench.models.identity` takes by value.

    Raises
    ------
    ModelError
        If something in it cannot be taken by value.
    """
    return identity.data_digest(data)


def variants(known: Sequence[str]) -> Dict[str, str]:
    """Return, of some models those that are variants, each with the model that it is one of."""
    return {name: get(name).variant_of for name in known if get(name).variant_of}


def model_digest(spec: ModelSpec) -> str:
    """Return a short digest of what a model is: its code with all that it reaches, and its data.

    Its words (teaches, notation) are no part of it, nor its settings, ``exact`` and claims.

    Raises
    ------
    ModelError
        If something that its result depends on cannot be taken by value.
    """
    code = _code_digest(spec)
    before = b"" if spec.build in _steady else _fresh_code_digest(spec)
    try:
        data = data_digest(spec.data())
    except NotByValueError as error:
        raise ModelError(f"{spec.source}, model {spec.name}: {error}") from error
    if before and before != _fresh_code_digest(spec):
        raise ModelError(
            f"{spec.source}, model {spec.name}: its data function changes what the build function uses:"
            " return it as data instead"
        )
    _steady.add(spec.build)
    made = hashlib.sha256(code + data.encode()).hexdigest()[:16]
    return PUBLISHED.get(made, made)


def _code_digest(spec: ModelSpec) -> bytes:
    if spec.build not in _codes:
        _codes[spec.build] = _fresh_code_digest(spec)
    return _codes[spec.build]


def _fresh_code_digest(spec: ModelSpec) -> bytes:
    try:
        return identity.code_digest(spec.build, str(Path(spec.file).parent) if spec.file else "")
    except NotByValueError as error:
        raise ModelError(f"{spec.source}, model {spec.name}: {error}") from error
