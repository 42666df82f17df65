"""What each PyMC has by name: read off the packages themselves by :mod:`nutsbench.dialect.installed`."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, FrozenSet, List, Mapping, Optional, Tuple

_FOLDER = Path(__file__).resolve().parent / "names"
#: What Theano is called since PyMC 5; what it was called between is Aesara.
LAST_TENSORS = "pytensor"
#: What models are written for.
BEFORE = "pymc3-3.11"
#: What every distribution takes beside its own parameters, and what PyMC3's own were called that are gone.
_OF_ALL = frozenset(
    (
        "name", "observed", "dims", "shape", "size", "initval", "transform", "default_transform",
        "total_size", "rng", "dtype",
    )
)  # fmt: skip


class DialectError(Exception):
    """A file cannot be read, or not be changed; the message says why."""


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

    def was(self, path: str) -> str:
        """Return a path below what the tensor library has been called in the end, as the tables have it."""
        root, dot, rest = path.partition(".")
        return f"{LAST_TENSORS if root == self.tensors else root}{dot}{rest}"

    def now(self, path: str) -> str:
        """Return a path of the tables below what the tensor library is called here."""
        root, dot, rest = path.partition(".")
        return f"{self.tensors if root == LAST_TENSORS else root}{dot}{rest}"


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
    OSError
        If there is no such.
    """
    return from_dict(name, json.loads((_FOLDER / f"{name}.json").read_text()))


def from_dict(name: str, content: Mapping[str, Any]) -> Names:
    """Return the names of a PyMC, as :func:`nutsbench.dialect.installed.read` has read them.

    Parameters
    ----------
    name : str
        What it is called here.
    content : dict
        As in the files.
    """
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
