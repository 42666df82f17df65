"""Values of the standard library: containers, numbers, times, paths and the like."""

import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import random
import re
import types
import uuid
from typing import Any, Optional

from nutsbench.models.errors import NotByValueError
from nutsbench.models.identity import canonical
from nutsbench.models.identity.encoder import EXACT, Encoder


def _list(encoder: Encoder, value: Any, path: str) -> bytes:
    kinds = set(map(type, value))
    if kinds == {float}:  # Long lists of numbers in one go.
        return canonical.digest("list of floats", b"".join(map(canonical.floating, value)))
    if kinds == {int} and all(-(2**63) <= one < 2**63 for one in value):
        numbers = array.array("q", value)
        return canonical.digest("list of ints", canonical.words(numbers))
    return encoder.parts("list", ((one, f"{path}[{place}]") for place, one in enumerate(value)))


def _tuple(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts("tuple", ((one, f"{path}[{place}]") for place, one in enumerate(value)))


def _dict(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.pairs("dict", value, path)


def _ordered(encoder: Encoder, value: Any, path: str) -> bytes:
    rows = [(part, f"{path}[{key!r}]") for key, one in value.items() for part in (key, one)]
    return encoder.parts("OrderedDict", rows)


def _default_dict(encoder: Encoder, value: Any, path: str) -> bytes:
    factory = encoder.part(value.default_factory, f"{path}.default_factory")
    return canonical.digest("defaultdict", factory, encoder.pairs("dict", value, path))


def _set(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.unordered(type(value).__name__, value, value, path)


def _deque(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts("deque", [(value.maxlen, path), (list(value), path)])


def _chain_map(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts("ChainMap", [(one, f"{path}.maps") for one in value.maps])


def _array(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts("array", [(value.typecode, path), (value.tolist(), path)])


def _memory(_: Encoder, value: Any, __: str) -> bytes:
    shape = [canonical.whole(size) for size in value.shape]
    return canonical.digest("memoryview", canonical.text(value.format), value.tobytes(), *shape)


def _decimal(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts("Decimal", [(tuple(value.as_tuple()), path)])


def _date(_: Encoder, value: Any, __: str) -> bytes:
    return canonical.digest("date", canonical.whole(value.toordinal()))


def _clock(encoder: Encoder, value: Any, path: str) -> bytes:
    fields = [value.hour, value.minute, value.second, value.microsecond, value.fold]
    day = value.toordinal() if isinstance(value, datetime.datetime) else None
    offset = value.utcoffset()
    return encoder.parts(
        type(value).__name__, [(fields, path), (day, path), (offset, path), (value.tzinfo, f"{path}.tzinfo")]
    )


def _delta(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts("timedelta", [([value.days, value.seconds, value.microseconds], path)])


def _zone(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Time zones by their name, or by what they add to UTC."""
    library = canonical.library_of(value)
    if not isinstance(value, datetime.tzinfo) or library not in (
        "datetime",
        "zoneinfo",
        "backports",
        "pytz",
        "dateutil",
    ):
        return None
    name = getattr(value, "zone", None)
    if library != "dateutil":  # Its later releases have a key, too.
        name = getattr(value, "key", None) or name
    if name is None:
        name = value.tzname(None) or getattr(value, "_filename", None)
    if name is None:
        raise NotByValueError(path, "is a time zone without a name", "use datetime.timezone or zoneinfo")
    return encoder.parts("time zone", [(name, path), (value.utcoffset(None), path)])


def _path(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    if not isinstance(value, pathlib.PurePath) or canonical.library_of(value) != "pathlib":
        return None
    return encoder.parts("path", [(value.as_posix(), path)])


def _pattern(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts("pattern", [(value.pattern, path), (int(value.flags), path)])


def _random(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts("random.Random", [(value.getstate(), path)])


def _partial(encoder: Encoder, value: Any, path: str) -> bytes:
    rows = [(value.func, f"{path}.func"), (value.args, f"{path}.args"), (value.keywords, f"{path}.keywords")]
    return encoder.parts(type(value).__name__, rows)


def _property(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts("property", [(one, path) for one in (value.fget, value.fset, value.fdel)])


def _method(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts("method", [(value.__func__, path), (value.__self__, f"{path}.__self__")])


def _wrapper(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.parts(type(value).__name__, [(value.__func__, path)])


def _namespace(encoder: Encoder, value: Any, path: str) -> bytes:
    return encoder.pairs("SimpleNamespace", vars(value), path)


def _named(name: str) -> Any:
    """Return what takes an attribute that says all, of a value whose type is known by its name."""

    def take(encoder: Encoder, value: Any, path: str) -> bytes:
        return encoder.parts(type(value).__name__, [(getattr(value, name), f"{path}.{name}")])

    return take


def _member(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Members of an enumeration by its class, their name and their value."""
    if not isinstance(value, enum.Enum):
        return None
    name = None if isinstance(value, enum.Flag) else value._name_  # Some Pythons name sums of flags.
    rows = [(type(value), f"{path}.__class__"), (name, path), (value._value_, f"{path}.value")]
    return encoder.parts("member", rows)


def _callable_of_c(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """``operator.itemgetter`` and its like, which say themselves what they are made of."""
    if type(value).__module__ != "operator":
        return None
    made, given = value.__reduce__()[:2]
    return encoder.parts("operator", [(type(value).__name__, path), (given, path)]) if made else None


def _cached(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Take what caches a function for that function."""
    wrapped = getattr(value, "__wrapped__", None)
    if type(value).__name__ == "_lru_cache_wrapper" and wrapped is not None:
        return encoder.parts("lru_cache", [(wrapped, path)])
    return None


#: Objects of the standard library that a few attributes say whole.
_SAID_BY = {("string", "Template"): ("template",), ("statistics", "NormalDist"): ("mean", "stdev")}


def _few(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    names = _SAID_BY.get((type(value).__module__, type(value).__name__))
    if names is None:
        return None
    return encoder.parts(type(value).__name__, [(getattr(value, name), path) for name in names])


#: What ``list[int]`` and ``int | str`` are.
_ALIASES = ("types.GenericAlias", "types.UnionType")


def _silent(_: Encoder, value: Any, __: str) -> Optional[bytes]:
    """Take what has no effect on a result: loggers, and types as annotations write them."""
    library = type(value).__module__
    if library in ("logging", "typing") or f"{library}.{type(value).__name__}" in _ALIASES:
        return canonical.digest("no effect", canonical.text(library))
    return None


EXACT.update(
    {
        list: _list,
        tuple: _tuple,
        dict: _dict,
        set: _set,
        frozenset: _set,
        bytearray: lambda _, value, __: canonical.digest("bytearray", bytes(value)),
        memoryview: _memory,
        range: lambda e, value, path: e.parts("range", [([value.start, value.stop, value.step], path)]),
        slice: lambda e, value, path: e.parts("slice", [((value.start, value.stop, value.step), path)]),
        object: lambda _, __, ___: canonical.digest("object"),
        array.array: _array,
        collections.OrderedDict: _ordered,
        collections.defaultdict: _default_dict,
        collections.Counter: lambda e, value, path: e.pairs("Counter", value, path),
        collections.deque: _deque,
        collections.ChainMap: _chain_map,
        collections.UserDict: _named("data"),
        collections.UserList: _named("data"),
        collections.UserString: _named("data"),
        types.MappingProxyType: lambda e, value, path: e.pairs("mappingproxy", value, path),
        types.SimpleNamespace: _namespace,
        types.MethodType: _method,
        decimal.Decimal: _decimal,
        fractions.Fraction: lambda e, v, path: e.parts("Fraction", [([v.numerator, v.denominator], path)]),
        datetime.date: _date,
        datetime.datetime: _clock,
        datetime.time: _clock,
        datetime.timedelta: _delta,
        uuid.UUID: _named("int"),
        random.Random: _random,
        type(re.compile("")): _pattern,
        functools.partial: _partial,
        functools.partialmethod: _partial,
        property: _property,
        staticmethod: _wrapper,
        classmethod: _wrapper,
    }
)
if hasattr(functools, "cached_property"):
    EXACT[functools.cached_property] = _named("func")

FAMILY = (
    _member,
    _zone,
    _path,
    _callable_of_c,
    _cached,
    _few,
    _silent,
)
