"""What a model's data are like, whatever kind of object they come in: what is missing, what is not finite.

PyMC3 takes arrays, masked arrays, pandas objects and Theano's shared variables. A value that is missing in a
pandas object or a masked array it imputes; NaN in a plain array it takes as it is (3.8) or imputes (3.11).
"""

from dataclasses import dataclass
from typing import Any, Iterator, Mapping

import numpy as np


@dataclass(frozen=True)
class Bad:
    """Values of one of a model's data that are missing or not finite.

    Parameters
    ----------
    name : str
        Which of the data.
    count, size : int
        How many values, of how many.
    imputed : bool
        Whether they are missing in a way that asks PyMC3 to impute them, where they are observations.
    """

    name: str
    count: int
    size: int
    imputed: bool

    def __str__(self) -> str:
        return f"{self.name} ({self.count} of {self.size})"


def look(data: Mapping[str, Any]) -> Iterator[Bad]:
    """Yield what is missing or not finite in a model's data.

    Parameters
    ----------
    data : dict
        A model's data, of any kind that PyMC3 takes.
    """
    for name, values in data.items():
        yield from _look(str(name), values)


def _look(name: str, values: Any) -> Iterator[Bad]:
    shared = getattr(values, "get_value", None)
    if callable(shared):
        values = shared()
    if isinstance(values, Mapping):
        for key, part in values.items():
            yield from _look(f"{name}[{key!r}]", part)
    elif hasattr(values, "isna") and hasattr(values, "to_numpy"):
        yield from _pandas(name, values)
    elif np.ma.isMaskedArray(values):
        hidden = int(np.ma.getmaskarray(values).sum())
        if hidden:
            yield Bad(name, hidden, values.size, imputed=True)
        yield from _array(name, values.compressed())
    elif isinstance(values, (list, tuple)) and any(hasattr(part, "dtype") for part in values):
        for place, part in enumerate(values):
            yield from _look(f"{name}[{place}]", part)
    else:
        # A sparse matrix keeps what is not zero as `data`.
        yield from _array(name, values.data if hasattr(values, "nnz") else values)


def _pandas(name: str, values: Any) -> Iterator[Bad]:
    missing = np.asarray(values.isna())
    if missing.any():
        yield Bad(name, int(missing.sum()), missing.size, imputed=True)
    columns = [column for _, column in values.items()] if getattr(values, "ndim", 1) == 2 else [values]
    infinite = sum(_infinite(column) for column in columns)
    if infinite:
        yield Bad(name, infinite, missing.size, imputed=False)


def _infinite(column: Any) -> int:
    kind = getattr(column.dtype, "kind", "O")
    return int(np.isinf(column.to_numpy(dtype=float, na_value=np.nan)).sum()) if kind in "fc" else 0


def _array(name: str, values: Any) -> Iterator[Bad]:
    try:
        array = np.asarray(values)
    except Exception:  # What is no array is no number either.
        return
    if array.dtype.kind in "fc":
        bad = ~np.isfinite(array)
    elif array.dtype.kind == "O":
        bad = np.array([isinstance(one, float) and not np.isfinite(one) for one in array.ravel()], dtype=bool)
    else:
        return
    if bad.any():
        yield Bad(name, int(bad.sum()), array.size, imputed=False)
