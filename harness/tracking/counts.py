"""Asks for the instructions of a model's core: starts the processes that count them, and talks to these.

The processes (:mod:`harness.instructions`) are started by the first benchmark that needs them and serve
those that follow; they end with asv's own.
"""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import models
from harness import callgrind, paths
from harness.errors import UserError
from harness.stack import running

_START_S, _ANSWER_S = 600.0, 900.0
_SOURCE = Path(__file__).resolve().parents[1] / "callgrind_requests.c"


def why_not() -> str:
    """Return why instructions cannot be counted here, and what to do; empty if they can."""
    for program in callgrind.missing():
        package = callgrind.package(program)
        return (
            f"{program} is not installed, so no instructions are counted: `apt install {package}` on Debian"
        )
    return ""


def of_model(name: str) -> Dict[str, Any]:
    """Return the instructions of a model's core.

    Parameters
    ----------
    name : str
        The model.

    Returns
    -------
    dict
        ``instructions`` by workload (gradient, leapfrog, and transitions: those of each of their leapfrogs),
        and ``shares`` of them by :data:`harness.callgrind.KINDS`.

    Raises
    ------
    UserError
        If they cannot be counted.
    """
    why = why_not()
    if why:
        raise UserError(f"{why}.")
    return _Processes(_folder()).count(name)


def _folder() -> Path:
    """Return where the processes of this asv and this code are found."""
    code = hashlib.sha256()
    for path in sorted(paths.ROOT.glob("harness/**/*.py")) + sorted(paths.ROOT.glob("models/**/*.py")):
        code.update(path.read_bytes())
    name = f"nutsbench-counts-{os.getuid()}-{os.getppid()}-{code.hexdigest()[:8]}"
    return Path(tempfile.gettempdir(), name)


class _Processes:
    """The two that count: one compiles, one runs under valgrind.

    Parameters
    ----------
    folder : Path
        Where their sockets are; who comes first makes it, and starts them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache = running().home / "compiledir-callgrind"
        sockets = self._compiling, self._counting = folder / "compile" / "socket", folder / "count" / "socket"
        if not all(path.is_socket() for path in sockets):
            self._start(os.getppid())

    def count(self, name: str) -> Dict[str, Any]:
        pickled = self._folder / f"{name}.pickle"
        request = {"model": name, "models_files": list(map(str, models.loaded_files())), "pickle": ""}
        try:
            compiled = _ask(self._compiling, {**request, "pickle": str(pickled)})
            if compiled["pickled"]:
                request["pickle"] = str(pickled)
            found = _ask(self._counting, request)
            if found["cold"]:
                # A process that compiles lays its memory out otherwise: its count is not taken.
                found = _ask(self._counting, request)
            return self._read(found)
        finally:
            if pickled.exists():
                pickled.unlink()

    def _read(self, found: Mapping[str, Any]) -> Dict[str, Any]:
        least: Dict[str, Dict[str, int]] = {}
        for workload, names in found["files"].items():
            counted = []
            for name in names:
                path = self._counting.parent / name
                counted.append(callgrind.read(path, str(self._cache)))
                path.unlink()
            # More of the same work is collisions in a table of the interpreter's.
            least[workload] = min(counted, key=lambda costs: sum(costs.values()))
        return {
            "instructions": {
                workload: round(sum(least[workload].values()) / number)
                for workload, number in found["numbers"].items()
            },
            "shares": {
                workload: {kind: round(cost / sum(costs.values()), 3) for kind, cost in costs.items()}
                for workload, costs in least.items()
            },
        }

    def _start(self, parent: int) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        output = self._counting.parent / "out"
        compiling = [sys.executable, "-m", "harness.instructions", str(self._compiling), str(parent)]
        counting = [sys.executable, "-m", "harness.instructions", str(self._counting), str(parent)]
        counting = [*callgrind.command(f"{output}.%p"), *counting, str(_requests(self._cache)), str(output)]
        begun = [self._begin(compiling, self._compiling), self._begin(counting, self._counting)]
        until = time.monotonic() + _START_S
        for process, place in zip(begun, (self._compiling, self._counting)):
            while not place.is_socket():
                if process.poll() is not None or time.monotonic() > until:
                    for one in begun:
                        one.kill()
                    raise UserError(f"instructions cannot be counted: {_last_line(place.parent / 'log')}")
                time.sleep(0.05)

    def _begin(self, command: Sequence[str], place: Path) -> "subprocess.Popen[bytes]":
        if place.parent.exists():
            shutil.rmtree(place.parent)  # Of one that was stopped.
        place.parent.mkdir(mode=0o700, parents=True)
        flags = ",".join(filter(None, [os.environ.get("THEANO_FLAGS", ""), f"base_compiledir={self._cache}"]))
        variables = {
            **os.environ,
            **callgrind.variables(running().has_theano_pymc, flags),
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": os.pathsep.join([str(paths.ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(
                os.pathsep
            ),
        }
        with (place.parent / "log").open("w") as log:
            return subprocess.Popen(
                command,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def _last_line(log: Path) -> str:
    lines: List[str] = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return paths.scrub(lines[-1]) if lines else "valgrind did not start"


def _requests(cache: Path) -> Path:
    """Return the library that switches callgrind on and off, compiled once."""
    library = cache / f"requests-{hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:12]}.so"
    if not library.is_file():
        new = library.with_suffix(f".{os.getpid()}")
        done = subprocess.run(
            ["g++", "-x", "c", "-O1", "-shared", "-fPIC", "-o", str(new), str(_SOURCE)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise UserError(
                f"instructions cannot be counted: {paths.scrub(said[0]) if said else 'g++ failed'}"
            )
        new.replace(library)
    return library


def _ask(place: Path, request: Mapping[str, Any]) -> Dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_ANSWER_S)
        connection.connect(str(place))
        with connection.makefile("rw") as stream:
            stream.write(json.dumps(request) + "\n")
            stream.flush()
            line = stream.readline()
    found: Dict[str, Any] = json.loads(line) if line else {"error": _last_line(place.parent / "log")}
    if "error" in found:
        raise UserError(f"{request['model']}: instructions cannot be counted: {found['error']}")
    return found
