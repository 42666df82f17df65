"""The child's side: imports a stack once, then runs each cell in a fresh fork of itself.

``python -m nutsbench.inside.worker`` reads one JSON line a cell from its standard input and
writes one JSON line an event to its standard output. Importing PyMC3 takes seconds; a
fork takes milliseconds, and keeps cells apart all the same: no cell sees what another
one compiled, allocated or broke.
"""

import contextlib
import faulthandler
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, TextIO

from nutsbench import models
from nutsbench.dialect import installed, reading
from nutsbench.inside import (
    cell,
    clock,
    compile_cache,
    facts,
    later,
    measure,
    modules,
    preparing,
    sampling,
    system,
)
from nutsbench.inside.cell import Common
from nutsbench.inside.isolated import kill_group
from nutsbench.inside.task import DOOR, PLAIN, Task
from nutsbench.inside.whole import whole

#: What can be asked for beside a cell, and what answers.
HANDLERS: Dict[str, Callable[..., Dict[str, Any]]] = {
    "core": measure.core_of,
    "compiling": measure.compiling,
    "cold": measure.cold,
    "reference": measure.reference,
    "plain": measure.plain,
    "digest": measure.digest,
}


class Events:
    """The line to the parent: one JSON object a line, each written at once.

    Parameters
    ----------
    handle : int
        File descriptor; shared with forks, whose lines are short enough not to mix.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def send(self, event: str, **values: Any) -> None:
        """Send an event; a parent that is gone is no error here."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._handle, (json.dumps({"event": event, **values}) + "\n").encode())


def _child(task: Task, events: Events, common: Common) -> None:
    """Run one cell in a new fork, and end; never returns."""
    status = 1
    try:
        _of_its_own(task)

        def listener(progress: clock.Progress) -> None:
            events.send("progress", **vars(progress))

        answer = json.dumps(_answer(task, common, listener))
        with whole(Path(task.outcome)) as part:
            part.write_text(answer)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _of_its_own(task: Task) -> None:
    """Make a new fork one that can be ended with all that it starts, and that prints into the task's log."""
    # A group of its own, so that the parent can end it with all of its chains.
    os.setpgid(0, 0)
    system.die_with_parent()
    # Chains are forks of this fork. Each of them holds both ends of its own pipe, and
    # would wait for ever for a parent that is gone.
    os.register_at_fork(after_in_child=system.die_with_parent)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # A cell that reads its input must not take the next task for it.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(task.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(task.folder)
    faulthandler.enable()
    _limit_memory(task.memory_bytes)


def _answer(task: Task, common: Common, listener: clock.Listener) -> Dict[str, Any]:
    """Do what is asked for, in this process; of a cell whatever happens, else what it raises is told."""

    def load() -> None:
        for file in task.models_files:
            models.load_file(Path(file))

    if task.do == "cell":
        return cell.sample(common, listener, load, **task.arguments)
    try:
        load()
        if task.do == "improper":
            return {"answer": cell.improper(common, **task.arguments)}
        return {"answer": HANDLERS[task.do](**task.arguments)}
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        said = str(error).strip().splitlines()
        return {"error": f"{type(error).__name__}: {said[0] if said else ''}".rstrip(": ")}


def _limit_memory(memory_bytes: int) -> None:
    system.go_first_for_memory()
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _import_stack(warm_up: Callable[[], None]) -> clock.PhaseTime:
    """Import all that every cell needs, and compile what none of them can cache."""
    wall, cpu = time.perf_counter(), clock.cpu_seconds()
    # Every cell needs it; imported here, the forks have it.
    importlib.import_module(installed.packages()[0])
    if reading.is_later():
        reading.begin()
    warm_up()
    return clock.PhaseTime(time.perf_counter() - wall, clock.cpu_seconds() - cpu)


def _keeper(task: Task, events: Events, tasks: TextIO, common: Common) -> None:
    """Build and compile a model in this new fork, answer tasks with it, and end; never returns."""
    status = 1
    try:
        _of_its_own(task)
        Server(events, tasks, is_keeper=True).serve(_kept(task, common, events))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _kept(task: Task, common: Common, events: Events) -> Common:
    """Return the model that a task names, built and compiled; where it cannot be, each cell tells why."""

    def listener(progress: clock.Progress) -> None:
        events.send("progress", **vars(progress))

    cached, loaded = compile_cache.cached_folders(), compile_cache.loaded_modules()
    taken: List[Path] = []
    before: Dict[str, Any] = {}
    try:
        for file in task.models_files:
            models.load_file(Path(file))
        with contextlib.ExitStack() as helped:
            if task.arguments.get("store"):
                before = preparing.compiled_ahead(models.get(task.keep), task.arguments["digest"])
                taken = helped.enter_context(modules.taken_over())
            prepared = preparing.prepare_once(models.get(task.keep), listener)
    except (Exception, SystemExit):
        traceback.print_exc()
        return common
    used = cell.cache_use(cached, loaded, taken)
    return Common(common.imported, task.keep, replace(prepared, cache={**used, **before}))


@dataclass
class _Keeper:
    """A fork of the server's that has a model built and compiled, and forks a child for each task.

    Parameters
    ----------
    model : str
        The model.
    pid : int
        The process.
    tasks, events : int
        File descriptors: where its tasks go, and where its events come from.
    """

    model: str
    pid: int
    tasks: int
    events: int
    pending: bytes = b""
    is_busy: bool = False


class Server:
    """Forks a child for each task, and tells the parent how each one ended.

    Parameters
    ----------
    events : Events
        Line to the parent.
    tasks : TextIO
        Where tasks come from; its end is the parent's end, and so this process's.
    is_keeper : bool
        Whether it is a keeper's, which does what it is asked for itself, prepared or not.
    """

    def __init__(self, events: Events, tasks: TextIO, is_keeper: bool = False) -> None:
        self._events = events
        self._is_keeper = is_keeper
        self._tasks = tasks
        self._child: Optional[int] = None
        self._keeper: Optional[_Keeper] = None
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        # A child's end wakes the loop up through this pipe.
        signal.set_wakeup_fd(writing)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._wakeup = reading

    def serve(self, common: Common) -> None:
        """Run tasks until there are no more."""
        while True:
            waited: List[Any] = [self._tasks, self._wakeup]
            waited += [self._keeper.events] if self._keeper else []
            ready, _, _ = select.select(waited, [], [])
            if self._keeper and self._keeper.events in ready:
                self._relay(self._keeper)
            if self._wakeup in ready:
                os.read(self._wakeup, 4096)
                self._reap()
            if self._tasks in ready:
                line = self._tasks.readline()
                if not line:
                    self._end_child()
                    return
                task = Task.from_dict(json.loads(line))
                if task.keep and not self._is_keeper:
                    self._pass_on(task, line, common)
                else:
                    self._start(task, common)

    def _pass_on(self, task: Task, line: str, common: Common) -> None:
        """Have a task done by the keeper of its model, which is made where there is none."""
        if self._keeper is None or self._keeper.model != task.keep:
            self._dismiss()
            self._keeper = self._new_keeper(task, common)
        self._keeper.is_busy = True
        # Whom to end, until the keeper has started a child.
        self._events.send("started", pid=self._keeper.pid)
        with contextlib.suppress(BrokenPipeError):  # It has ended, and is told of when it is reaped.
            os.write(self._keeper.tasks, line.encode())

    def _new_keeper(self, task: Task, common: Common) -> _Keeper:
        of_tasks, to_keeper = os.pipe()
        from_keeper, of_events = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(to_keeper)
            os.close(from_keeper)
            _keeper(task, Events(of_events), os.fdopen(of_tasks), common)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # Whoever of the two is first.
        os.close(of_tasks)
        os.close(of_events)
        return _Keeper(task.keep, pid, to_keeper, from_keeper)

    def _relay(self, keeper: _Keeper) -> None:
        """Hand on what the keeper tells, line by line."""
        chunk = os.read(keeper.events, 65536)
        *lines, keeper.pending = (keeper.pending + chunk).split(b"\n")
        for line in lines:
            event = json.loads(line)
            self._events.send(event.pop("event"), **event)
            keeper.is_busy = keeper.is_busy and b'"event": "ended"' not in line
        if not chunk:
            self._reap_keeper(os.wait4(keeper.pid, 0)[1])

    def _dismiss(self) -> None:
        """End a keeper that has nothing to do."""
        if self._keeper is not None:
            os.close(self._keeper.tasks)
            _, status, _ = os.wait4(self._keeper.pid, 0)
            self._keeper.tasks = -1
            self._reap_keeper(status)

    def _reap_keeper(self, status: int) -> None:
        """Forget a keeper that has ended, and tell how if somebody waits for it."""
        keeper, self._keeper = self._keeper, None
        assert keeper is not None
        kill_group(keeper.pid)
        for handle in (keeper.tasks, keeper.events):
            if handle >= 0:
                os.close(handle)
        if keeper.is_busy:
            self._tell_end(status)

    def _start(self, task: Task, common: Common) -> None:
        pid = os.fork()
        if pid == 0:
            _child(task, self._events, common)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # Whoever of the two is first.
        self._child = pid
        self._events.send("started", pid=pid)

    def _reap(self) -> None:
        if self._keeper is not None:
            pid, status, _ = os.wait4(self._keeper.pid, os.WNOHANG)
            if pid:
                self._reap_keeper(status)
        if self._child is None:
            return
        pid, status, _ = os.wait4(self._child, os.WNOHANG)
        if pid == 0:
            return
        kill_group(pid)  # Chains can outlive the process that started them.
        self._child = None
        self._tell_end(status)

    def _tell_end(self, status: int) -> None:
        killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self._events.send("ended", code=os.WEXITSTATUS(status), killed_by=killed_by)

    def _end_child(self) -> None:
        if self._child is not None:
            kill_group(self._child)
        if self._keeper is not None:
            # Its child, and that one's chains, end with it.
            kill_group(self._keeper.pid)
            self._keeper.is_busy = False
            self._dismiss()


def _prepare(model: str, models_files: Sequence[str]) -> sampling.Prepared:
    for file in models_files:
        models.load_file(Path(file))
    return preparing.prepare(models.get(model))


def main(model: str = "", *models_files: str) -> None:
    """Serve tasks from standard input; all that libraries print goes to standard error.

    Parameters
    ----------
    model : str
        A model to build and compile before the first task.
    *models_files : str
        The user's own files of models, for that.
    """
    events = Events(os.dup(1))
    os.dup2(2, 1)
    try:
        # A model that is prepared compiles what it needs; nothing else is going to be sampled.
        is_plain = bool(os.environ.get(PLAIN))
        warm_up = compile_cache.load_blas if model else compile_cache.warm_up
        warm_up = later.warm_up if reading.is_later() else warm_up
        imported = _import_stack((lambda: None) if is_plain else warm_up)
        common = Common(imported, model, _prepare(model, models_files) if model else None)
        known = facts.of_stack()
    except BaseException as error:
        traceback.print_exc()
        events.send("broken", reason=f"{type(error).__name__}: {str(error).strip()[:500]}")
        sys.exit(1)
    events.send("ready", door=DOOR, environment=known)
    Server(events, sys.stdin).serve(common)


if __name__ == "__main__":
    main(*sys.argv[1:])
