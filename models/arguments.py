"""What the decorator is given: turned into what a model holds, or refused in one line."""

import difflib
import inspect
from typing import Any, Callable, Dict, List, Mapping, Tuple

import numpy as np

from nutsbench.models.claims import Claim
from nutsbench.models.errors import ModelError
from nutsbench.models.spec import SamplerSettings

#: For each setting its type, what it has to be, and how that reads.
_SETTINGS: Dict[str, Tuple[type, Callable[[Any], bool], str]] = {
    "draws": (int, lambda value: value >= 1, "a whole number of at least 1"),
    "tune": (int, lambda value: value >= 0, "a whole number of 0 or more"),
    "chains": (int, lambda value: value >= 1, "a whole number of at least 1"),
    "cores": (int, lambda value: value >= 1, "a whole number of at least 1"),
    "target_accept": (float, lambda value: 0 < value < 1, "a number above 0 and below 1"),
    "init": (str, bool, "a text, such as 'auto'"),
    "max_treedepth": (int, lambda value: value >= 1, "a whole number of at least 1"),
}
_WORDS = ("notation", "teaches", "tutorial_name", "section", "no_truth", "variant_of")


class _RefusedError(Exception):
    """An argument that cannot be; the message begins with its name."""


def check(build: Any, given: Mapping[str, Any], where: str) -> Dict[str, Any]:
    """Return the arguments as a :class:`nutsbench.models.spec.ModelSpec` holds them.

    Parameters
    ----------
    build : object
        What was decorated.
    given : mapping
        The decorator's arguments.
    where : str
        Name of the file.

    Raises
    ------
    ModelError
        If one cannot be: it names file, model, argument, value and the correct form.
    """
    if not inspect.isfunction(build):
        raise ModelError(f"{where}: @model decorates {_shown(build)}; it has to decorate a function")
    try:
        _takes(build, 1, f"it has to take the data, and nothing else: def {build.__name__}(data)")
        known = {name: _CHECKS[name](name, value) for name, value in given.items()}
        if known["variant_of"]:
            _variant(build.__name__, known)
        return known
    except _RefusedError as error:
        raise ModelError(f"{where}, model {build.__name__}: {error}") from None


def _shown(value: Any) -> str:
    """Return a value in one short line."""
    countable = isinstance(value, (list, dict)) or (isinstance(value, np.ndarray) and value.ndim > 0)
    if countable and len(value) > 10:
        return f"a {type(value).__name__} of {len(value)}"
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = ""
    return text if 0 < len(text) <= 60 else f"a {type(value).__name__}"


def _refuse(name: str, value: Any, form: str) -> _RefusedError:
    return _RefusedError(f"{name} has to be {form}, not {_shown(value)}")


def _takes(function: Any, count: int, said: str) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*[None] * count)
    except TypeError:
        raise _RefusedError(said) from None


def _data(name: str, value: Any) -> Any:
    if not callable(value):
        form = "a function that returns a dictionary of arrays: data=lambda: {'y': ...}"
        raise _refuse(name, value, form)
    _takes(value, 0, f"{name} has to be a function without arguments, not {_shown(value)}")
    return value


def _word(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _refuse(name, value, f"a text: {name}='...'")
    return str(value)


def _settings(name: str, value: Any) -> SamplerSettings:
    if isinstance(value, Mapping):
        raise _refuse(name, value, _form(name, value))
    if not isinstance(value, SamplerSettings):
        raise _refuse(name, value, f"SamplerSettings: {name}=SamplerSettings(draws=500)")
    for key, (kind, good, form) in _SETTINGS.items():
        one = getattr(value, key)
        kinds = (int, float) if kind is float else (kind,)
        if isinstance(one, bool) or not isinstance(one, kinds) or not good(one):
            raise _RefusedError(f"{key} in {name} has to be {form}, not {_shown(one)}")
    return value


def _form(name: str, given: Mapping[Any, Any]) -> str:
    words = []
    for key, one in given.items():
        near = difflib.get_close_matches(str(key), _SETTINGS, n=1, cutoff=0.6)
        words += [f"{near[0]}={_shown(one)}"] if near else []
    return f"SamplerSettings: {name}=SamplerSettings({', '.join(words) or 'draws=500'})"


def _quick(name: str, value: Any) -> Any:
    return None if value is None else _settings(name, value)


def _names(name: str, value: Any) -> Tuple[str, ...]:
    if isinstance(value, str):  # One name, without its brackets.
        return (str(value),)
    known: List[Any] = list(value) if isinstance(value, (list, tuple)) else [None]
    if not all(isinstance(one, str) and one for one in known):
        raise _refuse(name, value, f"names in a tuple: {name}=('a', 'b')")
    return tuple(map(str, known))


def _exact(name: str, value: Any) -> Any:
    if value is None:
        return None
    if not callable(value):
        raise _refuse(name, value, f"a function of the data: {name}=posterior")
    _takes(value, 1, f"{name} has to be a function of the data, not {_shown(value)}")
    return value


def _variant(own: str, known: Mapping[str, Any]) -> None:
    """Refuse a variant that cannot be judged by another model's posterior."""
    base = known["variant_of"]
    if base == own:
        raise _RefusedError(f"variant_of has to be another model, not {base!r} itself")
    for name in ("exact", "no_truth"):
        if known[name]:
            raise _RefusedError(f"{name} and variant_of exclude each other: it is judged as {base!r} is")
    if not known["monitored"]:
        raise _RefusedError(
            f"monitored has to name the variables that it and {base!r} have, as it is a variant of that"
        )


def _claims(name: str, value: Any) -> Tuple[Claim, ...]:
    known = [value] if isinstance(value, Claim) else value
    if not isinstance(known, (list, tuple)) or not all(isinstance(one, Claim) for one in known):
        form = "claims in a tuple: claims=(claim('It rises.', above('slope', 0)),)"
        raise _refuse(name, value, form)
    return tuple(known)


_CHECKS: Dict[str, Callable[[str, Any], Any]] = {
    "data": _data,
    "settings": _settings,
    "quick": _quick,
    "monitored": _names,
    "tags": _names,
    "exact": _exact,
    "claims": _claims,
    **dict.fromkeys(_WORDS, _word),
}


def nearest(word: str, choices: List[str]) -> str:
    """Return what to say of an argument that there is not: the nearest that there is, or all."""
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"choices: {', '.join(choices)}"
