"""Asks for the instructions of a model's core: starts the process that counts them, and talks to it.

The process (:mod:`nutsbench.inside.instructions`) is started by the first benchmark that needs it and serves
those that follow; it ends with this one.
"""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from nutsbench.base import paths
from nutsbench.base.errors import UserError
from nutsbench.inside import callgrind
from nutsbench.stacks import environment
from nutsbench.stacks.stack import Stack

_START_S, _ANSWER_S = 600.0, 900.0
#: Its second count finds all that the first one compiled, unless another process empties the cache.
_TRIES = 3
_SOURCE = Path(__file__).resolve().parents[1] / "inside" / "callgrind_requests.c"


def why_not() -> str:
    """Return why instructions cannot be counted here, and what to do; empty if they can."""
    for program in callgrind.missing():
        package = callgrind.package(program)
        return (
            f"{program} is not installed, so no instructions are counted: `apt install {package}` on Debian"
        )
    return ""


class Counts:
    """Counts in a process of a stack's that runs under valgrind.

    Parameters
    ----------
    stack : Stack
        The stack; it has to be ready.
    variables : dict of str, optional
        Environment variables on top.
    cache : Path, optional
        Theano's compile cache; the stack's own for counts if not given.
    """

    def __init__(
        self, stack: Stack, variables: Optional[Mapping[str, str]] = None, cache: Optional[Path] = None
    ) -> None:
        self._stack, self._variables = stack, dict(variables or {})
        self._cache = cache or stack.home / "compiledir-callgrind"
        self._folder = tempfile.TemporaryDirectory(prefix="nutsbench-counts-")
        self._process: Optional[subprocess.Popen[bytes]] = None

    def of_model(
        self,
        model: str,
        models_files: Sequence[str],
        pickle: str = "",
        leapfrogs: int = 0,
        tables: int = 1,
    ) -> Dict[str, Any]:
        """Return the instructions of a model's core.

        Parameters
        ----------
        model : str
            The model.
        models_files : sequence of str
            The user's own files of models.
        pickle : str
            File of its core, by :func:`nutsbench.inside.instructions.dump`; without it is compiled again,
            which takes longer.
        leapfrogs : int
            Count nothing but transitions, of so many leapfrogs, and tell of which functions.
        tables : int
            How often transitions are counted then, the least being taken.

        Returns
        -------
        dict
            ``instructions`` by workload (gradient, leapfrog, and transitions: those of each of their
            leapfrogs), and ``shares`` of them by :data:`nutsbench.inside.callgrind.KINDS`; of transitions
            alone ``functions``, the instructions of each leapfrog by function.

        Raises
        ------
        UserError
            If they cannot be counted.
        """
        why = why_not()
        if why:
            raise UserError(f"{why}.")
        place = Path(self._folder.name, "socket")
        if self._process is None or self._process.poll() is not None:
            self._start(place)
        request = {
            "model": model,
            "models_files": list(models_files),
            "pickle": pickle,
            "leapfrogs": leapfrogs,
            "tables": tables,
        }
        # A process that compiles lays its memory out otherwise: its count is not taken.
        found = next((one for one in (_ask(place, request) for _ in range(_TRIES)) if not one["cold"]), None)
        if found is None:
            raise UserError(
                f"{model}: instructions cannot be counted: it was compiled anew {_TRIES} times, so its "
                "compile cache keeps nothing, or is emptied by another process: "
                f"{paths.scrub(str(self._cache))}."
            )
        return _read(found, place.parent, self._cache, bool(leapfrogs))

    def _start(self, place: Path) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        output = place.parent / "out"
        given = environment.worker_variables(self._cache, self._stack.has_theano_pymc, 1)
        variables = {
            **given,
            **callgrind.variables(self._stack.has_theano_pymc, given["THEANO_FLAGS"]),
            **self._variables,
        }
        command = [
            *callgrind.command(f"{output}.%p"),
            str(self._stack.python),
            "-m",
            "nutsbench.inside.instructions",
        ]
        command += [str(place), str(os.getpid()), str(_requests(self._cache)), str(output)]
        with (place.parent / "log").open("w") as log:
            self._process = subprocess.Popen(
                command,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + _START_S
        while not place.is_socket():
            if self._process.poll() is not None or time.monotonic() > until:
                self._process.kill()
                raise UserError(f"instructions cannot be counted: {_last_line(place.parent / 'log')}")
            time.sleep(0.05)

    def close(self) -> None:
        """End the process, and remove what it wrote."""
        if self._process is not None:
            # Its forks too, which may still write into the folder.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._folder.cleanup()


def _read(found: Mapping[str, Any], folder: Path, cache: Path, by_function: bool) -> Dict[str, Any]:
    least: Dict[str, Dict[str, int]] = {}
    functions: Dict[str, float] = {}
    for workload, names in found["files"].items():
        counted = {name: callgrind.read(folder / name, str(cache)) for name in names}
        # More of the same work is collisions in a table of the interpreter's.
        name, least[workload] = min(counted.items(), key=lambda one: sum(one[1].values()))
        if by_function:
            costs = callgrind.by_function(folder / name, str(cache), found["operations"])
            functions = {which: cost / found["numbers"][workload] for which, cost in costs.items()}
        for name in names:
            (folder / name).unlink()
    return {
        **({"functions": functions} if by_function else {}),
        "instructions": {
            workload: round(sum(least[workload].values()) / number)
            for workload, number in found["numbers"].items()
        },
        "shares": {
            workload: {kind: round(cost / sum(costs.values()), 3) for kind, cost in costs.items()}
            for workload, costs in least.items()
        },
    }


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
