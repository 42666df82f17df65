"""One process of a stack for all benchmarks of an asv run, which asks it through a socket.

asv starts a process for each benchmark, and a stack takes seconds to import. ``python -m
nutsbench.track.broker SOCKET PARENT`` starts it once, hands requests to it one by one, and ends when the
process PARENT, which is asv's, is gone.
"""

import contextlib
import hashlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict

from nutsbench import models
from nutsbench.base import paths
from nutsbench.base.errors import UserError
from nutsbench.run.options import Options
from nutsbench.run.process import Worker, WorkerBrokenError
from nutsbench.stacks import stack
from nutsbench.track.counts import Counts

#: Says which process is asv's own; without it the parent of a benchmark's is taken for it.
VARIABLE = "NUTSBENCH_ASV_PID"
_START_S, _ANSWER_S = 120.0, 1800.0
#: How often it looks whether asv is still there, seconds.
_LOOK_S = 1.0


def ask(do: str, **arguments: Any) -> Dict[str, Any]:
    """Return what the stack that benchmarks measure answers: :meth:`nutsbench.run.process.Worker.ask`.

    Parameters
    ----------
    do : str
        What to do; also ``facts``: what the stack is made of, and ``counts``: instructions of a model's core.
    **arguments
        What that takes.

    Raises
    ------
    UserError
        If it cannot answer; the message says why.
    """
    request = {"do": do, "arguments": arguments, "models_files": list(map(str, models.loaded_files()))}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_ANSWER_S)
        connection.connect(str(_place()))
        with connection.makefile("rw") as stream:
            stream.write(json.dumps(request) + "\n")
            stream.flush()
            line = stream.readline()
    answer: Dict[str, Any] = json.loads(line) if line else {"error": "its process has ended"}
    if "error" in answer:
        raise UserError(f"{stack.current().name} could not do what a benchmark asks for: {answer['error']}")
    found: Dict[str, Any] = answer["answer"]
    return found


def _place() -> Path:
    """Return the socket of the process for this asv, stack and code; it is started if it is not there."""
    parent = int(os.environ.get(VARIABLE) or os.getppid())
    name = hashlib.sha256(f"{stack.current().to_text()} {paths.PACKAGE}".encode())
    for path in sorted([*paths.PACKAGE.rglob("*.py"), *(paths.PACKAGE / "models").rglob("*.py")]):
        name.update(path.read_bytes())
    folder = Path(tempfile.gettempdir(), f"nutsbench-asv-{os.getuid()}-{parent}-{name.hexdigest()[:12]}")
    folder.mkdir(mode=0o700, exist_ok=True)
    place = folder / "socket"
    if not place.is_socket():
        _start(place, parent)
    return place


def _start(place: Path, parent: int) -> None:
    path = os.pathsep.join([str(paths.importable()), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    variables = {**os.environ, stack.VARIABLE: stack.current().to_text(), "PYTHONPATH": path}
    command = [sys.executable, "-m", "nutsbench.track.broker", str(place), str(parent)]
    with (place.parent / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=variables, cwd=paths.CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    until = time.monotonic() + _START_S
    while not place.is_socket():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            lines = (place.parent / "log").read_text(errors="replace").strip().splitlines()
            raise UserError(
                f"no process of a stack could be started: {paths.scrub(lines[-1]) if lines else ''}"
            )
        time.sleep(0.05)


class _Broker:
    """Answers requests, with a worker for each set of the user's files."""

    def __init__(self) -> None:
        self._opened = contextlib.ExitStack()
        self._workers: Dict[str, Worker] = {}
        self._counts = Counts(stack.current())
        self._opened.callback(self._counts.close)

    def answer(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Return what the stack answers, or why it cannot."""
        try:
            worker = self._worker(request["models_files"])
            if request["do"] == "facts":
                worker.start()
                return {"answer": worker.facts}
            if request["do"] == "counts":
                found = self._counts.of_model(models_files=request["models_files"], **request["arguments"])
                return {"answer": found}
            return {"answer": worker.ask(request["do"], **request["arguments"])}
        except (UserError, WorkerBrokenError) as error:
            return {"error": str(error)}

    def _worker(self, files: Any) -> Worker:
        key = json.dumps(files)
        if key not in self._workers:
            options = Options(
                profile="core",
                timeout_s=_ANSWER_S,
                memory_bytes=0,
                threads=1,
                models_files=tuple(map(Path, files)),
            )
            self._workers[key] = self._opened.enter_context(Worker(stack.current(), options))
        return self._workers[key]

    def close(self) -> None:
        """End all processes."""
        self._opened.close()


def main(place: Path, parent: int) -> None:
    """Serve at a socket until asv is gone."""
    broker = _Broker()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            # Named when it is ready: who can connect is answered.
            server.bind(f"{place}.new")
            server.listen(8)
            os.rename(f"{place}.new", place)
            while _lives(parent):
                if select.select([server], [], [], _LOOK_S)[0]:
                    connection, _ = server.accept()
                    with connection, connection.makefile("rw") as stream, contextlib.suppress(
                        BrokenPipeError
                    ):
                        stream.write(json.dumps(broker.answer(json.loads(stream.readline()))) + "\n")
                        stream.flush()
    finally:
        broker.close()
        shutil.rmtree(place.parent, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
