"""Where things lie, and how to write of them without saying where.

Records are shared, so no absolute path and no host name may reach one.
"""

import hashlib
import os
import platform
import re
import sys
from pathlib import Path

from nutsbench.inside.whole import whole

#: This package's folder.
PACKAGE = Path(__file__).resolve().parents[1]
#: The checkout that this package is part of; None where it was installed.
CHECKOUT = PACKAGE.parent if (PACKAGE.parent / "src" / "nutsbench").is_symlink() else None
#: The checkout, else the folder that holds this package.
ROOT = CHECKOUT or PACKAGE.parent
#: The benchmarks for pytest, and the table of releases with its locks.
BENCHMARKS = (CHECKOUT or PACKAGE) / "benchmarks"


def results_dir() -> Path:
    """Return the folder of results: ``NUTSBENCH_RESULTS``, else the checkout's, else the current folder's."""
    return Path(os.environ.get("NUTSBENCH_RESULTS", (CHECKOUT or Path()) / "results")).absolute()


def stacks_dir() -> Path:
    """Return the folder of environments: ``NUTSBENCH_STACKS``, the checkout's, or one in the user's cache."""
    given = os.environ.get("NUTSBENCH_STACKS")
    if given:
        return Path(given).absolute()
    if CHECKOUT is not None:
        return CHECKOUT / ".stacks"
    import platformdirs

    return Path(platformdirs.user_cache_dir("nutsbench"), "stacks")


def importable() -> Path:
    """Return a folder that holds this package and nothing else, for the path of a stack's Python."""
    if CHECKOUT is not None:
        return CHECKOUT / "src"
    place = hashlib.sha256(os.fsencode(PACKAGE)).hexdigest()[:12]
    folder = stacks_dir() / "path" / place
    link = folder / "nutsbench"
    if not link.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{os.getpid()}"
        part.symlink_to(PACKAGE)
        os.replace(part, link)
    return folder


def write_whole(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part, part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


#: An absolute path of two parts or more, up to its last part.
_ABSOLUTE = re.compile(r"(?:(?<![\w.<>:/])|(?<=-[IL]))/(?:[\w.+@~=-]+/)+(?=[\w.<+@~=-])")


def scrub(text: str) -> str:
    """Return ``text`` without absolute paths, host name or user's home.

    Paths into the environment and into the project keep their inner part, so that a
    traceback can still be read; of any other path the last part is left.
    """
    site = re.compile(r"/[^\s'\":,]*/(?:site|dist)-packages/")
    text = site.sub("<packages>/", text)
    for place, name in (
        (str(stacks_dir()), "<stacks>"),
        (str(results_dir()), "<results>"),
        (str(ROOT), "<project>"),
        (sys.base_prefix, "<python>"),
        (str(Path.home()), "<home>"),
    ):
        if place != "/":
            # Whole names alone: a folder's place may begin the name of another.
            text = re.sub(rf"{re.escape(place)}(?![\w+@~-])", name, text)
    text = _ABSOLUTE.sub(".../", text)
    node = platform.node()
    if len(node) > 3:
        text = re.sub(rf"(?<!\w){re.escape(node)}(?!\w)", "<host>", text)
    return text
