"""What git says of a folder."""

import subprocess
from pathlib import Path
from typing import Optional


def says(folder: Path, *arguments: str) -> Optional[str]:
    """Return what a git command prints in a folder, without blanks around it.

    Parameters
    ----------
    folder : Path
        Where it is asked.
    *arguments : str
        The command and its arguments.

    Returns
    -------
    str or None
        ``None`` if there is no git, or it fails.
    """
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
