"""One cell inside its own process: sampled, diagnosed, judged, and whatever goes wrong told.

What is asked for is a :class:`Task`, what comes back a dictionary that becomes a record. Which
process this is, and how it is ended, :mod:`harness.worker` sees to.
"""

import resource
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set

import models
from harness import (
    accuracy,
    claims,
    clock,
    compile_cache,
    contract,
    diagnostics,
    hints,
    metrics,
    mismatch,
    quality,
    sampling,
    start,
    steppers,
    truth,
)
from harness.grid import Cell

#: What stands in for a diagnosis that failed: the times are known all the same.
_NOTHING_KNOWN = diagnostics.Diagnostics({}, None, None, None, None, None, None, (), None, None)


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
    sampled = None
    try:
        for file in task.models_files:
            models.load_file(Path(file))
        spec = models.get(cell.model)
        _check_digest(spec, task.digest)
        prepared = common.prepared if cell.model == common.model else None
        sampled = sampling.sample(spec, cell.settings, cell.seed, timer, listener, prepared)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        phase = timer.current
        timer.stop()  # To look for a reason is no part of what failed.
        outcome.update(status="failed", reason=_reason(error, phase))
        if isinstance(error, mismatch.MismatchError):
            outcome["differs"] = error.digests
        if isinstance(error, steppers.UnsampleableError):
            details["refused"] = True
    if sampled is not None:
        details.update(sampler=sampled.sampler, split_source=clock.SPLIT_SOURCE)
        details.update({"samplers": sampled.samplers} if sampled.samplers else {})
        details.update({"compile_s": list(prepared.compile_s)} if prepared else {})
        outcome["warnings"] = [*sampled.notes, *_judged(spec, cell, sampled, timer, outcome, details)]
        if task.draws:
            outcome["warnings"] += _keep_draws(sampled, Path(task.draws), details)
    timer.stop()
    outcome["phases"] = {name: time.to_dict() for name, time in timer.phases.items()}
    outcome["details"] = {**details, "compile_cache": _cache_use(cached_before, loaded_before)}
    return outcome


def _judged(
    spec: models.ModelSpec,
    cell: Cell,
    sampled: sampling.Sampled,
    timer: clock.PhaseTimer,
    outcome: Dict[str, Any],
    details: Dict[str, Any],
) -> List[str]:
    """Fill in what the draws say; return what could not be said, which takes nothing from the rest."""
    missing: List[str] = []

    def tried(what: str, make: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return make()
        except Exception as error:
            traceback.print_exc()
            missing.append(f"{what}: {type(error).__name__}: {error}".strip(": "))
            return otherwise

    found = tried(
        "the draws could not be diagnosed",
        lambda: diagnostics.diagnose(
            sampled.draws,
            sampled.stats,
            sampled.tune_stats,
            sampled.free,
            cell.settings.max_treedepth,
            sampled.dimensions,
        ),
        None,
    )
    timer.stop()
    known = found or _NOTHING_KNOWN
    measurement = metrics.Measurement(
        cell.settings, timer.phases, known, sampled.chain_draw_s, sampled.gradient_us, _peak_rss_bytes()
    )
    outcome["metrics"] = tried("no metrics", lambda: metrics.compute(measurement), {})
    outcome["worst"] = {
        figure: metrics.extreme(known.quantities, figure, largest=figure == "rhat")
        for figure in ("ess_bulk", "ess_tail", "rhat")
    }
    outcome["quantities"] = {name: q.to_dict() for name, q in known.quantities.items()}
    details["hints"] = tried(
        "no hints",
        lambda: hints.hints(sampled.draws, sampled.stats, sampled.free, known.quantities) if found else {},
        {},
    )
    if "wanders" in details["hints"]:
        # Chains that come back from nowhere: it is worth a few seconds to know whether they could.
        no_end = tried("no check for an improper posterior", lambda: _without_end(spec), [])
        details["hints"].update({"improper": no_end} if no_end else {})
    seen = quality.Seen.of({**outcome, "settings": cell.settings.to_dict(), "details": details})
    unknown = quality.Quality("unknown", tuple(missing[:1])).to_dict()
    outcome["quality"] = (
        tried("no verdict on quality", lambda: quality.judge(seen).to_dict(), unknown) if found else unknown
    )
    outcome["accuracy"] = tried(
        "no verdict on accuracy", lambda: _accuracy(spec, sampled, known, seen).to_dict(), {}
    )
    outcome["claims"] = tried("no claims", lambda: claims.of_draws(spec.claims, sampled.draws), [])
    return missing


def _without_end(spec: models.ModelSpec) -> List[str]:
    return contract.improper_directions(spec.build(spec.data()))


def _accuracy(
    spec: models.ModelSpec, sampled: sampling.Sampled, known: diagnostics.Diagnostics, seen: quality.Seen
) -> accuracy.Accuracy:
    exact, why_none = truth.find(spec.name)
    try:
        shares = accuracy.shares_below(sampled.draws, exact) if exact else {}
        return accuracy.judge(
            seen.quantities,
            shares,
            exact,
            why_none,
            not_mixed=quality.not_mixed(seen),
            kinetic=known.kinetic,
        )
    except Exception as error:  # A measurement is not lost to a verdict that cannot be given.
        traceback.print_exc()
        return accuracy.unknown(f"it cannot be compared with the truth: {type(error).__name__}: {error}")


def _check_digest(spec: models.ModelSpec, digest: str) -> None:
    """Refuse a model that is no longer what the record would say that it is."""
    if digest != models.model_digest(spec):
        raise mismatch.MismatchError(spec)


def _keep_draws(sampled: sampling.Sampled, path: Path, details: Dict[str, Any]) -> List[str]:
    """Write the draws; if they cannot be written, the measurement stands all the same."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sampling.write_draws(sampled, path)
    except Exception as error:
        traceback.print_exc()
        said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        return [f"the draws could not be kept: {said}"]
    details["draws_file"] = path.name
    return []


def _reason(error: BaseException, phase: str) -> str:
    """Say what failed, where, and what can be done, in a line or two."""
    if isinstance(error, (steppers.UnsampleableError, mismatch.MismatchError)):
        return str(error)
    if isinstance(error, SystemExit):
        return f"the model ends the program in {phase or 'build'}: sys.exit({error.code!r})"
    explained = start.explain(error) if isinstance(error, start.BadStartError) else ""
    root: BaseException = error
    while root.__cause__ is not None and type(root.__cause__).__name__ != "RemoteTraceback":
        root = root.__cause__
    text = str(root).strip() or str(error).strip()
    first = text.splitlines()[0].rstrip(" .:!") if text and explained else "".join(text.splitlines()[:1])
    said = f"{type(root).__name__} in {phase or 'build'}: {first}"
    if isinstance(root, MemoryError):
        return f"out of memory in {phase}: raise --memory-limit, or take fewer draws or chains"
    if "ompilation failed" in text or "CompileError" in type(root).__name__:
        return f"{said} (the C++ compiler failed: see `nutsbench doctor`)"
    return f"{said}; {explained}" if explained else said


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
