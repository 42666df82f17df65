"""Values of pandas, xarray, SciPy's sparse matrices and Theano, if these are loaded.

What two versions of a library hold in different ways has one digest: an index of whole
numbers is one whether its class is ``Int64Index`` or ``Index``.
"""

from typing import Any, Optional

from nutsbench.models.identity import arrays, canonical
from nutsbench.models.identity.encoder import Encoder
from nutsbench.models.identity.words import refused


def of_pandas(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Return the digest of a value of pandas, ``None`` if it is none."""
    pd = canonical.loaded("pandas")
    if pd is None or canonical.library_of(value) != "pandas":
        return None
    if value is pd.NaT or value is getattr(pd, "NA", None):
        return canonical.digest("missing", b"NaT" if value is pd.NaT else b"NA")
    if isinstance(value, pd.DataFrame):
        return _frame(encoder, value, path)
    if isinstance(value, pd.Series):
        rows = [(value.name, f"{path}.name"), (value.index, f"{path}.index")]
        return canonical.digest("Series", encoder.parts("of", rows), _column(encoder, value, path))
    if isinstance(value, pd.Index):
        return _index(encoder, value, path)
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return canonical.digest("extension array", _column(encoder, pd.Series(value), path))
    return _scalar(encoder, value, path)


def _frame(encoder: Encoder, value: Any, path: str) -> bytes:
    rows = [(value.columns, f"{path}.columns"), (value.index, f"{path}.index")]
    made = [
        _column(encoder, value.iloc[:, place], f"{path}[{name!r}]")
        for place, name in enumerate(value.columns)
    ]
    return canonical.digest("DataFrame", encoder.parts("of", rows), *made)


def _index(encoder: Encoder, value: Any, path: str) -> bytes:
    pd = canonical.loaded("pandas")
    names = encoder.parts("names", [(name, f"{path}.names") for name in value.names])
    if isinstance(value, pd.MultiIndex):
        levels = [
            _column(encoder, value.get_level_values(place).to_series(), path)
            for place in range(value.nlevels)
        ]
        return canonical.digest("MultiIndex", names, *levels)
    return canonical.digest("Index", names, _column(encoder, value.to_series(), path))


def _column(encoder: Encoder, value: Any, path: str) -> bytes:
    """Take the elements of a Series by their dtype, without its name and index."""
    pd = canonical.loaded("pandas")
    dtype = value.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        # On the categories' own text of codes: which width it has is pandas' affair.
        codes = arrays.of_array(encoder, value.cat.codes.values.astype("<i8"), path)
        ordered = canonical.leaf(bool(dtype.ordered)) or b""
        categories = encoder.part(dtype.categories, f"{path}.categories")
        return canonical.digest("categorical", codes, categories, ordered)
    if isinstance(dtype, canonical.loaded("numpy").dtype) or _is_text(dtype):
        return arrays.of_array(encoder, _plain(value), path)
    if isinstance(dtype, pd.DatetimeTZDtype):
        moments = value.dt.tz_convert(None).values.astype("M8[ns]")
        zone = encoder.part(dtype.tz, f"{path}.tz")
        return canonical.digest("moments", arrays.of_array(encoder, moments, path), zone)
    interval = isinstance(dtype, pd.IntervalDtype)  # Its text says which end is closed in some versions.
    label = canonical.text(f"interval of {dtype.subtype}" if interval else str(dtype))
    elements = ((one, f"{path}[{place}]") for place, one in enumerate(value.array))
    return canonical.digest("column", label, encoder.parts("elements", elements))


def _is_text(dtype: Any) -> bool:
    """Return whether a column is one of texts that an earlier pandas would have kept as objects."""
    pd = canonical.loaded("pandas")
    kind = getattr(pd, "StringDtype", None)
    missing = getattr(dtype, "na_value", None)
    return kind is not None and isinstance(dtype, kind) and missing is not getattr(pd, "NA", None)


def _plain(value: Any) -> Any:
    """Return the elements of a column as every pandas would have them.

    What is missing among texts is None or NaN, as the version likes, and moments are told in
    nanoseconds or in microseconds.
    """
    np = canonical.loaded("numpy")
    if value.dtype.kind in "mM":
        unit = f"{value.dtype.kind}8[ns]"
        exact = value.values.astype(unit)
        same = exact.astype(value.values.dtype) == value.values
        return exact if (same | np.isnat(value.values)).all() else value.values
    if value.dtype != object and not _is_text(value.dtype):
        return value.values
    plain = value.astype(object).values
    gone = np.array([one is None or one != one for one in plain], dtype=bool)
    if gone.any() and all(isinstance(one, str) for one in plain[~gone]):
        plain = plain.copy()
        plain[gone] = None
    return plain


def _scalar(encoder: Encoder, value: Any, path: str) -> bytes:
    pd = canonical.loaded("pandas")
    if isinstance(value, (pd.Timestamp, pd.Timedelta)):
        kind = "datetime64[ns]" if isinstance(value, pd.Timestamp) else "timedelta64[ns]"
        moment = value.tz_convert(None) if getattr(value, "tzinfo", None) else value
        stamp = moment.to_numpy().astype(kind)
        rows = [(getattr(value, "tzinfo", None), f"{path}.tzinfo")]
        return canonical.digest(type(value).__name__, arrays.content(stamp), encoder.parts("of", rows))
    if isinstance(value, pd.Period):
        return encoder.parts("Period", [(value.ordinal, path), (value.freqstr, path)])
    if isinstance(value, pd.Interval):
        return encoder.parts("Interval", [(value.left, path), (value.right, path), (value.closed, path)])
    if isinstance(value, pd.CategoricalDtype):
        return encoder.parts("CategoricalDtype", [(value.categories, path), (value.ordered, path)])
    if isinstance(value, pd.api.extensions.ExtensionDtype):
        return encoder.parts("dtype of pandas", [(str(value), path)])
    raise refused(value, path)


def of_xarray(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Return the digest of an xarray object: dimensions, coordinates, values and attributes."""
    xr = canonical.loaded("xarray")
    if xr is None or canonical.library_of(value) != "xarray":
        return None
    if isinstance(value, xr.Variable):
        made = arrays.of_array(encoder, value.values, path)
        rows = [(tuple(value.dims), f"{path}.dims"), (dict(value.attrs), f"{path}.attrs")]
        return canonical.digest("Variable", made, encoder.parts("of", rows))
    if isinstance(value, xr.DataArray):
        coords = {name: one.variable for name, one in value.coords.items()}
        rows = [(value.name, f"{path}.name"), (value.variable, path), (coords, f"{path}.coords")]
        return encoder.parts("DataArray", rows)
    if isinstance(value, xr.Dataset):
        rows = [
            ({name: one.variable for name, one in value.data_vars.items()}, path),
            ({name: one.variable for name, one in value.coords.items()}, f"{path}.coords"),
            (dict(value.attrs), f"{path}.attrs"),
        ]
        return encoder.parts("Dataset", rows)
    raise refused(value, path)


def of_sparse(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Return the digest of a sparse matrix: its format, shape, dtype and what is in it."""
    sparse = canonical.loaded("scipy.sparse")
    if sparse is None or not sparse.issparse(value) or canonical.library_of(value) != "scipy":
        return None
    rows = sparse.csr_matrix(value, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    rows.sort_indices()
    places = [part.astype("<i8") for part in (rows.indptr, rows.indices)]
    made = [arrays.of_array(encoder, part, path) for part in (*places, rows.data)]
    kind = encoder.parts("of", [(value.format, path), (tuple(map(int, value.shape)), path)])
    return canonical.digest("sparse", kind, *made)


def of_frozen(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Return the digest of one of SciPy's distributions, or of one with its arguments."""
    if canonical.library_of(value) != "scipy":
        return None
    public = getattr(value, "name", None)
    if isinstance(public, str) and getattr(canonical.loaded("scipy.stats"), public, None) is value:
        return canonical.digest("library", canonical.text(f"scipy.stats.{public}"))
    if not hasattr(value, "dist") or "frozen" not in type(value).__name__:
        return None
    name = type(value.dist).__name__
    return encoder.parts("distribution", [(name, path), (value.args, path), (value.kwds, path)])


def of_theano(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Return the digest of a shared variable of Theano, or of what it is called since, by what it holds."""
    if canonical.library_of(value) not in ("theano", "aesara", "pytensor") or not hasattr(value, "get_value"):
        return None
    pattern = getattr(value.type, "broadcastable", None)
    rows = [(value.get_value(borrow=True), path), (pattern, path), (value.name, f"{path}.name")]
    return encoder.parts("shared", rows)


def of_patsy(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Return the digest of a design matrix: its numbers and the names of its columns."""
    if canonical.library_of(value) != "patsy" or not hasattr(value, "design_info"):
        return None
    names = encoder.part(list(value.design_info.column_names), f"{path}.columns")
    return canonical.digest("DesignMatrix", arrays.of_array(encoder, value, path), names)


FAMILY = (
    of_pandas,
    of_xarray,
    of_sparse,
    of_frozen,
    of_theano,
    of_patsy,
)
