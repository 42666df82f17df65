"""Writes files whole or not at all: who looks at one finds what it was before, or all that it is to be."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Iterator


@contextlib.contextmanager
def whole(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """Yield a place beside a file, and put what was written there in the file's place when the context ends.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    mode : int
        Its permissions.

    Yields
    ------
    Path
        An empty file, gone again where the context is left by an error.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=str(path.parent), prefix=f".{path.stem}-", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(mode)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        raise
