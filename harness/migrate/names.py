"""What each PyMC has by name: read off the packages themselves by ``benchmarks/studies/names_of_pymc.py``."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

from nutsbench.base.errors import unknown

_FOLDER = Path(__file__).resolve().parent / "names"
#: What models are written for.
BEFORE = "pymc3-3.11"
#: What every distribution takes beside its own parameters, and what PyMC3's own were called that are gone.
_OF_ALL = frozenset(
    (
        "name", "observed", "dims", "shape", "size", "initval", "transform", "default_transform",
        "total_size", "rng", "dtype",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Parameters:
    """What a distribution takes after its name.

    Parameters
    ----------
    positional : tuple of str
        In order.
    keywords : frozenset of str
        By keyword alone.
    is_open : bool
        Whether it passes on whatever it is given, so that nothing can be told.
    """

    positional: Tuple[str, ...]
    keywords: FrozenSet[str]
    is_open: bool

    def takes(self, keyword: str) -> bool:
        """Return whether a keyword can be given."""
        return self.is_open or keyword in self.keywords or keyword in (*self.positional, *_OF_ALL)


@dataclass(frozen=True)
class Names:
    """All names of one PyMC and of the tensor library under it.

    Parameters
    ----------
    name : str
        As the command line has it.
    pymc, tensors : str
        What the two packages are called.
    version : str
        Of PyMC.
    names : dict of frozenset
        By module, what is in it.
    parameters : dict of Parameters
        By distribution.
    """

    name: str
    pymc: str
    tensors: str
    version: str
    names: Mapping[str, FrozenSet[str]]
    parameters: Mapping[str, Parameters]

    def has(self, path: str) -> Optional[bool]:
        """Return whether a dotted path leads somewhere; None below what was read, where it cannot be told."""
        if path in self.names:
            return True
        module, _, last = path.rpartition(".")
        if module not in self.names:
            return None
        return last in self.names[module]


def choices() -> List[str]:
    """Return what models can be moved to."""
    return sorted(path.stem for path in _FOLDER.glob("*.json") if path.stem != BEFORE)


@lru_cache(maxsize=None)
def load(name: str) -> Names:
    """Return the names of a PyMC.

    Parameters
    ----------
    name : str
        One of :func:`choices`, or :data:`BEFORE`.

    Raises
    ------
    UserError
        If there is no such.
    """
    path = _FOLDER / f"{name}.json"
    if name != BEFORE and name not in choices():
        raise unknown("PyMC to move to", name, choices())
    content: Dict[str, Any] = json.loads(path.read_text())
    return Names(
        name,
        content["pymc"],
        content["tensors"],
        content["versions"][content["pymc"]],
        {module: frozenset(found) for module, found in content["names"].items()},
        {
            one: Parameters(tuple(found["positional"]), frozenset(found["keywords"]), found["open"])
            for one, found in content["parameters"].items()
        },
    )
