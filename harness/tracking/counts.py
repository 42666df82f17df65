"""Asks for the instructions of a model's core: starts the process under valgrind, and talks to it.

The process (:mod:`harness.instructions`) is started by the first benchmark that needs it and serves those
that follow; it ends with asv's own.
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
from typing import Any, Dict

from harness import paths
from harness.errors import UserError
from harness.stack import running

#: valgrind does not know AVX-512, and what is compiled for one processor must not meet another.
_PROCESSOR = "-march=haswell"
_START_S, _ANSWER_S = 600.0, 900.0
_SOURCE = Path(__file__).resolve().parents[1] / "callgrind_requests.c"


def why_not() -> str:
    """Return why instructions cannot be counted here, and what to do; empty if they can."""
    for program in ("valgrind", "g++"):
        if shutil.which(program) is None:
            return (
                f"{program} is not installed, so no instructions are counted:"
                f" `apt install {program}` on Debian"
            )
    return ""


def of_model(name: str) -> Dict[str, Any]:
    """Return what :func:`harness.instructions.count` counts of a model.

    Parameters
    ----------
    name : str
        The model.

    Raises
    ------
    UserError
        If it cannot be counted.
    """
    why = why_not()
    if why:
        raise UserError(f"{why}.")
    place = _server()
    found = _ask(place, {"model": name})
    # A process that compiles lays its memory out otherwise: its count is not taken.
    return _ask(place, {"model": name}) if found.get("cold") else found


def _server() -> Path:
    """Return the socket of this asv's process, which is started if it is not there."""
    parent = os.getppid()
    folder = Path(tempfile.gettempdir(), f"nutsbench-counts-{os.getuid()}-{parent}")
    folder.mkdir(mode=0o700, exist_ok=True)
    place = folder / "socket"
    if not place.is_socket():
        _start(place, parent)
    return place


def _start(place: Path, parent: int) -> None:
    import theano

    home = running().home
    dot = "__" if hasattr(theano.config, "gcc__cxxflags") else "."
    cache = home / "compiledir-callgrind"
    cache.mkdir(parents=True, exist_ok=True)
    flags = [os.environ.get("THEANO_FLAGS", ""), f"base_compiledir={cache}", f"gcc{dot}cxxflags={_PROCESSOR}"]
    variables = {
        **os.environ,
        "THEANO_FLAGS": ",".join(filter(None, flags)),
        "OPENBLAS_CORETYPE": "Haswell",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join([str(paths.ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    }
    prefix = place.parent / "out"
    command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet"]
    command += [f"--callgrind-out-file={prefix}.%p", sys.executable]
    command += ["-m", "harness.instructions", str(place), str(parent), str(_requests(cache)), str(prefix)]
    with (place.parent / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    until = time.monotonic() + _START_S
    while not place.is_socket():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise UserError(f"instructions cannot be counted: {_last_line(place.parent / 'log')}")
        time.sleep(0.1)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
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


def _ask(place: Path, request: Dict[str, Any]) -> Dict[str, Any]:
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
