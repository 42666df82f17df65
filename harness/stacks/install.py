"""Makes the environments of stacks, each from its lock and nothing else.

Only the standard library is used, so that ``python3 -m nutsbench.stacks.install`` of any Python from 3.8 on
can make the host, the environment that everything else runs in.
"""

import contextlib
import fcntl
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ContextManager, Iterator, Sequence, Tuple

from nutsbench.base import crash
from nutsbench.base.errors import UserError
from nutsbench.base.paths import ROOT, scrub, stacks_dir
from nutsbench.stacks import relocate
from nutsbench.stacks.stack import (
    DEFAULT,
    HOST,
    LOCKS,
    Stack,
    cost_file,
    host,
    installed,
    marker,
    named,
    to_install,
)

UV_LOCK = LOCKS / "uv.txt"
#: ``uv venv --clear`` is not in older ones.
_OLDEST_UV = (0, 8)
_OUT_OF_DATE = "The environment that this command runs in is out of date: `make env` renews it."


def create(stack: Stack) -> None:
    """Make a stack's environment, if it is not ready; its compile cache is kept while its digest is.

    Raises
    ------
    UserError
        If an installer's step fails; it ends with the step's last lines. If it is the
        environment that this very process runs in.
    """
    stack.home.mkdir(parents=True, exist_ok=True)
    with in_use(stack):
        # Whoever measures in it holds it for as long: what is ready is not waited for.
        if stack.ready:
            return
    with _locked(stack, fcntl.LOCK_EX):
        # Of two runs that miss it at once, the second finds what the first one made.
        if not stack.ready and not _put_right(stack):
            if _runs_here(stack):
                raise UserError(_OUT_OF_DATE)
            _create(stack)


def _runs_here(stack: Stack) -> bool:
    return Path(sys.prefix).resolve() == (stack.home / "env").resolve()


def _put_right(stack: Stack) -> bool:
    """Repair an environment that was moved, or whose interpreter was; return whether it is ready then."""
    environment = stack.home / "env"
    if not stack.holds_all or not environment.is_dir():
        return False
    try:
        if relocate.lacks_interpreter(environment):
            _venv(stack, "--allow-existing")
        relocate.put_right(environment, ROOT if stack.name == HOST else None)
    except (UserError, OSError):
        return False  # It is made anew, and what is wrong is said then.
    return stack.ready


def _venv(stack: Stack, option: str) -> None:
    """Make an environment with nothing in it, or (``--allow-existing``) renew what is not packages."""
    words = ["--quiet", "--relocatable", option, "--prompt", stack.name, "--python", _interpreter(stack)]
    _run([_uv(), "venv", *words, str(stack.home / "env")])


def _interpreter(stack: Stack) -> str:
    """Return a Python to make an environment with, where it is found; else a version, which is fetched."""
    for version in stack.pythons:
        for path in _pythons(version):
            if _version(path) == version:
                return path
    return stack.pythons[0]


def _pythons(version: str) -> Iterator[str]:
    """Yield where a version of Python may be: this one, on the path, of pyenv, of conda, of the installer."""
    name = f"python{version}"
    yield getattr(sys, "_base_executable", "") or sys.executable
    found = shutil.which(name)
    if found:
        yield found
    for place in _places():
        yield str(place / "bin" / name)
    done = subprocess.run(
        [_uv(), "python", "find", "--no-python-downloads", version], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    yield done.stdout.strip()


def _places() -> Iterator[Path]:
    """Yield folders that may hold an interpreter, as pyenv, asdf and conda have them."""
    homes = [Path.home()]
    with contextlib.suppress(KeyError):
        # The variable HOME may name another folder than the account does.
        homes.append(Path(pwd.getpwuid(os.getuid()).pw_dir))
    pyenvs = [Path(os.environ["PYENV_ROOT"])] if os.environ.get("PYENV_ROOT") else []
    pyenvs += [Path(one).parent for one in os.get_exec_path() if Path(one).name == "shims"]
    pyenvs += [home / ".pyenv" for home in homes]
    condas = [Path(os.environ[key]) for key in ("CONDA_PREFIX", "MAMBA_ROOT_PREFIX") if os.environ.get(key)]
    condas += [
        home / one for home in homes for one in ("miniconda3", "miniforge3", "mambaforge", "anaconda3")
    ]
    yield from condas
    # This very interpreter may be one of a folder of versions.
    versions = [*(pyenv / "versions" for pyenv in pyenvs), Path(sys.base_prefix).resolve().parent]
    for folder in dict.fromkeys([*versions, *(conda / "envs" for conda in condas)]):
        with contextlib.suppress(OSError):
            yield from sorted(folder.iterdir())


def _version(python: str) -> str:
    """Return the version of a Python, empty if it is none that runs: pyenv has programs that only say so."""
    script = "import sys, venv, ctypes; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [python, "-I", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip()


def in_use(stack: Stack) -> ContextManager[None]:
    """Keep a stack from being made anew while the context lasts."""
    return _locked(stack, fcntl.LOCK_SH)


@contextlib.contextmanager
def _locked(stack: Stack, kind: int) -> Iterator[None]:
    with (stack.home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f"Another command makes or uses {stack.home}: waiting until it ends.",
                file=sys.stderr, flush=True,
            )  # fmt: skip
            fcntl.flock(lock, kind)
        yield


def _create(stack: Stack) -> None:
    begun = time.monotonic()
    wanted = to_install(stack)
    if installed(stack).get("stack") != wanted["stack"]:
        # Modules that another Theano compiled must not be met again.
        for cache in stack.home.glob(f"{stack.compiledir.name}*"):
            shutil.rmtree(cache, ignore_errors=True)
    if marker(stack).exists():
        marker(stack).unlink()
    uv = _uv()
    environment = stack.home / "env"
    _venv(stack, "--clear")
    install = [uv, "pip", "install", "--quiet", "--python", str(stack.python)]
    if stack.name != HOST:
        # It makes importing PyMC3 a second instead of four. Of the host's packages most are never imported.
        install.append("--compile-bytecode")
    if stack.patch is not None:
        install.append("--link-mode=copy")  # A patched file must not be the installer's own copy.
    locked = ["--require-hashes", "--no-deps"] if stack.locked else []
    _run([*install, *locked, "-r", str(stack.requirements)])
    if stack.checkout is not None:
        _run([*install, "--no-deps", "--reinstall", str(stack.checkout)])
    if stack.patch is not None:
        _apply(stack.patch, next(environment.glob("lib/python*/site-packages")))
    if stack.name == HOST:
        editable = ["--no-deps", "--no-build-isolation", "-C", "editable_mode=compat", "-e", str(ROOT)]
        _run([*install, *editable])
        relocate.lead_to(environment, ROOT)
        _link(environment)
    cost_file(stack).write_text(json.dumps({"seconds": round(time.monotonic() - begun, 1)}) + "\n")
    marker(stack).write_text(json.dumps(wanted) + "\n")


def _apply(patch: Path, packages: Path) -> None:
    variables = {**os.environ, "GIT_CEILING_DIRECTORIES": str(packages.parent)}
    try:
        done = subprocess.run(
            ["git", "apply", "-p1", str(patch.resolve())],
            cwd=packages,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except OSError as error:
        raise UserError(f"git could not be run ({error.strerror}); it applies {patch.name}.") from error
    if done.returncode:
        raise UserError(f"{patch.name} does not apply to the stack's packages:\n{done.stdout.strip()}")


def _link(environment: Path) -> None:
    """Let ``.venv`` be the host's environment, where editors and people look for it."""
    link = ROOT / ".venv"
    if link.resolve() == environment.resolve():
        return
    if link.is_symlink():
        link.unlink()
    if not link.exists():
        link.symlink_to(os.path.relpath(environment, ROOT))


def _uv() -> str:
    """Return the installer: the project's own, else the one on the path, else a new one."""
    home = stacks_dir() / "uv"
    own = home / "bin" / "uv"
    # One that a cache has brought from another kind of machine does not run.
    if own.exists() and _uv_version(str(own)) >= _OLDEST_UV:
        return str(own)
    found = shutil.which("uv")
    if found and _uv_version(found) >= _OLDEST_UV:
        return found
    _run([sys.executable, "-m", "venv", "--clear", str(home)])
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    _run([*pip, "--require-hashes", "-r", str(UV_LOCK)])
    return str(own)


def _uv_version(program: str) -> Tuple[int, ...]:
    try:
        done = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=False)
    except OSError:
        return (0,)
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0,)


def _run(command: Sequence[str]) -> None:
    # Another environment's variables would lead the installer astray.
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONHOME")}
    # Outside of the project a version manager may hide the interpreter behind a shim.
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        lines = "\n".join(done.stdout.strip().splitlines()[-12:])
        step = " ".join(Path(word).name if "/" in word else word for word in command[:3])
        raise UserError(f"Making the environment failed at {step!r}:\n{scrub(lines)}")


def main(*options: str) -> int:
    """Create the host where it is missing; the entry of ``python3 -m nutsbench.stacks.install``.

    Parameters
    ----------
    *options : str
        ``--with-stack`` makes the default stack beside it, for a command that is going to sample.
    """
    place = host()
    beside = (named(DEFAULT),) if "--with-stack" in options else ()
    if place.ready:
        _link(place.home / "env")
        return 0
    if place.holds_all and place.is_moved:
        print("The environment was moved: putting it right ...", flush=True)
        if _put_right(place):
            _link(place.home / "env")
            return 0
    if _runs_here(place):
        # Activated, it cannot replace itself: its own base interpreter does.
        base = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
        os.execv(base, [str(base), "-m", "nutsbench.stacks.install", *options])
    print(
        " ".join(["Making the environment", *(f"and that of {one.name}" for one in beside), "..."]),
        flush=True,
    )
    try:
        _uv()  # Once for all.
        with ThreadPoolExecutor() as pool:
            for one in beside:
                # If it fails, whoever needs it tries again, and says why.
                pool.submit(create, one)
            create(place)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except Exception as error:
        print(crash.line(error), file=sys.stderr)
        sys.exit(crash.EXIT_CODE)
