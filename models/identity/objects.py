"""Classes and their objects: the user's own by what they hold, a library's by name or not at all."""

import enum
import types
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from nutsbench.models.identity import arrays, canonical, own
from nutsbench.models.identity.arrays import named
from nutsbench.models.identity.encoder import EXACT, Encoder
from nutsbench.models.identity.words import refused

#: What a class holds of Python's own making; it follows from the rest, or says nothing of what it does.
_SKIPPED = frozenset(
    [
        "__dict__",
        "__weakref__",
        "__doc__",
        "__module__",
        "__qualname__",
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__dataclass_fields__",
        "__dataclass_params__",
        "__match_args__",
        "__static_attributes__",
        "__firstlineno__",
        "__orig_bases__",
        "__parameters__",
        "__abstractmethods__",
        "__type_params__",
        "__classcell__",
        "__attrs_attrs__",
        "__attrs_own_setattr__",
        "__protocol_attrs__",
        "__non_callable_proto_members__",
        "__callable_proto_members_only__",
        "__replace__",
        "_abc_impl",
        "_abc_cache",
        "_abc_registry",
        "_abc_negative_cache",
        "_abc_negative_cache_version",
        "_is_protocol",
        "_is_runtime_protocol",
    ]
)
#: What ``namedtuple`` gives a class, in one Python or another.
_OF_NAMEDTUPLE = frozenset(
    [
        "_make",
        "_replace",
        "_asdict",
        "__new__",
        "__repr__",
        "__getnewargs__",
        "_source",
        "_fields",
        "_field_types",
        "_field_defaults",
        "_fields_defaults",
        "__slots__",
        "__replace__",
    ]
)
_METHODS = (types.FunctionType, staticmethod, classmethod, property)
#: Builtin types that a class of one's own can be a kind of, and what such an object is without it.
_BUILTIN: Dict[type, Callable[[Any], Any]] = {
    int: lambda value: int.__add__(value, 0),
    float: lambda value: -float.__neg__(value),
    complex: lambda value: complex(value.real, value.imag),
    str: lambda value: "".join(str.__iter__(value)),
    bytes: lambda value: bytes(bytes.__iter__(value)),
    bytearray: lambda value: bytearray(bytearray.__iter__(value)),
    list: lambda value: list(list.__iter__(value)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
}
#: Flag of types that were made by a class statement: what such an object holds are its attributes.
_OF_PYTHON = 1 << 9


def of_class(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Return the number of a user's own class, or the name of another; ``None`` of what is no class."""
    if not isinstance(value, type):
        return None
    if value.__module__ == "builtins":
        return canonical.digest("library", canonical.text(f"builtins.{value.__qualname__}"))
    if not _is_own_class(value) and named(value):
        return canonical.digest("library", canonical.text(named(value)))
    return encoder.define(_class_content, value, id(value), path)


def _class_content(encoder: Encoder, value: Any, path: str) -> bytes:
    parts = [canonical.text(value.__name__), encoder.parts("bases", [(one, path) for one in value.__bases__])]
    if _is_own_class(type(value)):
        parts.append(encoder.part(type(value), f"{path}.__class__"))
    if issubclass(value, enum.Enum):
        members = [(name, one._value_) for name, one in value.__members__.items()]
        parts.append(encoder.part(members, path))
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        made = value.__dataclass_params__
        rules = {
            name: getattr(made, name) for name in ("init", "repr", "eq", "order", "unsafe_hash", "frozen")
        }
        parts += [_fields(encoder, fields, path), encoder.part(rules, path)]
    for one in value.__dict__.get("__attrs_attrs__", ()):
        default = "no default" if type(one.default).__name__ == "_Nothing" else one.default
        factory = getattr(default, "factory", None)  # Of a Factory, the function that makes the default.
        rows = [(one.name, path), (default if factory is None else factory, f"{path}.{one.name}")]
        parts.append(encoder.parts("attribute", rows))
    if _is_namedtuple(value):
        defaults = getattr(value, "_field_defaults", {})
        parts.append(encoder.part([value._fields, dict(defaults)], path))
    for name, one in _held(value):
        parts += [canonical.text(name), encoder.part(one, f"{path}.{name}")]
    return canonical.digest("class", *parts)


def _is_namedtuple(value: Any) -> bool:
    return issubclass(value, tuple) and isinstance(getattr(value, "_fields", None), tuple)


def _fields(encoder: Encoder, fields: Mapping[str, Any], path: str) -> bytes:
    """Take what a dataclass says of its fields; its methods follow from it."""
    parts = []
    for name, one in fields.items():
        factory = one.default_factory
        given = [
            one.default if type(one.default).__name__ != "_MISSING_TYPE" else "no default",
            factory if type(factory).__name__ != "_MISSING_TYPE" else "no factory",
            [one.init, one.repr, one.compare, one.hash, one._field_type.name],
        ]
        parts += [canonical.text(name), encoder.part(given, f"{path}.{name}")]
    return canonical.digest("fields", *parts)


def _held(value: Any) -> Iterator[Tuple[str, Any]]:
    """Yield what a class holds by its name, in order, without what Python has put there itself."""
    for name, one in sorted(vars(value).items()):
        file = _file_of(one)
        users = file is not None and own.is_own(file) and not file.startswith("<")
        if users or not _follows(value, name, one):
            yield name, one


def _follows(value: Any, name: str, one: Any) -> bool:
    """Return whether something in a class follows from the rest of it."""
    if name in _SKIPPED or isinstance(one, (types.MemberDescriptorType, types.GetSetDescriptorType)):
        return True
    if name == "__init__" and one is object.__init__:  # Put there by Protocol once there is an object.
        return True
    if (name == "__hash__" and one is None) or getattr(one, "__module__", "") == "typing":
        return True
    if _is_namedtuple(value):
        return name in _OF_NAMEDTUPLE or name in value._fields
    if issubclass(value, enum.Enum) and (name in value.__members__ or _is_of_enum(name)):
        return True
    generates = any(hasattr(value, mark) for mark in ("__dataclass_fields__", "__attrs_attrs__"))
    is_method = name.startswith("__") and name.endswith("__") and isinstance(one, _METHODS)
    return is_method and (generates or issubclass(value, enum.Enum))


def _is_of_enum(name: str) -> bool:
    return (name.startswith("_") and name.endswith("_")) or name in ("_use_args_", "_ignore_")


def _file_of(value: Any) -> Optional[str]:
    """Return the file that a method's code stands in, ``None`` of what is no method."""
    while isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if isinstance(value, property):
        value = value.fget or value.fset
    code = getattr(value, "__code__", None)
    return None if code is None else str(code.co_filename)


def state(value: Any) -> Dict[str, Any]:
    """Return the attributes of an object, those of ``__slots__`` included."""
    found: Dict[str, Any] = {}
    for one in reversed(type(value).__mro__):
        slots = one.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            mangled = f"_{one.__name__.lstrip('_')}{name}" if _is_private(name) else name
            if name not in ("__dict__", "__weakref__") and hasattr(value, mangled):
                found[mangled] = getattr(value, mangled)
    found.update(getattr(value, "__dict__", {}))
    return found


def _is_private(name: str) -> bool:
    return name.startswith("__") and not name.endswith("__")


def _object(encoder: Encoder, value: Any, path: str) -> bytes:
    """Take an object of a user's own class; refuse any other that has come as far as this."""
    kind = type(value)
    if isinstance(value, BaseException):
        rows = [(kind, path), (value.args, f"{path}.args"), (dict(vars(value)), path)]
        return encoder.parts("exception", rows)
    made_here = _is_own_class(kind) or hasattr(kind, "__dataclass_fields__") or _is_namedtuple(kind)
    if not made_here or named(kind) == f"builtins.{kind.__qualname__}" or hasattr(kind, "__next__"):
        raise refused(value, path)
    parts: List[bytes] = [encoder.part(type(value), f"{path}.__class__")]
    base = _base(encoder, value, path)
    if base is not None:
        parts.append(base)
    held = state(value)
    for name in sorted(held):
        parts += [canonical.text(name), encoder.part(held[name], f"{path}.{name}")]
    return canonical.digest("object of a class", *parts)


def _base(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Take what an object is by the builtin or the library that its class derives from."""
    np, pd = canonical.loaded("numpy"), canonical.loaded("pandas")
    if np is not None and isinstance(value, np.ndarray):
        return arrays.base_array(encoder, value, path)
    if pd is not None and isinstance(value, (pd.DataFrame, pd.Series)):
        plain = pd.DataFrame if isinstance(value, pd.DataFrame) else pd.Series
        return encoder.part(plain(value), path)
    for one in type(value).__mro__:
        if one in _BUILTIN:
            return encoder.part(_BUILTIN[one](value), path)
        if one in EXACT and one is not object:
            return EXACT[one](encoder, value, path)
        if not (one.__flags__ & _OF_PYTHON or one.__module__ in ("builtins", "abc", "typing")):
            raise refused(value, path)
    return None


def _is_own_class(value: Any) -> bool:
    home = canonical.loaded(value.__module__)
    return bool(value.__module__ != "builtins" and (home is None or own.is_own_module(home)))


FAMILY = (_object,)
