"""What is compared: a stack, a checkout, a requirements file, or a revision of this repository."""

import difflib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

from nutsbench import models
from nutsbench.base.errors import UserError, unknown
from nutsbench.base.paths import CHECKOUT, stacks_dir
from nutsbench.stacks import environment, rows, stack
from nutsbench.stacks.stack import Stack


@dataclass(frozen=True)
class Arm:
    """One side of a comparison.

    Parameters
    ----------
    role : str
        ``BASE`` or ``HEAD``.
    text : str
        What the user called it.
    stack : Stack
        Where it runs.
    source : Path or None
        Of a revision of this repository, where its files are.
    variables : dict of str
        Environment variables that its processes get on top.
    code : Path or None
        Of a revision whose own code is to be run, where that is; else the working tree's is.
    """

    role: str
    text: str
    stack: Stack
    source: Optional[Path] = None
    variables: Mapping[str, str] = field(default_factory=dict)
    code: Optional[Path] = None

    @property
    def name(self) -> str:
        """What the user called it; of a path the last part, since what is kept holds no paths."""
        path = existing(self.text)
        return self.text if path is None else path.resolve().name

    @property
    def label(self) -> str:
        """Role and name, for messages."""
        return f"{self.role} ({self.name})"

    @property
    def what(self) -> str:
        """What it is, in versions: ``PyMC3 3.11.6, Theano 1.1.2``."""
        versions = self.stack.versions()
        names = {"pymc3": "PyMC3", "theano": "Theano"}
        known = [f"{names[name]} {versions[name]}" for name in names if name in versions]
        checkout = [f"checkout {self.stack.checkout.name}"] if self.stack.checkout else []
        patched = ["patched"] if self.stack.patch else []
        return ", ".join([*checkout, *known, *patched]) or self.stack.name

    def to_dict(self) -> Dict[str, str]:
        """Return the arm, ready for JSON."""
        return {"name": self.name, "what": self.what, "digest": self.stack.digest}


def resolve(role: str, text: str, stack_name: str) -> Arm:
    """Return the arm that a name, a path or a revision stands for.

    Parameters
    ----------
    role : str
        ``BASE`` or ``HEAD``.
    text : str
        A stack's name, a path, or a revision of this repository.
    stack_name : str
        Of a revision, which of its stacks.

    Raises
    ------
    UserError
        If it is none of them.
    """
    names = (*stack.NAMES, *stack.releases())
    if text in names or rows.newest(text) or existing(text) is not None:
        return Arm(role, text, stack.of_pymc3(text))
    commit = _commit(text)
    if commit is None:
        raise _unknown(text, names)
    source = stacks_dir() / "revisions" / commit[:12]
    if not source.is_dir():
        _export(commit, source)
    return Arm(role, text, stack.of_commit(source, stack_name), source)


def existing(text: str) -> Optional[Path]:
    """Return the path that a word of the command line names, ``None`` if nothing is there."""
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (RuntimeError, OSError):  # No such user; a name that is too long.
        return None


def _unknown(text: str, names: Sequence[str]) -> UserError:
    """Return the error for what is neither a stack nor a path, nor a revision as far as can be told."""
    why = _no_revisions()
    if not why:
        return unknown("stack, path or revision", text, names)
    near = difflib.get_close_matches(text, names, n=1, cutoff=0.5)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    return UserError(
        f"There is no stack and no path {text!r}, and it cannot be a revision: {why}.{guess} What can be"
        f" compared: stacks ({', '.join(stack.NAMES)}, {stack.releases()[0]} to {stack.releases()[-1]}),"
        " folders of a PyMC3 or Theano checkout, requirements files, results folders and files of records."
    )


def _no_revisions() -> str:
    """Return why a revision may not be found here, empty if it would be."""
    if shutil.which("git") is None:
        return "git is not installed"
    if environment.commit(CHECKOUT)["commit"] is None:
        said = _git("rev-parse", "HEAD").stderr.decode(errors="replace").strip().splitlines()
        # An owner that git does not trust, say.
        refused = CHECKOUT is not None and (CHECKOUT / ".git").exists() and said
        return (
            f"git cannot read this checkout ({said[0]})"
            if refused
            else "this is no git checkout of nutsbench"
        )
    if _git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        return "this clone holds no more than its last commits (`git fetch --unshallow` gets the others)"
    return ""


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["git", "-C", str(CHECKOUT), *arguments], capture_output=True, check=False)


def _commit(text: str) -> Optional[str]:
    if text.startswith("-") or shutil.which("git") is None or environment.commit(CHECKOUT)["commit"] is None:
        return None
    done = _git("rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def commit_of(role: str, text: str) -> str:
    """Return the hash of a revision of this repository.

    Parameters
    ----------
    role : str
        BASE or HEAD, for the message.
    text : str
        Branch, tag, hash or any other name that git knows.

    Raises
    ------
    UserError
        If it is none, or this is no git checkout.
    """
    found = _commit(text)
    if found is None:
        why = _no_revisions()
        raise UserError(f"{role} {text!r} is no revision of this repository{f': {why}' if why else ''}.")
    return found


def _export(commit: str, folder: Path) -> None:
    """Write a commit's files to a folder, whole or not at all."""
    # `src` is where the packages are found by their name; earlier commits have none.
    folders = ["harness", "models", *(["src"] if _git("ls-tree", commit, "src").stdout else [])]
    done = _git("archive", "--format=tar", commit, *folders)
    if done.returncode:
        raise UserError(f"{commit[:8]} is no revision of nutsbench: {done.stderr.decode().strip()}.")
    part = folder.with_name(f"{folder.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(part, filter="data")
    part.replace(folder)


def other_models(arm: Arm, names: Sequence[str], digests: Dict[str, str]) -> List[str]:
    """Return the models that an arm defines in another way than the working tree, which is what is run.

    Parameters
    ----------
    arm : Arm
        The arm; only a revision of this repository has models of its own.
    names : sequence of str
        Models.
    digests : dict of str
        By model, the digest of its definition and data in the working tree.
    """
    if arm.source is None:
        return []
    # Once the packages had names of their own.
    named = (arm.source / "src" / "nutsbench").exists()
    script = (
        f"import json\n{'from nutsbench ' if named else ''}import models\n"
        "print(json.dumps({name: models.model_digest(models.get(name)) for name in models.names()}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=arm.source, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(arm.source / "src" if named else arm.source)},
    )  # fmt: skip
    if done.returncode:
        raise UserError(f"The models of {arm.label} cannot be read: {done.stderr.decode().strip()[-300:]}")
    theirs = json.loads(done.stdout)
    # The user's own models are no part of any revision: both arms are given the same file.
    ours = [name for name in names if models.get(name).build.__module__.startswith("nutsbench.models.")]
    return [name for name in ours if theirs.get(name) != digests[name]]
