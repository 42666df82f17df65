"""The table of stacks that are pinned: a row each."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Tuple

from nutsbench.base.errors import UserError

#: The one interpreter that runs every PyMC3 release from 3.7 to 3.11.6.
PYTHON = "3.8"
#: Those of the last PyMC.
NOW = ("3.12", "3.13", "3.14")


@dataclass(frozen=True)
class Row:
    """A stack that this project pins; its lock is ``locks/NAME.txt``, made of ``locks/NAME.in``.

    Parameters
    ----------
    name : str
        What records call it.
    says : str
        What it is there for.
    pythons : tuple of str
        Versions of Python that its environment can be made with, best first.
    sampler : str
        Which sampler ``pm.sample`` is asked for, empty for what it takes by itself; after a space, how it
        runs chains.
    packages_of : str
        The row whose environment it has; empty for one of its own.
    released : str
        The day of its PyMC, where it is sampled by PyMC's own NUTS: it has a place in a history.
    """

    name: str
    says: str
    pythons: Tuple[str, ...] = (PYTHON,)
    sampler: str = ""
    packages_of: str = ""
    released: str = ""


#: Every stack that is pinned; the first is what is measured where none is asked for.
TABLE = (
    Row("pymc3-3.8", "the tutorial's own versions", released="2019-11-29"),
    Row("pymc3-3.11", "the last PyMC3, with the Theano of its developers", released="2024-05-31"),
    # Later PyMCs and samplers, oldest first: what users of PyMC3 may move to.
    Row("pymc-4.0.1", "the first PyMC 4, on Aesara", released="2022-06-20"),
    Row("pymc-4.1.0", "the first whose trees sum momenta in a copy", released="2022-07-03"),
    Row("pymc-5.6.1", "the last PyMC 5 of a Python of PyMC3's days, on PyTensor", released="2023-07-14"),
    Row("pymc-5.28", "the last PyMC 5", ("3.12", "3.13"), released="2026-05-01"),
    Row("pymc-6.4", "PyMC 6, on Numba", NOW, released="2026-11-01"),
    Row("pymc-6.4+nutpie", "the same; it takes nutpie by itself where that is installed", NOW),
    Row("pymc-6.4+numpyro", "the same, sampled by NumPyro, on JAX", NOW, "numpyro"),
    Row("pymc-6.4+blackjax", "the same, sampled by BlackJAX, on JAX", NOW, "blackjax"),
    Row(
        "pymc-6.4+numpyro-vectorized",
        "NumPyro with all chains in one vector, as on a GPU: each waits for the slowest",
        NOW,
        "numpyro vectorized",
        "pymc-6.4+numpyro",
    ),
)
PINNED = tuple(row.name for row in TABLE)
#: Those that have an environment of their own.
INSTALLED = tuple(row.name for row in TABLE if not row.packages_of)
#: Those of PyMC3, and those of later ones.
NAMES = tuple(name for name in PINNED if name.startswith("pymc3-"))
LATER = tuple(name for name in PINNED if name not in NAMES)
DEFAULT = NAMES[0]
#: The last PyMC that runs on :data:`PYTHON`.
LAST_ON_OLD_PYTHON = (5, 6)


def newest(text: str) -> str:
    """Return the newest pinned stack of a name whose version is not given in full, empty if there is none.

    ``pymc-6`` is ``pymc-6.4``, and ``pymc-6+nutpie`` is ``pymc-6.4+nutpie``.
    """
    version, plus, sampler = text.partition("+")
    alike = [
        name
        for name in PINNED
        if name.partition("+")[1:] == (plus, sampler)
        and f"{name.partition('+')[0]}.".startswith(f"{version}.")
    ]
    return alike[-1] if alike else ""


def _of_pymc(checkout: Path) -> str:
    """Return the row for a checkout of PyMC 4 or later: by the tensor library that it asks for."""
    files = [checkout / name for name in ("requirements.txt", "pyproject.toml", "setup.py")]
    asked = "\n".join(path.read_text(errors="replace") for path in files if path.is_file())
    found = re.search(r"pytensor\s*[>=~]=\s*(\d+)", asked)
    if found:
        return newest("pymc-6" if int(found[1]) >= 3 else "pymc-5")
    return newest("pymc-4")


def _of_nutpie(checkout: Path) -> str:
    """Return the row for a checkout of nutpie, which has to be built."""
    if shutil.which("cargo") is None:
        raise UserError(
            f"{checkout.name!r} is a checkout of nutpie, which is written in Rust, and there is no cargo to"
            " build it: install Rust (rustup), or take the stack pymc-6+nutpie."
        )
    return newest("pymc-6+nutpie")


#: What a checkout of something later may hold, and which row it is installed over.
CHECKOUTS: Tuple[Tuple[str, Callable[[Path], str]], ...] = (
    ("pymc", _of_pymc),
    ("pytensor", lambda _: newest("pymc-6")),
    ("python/nutpie", _of_nutpie),
    ("numpyro", lambda _: newest("pymc-6+numpyro")),
    ("blackjax", lambda _: newest("pymc-6+blackjax")),
)
KNOWN_CHECKOUTS = "PyMC, PyTensor, nutpie, NumPyro and BlackJAX"
