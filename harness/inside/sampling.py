"""Runs one cell inside this process, each phase timed: the only door to PyMC3's sampler.

The sampler itself is left alone. ``pm.sample`` is called as a user would call it;
all that is watched are two things that it passes on the way: the step method that
``init_nuts`` returns, and the trace backend that it records each draw in. So the
clock works the same on every release, those without a clock in their sampler
statistics included.
"""

import contextlib
import inspect
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple
from unittest import mock

import numpy as np

from nutsbench.inside import start, steppers
from nutsbench.inside.clock import SPLIT_SOURCE, DrawClock, Listener, Part, PhaseTime, PhaseTimer
from nutsbench.models.spec import ModelSpec, SamplerSettings


@dataclass(frozen=True)
class Sampled:
    """What sampling a model gave.

    Parameters
    ----------
    draws : dict of ndarray
        For each monitored variable its draws after tuning, shape (chain, draw, *shape).
    stats : dict of ndarray
        NUTS's statistics of each transition after tuning, shape (chain, draw).
    tune_stats : dict of ndarray
        The same of the tuning transitions, shape (chain, tune).
    free : tuple of str
        Which of the variables are free, the others being Deterministics.
    chain_draw_s : float or None
        Wall seconds after tuning, summed over chains; None where a sampler does not tell.
    gradient_us : float or None
        Time of one compiled call of log-probability and gradient, microseconds.
    sampler : str
        Name of the step method; of several ``NUTS + Metropolis``.
    samplers : dict of str
        By free variable the name of its step method; empty where NUTS takes all.
    notes : list of str
        What is not known of draws that several step methods made.
    dimensions : int or None
        Number of scalars that NUTS moves, transformed as PyMC3 transforms them.
    prefixes : dict of int to Part
        What runs of fewer draws would have taken, by those that were asked about.
    split_source : str
        How the split of sampling into tune and draw was timed.
    engine : dict
        Which NUTS it was, where a stack may have several: ``name``, ``version``, and how it ran.
    adaptations : list of dict
        What was changed in the model's file for it to run.
    """

    draws: Dict[str, np.ndarray]
    stats: Dict[str, np.ndarray]
    tune_stats: Dict[str, np.ndarray]
    free: Tuple[str, ...]
    chain_draw_s: Optional[float]
    gradient_us: Optional[float]
    sampler: str
    samplers: Dict[str, str] = field(default_factory=dict)
    notes: List[str] = field(default_factory=list)
    dimensions: Optional[int] = None
    prefixes: Dict[int, Part] = field(default_factory=dict)
    split_source: str = SPLIT_SOURCE
    engine: Dict[str, Any] = field(default_factory=dict)
    adaptations: List[Dict[str, Any]] = field(default_factory=list)


def _watched_backend(ndarray_class: Any, clock: DrawClock) -> Any:
    """Return PyMC3's own trace backend, which also tells the clock of each draw."""

    class WatchedNDArray(ndarray_class):  # type: ignore[misc]
        def setup(self, draws: int, chain: int, *args: Any, **kwargs: Any) -> None:
            super().setup(draws, chain, *args, **kwargs)
            clock.set_up(chain)

        def record(self, point: Any, sampler_stats: Any = None) -> None:
            super().record(point, sampler_stats)
            clock.recorded(self.chain, sampler_stats)

    return WatchedNDArray


def _sample_arguments(pm: Any, settings: SamplerSettings, seed: int, compound: bool) -> Dict[str, Any]:
    arguments = {
        **steppers.arguments(settings, compound),
        "random_seed": seed,
        "progressbar": False,
        # Diagnostics are this harness's own phase; tuning is kept to be diagnosed too.
        "compute_convergence_checks": False,
        "discard_tuned_samples": False,
    }
    if "return_inferencedata" in inspect.signature(pm.sample).parameters:
        arguments["return_inferencedata"] = False
    return arguments


@dataclass(frozen=True)
class Prepared:
    """A model that is built and compiled, for cells that differ in their seed.

    Parameters
    ----------
    model : pymc3.Model
        The model, which hands out again what it has compiled once.
    build, compile : PhaseTime
        What both took; every cell that is sampled from it counts them.
    compile_s : tuple of float
        Wall seconds of compiling, each time that it was done.
    cache : dict
        What was compiled for it, and what was there: ``compile_cache`` of each record.
    """

    model: Any
    build: PhaseTime
    compile: PhaseTime
    compile_s: Tuple[float, ...] = ()
    cache: Dict[str, Any] = field(default_factory=dict)


def sample(
    spec: ModelSpec,
    settings: SamplerSettings,
    seed: int,
    timer: PhaseTimer,
    listener: Listener,
    prepared: Optional[Prepared] = None,
    prefixes: Sequence[int] = (),
) -> Sampled:
    """Build, compile and sample one model, as ``pm.sample`` would.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    settings : SamplerSettings
        What to sample it with.
    seed : int
        ``random_seed`` of ``pm.sample``.
    timer : PhaseTimer
        Gets the times of build, compile, tune and draw, those of a run that fails included;
        it is left running in diagnose, to which the time of the gradient belongs.
    listener : callable
        Told how far sampling is.
    prepared : Prepared, optional
        The model, built and compiled before; its times count as this cell's too.
    prefixes : sequence of int
        Smaller numbers of draws, of which is asked what runs of so many would have taken: their draws
        are the first of this one's, bit for bit.

    Returns
    -------
    Sampled
        Draws and statistics, bit for bit those of a bare ``pm.sample``.

    Raises
    ------
    Exception
        Whatever PyMC3, Theano or the model raise.
    """
    timer.enter("build")
    model = prepared.model if prepared else steppers.build(spec)

    clock = DrawClock(settings, timer, listener, prefixes)
    timer.enter("compile")
    trace, watched = _sampled(spec, model, settings, seed, clock)
    timer.enter("diagnose")
    if prepared:
        timer.add("build", prepared.build)
        timer.add("compile", prepared.compile)

    together = timer.phases["tune"]
    whole = clock.part(together)
    shorter = {draws: clock.part(together, draws) for draws in prefixes}
    timer.replace("tune", whole.tune)
    timer.replace("draw", whole.draw)
    nuts = steppers.nuts_of(watched.step)
    methods = dict.fromkeys(watched.samplers.values())
    return Sampled(
        draws=_draws(trace, spec, settings.tune),
        stats=_stats(trace, slice(settings.tune, None)),
        tune_stats=_stats(trace, slice(0, settings.tune)),
        free=tuple(steppers.untransformed(variable.name) for variable in model.free_RVs),
        chain_draw_s=whole.chain_draw_s,
        gradient_us=_gradient_us(nuts, trace),
        sampler=" + ".join(methods) or (type(nuts).__name__ if nuts is not None else ""),
        samplers=watched.samplers,
        notes=steppers.notes(watched.samplers, settings),
        dimensions=getattr(getattr(nuts, "_logp_dlogp_func", None), "size", None),
        prefixes=shorter,
    )


@dataclass
class _Watched:
    """What ``pm.sample`` passed on its way: the step method, and where the chains begin."""

    step: Any = None
    starts: List[Any] = field(default_factory=list)
    samplers: Dict[str, str] = field(default_factory=dict)


def _sampled(
    spec: ModelSpec, model: Any, settings: SamplerSettings, seed: int, clock: DrawClock
) -> Tuple[Any, _Watched]:
    """Call ``pm.sample`` as a user would, with NUTS's arguments where it wants them."""
    import pymc3 as pm

    watched = _Watched()
    compound = not pm.sampling.all_continuous(model.vars)
    arguments = _sample_arguments(pm, settings, seed, compound)
    if not compound:
        with contextlib.suppress(steppers.NoGradientError):
            return _watch(pm, model, arguments, clock, watched), watched
        # What pm.sample falls back to where a variable has no gradient; with init= it would not take nuts=.
        arguments = {**_sample_arguments(pm, settings, seed, compound=True), "init": None}
    watched.samplers = steppers.assigned(model)
    steppers.check(spec, watched.samplers)
    return _watch(pm, model, arguments, clock, watched), watched


def _watch(pm: Any, model: Any, arguments: Dict[str, Any], clock: DrawClock, watched: _Watched) -> Any:
    init_nuts, assign = pm.sampling.init_nuts, pm.sampling.assign_step_methods

    def watched_init_nuts(*args: Any, **kwargs: Any) -> Any:
        watched.starts, watched.step = init_nuts(*args, **kwargs)
        return watched.starts, watched.step

    def watched_assign(*args: Any, **kwargs: Any) -> Any:
        if "nuts" not in arguments:
            raise steppers.NoGradientError
        found = assign(*args, **kwargs)
        watched.step = pm.CompoundStep(found) if isinstance(found, list) else found
        return watched.step

    with contextlib.ExitStack() as watching:
        backend = _watched_backend(pm.sampling.NDArray, clock)
        watching.enter_context(mock.patch.object(pm.sampling, "NDArray", backend))
        watching.enter_context(mock.patch.object(pm.sampling, "init_nuts", watched_init_nuts))
        watching.enter_context(mock.patch.object(pm.sampling, "assign_step_methods", watched_assign))
        watching.enter_context(model)
        try:
            return pm.sample(**arguments)
        except Exception as error:
            if not start.is_bad_start(error):
                raise
            jittered = "nuts" not in arguments and arguments["init"] in ("auto", "jitter+adapt_diag")
            raise start.BadStartError(model, watched.starts, jittered) from error


def _draws(trace: Any, spec: ModelSpec, tune: int) -> Dict[str, np.ndarray]:
    names = spec.monitored or [name for name in trace.varnames if not name.endswith("__")]
    return {name: np.stack(trace.get_values(name, burn=tune, combine=False, squeeze=False)) for name in names}


def _stats(trace: Any, transitions: slice) -> Dict[str, np.ndarray]:
    """NUTS's sampler statistics, (chain, transition)."""
    chains = [trace._straces[chain] for chain in trace.chains]
    # Of several step methods others have statistics too, some under the same names.
    tables = chains[0].sampler_vars or []
    ours = next((index for index, table in enumerate(tables) if "tree_size" in table), None)
    stats = {}
    for name in sorted(tables[ours]) if ours is not None else ():
        values = np.stack(
            [np.asarray(c.get_sampler_stats(name, sampler_idx=ours))[transitions] for c in chains]
        )
        if values.dtype != object:
            stats[name] = values.reshape(*values.shape[:2], -1)[..., 0] if values.ndim > 2 else values
    return stats


def _gradient_us(step: Any, trace: Any) -> Optional[float]:
    """Median time of one call of the compiled log-probability and gradient, microseconds.

    Measured where the last draw is, in batches of some 5 ms, so that the clock's own
    cost does not count.
    """
    function = getattr(step, "_logp_dlogp_func", None)
    if function is None:
        return None
    last = trace.point(-1)
    function.set_extra_values(last)  # What other step methods take.
    point = function.dict_to_array(last)

    def batch_s(calls: int) -> float:
        begin = time.perf_counter()
        for _ in range(calls):
            function(point)
        return time.perf_counter() - begin

    batch_s(5)
    calls = max(1, int(0.005 / max(batch_s(20) / 20, 1e-7)))
    return float(np.median([batch_s(calls) / calls for _ in range(15)])) * 1e6
