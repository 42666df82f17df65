"""What is said of values that cannot be taken, and what to write instead."""

import io
import sys
import types
import weakref
from typing import Any, Tuple

from nutsbench.models.errors import NotByValueError
from nutsbench.models.identity import canonical

_KEPT = "keep what it yields in a list or an array"
_INSIDE = "make it inside of the function that uses it"

#: By the module of a type: what such values are, and what to write instead.
_BY_MODULE = {
    "_thread": ("is a lock or another part of a thread", _INSIDE),
    "threading": ("is a lock or another part of a thread", _INSIDE),
    "_threading_local": ("holds another value in each thread", _INSIDE),
    "multiprocessing": ("belongs to one process", _INSIDE),
    "socket": ("is an open connection", "keep what was read from it"),
    "_socket": ("is an open connection", "keep what was read from it"),
    "sqlite3": ("is an open connection", "keep what was read from it"),
    "_sqlite3": ("is an open connection", "keep what was read from it"),
    "ctypes": ("is bound to memory of C", "keep the numbers that it holds in an array"),
    "_ctypes": ("is bound to memory of C", "keep the numbers that it holds in an array"),
    "itertools": ("is an iterator, used up as it is read", _KEPT),
    "weakref": ("is a weak reference", "keep the object itself"),
    "tempfile": ("is an open file", "read it, and keep what it holds"),
}
_SYMBOLIC = ("pymc3", "theano", "pytensor", "aesara", "pymc")


def refused(value: Any, path: str) -> NotByValueError:
    """Return the error for a value that cannot be taken.

    Parameters
    ----------
    value : object
        The value.
    path : str
        What a reader calls it.
    """
    why, instead = _said(value)
    return NotByValueError(path, f"{why}, and cannot be taken by value", instead)


def _said(value: Any) -> Tuple[str, str]:
    library = canonical.library_of(value)
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, io.IOBase):
        return "is an open file", "read it, and keep what it holds"
    if isinstance(value, (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)):
        return "is a generator, used up as it is read", _KEPT
    if isinstance(value, weakref.ReferenceType):
        return _BY_MODULE["weakref"]
    if library in _BY_MODULE:
        return _BY_MODULE[library]
    if library in _SYMBOLIC:
        return (
            f"is part of a graph of {library}",
            "give the numbers, and build the graph in the build function",
        )
    if hasattr(type(value), "__next__"):
        return "is an iterator, used up as it is read", _KEPT
    if isinstance(value, (types.CodeType, types.FrameType, types.TracebackType)):
        return f"is a {type(value).__name__}", "keep a function"
    if type(value).__name__ in ("dict_keys", "dict_values", "dict_items"):
        return "is a view of a dictionary", "make it a list"
    if library == "builtins" or library in sys.builtin_module_names:
        return f"is a {type(value).__name__} of the interpreter", _INSIDE
    return (
        f"is a {name}, whose inside can change with the version of {library}",
        f"keep the numbers that it is made of, or {_INSIDE}",
    )
