"""The arrays that a stack hands out: one file, plain numbers, the names beside them.

Variables may be called anything, and a zip file's entries may not; so arrays are numbered, and the names
go with the answer. Nothing is pickled: what another interpreter wrote is read as numbers or not at all.
"""

from pathlib import Path
from typing import Dict, List, Mapping

import numpy as np

from nutsbench.inside.whole import whole

#: Names of the arrays of each group, in the order of their numbers.
Names = Dict[str, List[str]]
Groups = Mapping[str, Mapping[str, np.ndarray]]


def write(groups: Groups, path: Path) -> Names:
    """Write groups of arrays, whole or not at all.

    Parameters
    ----------
    groups : dict of dict of ndarray
        By group, by variable.
    path : Path
        The file, which ends with ``.npz``.

    Returns
    -------
    dict of list of str
        What :func:`read` needs to give them their names.

    Raises
    ------
    OSError
        If it cannot be written.
    TypeError
        If an array holds objects.
    """
    numbered = {}
    for group, arrays in groups.items():
        for number, (name, values) in enumerate(arrays.items()):
            if values.dtype.hasobject:
                raise TypeError(f"the draws of {name} are no numbers but objects")
            numbered[f"{group}.{number}"] = values
    with whole(path) as part, part.open("wb") as file:
        np.savez(file, **numbered)  # type: ignore[arg-type]
    return {group: list(arrays) for group, arrays in groups.items()}


def read(path: Path, names: Mapping[str, List[str]]) -> Dict[str, Dict[str, np.ndarray]]:
    """Return what :func:`write` wrote.

    Parameters
    ----------
    path : Path
        The file.
    names : dict of list of str
        What :func:`write` returned.

    Raises
    ------
    OSError, ValueError, KeyError
        If the file is not what was written.
    """
    with np.load(path, allow_pickle=False) as file:
        return {
            group: {name: file[f"{group}.{number}"] for number, name in enumerate(of_group)}
            for group, of_group in names.items()
        }
