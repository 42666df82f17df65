"""Writes files whole or not at all: who looks at one finds what it was before, or all that it is to be."""

import contextlib
import uuid
from pathlib import Path
from typing import Iterator, Optional


@contextlib.contextmanager
def whole(path: Path, mode: Optional[int] = None) -> Iterator[Path]:
    """Yield a place beside a file, and put what was written there in the file's place when the context ends.

    Parameters
    ----------
    path : Path
        The file.
    mode : int, optional
        Its permissions; as the process makes files, if not given.

    Yields
    ------
    Path
        Where nothing is yet, and nothing is left where the context is left by an error.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    part = path.with_name(f".{path.stem}-{uuid.uuid4().hex}.part")
    try:
        yield part
        if mode is not None:
            part.chmod(mode)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
