"""The history of PyMC3's releases, as a git repository that asv can walk.

One commit and one tag a release, dated as the release was. A commit holds nothing but
the release's lock: the packages of its day, each with its hash. Authors, dates and texts
are fixed, so the commits have the same hashes wherever the history is made, and results
that were published can be found again.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from nutsbench.base.errors import UserError, unknown
from nutsbench.base.paths import BENCHMARKS, stacks_dir
from nutsbench.stacks.stack import RELEASES, Stack, named

#: What there is to say of each release; its lock lies beside it.
TABLE = BENCHMARKS / "releases" / "releases.json"
#: asv's configuration of the history.
CONFIGURATION = BENCHMARKS / "releases" / "asv.conf.json"
_NOBODY = {"NAME": "nutsbench", "EMAIL": "nutsbench@example.invalid"}


@dataclass(frozen=True)
class Release:
    """One release of PyMC3.

    Parameters
    ----------
    version : str
        Its version.
    released : str
        Its day, as YYYY-MM-DD.
    packages_of : str
        The day that its lock was resolved as of.
    note : str
        What is odd about it; empty for most.
    """

    version: str
    released: str
    packages_of: str
    note: str = ""

    @property
    def lock(self) -> Path:
        """Its lock."""
        return RELEASES / f"release-{self.version}.txt"

    @property
    def tag(self) -> str:
        """Its tag in the history."""
        return f"v{self.version}"

    @property
    def stack(self) -> Stack:
        """Its stack."""
        return named(f"release-{self.version}")


def releases() -> List[Release]:
    """Return every release that there is a lock of, oldest first."""
    return [Release(**row) for row in json.loads(TABLE.read_text())]


def select(versions: Sequence[str]) -> List[Release]:
    """Return the releases of these versions, or all of them for none.

    Raises
    ------
    UserError
        If there is no release of a version.
    """
    known = {release.version: release for release in releases()}
    plain = [version[1:] if version.startswith("v") else version for version in versions]
    for version in plain:
        if version not in known:
            raise unknown("release", version, known)
    return [known[version] for version in plain] if plain else list(known.values())


def history_dir() -> Path:
    """Return where the history is made."""
    return stacks_dir() / "releases"


def make_history(folder: Optional[Path] = None) -> Dict[str, str]:
    """Make the history, or add to it what it lacks, and return the commit of each version.

    Parameters
    ----------
    folder : Path, optional
        Where; :func:`history_dir` if not given.

    Raises
    ------
    UserError
        If git is missing or fails, or the folder holds another history.
    """
    folder = folder or history_dir()
    if not (folder / ".git").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _git(folder, "init", "--quiet")
        _git(folder, "symbolic-ref", "HEAD", "refs/heads/releases")
        _git(folder, "config", "core.autocrlf", "false")
    commits: Dict[str, str] = {}
    for release in releases():
        found = _git(folder, "tag", "--list", release.tag)
        if not found:
            _commit(folder, release)
        commits[release.version] = _git(folder, "rev-parse", f"{release.tag}^{{commit}}")
        held = _git(folder, "show", f"{release.tag}:requirements.txt")
        if held != release.lock.read_text().strip():
            raise UserError(
                f"The history has another lock of {release.version} than the project: remove the folder"
                f" {folder.name!r} in the folder of stacks, and make it again."
            )
    return commits


def _commit(folder: Path, release: Release) -> None:
    (folder / "requirements.txt").write_text(release.lock.read_text())
    _git(folder, "add", "requirements.txt")
    date = {f"GIT_{who}_DATE": f"{release.released}T12:00:00+0000" for who in ("AUTHOR", "COMMITTER")}
    text = f"PyMC3 {release.version}"
    _git(folder, "commit", "--quiet", "--allow-empty", "--no-gpg-sign", "-m", text, variables=date)
    _git(folder, "tag", release.tag)


def _git(folder: Path, *arguments: str, variables: Optional[Dict[str, str]] = None) -> str:
    people = {f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in _NOBODY.items()}
    # Of the user's own configuration nothing may get into a commit.
    plain = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**own, **people, **plain, **(variables or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise UserError(
            f"git could not be run ({error.strerror}); it keeps the history of releases."
        ) from error
    if done.returncode:
        raise UserError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()
