"""The parent's end of a worker: a cell in, an outcome out, whatever happens to the child.

Knows processes, pipes and signals; what a record is, and which cells there are, it
does not. Nothing here imports PyMC3.
"""

import contextlib
import json
import os
import select
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from nutsbench.base.paths import importable, scrub
from nutsbench.inside import mismatch
from nutsbench.inside.clock import Listener
from nutsbench.inside.isolated import kill_group
from nutsbench.inside.task import DOOR, PLAIN, Task
from nutsbench.records.grid import Cell
from nutsbench.records.record import Status
from nutsbench.run import elsewhere
from nutsbench.run.options import Options, Outcome
from nutsbench.run.watch import Heard, ending, for_memory, kernel_oom_kills, tail, where
from nutsbench.stacks import environment
from nutsbench.stacks.install import in_use
from nutsbench.stacks.stack import Stack

#: How long importing a stack may take: a cold one also compiles.
_IMPORT_TIMEOUT_S = 600.0
#: How Theano breaks where another process fills the same cache meanwhile; the cache is whole all the same.
_RACE = "assert key not in self.keys"
#: How long a chain may be dead before its cell is given up.
_DEAD_CHAIN_S = 5.0


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
    prepare : str
        A model to build and compile once for all cells; empty to do so in every cell.
    stop : Event, optional
        When set, what is done is ended as by ctrl-C, which only the main thread hears.
    place : int
        Which of several workers at a time it is: each has a compile cache of its own, since they would wait
        seconds for each other's lock.
    """

    def __init__(
        self,
        stack: Stack,
        options: Options,
        prepare: str = "",
        stop: Optional[threading.Event] = None,
        place: int = 0,
    ) -> None:
        self._stack = stack
        self._prepare = prepare
        self._stop_asked = stop or threading.Event()
        kept = stack.compiledir
        self._compiledir = kept.with_name(f"{kept.name}-{place}") if place else kept
        self._options = options
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._pending = b""
        self._lock = contextlib.ExitStack()
        self._folder = tempfile.TemporaryDirectory(prefix="nutsbench-")
        self._cells = 0
        self._broken = ""
        self._ending = False
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
        for again in (False, True):
            try:
                self._start()
                return
            except WorkerBrokenError as error:
                if not again and self._raced():
                    self._stop()
                    continue
                # It would break again for every cell; once is enough to wait for.
                self._broken = str(error)
                raise

    @property
    def is_broken(self) -> bool:
        """Whether its process could not be started, and is not tried again."""
        return bool(self._broken)

    def _raced(self) -> bool:
        """Return whether the import broke because another process filled Theano's cache meanwhile."""
        return any(_RACE in line for line in tail(Path(self._folder.name, "server.log")))

    def _start(self) -> None:
        cold = Path(self._folder.name, "compiledir")
        compiledir = cold if self._options.cold else self._compiledir
        compiledir.mkdir(parents=True, exist_ok=True)
        log = Path(self._folder.name, "server.log")
        variables = environment.variables_of(self._stack, self._options.threads, compiledir)
        if self._options.cold:
            variables[PLAIN] = "1"
        self._pending = b""
        self._lock.enter_context(in_use(self._stack))
        with log.open("ab") as log_file:
            self._process = subprocess.Popen(
                [str(self._stack.python), "-m", "nutsbench.inside.worker", *self._arguments()],
                cwd=importable(),
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
                    if event.get("door") != DOOR:
                        raise WorkerBrokenError(
                            f"its process speaks version {event.get('door')} of what this one speaks in"
                            f" version {DOOR}: another nutsbench lies in its way"
                        )
                    self.facts = _shared(event["environment"])
                    return
                if event["event"] == "broken":
                    what = f"preparing {self._prepare}" if self._prepare else "importing the stack"
                    raise WorkerBrokenError(f"{what} failed: {event['reason']}")
            if self._process.poll() is not None:
                end = " ".join(tail(log)[-2:])
                raise WorkerBrokenError(f"the stack's process ended while importing: {end}")
        self._stop()
        raise WorkerBrokenError(f"importing the stack took more than {_IMPORT_TIMEOUT_S:.0f} s")

    def _arguments(self) -> List[str]:
        return [self._prepare, *map(str, self._options.models_files)] if self._prepare else []

    def run(
        self, cell: Cell, digest: str, listen: Listener, keep: bool = False, prefixes: Sequence[int] = ()
    ) -> Outcome:
        """Run one cell and return how it ended, ctrl-C included.

        Parameters
        ----------
        cell : Cell
            The cell.
        digest : str
            Digest of the model that it is to sample.
        listen : callable
            Told how far it is.
        keep : bool
            Whether the model is built and compiled once, for this cell and those of it that follow.
        prefixes : sequence of int
            Smaller numbers of draws: what runs of so many would have given is told too.
        """
        arrays = Path(self._folder.name, "draws.npz")
        arguments = {
            "model": cell.model,
            "settings": cell.settings.to_dict(),
            "seed": cell.seed,
            "digest": digest,
            "draws": str(arrays),
            "store": self._options.store,
            "prefixes": list(prefixes),
        }
        outcome = self._done("cell", arguments, listen, cell.model if keep else "")
        if outcome.status is Status.FAILED and self._is_others_doing(outcome.reason):
            outcome = self._done("cell", arguments, listen, cell.model if keep else "")
        outcome.arrays = arrays
        outcome.reason = self._identified(cell, outcome.values.pop("differs", {})) or outcome.reason
        return outcome

    def _is_others_doing(self, reason: str) -> bool:
        """Return whether a cell failed because another process tidied the compile cache up meanwhile.

        Theano lists the folders of its cache and then looks into each; that one of them is gone by then says
        nothing of the model.
        """
        return "FileNotFoundError" in reason and f"/{self._compiledir.name}/" in reason

    def ask(self, do: str, keep: str = "", **arguments: Any) -> Dict[str, Any]:
        """Return what the stack answers to a question, which it does in a fork of its process.

        Parameters
        ----------
        do : str
            Key in :data:`nutsbench.inside.worker.HANDLERS`.
        keep : str
            A model that cells share: what is asked is asked of that one.
        **arguments
            What that takes.

        Raises
        ------
        WorkerBrokenError
            If it cannot answer; the message says why.
        KeyboardInterrupt
            On ctrl-C.
        """
        outcome = self._done(do, arguments, lambda _: None, keep)
        if outcome.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        if outcome.status is not Status.OK:
            raise WorkerBrokenError(" ".join([outcome.reason, *outcome.log_tail[-1:]]))
        if "error" in outcome.values:
            raise WorkerBrokenError(outcome.values["error"])
        return dict(outcome.values["answer"])

    def _done(self, do: str, arguments: Dict[str, Any], listen: Listener, keep: str = "") -> Outcome:
        """Have the stack do something, and return how it ended."""
        self._cells += 1
        log, outcome_file = (Path(self._folder.name, f"{self._cells}.{kind}") for kind in ("log", "json"))
        heard = Heard(listen)
        try:
            self.start()
            heard = Heard(listen)  # The import is not part of the cell's time.
            task = Task(
                do=do,
                arguments=arguments,
                models_files=[str(path) for path in self._options.models_files],
                folder=os.getcwd(),
                log=str(log),
                outcome=str(outcome_file),
                memory_bytes=self._options.memory_bytes,
                keep=keep,
            )
            status, reason = self._watch(task, heard)
        except WorkerBrokenError as error:
            status, reason = Status.FAILED, str(error)
            log = Path(self._folder.name, "server.log")
        except KeyboardInterrupt:
            status, reason = Status.INTERRUPTED, f"stopped by the user in {where(heard.progress)}"
        if status is Status.OK and not outcome_file.exists():
            status, reason = Status.CRASHED, "the cell's process ended without an outcome"
        values: Dict[str, Any] = {"phases": heard.phases()}
        if status is Status.OK:
            values = json.loads(outcome_file.read_text())
            status, reason = Status(values.pop("status", "ok")), values.pop("reason", "")
        last = [] if status is Status.OK else tail(log)
        return Outcome(status, reason, values, last, time.monotonic() - heard.began)

    def _identified(self, cell: Cell, digests: Dict[str, str]) -> str:
        """Say why the model is another one in the stack than here, where the stack could not tell."""
        if not digests:
            return ""
        with contextlib.suppress(Exception):  # What the stack's process said has to do, then.
            return mismatch.explain(
                cell.model,
                digests,
                self._stack.name,
                elsewhere.own_name(),
                elsewhere.data_digests,
            )
        return ""

    def _watch(self, task: Task, heard: Heard) -> Tuple[Status, str]:
        """Wait for the child's end, and bring it about where it is overdue."""
        kills_before = kernel_oom_kills()
        try:
            self._send(task)
            while True:
                for event in self._events(wait_s=0.2):
                    if event["event"] == "ended":
                        return ending(event, heard.progress, kills_before)
                    heard.event(event)
                place = where(heard.progress)
                if self._process is None or self._process.poll() is not None:
                    kill_group(heard.child)
                    return Status.CRASHED, f"the stack's own process ended in {place}"
                if time.monotonic() - heard.began > self._options.timeout_s:
                    self._end_cell(heard)
                    limit = f"{self._options.timeout_s:g} s"
                    return Status.TIMEOUT, (
                        f"not done after {limit}, in {place}: raise --timeout, or take fewer draws"
                    )
                if heard.dead_chain_s() > _DEAD_CHAIN_S:
                    self._end_cell(heard)
                    return Status.CRASHED, f"a chain's process died in {place}{for_memory(kills_before)}"
        except BaseException:
            self._end_cell(heard)
            raise

    def _end_cell(self, heard: Heard) -> None:
        """End the cell, and wait until its server has noticed."""
        deadline = time.monotonic() + 10
        self._ending = True
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            kill_group(heard.child)
            for event in self._events(wait_s=0.2):
                if event["event"] == "ended":
                    return
                # Of a cell that had only just begun, the process is not known until now.
                heard.event(event)
        self._stop()

    def _send(self, task: Task) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write((json.dumps(task.to_dict()) + "\n").encode())
            self._process.stdin.flush()

    def _events(self, wait_s: float) -> Iterator[Dict[str, Any]]:
        """Yield the events that have come, having waited for the first one."""
        if self._stop_asked.is_set() and not self._ending:
            raise KeyboardInterrupt
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

    def close(self) -> None:
        """End the process, and with it a cell that still runs; remove its logs."""
        self._stop()
        self._lock.close()
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


def _shared(facts: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what a stack says of itself, without paths."""
    flags = {name: scrub(text) for name, text in facts["theano_flags"].items()}
    return {**facts, "theano_flags": flags}
