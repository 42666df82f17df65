"""Forks a stack's worker from a process that has imported the stack, for the tests that run many commands.

To import PyMC3 takes two seconds of a processor, and nearly every command that samples does it anew. This
file has both ends: ``instead_of`` is what a test's command starts workers with, and the file itself, run by a
stack's own Python, is what forks them. Such a worker is what it is else, but for its parent: its server tells
the command of its end.
Nothing here is used where a test looks at processes, or measures what importing takes.
"""

import array
import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

#: Where servers listen, and a pipe: they end when nobody has its other end open.
_shared: Dict[str, Any] = {}
#: What a stack reads when it is imported; of other variables a fork takes its own.
_AT_IMPORT = ("THEANO_FLAGS", "PYTHONPATH", "PYTHONHASHSEED", "OMP_NUM_THREADS", "NUTSBENCH_PLAIN_COMPILE")
_START_S = 120.0


def begin(python: str, variables: Mapping[str, str], folder: Path, own: Path) -> None:
    """Begin a process that forks workers of a stack, where there is none: it ends with this one.

    Parameters
    ----------
    python : str
        The stack's Python.
    variables : mapping
        A worker's environment variables.
    folder : Path
        What ``nutsbench`` is imported from.
    own : Path
        A folder for sockets and logs, which is removed by whoever made it.
    """
    if not _shared:
        reading, writing = os.pipe()
        _shared.update(folder=own, reading=reading, writing=writing)
    place = _place(python, variables)
    log = place.with_suffix(".log")
    if log.exists():
        return
    kept = _shared["reading"]
    with log.open("wb") as errors:
        subprocess.Popen(
            [python, str(Path(__file__).resolve()), str(place), str(kept)],
            env=dict(variables), cwd=folder, pass_fds=[kept], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
        )  # fmt: skip


def _place(python: str, variables: Mapping[str, str]) -> Path:
    """Return where the server of a Python and its variables listens."""
    known = "\0".join([python, *(variables.get(name, "") for name in _AT_IMPORT)])
    return Path(_shared["folder"], hashlib.sha256(known.encode()).hexdigest()[:16])


class Worker:
    """What the command sees of its worker: as much of ``subprocess.Popen`` as it uses."""

    def __init__(self, line: socket.socket, stdin: int, stdout: int) -> None:
        self._line = line
        self.stdin, self.stdout = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb")
        self.returncode: Optional[int] = None
        self.pid = int(self._word())

    def poll(self) -> Optional[int]:
        return self._look(0.0)

    def wait(self, timeout: Optional[float] = None) -> int:
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("worker", timeout or 0.0)
        return code

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def _look(self, timeout: Optional[float]) -> Optional[int]:
        if self.returncode is None and select.select([self._line], [], [], timeout)[0]:
            # A server that is gone tells nothing.
            self.returncode = int(self._word() or -signal.SIGKILL)
        return self.returncode

    def _word(self) -> bytes:
        """Read one line, and nothing of the next."""
        word = b""
        while not word.endswith(b"\n"):
            read = self._line.recv(1)
            if not read:
                break
            word += read
        return word


def instead_of(plain: Any) -> Any:
    """Return what to call for ``subprocess.Popen``: it forks workers where a server was begun for them."""

    def popen(command: Sequence[str], **options: Any) -> Any:
        if list(command[1:]) == ["-m", "nutsbench.inside.worker"] and _shared:
            place = _place(command[0], options["env"])
            if place.with_suffix(".log").exists():
                return _forked(place, options)
        return plain(command, **options)

    return popen


def _forked(place: Path, options: Mapping[str, Any]) -> Worker:
    deadline = time.monotonic() + _START_S
    line = _connected(place)
    while line is None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no preloaded worker: {place.with_suffix('.log').read_text()[-500:]}")
        time.sleep(0.02)
        line = _connected(place)
    (child_in, our_in), (our_out, child_out) = os.pipe(), os.pipe()
    request = json.dumps({"env": dict(options["env"]), "cwd": str(options["cwd"])}).encode()
    ends = [child_in, child_out, options["stderr"].fileno()]
    told = len(request).to_bytes(8, "big")
    line.sendmsg([told], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", ends))])
    line.sendall(request)
    os.close(child_in)
    os.close(child_out)
    return Worker(line, our_in, our_out)


def _connected(place: Path) -> Optional[socket.socket]:
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(str(place))
        return line
    except OSError:
        line.close()
        return None


def _child(line: socket.socket, listening: socket.socket) -> None:
    """Become the worker that is asked for; never returns."""
    ends = array.array("i")
    told, ancillary, _, _ = line.recvmsg(8, socket.CMSG_SPACE(3 * ends.itemsize))
    for _, _, data in ancillary:
        ends.frombytes(data[: 3 * ends.itemsize])
    length, request = int.from_bytes(told, "big"), b""
    while len(request) < length:
        request += line.recv(65536)
    asked: Dict[str, Any] = json.loads(request)
    for number, handle in enumerate(ends):
        os.dup2(handle, number)
        os.close(handle)
    line.close()
    listening.close()
    os.setsid()
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    sys.stdin = os.fdopen(0, closefd=False)
    status = 1
    try:
        from nutsbench.inside import compile_cache, worker

        # Done by the process that this is a fork of.
        compile_cache.warm_up = lambda: None
        worker.main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def serve(place: str, alive: int) -> None:
    """Import a stack, and fork a worker for each that asks, until the tests have ended."""
    # Before it listens, so that who connects first has waited for all of it.
    from nutsbench.inside import compile_cache, worker

    worker._import_stack(compile_cache.warm_up)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(place)
    listening.listen(16)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    lines: Dict[int, socket.socket] = {}
    while True:
        waited: List[Any] = [listening, reading, alive]
        ready = select.select(waited, [], [])[0]
        if alive in ready:
            return
        if reading in ready:
            os.read(reading, 4096)
            _reap(lines)
        if listening in ready:
            line, _ = listening.accept()
            pid = os.fork()
            if not pid:
                _child(line, listening)
            lines[pid] = line
            with contextlib.suppress(OSError):
                line.sendall(f"{pid}\n".encode())


def _reap(lines: Dict[int, socket.socket]) -> None:
    """Tell of each worker that has ended how it did."""
    while lines:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        line = lines.pop(pid, None)
        if line is not None:
            with contextlib.suppress(OSError):
                line.sendall(f"{code}\n".encode())
            line.close()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
