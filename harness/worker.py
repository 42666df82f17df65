"""The child's side: imports a stack once, then runs each cell in a fresh fork of itself.

``python -m harness.worker`` reads one JSON line a cell from its standard input and
writes one JSON line an event to its standard output. Importing PyMC3 takes seconds; a
fork takes milliseconds, and keeps cells apart all the same: no cell sees what another
one compiled, allocated or broke.
"""

import contextlib
import ctypes
import faulthandler
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, TextIO

import models
from harness import (
    accuracy,
    claims,
    clock,
    compile_cache,
    diagnostics,
    environment,
    metrics,
    quality,
    sampling,
    truth,
)
from harness.grid import Cell

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Task:
    """What the parent asks for.

    Parameters
    ----------
    cell : Cell
        The cell.
    digest : str
        Digest of the model that is to be sampled.
    models_files : tuple of str
        The user's own files of models.
    log : str
        File for all that the cell prints.
    outcome : str
        File for the outcome, written whole or not at all.
    folder : str
        Working directory, which a model's data may lie in.
    draws : str
        netCDF file for the draws; empty to keep none.
    memory_bytes : int
        Address space that each of the cell's processes may use; 0 for no limit.
    """

    cell: Cell
    digest: str
    models_files: List[str]
    log: str
    outcome: str
    folder: str
    draws: str
    memory_bytes: int

    def to_dict(self) -> Dict[str, Any]:
        """Return the task, ready for JSON."""
        return {**vars(self), "cell": self.cell.to_dict()}

    @classmethod
    def from_dict(cls, values: Dict[str, Any]) -> "Task":
        """Make a task from :meth:`to_dict`'s dictionary."""
        return cls(**{**values, "cell": Cell.from_dict(values["cell"])})


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


@dataclass(frozen=True)
class Common:
    """What all cells of a worker have before they begin.

    Parameters
    ----------
    imported : PhaseTime
        What importing the stack took.
    model : str
        The one model that this worker has prepared; empty for a worker of any models.
    prepared : Prepared or None
        That model, built and compiled.
    """

    imported: clock.PhaseTime
    model: str = ""
    prepared: Optional[sampling.Prepared] = None


def run_cell(task: Task, common: Common, listener: clock.Listener) -> Dict[str, Any]:
    """Run one cell in this process and return its outcome, whatever happens.

    Parameters
    ----------
    task : Task
        The cell and where its draws go.
    common : Common
        The import's time, and the model if it is prepared.
    listener : callable
        Told how far it is.

    Returns
    -------
    dict
        ``status``, ``reason``, ``phases``, ``metrics``, ``worst``, ``quality``, ``accuracy``,
        ``claims``, ``quantities`` and ``details``, as a record has them.
    """
    cell = task.cell
    timer = clock.PhaseTimer(listener)
    timer.phases["import"] = common.imported
    cached_before = compile_cache.cached_modules()
    loaded_before = compile_cache.loaded_modules()
    outcome: Dict[str, Any] = {"status": "ok", "reason": ""}
    details: Dict[str, Any] = {}
    try:
        for file in task.models_files:
            models.load_file(Path(file))
        spec = models.get(cell.model)
        _check_digest(spec, task.digest)
        prepared = common.prepared if cell.model == common.model else None
        sampled = sampling.sample(spec, cell.settings, cell.seed, timer, listener, prepared)
        found = diagnostics.diagnose(
            sampled.draws, sampled.stats, sampled.tune_stats, sampled.free, cell.settings.max_treedepth
        )
        timer.stop()
        measurement = metrics.Measurement(
            cell.settings,
            timer.phases,
            found,
            sampled.chain_draw_s,
            sampled.gradient_us,
            _peak_rss_bytes(),
        )
        outcome["metrics"] = metrics.compute(measurement)
        outcome["worst"] = {
            figure: metrics.extreme(found.quantities, figure, largest=figure == "rhat")
            for figure in ("ess_bulk", "ess_tail", "rhat")
        }
        outcome["quality"] = quality.judge(found, cell.settings.chains).to_dict()
        outcome["quantities"] = {name: q.to_dict() for name, q in found.quantities.items()}
        outcome["accuracy"] = _accuracy(spec, sampled, outcome["quantities"]).to_dict()
        outcome["claims"] = claims.of_draws(spec.claims, sampled.draws)
        details.update(sampler=sampled.sampler, split_source=clock.SPLIT_SOURCE)
        if prepared:
            details["compile_s"] = list(prepared.compile_s)
        if task.draws:
            outcome["warnings"] = _keep_draws(sampled, Path(task.draws), details)
    except Exception as error:
        traceback.print_exc()
        outcome.update(status="failed", reason=_reason(error, cell, timer.current))
    timer.stop()
    outcome["phases"] = {name: time.to_dict() for name, time in timer.phases.items()}
    outcome["details"] = {**details, "compile_cache": _cache_use(cached_before, loaded_before)}
    return outcome


def _accuracy(
    spec: models.ModelSpec, sampled: sampling.Sampled, quantities: Dict[str, Dict[str, Any]]
) -> accuracy.Accuracy:
    exact, why_none = truth.find(spec.name)
    try:
        shares = accuracy.shares_below(sampled.draws, exact) if exact else {}
        return accuracy.judge(quantities, shares, exact, why_none)
    except Exception as error:  # A measurement is not lost to a verdict that cannot be given.
        traceback.print_exc()
        return accuracy.unknown(f"it cannot be compared with the truth: {type(error).__name__}: {error}")


def _check_digest(spec: models.ModelSpec, digest: str) -> None:
    """Refuse a model that is no longer what the record would say that it is."""
    if digest != models.model_digest(spec):
        raise models.ModelError(f"{spec.source} was changed while the run went on: start it again")


def _keep_draws(sampled: sampling.Sampled, path: Path, details: Dict[str, Any]) -> List[str]:
    """Write the draws; if they cannot be written, the measurement stands all the same."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sampling.write_draws(sampled, path)
    except OSError as error:
        traceback.print_exc()
        return [f"the draws could not be kept: {error.strerror or error}"]
    details["draws_file"] = path.name
    return []


def _reason(error: Exception, cell: Cell, phase: str) -> str:
    """Say what failed, where, and what can be done, in a line or two."""
    root: BaseException = error
    while root.__cause__ is not None and type(root.__cause__).__name__ != "RemoteTraceback":
        root = root.__cause__
    text = str(root).strip() or str(error).strip()
    first = text.splitlines()[0] if text else ""
    said = f"{type(root).__name__} in {phase or 'build'}: {first}"
    if isinstance(root, MemoryError):
        return f"out of memory in {phase}: raise --memory-limit, or take fewer draws or chains"
    if "ompilation failed" in text or "CompileError" in type(root).__name__:
        return f"{said} (the C++ compiler failed: see `nutsbench doctor`)"
    if "Bad initial energy" in text or "Mass matrix" in text or type(root).__name__ == "SamplingError":
        with contextlib.suppress(models.ModelError):
            explained = sampling.explain_bad_logp(models.get(cell.model))
            return f"{said}; {explained}" if explained else said
    return said


def _cache_use(cached_before: int, loaded_before: Set[str]) -> Dict[str, Any]:
    """Cold as soon as a module had to be compiled that the cache can keep."""
    compiled = max(0, compile_cache.cached_modules() - cached_before)
    return {
        "state": "cold" if compiled else "warm",
        "modules_compiled": compiled,
        "modules_unversioned": compile_cache.remove_unversioned(loaded_before),
    }


def _peak_rss_bytes() -> int:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return 1024 * max(own, children)  # Linux counts in KiB.


def _child(task: Task, events: Events, common: Common) -> None:
    """Run one cell in a new fork, and end; never returns."""
    status = 1
    try:
        # A group of its own, so that the parent can end it with all of its chains.
        os.setpgid(0, 0)
        _die_with_parent()
        # Chains are forks of this fork. Each of them holds both ends of its own pipe, and
        # would wait for ever for a parent that is gone.
        os.register_at_fork(after_in_child=_die_with_parent)
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

        def listener(progress: clock.Progress) -> None:
            events.send("progress", **vars(progress))

        outcome = run_cell(task, common, listener)
        part = Path(task.outcome + ".part")
        part.write_text(json.dumps(outcome, allow_nan=False))
        part.replace(task.outcome)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit_memory(memory_bytes: int) -> None:
    # If memory runs out, the kernel should end the cell rather than anything else.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _import_stack(warm_up: Callable[[], None]) -> clock.PhaseTime:
    """Import all that every cell needs, and compile what none of them can cache."""
    wall, cpu = time.perf_counter(), clock.cpu_seconds()
    import arviz  # noqa: F401  # Every cell needs it; imported here, the forks have it.
    import pymc3  # noqa: F401

    warm_up()
    return clock.PhaseTime(time.perf_counter() - wall, clock.cpu_seconds() - cpu)


class Server:
    """Forks a child for each task, and tells the parent how each one ended.

    Parameters
    ----------
    events : Events
        Line to the parent.
    tasks : TextIO
        Where tasks come from; its end is the parent's end, and so this process's.
    """

    def __init__(self, events: Events, tasks: TextIO) -> None:
        self._events = events
        self._tasks = tasks
        self._child: Optional[int] = None
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        # A child's end wakes the loop up through this pipe.
        signal.set_wakeup_fd(writing)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._wakeup = reading

    def serve(self, common: Common) -> None:
        """Run tasks until there are no more."""
        while True:
            ready, _, _ = select.select([self._tasks, self._wakeup], [], [])
            if self._wakeup in ready:
                os.read(self._wakeup, 4096)
                self._reap()
            if self._tasks in ready:
                line = self._tasks.readline()
                if not line:
                    self._end_child()
                    return
                self._start(Task.from_dict(json.loads(line)), common)

    def _start(self, task: Task, common: Common) -> None:
        pid = os.fork()
        if pid == 0:
            _child(task, self._events, common)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # Whoever of the two is first.
        self._child = pid
        self._events.send("started", pid=pid)

    def _reap(self) -> None:
        if self._child is None:
            return
        pid, status, _ = os.wait4(self._child, os.WNOHANG)
        if pid == 0:
            return
        self._kill_group(pid)
        self._child = None
        killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self._events.send("ended", code=os.WEXITSTATUS(status), killed_by=killed_by)

    def _end_child(self) -> None:
        if self._child is not None:
            self._kill_group(self._child)

    @staticmethod
    def _kill_group(pid: int) -> None:
        """End whatever is left of a cell: chains can outlive the process that started them."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _prepare(model: str, models_files: Sequence[str]) -> sampling.Prepared:
    for file in models_files:
        models.load_file(Path(file))
    return sampling.prepare(models.get(model))


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
        imported = _import_stack(compile_cache.load_blas if model else compile_cache.warm_up)
        common = Common(imported, model, _prepare(model, models_files) if model else None)
        facts = environment.stack()
    except BaseException as error:
        traceback.print_exc()
        events.send("broken", reason=f"{type(error).__name__}: {str(error).strip()[:500]}")
        sys.exit(1)
    events.send("ready", environment=facts)
    Server(events, sys.stdin).serve(common)


if __name__ == "__main__":
    main(*sys.argv[1:])
