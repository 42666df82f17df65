"""What a model is, by value: the digests of its code and of its data.

Two models have one digest if, and only if, nothing that their result can depend on
differs; one model has the same in every process, on every stack and in every Python.
``canonical`` is the encoding, ``encoder`` the walk, ``tree`` and ``scope`` read code; ``plain``,
``arrays``, ``tables``, ``code`` and ``objects`` each take some kinds of values, in that order.
"""

import collections.abc
import hashlib
from typing import Any, Callable, Mapping, Optional

from nutsbench.models.errors import NotByValueError
from nutsbench.models.identity import arrays, canonical, code, objects, own, plain, tables
from nutsbench.models.identity.encoder import FAMILIES, Encoder

__all__ = [
    "arrays",
    "code",
    "code_digest",
    "data_digest",
    "objects",
    "own",
    "plain",
    "tables",
    "value_digest",
]

_KINDS = (plain, arrays, tables, code, objects)
# A class first: the library that its own class comes from says nothing of it.
FAMILIES[:] = [objects.of_class, *(family for kind in _KINDS for family in kind.FAMILY)]


def value_digest(value: Any, path: str, home: str = "") -> bytes:
    """Return the digest of any value.

    Parameters
    ----------
    value : object
        The value.
    path : str
        What a message calls it.
    home : str
        Folder whose place is left out of texts that name it.

    Raises
    ------
    NotByValueError
        If something in it cannot be taken by value.
    """
    return Encoder(home).digest(value, path)


def code_digest(build: Callable[..., Any], home: str = "") -> bytes:
    """Return the digest of a function's code and of all that it reaches.

    Raises
    ------
    NotByValueError
        If something that it reaches cannot be taken by value.
    """
    return value_digest(build, getattr(build, "__name__", "build"), home)


def data_digest(data: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a data set: names, types, shapes and every value.

    Parameters
    ----------
    data : dict
        A model's data, in whatever order.

    Raises
    ------
    NotByValueError
        If something in it cannot be taken by value.
    """
    if not isinstance(data, collections.abc.Mapping):
        raise NotByValueError(
            "what the data function returns", f"is a {type(data).__name__}", "return a dictionary of arrays"
        )
    plain = _of_plain_arrays(data)
    return value_digest(dict(data), "data").hex() if plain is None else plain


def _of_plain_arrays(data: Mapping[str, Any]) -> Optional[str]:
    """Return the digest of the most usual data in the form that was the first; ``None`` of other data.

    Digests of the tutorial's data, taken from its own code, are frozen in this form. It tells
    all that it takes apart: each array says its dtype and shape before its bytes.
    """
    np = canonical.loaded("numpy")
    made = hashlib.sha256()
    for key in sorted(data, key=str):
        value = data[key]
        if type(key) is not str or not key.isidentifier() or np is None or type(value) is not np.ndarray:
            return None
        # The first form took a number for an array of one; such an array is told apart by the other form.
        if value.dtype.kind not in "biufc" or value.dtype.itemsize > 8 or value.shape == (1,):
            return None
        made.update(f"{key} {arrays.dtype_name(value.dtype)} {value.shape or (1,)}".encode())
        made.update(arrays.content(value))
    return made.hexdigest()
