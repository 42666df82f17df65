"""The parent's end of a worker: a cell in, an outcome out, whatever happens to the child.

Knows processes, pipes and signals; what a record is, and which cells there are, it
does not. Nothing here imports PyMC3.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import psutil

from harness import environment
from harness.clock import Progress
from harness.grid import Cell
from harness.paths import ROOT
from harness.record import Status
from harness.stack import Stack
from harness.worker import Task

#: How long importing a stack may take: a cold one also compiles.
_IMPORT_TIMEOUT_S = 600.0
#: How long a chain may stay dead before its cell is given up.
_DEAD_CHAIN_S = 5.0
_LOG_LINES = 20


@dataclass(frozen=True)
class Options:
    """How cells are run, apart from what they sample.

    Parameters
    ----------
    profile : str
        Name of the profile, for the record.
    timeout_s : float
        Wall seconds after which a cell is ended.
    memory_bytes : int
        Address space that each process of a cell may use; 0 for no limit.
    threads : int
        Threads of BLAS and OpenMP.
    models_files : tuple of Path
        The user's own files of models.
    draws_dir : Path or None
        Folder for the draws; ``None`` to keep none.
    """

    profile: str
    timeout_s: float
    memory_bytes: int
    threads: int
    models_files: Tuple[Path, ...] = ()
    draws_dir: Optional[Path] = None


@dataclass
class Outcome:
    """How a cell's process ended, and what it left."""

    status: Status
    reason: str = ""
    values: Dict[str, Any] = field(default_factory=dict)
    log_tail: List[str] = field(default_factory=list)
    elapsed_s: float = 0.0


class WorkerBrokenError(Exception):
    """The stack's process could not be started; the message says why."""


class Worker:
    """A process that has a stack imported, and runs one cell at a time in a fork of itself.

    Parameters
    ----------
    stack : Stack
        The stack; it has to be ready.
    options : Options
        Threads, limits and files.
    """

    def __init__(self, stack: Stack, options: Options) -> None:
        self._stack = stack
        self._options = options
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._pending = b""
        self._folder = tempfile.TemporaryDirectory(prefix="nutsbench-")
        self._cells = 0
        self._broken = ""
        self.facts: Dict[str, Any] = {}

    def start(self) -> None:
        """Start the process and wait until the stack is imported.

        Raises
        ------
        WorkerBrokenError
            If the import fails or does not end.
        """
        if self._broken:
            raise WorkerBrokenError(self._broken)
        if self._process is not None and self._process.poll() is None:
            return
        try:
            self._start()
        except WorkerBrokenError as error:
            # It would break again for every cell; once is enough to wait for.
            self._broken = str(error)
            raise

    def _start(self) -> None:
        self._stack.compiledir.mkdir(parents=True, exist_ok=True)
        log = Path(self._folder.name, "server.log")
        variables = environment.worker_variables(
            self._stack.compiledir, self._stack.has_theano_pymc, self._options.threads
        )
        self._pending = b""
        with log.open("ab") as log_file:
            self._process = subprocess.Popen(
                [str(self._stack.python), "-m", "harness.worker"],
                cwd=ROOT,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                # ctrl-C is for the parent alone, which then decides.
                start_new_session=True,
            )
        deadline = time.monotonic() + _IMPORT_TIMEOUT_S
        while time.monotonic() < deadline:
            for event in self._events(wait_s=0.2):
                if event["event"] == "ready":
                    self.facts = event["environment"]
                    return
                if event["event"] == "broken":
                    raise WorkerBrokenError(f"importing the stack failed: {event['reason']}")
            if self._process.poll() is not None:
                end = " ".join(_tail(log)[-2:])
                raise WorkerBrokenError(f"the stack's process ended while importing: {end}")
        self._stop()
        raise WorkerBrokenError(f"importing the stack took more than {_IMPORT_TIMEOUT_S:.0f} s")

    def run(self, cell: Cell, draws: Optional[Path], listen: Callable[[Progress], None]) -> Outcome:
        """Run one cell and return how it ended; only ctrl-C raises, once the cell has ended.

        Parameters
        ----------
        cell : Cell
            The cell.
        draws : Path or None
            File for its draws.
        listen : callable
            Told how far it is.
        """
        self._cells += 1
        log = Path(self._folder.name, f"{self._cells}.log")
        outcome_file = Path(self._folder.name, f"{self._cells}.json")
        begin = time.monotonic()
        try:
            self.start()
        except WorkerBrokenError as error:
            return Outcome(
                Status.FAILED,
                str(error),
                log_tail=_tail(Path(self._folder.name, "server.log")),
                elapsed_s=time.monotonic() - begin,
            )
        begin = time.monotonic()
        task = Task(
            cell=cell,
            models_files=[str(path) for path in self._options.models_files],
            log=str(log),
            outcome=str(outcome_file),
            folder=os.getcwd(),
            draws=str(draws or ""),
            memory_bytes=self._options.memory_bytes,
        )
        status, reason = self._watch(task, begin, listen)
        values: Dict[str, Any] = {}
        if outcome_file.exists() and status is Status.OK:
            values = json.loads(outcome_file.read_text())
            status, reason = Status(values.pop("status")), values.pop("reason")
        elif status is Status.OK:
            status, reason = Status.CRASHED, "the cell's process ended without an outcome"
        tail = [] if status is Status.OK else _tail(log)
        return Outcome(status, reason, values, tail, time.monotonic() - begin)

    def _watch(self, task: Task, begin: float, listen: Callable[[Progress], None]) -> Tuple[Status, str]:
        """Wait for the child's end, and bring it about where it is overdue."""
        child = 0
        seen = Progress("start")
        dead_since: Optional[float] = None
        kills_before = _kernel_oom_kills()
        try:
            self._send(task)
            while True:
                for event in self._events(wait_s=0.2):
                    if event["event"] == "started":
                        child = event["pid"]
                    elif event["event"] == "progress":
                        seen = Progress(**{k: v for k, v in event.items() if k != "event"})
                        listen(seen)
                    elif event["event"] == "ended":
                        return self._verdict(event, seen, kills_before)
                if self._process is None or self._process.poll() is not None:
                    _kill_group(child)
                    return Status.CRASHED, f"the stack's own process ended in {_where(seen)}"
                now = time.monotonic()
                if now - begin > self._options.timeout_s:
                    _kill_group(child)
                    self._await_end()
                    return Status.TIMEOUT, (
                        f"not done after {self._options.timeout_s:g} s, in {_where(seen)}:"
                        " raise --timeout, or take fewer draws"
                    )
                dead_since = (dead_since or now) if _has_dead_chain(child) else None
                if dead_since is not None and now - dead_since > _DEAD_CHAIN_S:
                    _kill_group(child)
                    self._await_end()
                    return Status.CRASHED, f"a chain's process died in {_where(seen)}"
        except BaseException:
            _kill_group(child)
            self._await_end()
            raise

    @staticmethod
    def _verdict(event: Mapping[str, Any], seen: Progress, kills_before: int) -> Tuple[Status, str]:
        if not event["killed_by"] and not event["code"]:
            return Status.OK, ""
        if not event["killed_by"]:
            return Status.CRASHED, f"the cell's process ended with code {event['code']} in {_where(seen)}"
        name = signal.Signals(event["killed_by"]).name
        reason = f"killed by {name} in {_where(seen)}"
        if _kernel_oom_kills() > kills_before:
            reason += ": the machine ran out of memory; take fewer draws or chains, or free some"
        elif event["killed_by"] == signal.SIGKILL:
            reason += ", by someone else or for want of memory"
        return Status.CRASHED, reason

    def _send(self, task: Task) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write((json.dumps(task.to_dict()) + "\n").encode())
            self._process.stdin.flush()

    def _events(self, wait_s: float) -> Iterator[Dict[str, Any]]:
        """Yield the events that have come, having waited for the first one."""
        assert self._process is not None
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        ready, _, _ = select.select([handle], [], [], wait_s)
        if not ready:
            return
        chunk = os.read(handle, 65536)
        if not chunk:
            time.sleep(wait_s)  # The process is ending; its caller finds out.
            return
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        for line in lines:
            yield json.loads(line)

    def _await_end(self) -> None:
        """Wait until the process has noticed that its child is gone."""
        deadline = time.monotonic() + 10
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            if any(event["event"] == "ended" for event in self._events(wait_s=0.2)):
                return
        self._stop()

    def close(self) -> None:
        """End the process, and with it a cell that still runs; remove its logs."""
        self._stop()
        self._folder.cleanup()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _where(progress: Progress) -> str:
    if progress.total:
        return f"{progress.phase}, after {progress.done} of {progress.total} draws"
    return progress.phase


def _kill_group(pid: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _has_dead_chain(pid: int) -> bool:
    """Whether a process that the cell started is dead and nobody has noticed.

    PyMC3 waits for ever for a chain that was killed from outside: its siblings hold
    the other end of the dead chain's pipe open.
    """
    if not pid:
        return False
    with contextlib.suppress(psutil.Error):
        return any(chain.status() == psutil.STATUS_ZOMBIE for chain in psutil.Process(pid).children())
    return False


def _kernel_oom_kills() -> int:
    """Count the processes that the kernel has ended for want of memory since it booted."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _tail(log: Path) -> List[str]:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.strip()][-_LOG_LINES:]
