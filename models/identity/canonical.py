"""The one encoding that digests are made of: a tag, and parts of known length.

Every value comes down to 32 bytes, the SHA-256 of its tag and of its parts, each behind
its length; so no two sequences of parts make the same text. Nothing here asks for
``repr``, for addresses or for the order of a set.
"""

import hashlib
import struct
import sys
from typing import Any, Callable, Dict, Optional

#: Counted up when the encoding changes: every digest is another one then.
EDITION = b"1"

#: From so many bytes on they are not copied once more to be hashed in one go.
_LARGE = 2**16
_NAN = struct.pack("<d", float("nan"))


def digest(tag: str, *parts: bytes) -> bytes:
    """Return the SHA-256 of a tag and of parts, each behind its length.

    Parameters
    ----------
    tag : str
        What kind of value it is; two kinds never share one.
    *parts : bytes
        Digests of what the value holds, or its bytes.
    """
    first = tag.encode()
    pieces = [len(first).to_bytes(8, "little"), first]
    for part in parts:
        pieces += [len(part).to_bytes(8, "little"), part]
    if sum(map(len, parts)) < _LARGE:
        return hashlib.sha256(b"".join(pieces)).digest()
    made = hashlib.sha256()
    for piece in pieces:
        made.update(piece)
    return made.digest()


def text(value: str) -> bytes:
    """Return a text as bytes, lone surrogates included."""
    return value.encode("utf-8", "surrogatepass")


def whole(value: int) -> bytes:
    """Return an integer of any size as bytes, little end first."""
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)


def floating(value: float) -> bytes:
    """Return a float's eight bytes; every NaN has the same, and -0.0 others than 0.0.

    A model can tell 0.0 from -0.0 (1 / x), but no NaN from another.
    """
    return _NAN if value != value else struct.pack("<d", value)


def words(numbers: Any) -> bytes:
    """Return an array of numbers as bytes, little end first."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return bytes(numbers.tobytes())


def _complex(value: complex) -> bytes:
    return floating(value.real) + floating(value.imag)


#: Values without parts, by their exact type: a tag, and the bytes of the value.
LEAVES: Dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: digest("none"),
    type(Ellipsis): lambda _: digest("ellipsis"),
    type(NotImplemented): lambda _: digest("not implemented"),
    bool: lambda value: digest("bool", b"1" if value else b"0"),
    int: lambda value: digest("int", whole(value)),
    float: lambda value: digest("float", floating(value)),
    complex: lambda value: digest("complex", _complex(value)),
    str: lambda value: digest("str", text(value)),
    bytes: lambda value: digest("bytes", value),
}


def leaf(value: Any) -> Optional[bytes]:
    """Return the digest of a value without parts, ``None`` if it has some."""
    take = LEAVES.get(type(value))
    return None if take is None else take(value)


def loaded(name: str) -> Any:
    """Return a module if it has been imported, else ``None``.

    A value of a library's type can only be there once the library is; asking for it must
    not import it.
    """
    return sys.modules.get(name)


def spelled(name: str) -> str:
    """Return a module's name as digests have it: this project's packages once had names of their own.

    Parameters
    ----------
    name : str
        The module, or something in it, with dots.
    """
    top, _, rest = name.partition(".")
    if top != "nutsbench":
        return name
    return rest if rest.split(".")[0] == "models" else f"harness.{rest}".rstrip(".")


def library_of(value: Any) -> str:
    """Return the name of the package that defines a value's type."""
    return str(type(value).__module__).split(".")[0]
