"""A fault of this program: kept in a file, said in a line, and never mistaken for an answer.

Standard library only: what is broken may be anything else.
"""

import sys
import tempfile
import traceback
from pathlib import Path

#: EX_SOFTWARE of sysexits.h: 1 would say that something is slower, or that cells have failed.
EXIT_CODE = 70
_PACKAGE = Path(__file__).resolve().parents[1]


def line(error: BaseException) -> str:
    """Keep the traceback of a fault in the folder of temporary files, and return what to say of it."""
    frames = traceback.extract_tb(error.__traceback__)
    # A library's own line says less than the one of ours that called it.
    own = [frame for frame in frames if _PACKAGE in Path(frame.filename).resolve().parents] or frames
    place = f" in {Path(own[-1].filename).name}, line {own[-1].lineno}" if own else ""
    first = next(iter(str(error).strip().splitlines()), "")[:200]
    what = f"{type(error).__name__}{': ' if first else ''}{first}"
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return f"Error: nutsbench itself has failed{place} ({what}). {_kept(text)}"


def _kept(text: str) -> str:
    head = f"nutsbench {' '.join(sys.argv[1:])}\nPython {sys.version}\n\n"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="nutsbench-", suffix=".traceback", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(head + text)
    except OSError:
        return f"Its traceback could not be kept:\n{text}"
    return f"Please report it, with its traceback: {file.name}"
