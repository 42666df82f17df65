"""Draws in a file: netCDF as ArviZ keeps it, whatever the variables are called.

PyMC3 lets a variable be called ``a/b``, ``draw`` or ``x_dim_0``; netCDF takes the first for a group,
and ArviZ has dimensions of the other names. Such a name is escaped like an address: each character but
letters, digits, ``_``, ``-``, ``.``, ``,`` and brackets becomes ``%`` and two hexadecimal digits
for each of its bytes in UTF-8, and what would still be taken for something else gets ``var%_`` put before
it. The true name is the attribute ``name_in_model`` of the variable, and :func:`unescape` gives it too.
"""

import re
from pathlib import Path
from typing import Any, Dict, Mapping
from urllib.parse import quote, unquote

import numpy as np

from nutsbench.inside.whole import whole

#: Attribute of a variable in the file that holds its name in the model.
TRUE_NAME = "name_in_model"
#: No name that is escaped holds a ``%`` before anything but two hexadecimal digits.
_PREFIX = "var%_"
_PLAIN = re.compile(r"[\w.,()\[\]-]")
#: What ArviZ calls dimensions, and what netCDF does not let a name begin with.
_TAKEN = re.compile(r"chain|draw|sample|.*_dim_\d+|\W.*|", re.DOTALL)


def escape(name: str) -> str:
    """Return a variable's name as it stands in a file; most stand as they are."""
    found = "".join(one if _PLAIN.match(one) else quote(one, safe="") for one in name)
    return f"{_PREFIX}{found}" if _TAKEN.fullmatch(found) else found


def unescape(name: str) -> str:
    """Return a variable's true name of its name in a file: the inverse of :func:`escape`."""
    return unquote(name[len(_PREFIX) :] if name.startswith(_PREFIX) else name)


def write(groups: Mapping[str, Mapping[str, np.ndarray]], path: Path) -> None:
    """Write groups of arrays as ArviZ InferenceData, whole or not at all.

    Parameters
    ----------
    groups : dict of dict of ndarray
        By ArviZ's name of a group, by variable, shape (chain, draw, *shape); empty groups are left out.
    path : Path
        netCDF file.
    """
    import xarray as xr

    tree = xr.DataTree.from_dict({name: _dataset(xr, arrays) for name, arrays in groups.items() if arrays})
    with whole(path) as part:
        tree.to_netcdf(part, engine="netcdf4")


def _dataset(xr: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    def variable(name: str, values: np.ndarray) -> Any:
        sizes = (f"{escape(name)}_dim_{axis}" for axis in range(values.ndim - 2))
        # netCDF knows no booleans, and ArviZ keeps them as bytes.
        plain = values.astype("i1") if values.dtype == bool else values
        return (("chain", "draw", *sizes), plain, {TRUE_NAME: name})

    dataset = xr.Dataset({escape(name): variable(name, values) for name, values in arrays.items()})
    return dataset.assign_coords({name: np.arange(size) for name, size in dataset.sizes.items()})


def read(path: Path) -> Dict[str, Dict[str, np.ndarray]]:
    """Return the groups of a file that :func:`write` has written, by the variables' true names.

    Parameters
    ----------
    path : Path
        netCDF file, of this version or an earlier one.
    """
    import xarray as xr

    groups = ("posterior", "sample_stats", "warmup_sample_stats")
    with xr.open_datatree(path, engine="netcdf4") as tree:
        return {group: _arrays(tree[group].to_dataset().load()) for group in groups if group in tree.children}


def _arrays(dataset: Any) -> Dict[str, np.ndarray]:
    return {
        str(values.attrs.get(TRUE_NAME, unescape(str(name)))): values.values
        for name, values in dataset.data_vars.items()
    }
