"""Names stacks, each an interpreter with a locked set of packages, and finds the one that is meant.

A stack is one of the two that this project pins, or a user's own: a checkout of a
PyMC3 or Theano fork, or a requirements file. Every stack has a folder of its own
with its environment and its Theano compile cache.

Only the standard library is used, as in :mod:`nutsbench.stacks.install`, which makes them.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from nutsbench.base.errors import UserError, unknown
from nutsbench.base.paths import BENCHMARKS, ROOT, stacks_dir
from nutsbench.stacks import relocate, rows
from nutsbench.stacks.rows import Row, newest

LOCKS = Path(__file__).resolve().parent / "locks"
#: A lock for each release of PyMC3, with the packages of its day.
RELEASES = BENCHMARKS / "releases" / "locks"
TABLE, PINNED, NAMES, LATER, DEFAULT = rows.TABLE, rows.PINNED, rows.NAMES, rows.LATER, rows.DEFAULT
INSTALLED = rows.INSTALLED
PYTHON = rows.PYTHON
#: The environment that this program itself runs in, and the interpreters that it can have, best first.
HOST = "host"
HOST_PYTHONS = ("3.12", "3.13", "3.14")
#: Says which stack benchmarks are to measure: a name or a path, or :meth:`Stack.to_text`.
VARIABLE = "NUTSBENCH_STACK"


@dataclass(frozen=True)
class Stack:
    """An interpreter with a locked set of packages around one PyMC3/Theano pair.

    Parameters
    ----------
    name : str
        What records call it.
    home : Path
        Its folder: environment and compile cache.
    requirements : Path
        What is installed: a lock, or the user's file.
    checkout : Path or None
        A PyMC3 or Theano source tree that replaces the lock's.
    locked : bool
        Whether the requirements name every package with its hash, the worker's included.
    pythons : tuple of str
        Versions of Python that its environment can be made with, best first.
    sampler : str
        As of :class:`nutsbench.stacks.rows.Row`.
    """

    name: str
    home: Path
    requirements: Path
    checkout: Optional[Path] = None
    locked: bool = True
    pythons: Tuple[str, ...] = (PYTHON,)
    sampler: str = ""

    @property
    def is_later(self) -> bool:
        """Whether its PyMC is a later one than PyMC3."""
        return "pymc" in self.versions()

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return self.home / "env" / "bin" / "python"

    @property
    def patch(self) -> Optional[Path]:
        """A change to the installed packages that stands beside the lock, for experiments."""
        patch = self.requirements.with_suffix(".patch")
        return patch if patch.is_file() else None

    @property
    def compiledir(self) -> Path:
        """Its Theano compile cache, which survives between runs."""
        return self.home / "compiledir"

    @property
    def has_theano_pymc(self) -> bool:
        """Whether its Theano is the PyMC developers' fork, which spells flags in another way."""
        # Asked of what is installed: a requirements file need not name it.
        packages = self.python.parent.parent.glob("lib/python*/site-packages/*.dist-info")
        return any(path.name.lower().startswith("theano_pymc-") for path in packages)

    @property
    def digest(self) -> str:
        """Digest of all that is installed: a record under it was made by just that."""
        digest = hashlib.sha256(self.requirements.read_bytes())
        if self.patch is not None:
            digest.update(self.patch.read_bytes())
        if self.checkout is not None:
            for path in _source_files(self.checkout):
                digest.update(str(path.relative_to(self.checkout)).encode())
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    @property
    def ready(self) -> bool:
        """Whether its environment exists, holds what it should, and lies where its programs say."""
        return self.python.exists() and self.holds_all and not self.is_moved

    @property
    def holds_all(self) -> bool:
        """Whether all is installed in its environment that should be, and nothing else."""
        return installed(self) == to_install(self)

    @property
    def is_moved(self) -> bool:
        """Whether its environment was made in another place, or its interpreter is gone."""
        return relocate.is_moved(self.home / "env", ROOT if self.name == HOST else None)

    def to_text(self) -> str:
        """Return the stack as a value of the environment variable :data:`VARIABLE`."""
        known = {"name": self.name, "home": str(self.home), "requirements": str(self.requirements)}
        checkout = str(self.checkout) if self.checkout else None
        more = {"pythons": self.pythons, "sampler": self.sampler}
        return json.dumps({**known, "checkout": checkout, "locked": self.locked, **more})

    @classmethod
    def from_text(cls, text: str) -> "Stack":
        """Make a stack of :meth:`to_text`."""
        known = json.loads(text)
        home, requirements = Path(known["home"]), Path(known["requirements"])
        checkout = Path(known["checkout"]) if known["checkout"] else None
        pythons, sampler = tuple(known.get("pythons", (PYTHON,))), known.get("sampler", "")
        return cls(known["name"], home, requirements, checkout, known["locked"], pythons, sampler)

    def versions(self) -> Dict[str, str]:
        """Return the locked versions of PyMC, of what it stands on, its samplers, ArviZ and NumPy."""
        pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", self.requirements.read_text(), re.MULTILINE))
        found = {name.lower(): version for name, version in pins.items()}
        theano = found.get("theano-pymc", found.get("theano"))
        versions = {"pymc3": found.get("pymc3"), "theano": theano}
        names = ("pymc", "aesara", "pytensor", "nutpie", "numpyro", "blackjax", "jax", "numba")
        versions.update({name: found.get(name) for name in (*names, "arviz", "numpy")})
        return {name: version for name, version in versions.items() if version}


def marker(stack: Stack) -> Path:
    """Return the file that says what an environment holds; it exists when all of it is installed."""
    return stack.home / "installed.json"


def installed(stack: Stack) -> Dict[str, str]:
    """Return what a stack's environment holds; nothing where there is none."""
    try:
        known = dict(json.loads(marker(stack).read_text()))
    except (OSError, ValueError):
        return {}
    # Those that were made when this program was a guest in a stack say so of each stack.
    return {name: value for name, value in known.items() if value}


def to_install(stack: Stack) -> Dict[str, str]:
    """Return what an up-to-date environment holds."""
    # The program's package had another name once: an environment of then has a command that does not start.
    return {"stack": stack.digest, **({"package": "nutsbench"} if stack.name == HOST else {})}


def _source_files(checkout: Path) -> List[Path]:
    kinds = {".py", ".c", ".h", ".cfg", ".toml", ".txt", ".pyx"}
    skipped = {".git", "build", "dist", "__pycache__", ".stacks", ".venv"}
    return sorted(
        path
        for path in checkout.rglob("*")
        if path.suffix in kinds
        and path.is_file()
        and not skipped.intersection(path.relative_to(checkout).parts)
        and not any(part.endswith(".egg-info") for part in path.parts)
    )


def releases() -> Tuple[str, ...]:
    """Return the names of the stacks of PyMC3's releases, oldest first: ``release-3.8`` and so on.

    They are PyMC3 with the packages of its day; ``pymc3-3.8`` is the tutorial's stack.
    """

    def version(name: str) -> Tuple[int, ...]:
        return tuple(int(part) for part in name[len("release-") :].split("."))

    return tuple(sorted((path.stem for path in RELEASES.glob("release-*.txt")), key=version))


def named(name: str) -> Stack:
    """Return one of the stacks that this project pins, those of the releases included."""
    row = next((row for row in TABLE if row.name == name), Row(name, ""))
    folder, packages = LOCKS if name in PINNED else RELEASES, row.packages_of or name
    lock = folder / f"{packages}.txt"
    return Stack(name, stacks_dir() / packages, lock, pythons=row.pythons, sampler=row.sampler)


def host() -> Stack:
    """Return the environment that this program itself runs in, which is made as stacks are."""
    return Stack(HOST, stacks_dir() / HOST, LOCKS / "host.txt", pythons=HOST_PYTHONS)


def current() -> Stack:
    """Return the stack that benchmarks of this process measure: :data:`VARIABLE`, else the default one.

    Raises
    ------
    UserError
        If there is no such stack.
    """
    text = os.environ.get(VARIABLE) or DEFAULT
    return Stack.from_text(text) if text.startswith("{") else resolve(text)


def of_commit(folder: Path, name: str) -> Stack:
    """Return the stack that a checked-out commit asks for.

    Parameters
    ----------
    folder : Path
        A commit of this project, of a history of releases, or of PyMC3 or Theano.
    name : str
        Name of the stack, where the commit is this project's.

    Returns
    -------
    Stack
        The pinned one where it is the same; else one with a folder of its own, which
        keeps the commit's lock, so that it outlives the checkout.
    """
    # Earlier commits of this project have their locks one folder higher up.
    places = ("harness/stacks/locks", "harness/stacks")
    locks = [folder / place / f"{name}.txt" for place in places]
    lock = next((one for one in locks if one.is_file()), folder / "requirements.txt")
    if not lock.is_file() or (folder / "setup.py").is_file():
        found = resolve(str(folder))
        own = f"{named(_base_of(folder)).name}-{found.digest[:8]}"
        return Stack(own, stacks_dir() / own, found.requirements, found.checkout)
    return unpack(pack(Stack(name, folder, lock)))


def pack(stack: Stack) -> Dict[str, Any]:
    """Return what a stack's environment can be made of again, ready for JSON; not of a checkout."""
    return {
        "name": stack.name,
        "requirements": stack.requirements.read_text(),
        "patch": stack.patch.read_text() if stack.patch is not None else None,
        "locked": stack.locked,
    }


def unpack(packed: Mapping[str, Any]) -> Stack:
    """Return the stack of what :func:`pack` gave: the pinned one where it is the same, else one of its own.

    Parameters
    ----------
    packed : dict
        Name, text of the requirements, text of the patch or None, and whether they are a lock.
    """
    texts = {".txt": packed["requirements"], ".patch": packed["patch"]}
    digest = hashlib.sha256("".join(text or "" for text in texts.values()).encode()).hexdigest()[:16]
    # Two may have the same packages, and sample in another way.
    for pinned in map(named, sorted((*PINNED, *releases()), key=lambda name: name != packed["name"])):
        if pinned.digest == digest:
            return pinned
    name = f"{packed['name']}-{digest[:8]}"
    home = stacks_dir() / name
    home.mkdir(parents=True, exist_ok=True)
    for suffix, text in texts.items():
        if text is not None:
            (home / f"requirements{suffix}").write_text(text)
    return Stack(name, home, home / "requirements.txt", locked=packed["locked"])


def resolve(text: str) -> Stack:
    """Return the stack of a name, or of a path to a checkout or a requirements file.

    Raises
    ------
    UserError
        If it is neither, or the checkout holds neither PyMC3 nor Theano.
    """
    if text in (*PINNED, *releases()):
        return named(text)
    if newest(text):
        return named(newest(text))
    path = Path(text).expanduser()
    if not path.exists():
        raise unknown("stack", text, (*PINNED, *releases()))
    path = path.resolve()
    place = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    # Two checkouts may have folders of one name, and one may be called like a pinned stack.
    name = re.sub(r"[^\w.-]", "-", path.stem if path.is_file() else path.name) + f"-{place[:4]}"
    if path.is_file():
        return Stack(name, stacks_dir() / name, path, locked=False, pythons=_pythons_for(path))
    base = named(_base_of(path))
    return replace(base, name=name, home=stacks_dir() / name, checkout=path)


def of_pymc3(text: str) -> Stack:
    """Return the stack of :func:`resolve`, for what is done with PyMC3 alone.

    Raises
    ------
    UserError
        If there is no such stack, or it has a later PyMC.
    """
    found = resolve(text)
    if found.is_later:
        raise UserError(
            f"{found.name} has a later PyMC, and this looks into PyMC3 itself. What moving to it gives:"
            f" nutsbench migrate --to {text}."
        )
    return found


def _pythons_for(requirements: Path) -> Tuple[str, ...]:
    """Return the Pythons that a requirements file can be installed with, best first."""
    pinned = re.search(r"^pymc==(\d+)\.(\d+)", requirements.read_text(errors="replace"), re.MULTILINE)
    is_new = pinned is not None and (int(pinned[1]), int(pinned[2])) > rows.LAST_ON_OLD_PYTHON
    return rows.NOW if is_new else (PYTHON,)


def _base_of(checkout: Path) -> str:
    """Name the pinned stack that a checkout is installed over: the one of its Theano."""
    version_file = checkout / "pymc3" / "__init__.py"
    if version_file.is_file():
        found = re.search(r"__version__ = [\"']((\d+\.\d+)[\w.]*)", version_file.read_text())
        version, minor = (found[1], found[2]) if found else ("of no version that can be read", "none")
        alike = [name for name in releases() if f"{name}.".startswith(f"release-{minor}.")]
        pinned = {named(name).versions().get("pymc3"): name for name in NAMES}
        # The lock of that very release, best the one that this project pins; else of one like it.
        choices = [pinned.get(version), f"release-{version}", f"pymc3-{minor}", *alike[-1:]]
        for name in choices:
            if name in (*NAMES, *alike):
                return str(name)
        raise UserError(
            f"{checkout.name!r} is PyMC3 {version}, and there are locked packages for 3.8 to 3.11 only."
            " Write a requirements file with the packages of its day that ends with the path of the"
            " checkout, and give that as the stack."
        )
    for package, row in rows.CHECKOUTS:
        if (checkout / package / "__init__.py").is_file():
            return row(checkout)
    if (checkout / "theano" / "__init__.py").is_file():
        setup = checkout / "setup.py"
        is_fork = setup.is_file() and "theano-pymc" in setup.read_text(errors="replace").lower()
        theano = re.compile(rf"^theano{'-pymc' if is_fork else ''}==", re.MULTILINE | re.IGNORECASE)
        return next(name for name in NAMES if theano.search(named(name).requirements.read_text()))
    raise UserError(
        f"{checkout.name!r} is neither a checkout of PyMC3 nor of Theano: it has no pymc3/__init__.py and no"
        f" theano/__init__.py. Of later ones {rows.KNOWN_CHECKOUTS} are known."
    )


def describe() -> List[Dict[str, Any]]:
    """Return name, versions, readiness and size of the pinned stacks, ready for JSON."""
    return [
        {
            "name": stack.name,
            "versions": stack.versions(),
            "ready": stack.ready,
            "digest": stack.digest,
            "bytes": _bytes(stack.home / "env") if stack.ready else None,
            "made_s": _made_s(stack),
        }
        for stack in map(named, PINNED)
    ]


def cost_file(stack: Stack) -> Path:
    """Return the file that says how many seconds it took to make an environment."""
    return stack.home / "made.json"


def _made_s(stack: Stack) -> Optional[float]:
    try:
        return float(json.loads(cost_file(stack).read_text())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _bytes(folder: Path) -> int:
    """Return what a folder takes, each file once."""
    seen = {(one.st_dev, one.st_ino): one.st_size for one in (path.lstat() for path in folder.rglob("*"))}
    return sum(seen.values())
