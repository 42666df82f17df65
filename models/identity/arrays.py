"""NumPy's values: arrays of every dtype, masked ones, scalars and random states.

Numbers are taken in one go, little end first, whatever their order in memory. Every NaN
is one; 0.0 and -0.0 are two.
"""

from typing import Any, Dict, Iterator, Optional, Tuple

from nutsbench.models.identity import canonical
from nutsbench.models.identity.encoder import Encoder
from nutsbench.models.identity.words import refused


def of_array(encoder: Encoder, value: Any, path: str) -> bytes:
    """Return the digest of a plain array: dtype, shape and every element.

    Parameters
    ----------
    value : ndarray
        Of any dtype; also what :func:`numpy.asarray` takes for one without copying.
    """
    np = canonical.loaded("numpy")
    array = np.asarray(value)
    shape = canonical.digest("shape", *map(canonical.whole, array.shape))
    kind = array.dtype.kind
    if array.dtype.names is not None:
        fields = [canonical.digest("field", canonical.text(name)) for name in array.dtype.names]
        made = [of_array(encoder, array[name], f"{path}[{name!r}]") for name in array.dtype.names]
        return canonical.digest("structured", shape, *fields, *made)
    if kind == "O":
        elements = ((one, f"{path}{_at(place)}") for place, one in _elements(array))
        return canonical.digest("object array", shape, encoder.parts("elements", elements))
    return canonical.digest("array", canonical.text(dtype_name(array.dtype)), shape, content(array))


def dtype_name(dtype: Any) -> str:
    """Return a dtype as a text, without its order of bytes."""
    return str(dtype.newbyteorder("<").str)


def content(array: Any) -> bytes:
    """Return the elements of an array of numbers, texts or times as bytes, in the order of C."""
    np = canonical.loaded("numpy")
    kind = array.dtype.kind
    if kind in "fc" and array.dtype.itemsize > (16 if kind == "c" else 8):
        return _long(array)
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    if kind == "f" and np.isnan(array).any():
        array = np.where(np.isnan(array), array.dtype.type("nan"), array).astype(array.dtype)
    if kind == "c" and np.isnan(array).any():
        flat = array.view(array.real.dtype)
        return content(flat)
    return bytes(array.tobytes())


def _long(array: Any) -> bytes:
    """Take extended precision as an exponent and two doubles; its bytes hold what nobody wrote."""
    np = canonical.loaded("numpy")
    if array.dtype.kind == "c":
        return _long(array.real) + _long(array.imag)
    mantissa, exponent = np.frexp(array)
    high = mantissa.astype("<f8")
    low = np.where(np.isfinite(mantissa), mantissa - high, 0.0).astype("<f8")
    return content(high) + content(low) + content(exponent.astype("<i4"))


def _elements(array: Any) -> Iterator[Tuple[Tuple[int, ...], Any]]:
    np = canonical.loaded("numpy")
    for place in np.ndindex(*array.shape):
        yield place, array[place]


def _at(place: Tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, place))}]" if place else ""


def _of_masked(encoder: Encoder, value: Any, path: str) -> bytes:
    np = canonical.loaded("numpy")
    if value is np.ma.masked:
        return canonical.digest("masked")
    mask = of_array(encoder, np.ma.getmaskarray(value), f"{path}.mask")
    fill = of_array(encoder, np.asarray(value.fill_value), f"{path}.fill_value")
    return canonical.digest("masked array", of_array(encoder, np.ma.getdata(value), path), mask, fill)


def base_array(encoder: Encoder, value: Any, path: str) -> bytes:
    """Return the digest of an array of NumPy's own types, as one of a subclass holds it."""
    np = canonical.loaded("numpy")
    if isinstance(value, np.ma.MaskedArray):
        return _of_masked(encoder, value, path)
    made = of_array(encoder, value, path)
    for name in ("matrix", "recarray"):  # A memmap is an array: where it lies changes nothing.
        if isinstance(value, getattr(np, name)):
            return canonical.digest(name, made)
    return made


def _of_numpy(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    np = canonical.loaded("numpy")
    if np is None or canonical.library_of(value) != "numpy":
        return None
    if isinstance(value, np.ndarray):
        return base_array(encoder, value, path)
    if isinstance(value, np.generic):
        return canonical.digest("scalar", of_array(encoder, np.asarray(value), path))
    if isinstance(value, np.dtype):
        return _dtype(encoder, value, path)
    if isinstance(value, np.ufunc):
        return canonical.digest("library", canonical.text(f"numpy.{value.__name__}"))
    return _state(encoder, value, path)


def _dtype(encoder: Encoder, value: Any, path: str) -> bytes:
    if value.names is None:
        shape = [canonical.whole(size) for size in value.shape]
        return canonical.digest("dtype", canonical.text(dtype_name(value.base)), *shape)
    rows = [(part, path) for name in value.names for part in (name, value.fields[name][0])]
    return encoder.parts("structured dtype", rows)


def _state(encoder: Encoder, value: Any, path: str) -> bytes:
    """Take random generators by their state, and the few other objects whose parts are known."""
    name = type(value).__name__
    if name == "RandomState":
        return encoder.parts("RandomState", [(value.get_state(), path)])
    if name == "Generator":
        return encoder.parts("Generator", [(value.bit_generator.state, path)])
    if name == "SeedSequence":
        return encoder.parts("SeedSequence", [(value.state, path)])
    if hasattr(value, "random_raw"):
        return encoder.parts("BitGenerator", [(value.state, path)])
    parts: Dict[str, Tuple[str, ...]] = {
        "poly1d": ("coeffs", "variable"),
        "vectorize": ("pyfunc", "otypes", "excluded", "signature"),
    }
    if name in parts:
        return encoder.parts(name, [(getattr(value, part), f"{path}.{part}") for part in parts[name]])
    if getattr(value, "__wrapped__", None) is not None or callable(value):
        found = named(value)
        if found:
            return canonical.digest("library", canonical.text(found))
    raise refused(value, path)


def named(value: Any) -> str:
    """Return the public name of a library's object, empty if it is not to be found under it.

    The shortest one: in which of its modules a library defines something changes with its version.
    """
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return ""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        place = ".".join(parts[:count])
        first, *rest = name.split(".")
        # Not by getattr: a module may know old names of what is elsewhere now.
        found = getattr(canonical.loaded(place), "__dict__", {}).get(first)
        for part in rest:
            found = getattr(found, part, None)
        if found is value:
            return canonical.spelled(f"{place}.{name}")
    return ""


FAMILY = (_of_numpy,)
