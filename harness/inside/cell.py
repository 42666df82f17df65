"""One cell inside its own process: sampled, and whatever goes wrong told.

What comes back is a dictionary and a file of arrays, of which the host makes a record. Which process
this is, and how it is ended, :mod:`nutsbench.inside.worker` sees to.
"""

import contextlib
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Set

from nutsbench import models
from nutsbench.dialect import reading
from nutsbench.dialect.names import DialectError
from nutsbench.inside import (
    arrays,
    clock,
    compile_cache,
    contract,
    later,
    mismatch,
    modules,
    preparing,
    sampling,
    start,
    steppers,
    system,
)
from nutsbench.models.spec import SamplerSettings


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


def improper(common: Common, model: str) -> Dict[str, List[str]]:
    """Return the directions in which a model's posterior has no end, in words: ``directions``."""
    if common.prepared is not None and model == common.model:
        built = common.prepared.model
    else:
        spec = models.get(model)
        built = spec.build(spec.data())
    return {"directions": contract.improper_directions(contract.Built(built))}


def sample(
    common: Common,
    listener: clock.Listener,
    load: Callable[[], None],
    model: str,
    settings: Dict[str, Any],
    seed: int,
    digest: str,
    draws: str,
    store: bool,
    prefixes: Sequence[int] = (),
) -> Dict[str, Any]:
    """Sample a cell and return its outcome, whatever happens.

    Parameters
    ----------
    common : Common
        The import's time, and the model if it is prepared.
    listener : callable
        Told how far it is.
    load : callable
        Loads the user's own files of models; what it raises is the cell's failure.
    model : str
        The model.
    settings : dict
        What to sample it with: :meth:`nutsbench.models.spec.SamplerSettings.to_dict`.
    seed : int
        ``random_seed`` of ``pm.sample``.
    digest : str
        Digest of the model that is to be sampled.
    draws : str
        File for draws and statistics: :mod:`nutsbench.inside.arrays`.
    store : bool
        Whether compiled modules are taken from :mod:`nutsbench.inside.modules`, and kept there.
    prefixes : sequence of int
        Smaller numbers of draws that are asked about too; each is one of ``sampled``'s ``prefixes``.

    Returns
    -------
    dict
        ``status``, ``reason``, ``phases``, ``warnings`` and ``details`` as a record has them, of what is
        known here. Of a cell that was sampled also ``sampled``: what is known of the draws, with the
        ``names`` of the arrays; or ``lost``, why they could not be handed out.
    """
    timer = clock.PhaseTimer(listener)
    timer.phases["import"] = common.imported
    use = _later_use() if reading.is_later() else _use()
    outcome: Dict[str, Any] = {"status": "ok", "reason": "", "warnings": []}
    details: Dict[str, Any] = {}
    before: Dict[str, Any] = {}
    spec: Optional[models.ModelSpec] = None
    helped = contextlib.ExitStack()
    taken = helped.enter_context(modules.taken_over()) if store and not reading.is_later() else []
    try:
        load()
        spec = models.get(model)
        _check_digest(spec, digest)
        prepared = common.prepared if model == common.model else None
        wanted = SamplerSettings.from_dict(settings)
        if reading.is_later():
            found = later.sample(spec, wanted, seed, timer, listener)
        else:
            if store and prepared is None:
                before = preparing.compiled_ahead(spec, digest)
            found = sampling.sample(spec, wanted, seed, timer, listener, prepared, prefixes)
        timer.stop()
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        phase = timer.current
        timer.stop()  # To look for a reason is no part of what failed.
        outcome.update(status="failed", reason=_reason(error, phase) + _where(error, spec))
        if isinstance(error, mismatch.MismatchError):
            outcome["differs"] = error.digests
        if isinstance(error, (steppers.UnsampleableError, DialectError)):
            details["refused"] = True
    else:
        details.update(sampler=found.sampler, split_source=found.split_source)
        details.update({"engine": found.engine} if found.engine else {})
        details.update({"adaptations": found.adaptations} if found.adaptations else {})
        details.update({"samplers": found.samplers} if found.samplers else {})
        details.update({"compile_s": list(prepared.compile_s)} if prepared else {})
        details.update({"shared": True} if prepared and prepared.cache else {})
        outcome["warnings"] = found.notes
        outcome.update(_handed_out(found, Path(draws)))
    outcome["phases"] = {name: time.to_dict() for name, time in timer.phases.items()}
    helped.close()
    used = use(taken)
    # Of a model that cells share, what was compiled for all of them.
    outcome["details"] = {**details, "compile_cache": _of_shared(common, model) or {**used, **before}}
    return outcome


def _use() -> Callable[[Sequence[Path]], Dict[str, Any]]:
    cached_before = compile_cache.cached_folders()
    loaded_before = compile_cache.loaded_modules()
    return lambda taken: cache_use(cached_before, loaded_before, taken)


def _later_use() -> Callable[[Sequence[Path]], Dict[str, Any]]:
    before, known = later.cached(), later.loaded_modules()

    def use(_: Sequence[Path]) -> Dict[str, Any]:
        new = len(later.cached() - before)
        return {
            "state": "cold" if new else "warm",
            "modules_compiled": new,
            "modules_from_store": 0,
            "modules_unversioned": compile_cache.remove_folders(later.loaded_modules() - known),
        }

    return use


def _of_shared(common: Common, model: str) -> Dict[str, Any]:
    """Return what was compiled for a model that cells share; empty if this is none."""
    return dict(common.prepared.cache) if common.prepared is not None and model == common.model else {}


def _handed_out(found: sampling.Sampled, path: Path) -> Dict[str, Any]:
    """Write the arrays, and return what else is known of them; if they cannot be written, why."""
    # First, for to write them may take memory too.
    sampled = {
        "free": list(found.free),
        "chain_draw_s": found.chain_draw_s,
        "gradient_us": found.gradient_us,
        "dimensions": found.dimensions,
        "peak_rss_bytes": system.peak_rss_bytes(),
        "prefixes": {str(draws): part.to_dict() for draws, part in found.prefixes.items()},
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
    if isinstance(error, (steppers.UnsampleableError, mismatch.MismatchError, DialectError)):
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


def _where(error: BaseException, spec: Any) -> str:
    """Return at which line of the model's file an error came up, on a PyMC that it was not written for."""
    if spec is None or not reading.is_later():
        return ""
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == spec.file
    ]
    return f" ({spec.source}, line {lines[-1]})" if lines else ""


def cache_use(cached_before: Set[Path], loaded_before: Set[str], taken: Sequence[Path]) -> Dict[str, Any]:
    """Return what was compiled since: cold as soon as it was a module that the cache can keep.

    Parameters
    ----------
    cached_before : set of Path
        Folders of the modules that the cache had.
    loaded_before : set of str
        Which modules this process had loaded.
    taken : sequence of Path
        Modules that came from the store.
    """
    # Of what this process has loaded: others may fill the same cache meanwhile.
    own = {Path(file).parent for file in compile_cache.loaded_modules() - loaded_before}
    compiled = (own & compile_cache.cached_folders()) - cached_before - {file.parent for file in taken}
    return {
        "state": "cold" if compiled else "warm",
        "modules_compiled": len(compiled),
        "modules_from_store": len(taken),
        "modules_unversioned": compile_cache.remove_unversioned(loaded_before),
    }
