"""Asks for the instructions of a model's core: starts the process that counts them, and talks to it.

The process (:mod:`harness.inside.instructions`) is started by the first benchmark that needs it and serves those
that follow; it ends with asv's own.
"""

import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import models
from harness import paths
from harness.errors import UserError
from harness.inside import callgrind
from harness.stack import running

_START_S, _ANSWER_S = 600.0, 900.0
_SOURCE = Path(__file__).resolve().parents[1] / "inside" / "callgrind_requests.c"


def why_not() -> str:
    """Return why instructions cannot be counted here, and what to do; empty if they can."""
    for program in callgrind.missing():
        package = callgrind.package(program)
        return (
            f"{program} is not installed, so no instructions are counted: `apt install {package}` on Debian"
        )
    return ""


def of_model(name: str, pickled: Optional[Path]) -> Dict[str, Any]:
    """Return the instructions of a model's core.

    Parameters
    ----------
    name : str
        The model.
    pickled : Path, optional
        Its core, by :func:`harness.inside.instructions.dump`; without it is compiled again, which takes longer.

    Returns
    -------
    dict
        ``instructions`` by workload (gradient, leapfrog, and transitions: those of each of their leapfrogs),
        and ``shares`` of them by :data:`harness.inside.callgrind.KINDS`.

    Raises
    ------
    UserError
        If they cannot be counted.
    """
    why = why_not()
    if why:
        raise UserError(f"{why}.")
    cache = running().home / "compiledir-callgrind"
    place = _server(cache)
    files = list(map(str, models.loaded_files()))
    request = {"model": name, "models_files": files, "pickle": str(pickled.absolute()) if pickled else ""}
    found = _ask(place, request)
    if found["cold"]:
        # A process that compiles lays its memory out otherwise: its count is not taken.
        found = _ask(place, request)
    return _read(found, place.parent, cache)


def _read(found: Mapping[str, Any], folder: Path, cache: Path) -> Dict[str, Any]:
    least: Dict[str, Dict[str, int]] = {}
    for workload, names in found["files"].items():
        counted = []
        for name in names:
            counted.append(callgrind.read(folder / name, str(cache)))
            (folder / name).unlink()
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


def _server(cache: Path) -> Path:
    """Return the socket of the process for this asv and this code, which is started if it is not there."""
    parent, code = os.getppid(), hashlib.sha256()
    for path in sorted(paths.ROOT.glob("harness/**/*.py")) + sorted(paths.ROOT.glob("models/**/*.py")):
        code.update(path.read_bytes())
    folder = Path(tempfile.gettempdir(), f"nutsbench-counts-{os.getuid()}-{parent}-{code.hexdigest()[:8]}")
    folder.mkdir(mode=0o700, exist_ok=True)
    place = folder / "socket"
    if not place.is_socket():
        _start(place, parent, cache)
    return place


def _start(place: Path, parent: int, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    output = place.parent / "out"
    flags = ",".join(filter(None, [os.environ.get("THEANO_FLAGS", ""), f"base_compiledir={cache}"]))
    variables = {
        **os.environ,
        **callgrind.variables(running().has_theano_pymc, flags),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join([str(paths.ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    }
    command = [*callgrind.command(f"{output}.%p"), sys.executable, "-m", "harness.inside.instructions"]
    command += [str(place), str(parent), str(_requests(cache)), str(output)]
    with (place.parent / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    until = time.monotonic() + _START_S
    while not place.is_socket():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise UserError(f"instructions cannot be counted: {_last_line(place.parent / 'log')}")
        time.sleep(0.05)


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
