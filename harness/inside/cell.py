"""One cell inside its own process: sampled, and whatever goes wrong told.

What is asked for is a :class:`Task`, what comes back a dictionary and a file of arrays, of which the
host makes a record. Which process this is, and how it is ended, :mod:`harness.inside.worker` sees to.
"""

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Set

import models
from harness.inside import (
    arrays,
    clock,
    compile_cache,
    contract,
    mismatch,
    sampling,
    start,
    steppers,
    system,
)
from models.spec import SamplerSettings

#: Counted up when a request or an answer changes: host and stack have to speak of the same things.
DOOR = 1


@dataclass(frozen=True)
class Task:
    """What the host asks for.

    Parameters
    ----------
    do : str
        ``cell``: sample; or ``improper``: look for directions in which the posterior has no end.
    model : str
        The model.
    settings : SamplerSettings
        What to sample it with.
    seed : int
        ``random_seed`` of ``pm.sample``.
    digest : str
        Digest of the model that is to be sampled.
    models_files : list of str
        The user's own files of models.
    folder : str
        Working directory, which a model's data may lie in.
    log : str
        File for all that the cell prints.
    outcome : str
        File for the outcome, written whole or not at all.
    arrays : str
        File for draws and statistics: :mod:`harness.inside.arrays`.
    memory_bytes : int
        Address space that each of the cell's processes may use; 0 for no limit.
    """

    do: str
    model: str
    settings: SamplerSettings
    seed: int
    digest: str
    models_files: List[str]
    folder: str
    log: str
    outcome: str
    arrays: str
    memory_bytes: int

    def to_dict(self) -> Dict[str, Any]:
        """Return the task, ready for JSON."""
        return {"door": DOOR, **vars(self), "settings": self.settings.to_dict()}

    @classmethod
    def from_dict(cls, values: Dict[str, Any]) -> "Task":
        """Make a task from :meth:`to_dict`'s dictionary.

        Raises
        ------
        ValueError
            If it was made by another version.
        """
        known = dict(values)
        door = known.pop("door", None)
        if door != DOOR:
            raise ValueError(f"this process answers requests of version {DOOR}, not {door}")
        return cls(**{**known, "settings": SamplerSettings.from_dict(known["settings"])})


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


def run(task: Task, common: Common, listener: clock.Listener) -> Dict[str, Any]:
    """Do what a task asks for, in this process, and return its outcome.

    Parameters
    ----------
    task : Task
        What.
    common : Common
        The import's time, and the model if it is prepared.
    listener : callable
        Told how far it is.
    """
    return improper(task) if task.do == "improper" else sample(task, common, listener)


def improper(task: Task) -> Dict[str, Any]:
    """Return the directions in which a model's posterior has no end, in words: ``directions``."""
    for file in task.models_files:
        models.load_file(Path(file))
    spec = models.get(task.model)
    return {"directions": contract.improper_directions(spec.build(spec.data()))}


def sample(task: Task, common: Common, listener: clock.Listener) -> Dict[str, Any]:
    """Sample a cell and return its outcome, whatever happens.

    Parameters
    ----------
    task : Task
        The cell and where its arrays go.
    common : Common
        The import's time, and the model if it is prepared.
    listener : callable
        Told how far it is.

    Returns
    -------
    dict
        ``status``, ``reason``, ``phases``, ``warnings`` and ``details`` as a record has them, of what is
        known here. Of a cell that was sampled also ``sampled``: what is known of the draws, with the
        ``names`` of the arrays; or ``lost``, why they could not be handed out.
    """
    timer = clock.PhaseTimer(listener)
    timer.phases["import"] = common.imported
    cached_before = compile_cache.cached_modules()
    loaded_before = compile_cache.loaded_modules()
    outcome: Dict[str, Any] = {"status": "ok", "reason": "", "warnings": []}
    details: Dict[str, Any] = {}
    try:
        for file in task.models_files:
            models.load_file(Path(file))
        spec = models.get(task.model)
        _check_digest(spec, task.digest)
        prepared = common.prepared if task.model == common.model else None
        found = sampling.sample(spec, task.settings, task.seed, timer, listener, prepared)
        timer.stop()
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        phase = timer.current
        timer.stop()  # To look for a reason is no part of what failed.
        outcome.update(status="failed", reason=_reason(error, phase))
        if isinstance(error, mismatch.MismatchError):
            outcome["differs"] = error.digests
        if isinstance(error, steppers.UnsampleableError):
            details["refused"] = True
    else:
        details.update(sampler=found.sampler, split_source=clock.SPLIT_SOURCE)
        details.update({"samplers": found.samplers} if found.samplers else {})
        details.update({"compile_s": list(prepared.compile_s)} if prepared else {})
        outcome["warnings"] = found.notes
        outcome.update(_handed_out(found, Path(task.arrays)))
    outcome["phases"] = {name: time.to_dict() for name, time in timer.phases.items()}
    outcome["details"] = {**details, "compile_cache": _cache_use(cached_before, loaded_before)}
    return outcome


def _handed_out(found: sampling.Sampled, path: Path) -> Dict[str, Any]:
    """Write the arrays, and return what else is known of them; if they cannot be written, why."""
    # First, for to write them may take memory too.
    sampled = {
        "free": list(found.free),
        "chain_draw_s": found.chain_draw_s,
        "gradient_us": found.gradient_us,
        "dimensions": found.dimensions,
        "peak_rss_bytes": system.peak_rss_bytes(),
    }
    groups = {"draws": found.draws, "stats": found.stats, "tune_stats": found.tune_stats}
    try:
        names = arrays.write(groups, path)
    except Exception as error:
        traceback.print_exc()
        said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        return {"sampled": sampled, "lost": f"the draws could not be handed out: {said}"}
    return {"sampled": {**sampled, "names": names}}


def _check_digest(spec: models.ModelSpec, digest: str) -> None:
    """Refuse a model that is no longer what the record would say that it is."""
    if digest != models.model_digest(spec):
        raise mismatch.MismatchError(spec)


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
