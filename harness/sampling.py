"""Runs one cell inside this process, each phase timed: the only door to PyMC3's sampler.

The sampler itself is left alone. ``pm.sample`` is called as a user would call it;
all that is watched are two things that it passes on the way: the step method that
``init_nuts`` returns, and the trace backend that it records each draw in. So the
clock works the same on every release, those without a clock in their sampler
statistics included.
"""

import contextlib
import inspect
import multiprocessing
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple
from unittest import mock

import numpy as np
import psutil

from models.spec import ModelSpec, SamplerSettings

#: What a cell is doing, in order. ``import`` happens once for all cells of a worker.
PHASES = ("import", "build", "compile", "tune", "draw", "diagnose")

#: How the split of sampling into tune and draw was timed; see :class:`DrawClock`.
SPLIT_SOURCE = "record_clock"


@dataclass(frozen=True)
class PhaseTime:
    """Time of one phase.

    Parameters
    ----------
    wall_s : float
        Wall time, seconds.
    cpu_s : float
        Processor time of this process and its children, user and system, seconds.
    """

    wall_s: float
    cpu_s: float

    def to_dict(self) -> Dict[str, float]:
        """Return both times, ready for JSON."""
        return {"wall_s": self.wall_s, "cpu_s": self.cpu_s}


@dataclass(frozen=True)
class Progress:
    """How far a cell is.

    Parameters
    ----------
    phase : str
        One of :data:`PHASES`.
    done, total : int
        Draws recorded and expected, all chains and tuning included.
    divergences : int
        Divergent transitions after tuning, so far.
    """

    phase: str
    done: int = 0
    total: int = 0
    divergences: int = 0


Listener = Callable[[Progress], None]


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
    chain_draw_s : float
        Wall seconds after tuning, summed over chains.
    gradient_us : float or None
        Time of one compiled call of log-probability and gradient, microseconds.
    sampler : str
        Name of the step method.
    """

    draws: Dict[str, np.ndarray]
    stats: Dict[str, np.ndarray]
    tune_stats: Dict[str, np.ndarray]
    free: Tuple[str, ...]
    chain_draw_s: float
    gradient_us: Optional[float]
    sampler: str


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class PhaseTimer:
    """A stopwatch for phases that follow each other without a gap.

    Parameters
    ----------
    listener : callable
        Told of each phase as it begins.

    Attributes
    ----------
    phases : dict of str to PhaseTime
        The phases that have ended, a failed one included.
    current : str
        The phase that is running; empty before the first and after the last.
    """

    def __init__(self, listener: Listener) -> None:
        self.phases: Dict[str, PhaseTime] = {}
        self.current = ""
        self._listener = listener
        self._wall = self._cpu = 0.0

    def enter(self, name: str) -> None:
        """End the phase that is running and begin phase ``name``."""
        self.stop()
        self.current = name
        self._listener(Progress(name))
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()

    def stop(self) -> None:
        """End the phase that is running, if any."""
        if self.current:
            self.phases[self.current] = PhaseTime(
                time.perf_counter() - self._wall, cpu_seconds() - self._cpu
            )
        self.current = ""

    def split(self, name: str, later: str, wall_share: float, cpu_share: float) -> None:
        """Leave a share of phase ``name`` to it and give the rest to phase ``later``."""
        whole = self.phases[name]
        self.phases[name] = PhaseTime(whole.wall_s * wall_share, whole.cpu_s * cpu_share)
        self.phases[later] = PhaseTime(
            whole.wall_s * (1 - wall_share), whole.cpu_s * (1 - cpu_share)
        )


@dataclass
class ChainClock:
    """When one chain was where: perf_counter seconds, and CPU seconds that it had used."""

    done: int = 0
    first: float = 0.0
    tuned: float = 0.0
    last: float = 0.0
    cpu_before: float = 0.0
    cpu_tuned: float = 0.0
    cpu_last: float = 0.0


class DrawClock:
    """Notes when each chain's draws reach the trace.

    Only three instants a chain are kept: its first draw, its last tuning draw and its
    last draw. A draw reaches the trace when the chain has computed it, and before it
    has finished the next one, so the boundary is late by less than one transition.

    Parameters
    ----------
    settings : SamplerSettings
        What is being sampled.
    timer : PhaseTimer
        Told that tuning begins, as soon as PyMC3 sets up the first chain's trace.
    listener : callable
        Told how far sampling is, five times a second.
    """

    _REPORT_EVERY_S = 0.2

    def __init__(self, settings: SamplerSettings, timer: PhaseTimer, listener: Listener) -> None:
        self._settings = settings
        self._timer = timer
        self._listener = listener
        self._total = settings.chains * (settings.tune + settings.draws)
        self._done = 0
        self._divergences = 0
        self._reported = 0.0
        self.chains: Dict[int, ChainClock] = {}
        self.started = 0.0
        self._in_process = True

    def set_up(self, chain: int) -> None:
        """Note that a chain's trace is ready; PyMC3 calls this once it has compiled."""
        if not self.chains:
            self._timer.enter("tune")
            self.started = time.perf_counter()
        self.chains[chain] = ChainClock(cpu_before=time.process_time())

    def recorded(self, chain: int, stats: Optional[Sequence[Dict[str, Any]]]) -> None:
        """Note one draw of a chain, with the statistics of its step methods."""
        now = time.perf_counter()
        clock = self.chains[chain]
        clock.done += 1
        if clock.done == 1:
            clock.first = now
        if clock.done == self._settings.tune:
            clock.tuned = now
            clock.cpu_tuned = self._chain_cpu(chain)
        elif clock.done == self._settings.tune + self._settings.draws:
            clock.last = now
            clock.cpu_last = time.process_time()
        self._done += 1
        tuning = clock.done <= self._settings.tune
        if not tuning and stats and stats[0].get("diverging"):
            self._divergences += 1
        if now - self._reported > self._REPORT_EVERY_S:
            self._reported = now
            phase = "tune" if tuning else "draw"
            self._listener(Progress(phase, self._done, self._total, self._divergences))

    def _chain_cpu(self, chain: int) -> float:
        """CPU seconds of a chain: of its own process, else of this one."""
        for process in multiprocessing.active_children():
            if process.name == f"worker_chain_{chain}" and process.pid is not None:
                self._in_process = False
                with contextlib.suppress(psutil.Error):
                    times = psutil.Process(process.pid).cpu_times()
                    return float(times.user + times.system)
        return time.process_time()

    def spans(self) -> List[Tuple[float, float, float]]:
        """Return (start, end of tuning, end) of each chain, seconds since sampling started.

        PyMC3 starts as many chains as there are cores, and each further one when one
        has ended; that gives the starts, which nothing else tells on every release.
        """
        clocks = [self.chains[chain] for chain in sorted(self.chains)]
        parallel = min(self._settings.cores, self._settings.chains)
        one_by_one = all(a.last <= b.first for a, b in zip(clocks, clocks[1:]))
        if one_by_one:
            parallel = 1
        ends = sorted(clock.last for clock in clocks)
        starts = [self.started] * parallel + ends[: len(clocks) - parallel]
        return [
            (
                start - self.started,
                (clock.tuned or start) - self.started,
                clock.last - self.started,
            )
            for start, clock in zip(starts, clocks)
        ]

    def tune_cpu_share(self, sampling_cpu_s: float) -> float:
        """Return the share of sampling's CPU time that went into tuning.

        Chains that run in this process are told apart by its own clock; a chain's own
        process is gone by its last draw, so what it used in all is ``sampling_cpu_s``.
        """
        clocks = [clock for clock in self.chains.values() if clock.tuned]
        if self._in_process:
            tune = sum(clock.cpu_tuned - clock.cpu_before for clock in clocks)
            total = sum(clock.cpu_last - clock.cpu_before for clock in clocks)
        else:
            tune = sum(clock.cpu_tuned for clock in clocks)
            total = sampling_cpu_s
        return min(1.0, tune / total) if total > 0 else 0.0


def tuning_share(spans: Sequence[Tuple[float, float, float]]) -> float:
    """Return the share of wall time to count as tuning.

    At each moment the running chains that are tuning count as tuning and the others as
    drawing, in proportion; with one chain at a time this is plain addition.

    Parameters
    ----------
    spans : sequence of (float, float, float)
        For each chain its start, the end of its tuning and its end, seconds.

    Returns
    -------
    float
        Between 0 and 1; 0 where no chain ran at all.
    """
    edges = sorted({edge for span in spans for edge in span})
    tune = total = 0.0
    for left, right in zip(edges, edges[1:]):
        running = sum(start <= left < end for start, _, end in spans)
        tuning = sum(start <= left < tuned for start, tuned, _ in spans)
        if running:
            tune += (right - left) * tuning / running
            total += right - left
    return tune / total if total > 0 else 0.0


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


def _sample_arguments(pm: Any, settings: SamplerSettings, seed: int) -> Dict[str, Any]:
    arguments = {
        **settings.to_dict(),
        "random_seed": seed,
        "progressbar": False,
        # Diagnostics are this harness's own phase; tuning is kept to be diagnosed too.
        "compute_convergence_checks": False,
        "discard_tuned_samples": False,
    }
    if "return_inferencedata" in inspect.signature(pm.sample).parameters:
        arguments["return_inferencedata"] = False
    return arguments


def sample(
    spec: ModelSpec, settings: SamplerSettings, seed: int, timer: PhaseTimer, listener: Listener
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

    Returns
    -------
    Sampled
        Draws and statistics, bit for bit those of a bare ``pm.sample``.

    Raises
    ------
    Exception
        Whatever PyMC3, Theano or the model raise.
    """
    import pymc3 as pm

    timer.enter("build")
    model = spec.build(spec.data())

    clock = DrawClock(settings, timer, listener)
    step_methods: List[Any] = []
    init_nuts = pm.sampling.init_nuts

    def watched_init_nuts(*args: Any, **kwargs: Any) -> Any:
        start, step = init_nuts(*args, **kwargs)
        step_methods.append(step)
        return start, step

    timer.enter("compile")
    with contextlib.ExitStack() as watching:
        backend = _watched_backend(pm.sampling.NDArray, clock)
        watching.enter_context(mock.patch.object(pm.sampling, "NDArray", backend))
        watching.enter_context(mock.patch.object(pm.sampling, "init_nuts", watched_init_nuts))
        watching.enter_context(model)
        trace = pm.sample(**_sample_arguments(pm, settings, seed))
    timer.enter("diagnose")

    spans = clock.spans()
    cpu_share = clock.tune_cpu_share(timer.phases["tune"].cpu_s)
    timer.split("tune", "draw", tuning_share(spans), cpu_share)
    step = step_methods[-1] if step_methods else None
    return Sampled(
        draws=_draws(trace, spec, settings.tune),
        stats=_stats(trace, slice(settings.tune, None)),
        tune_stats=_stats(trace, slice(0, settings.tune)),
        free=tuple(_untransformed(pm, variable.name) for variable in model.free_RVs),
        chain_draw_s=sum(end - tuned for _, tuned, end in spans),
        gradient_us=_gradient_us(step, trace),
        sampler=type(step).__name__ if step is not None else "",
    )


def _untransformed(pm: Any, name: str) -> str:
    util = pm.util
    return str(util.get_untransformed_name(name) if util.is_transformed_name(name) else name)


def _draws(trace: Any, spec: ModelSpec, tune: int) -> Dict[str, np.ndarray]:
    names = spec.monitored or [name for name in trace.varnames if not name.endswith("__")]
    return {
        name: np.stack(trace.get_values(name, burn=tune, combine=False, squeeze=False))
        for name in names
    }


def _stats(trace: Any, transitions: slice) -> Dict[str, np.ndarray]:
    """Sampler statistics, (chain, transition); of several step methods the first that has one."""
    stats = {}
    for name in sorted(trace.stat_names):
        chains = trace.get_sampler_stats(name, combine=False, squeeze=False)
        values = np.stack([np.asarray(chain)[transitions] for chain in chains])
        if values.dtype != object:
            stats[name] = values.reshape(values.shape[0], values.shape[1], -1)[:, :, 0]
    return stats


def _gradient_us(step: Any, trace: Any) -> Optional[float]:
    """Median time of one call of the compiled log-probability and gradient, microseconds.

    Measured where the last draw is, in batches of some 5 ms, so that the clock's own
    cost does not count.
    """
    function = getattr(step, "_logp_dlogp_func", None)
    if function is None:
        return None
    point = function.dict_to_array(trace.point(-1))

    def batch_s(calls: int) -> float:
        begin = time.perf_counter()
        for _ in range(calls):
            function(point)
        return time.perf_counter() - begin

    batch_s(5)
    calls = max(1, int(0.005 / max(batch_s(20) / 20, 1e-7)))
    return float(np.median([batch_s(calls) / calls for _ in range(15)])) * 1e6


def write_draws(sampled: Sampled, path: Path) -> None:
    """Write draws and statistics as ArviZ InferenceData, whole or not at all.

    Parameters
    ----------
    sampled : Sampled
        The draws, and the statistics of transitions during and after tuning.
    path : Path
        netCDF file; groups ``posterior``, ``sample_stats`` and ``warmup_sample_stats``.
    """
    import arviz as az

    groups = {
        "posterior": sampled.draws,
        "sample_stats": sampled.stats,
        "warmup_sample_stats": sampled.tune_stats,
    }
    data = {name: _dataset(az, arrays) for name, arrays in groups.items() if arrays}
    part = path.with_suffix(".part")
    az.InferenceData(**data).to_netcdf(str(part))
    part.replace(path)


def _dataset(az: Any, arrays: Dict[str, np.ndarray]) -> Any:
    # netCDF knows no booleans, and ArviZ keeps them as bytes.
    plain = {k: v.astype("i1") if v.dtype == bool else v for k, v in arrays.items()}
    return az.data.base.dict_to_dataset(plain)


def explain_bad_logp(spec: ModelSpec) -> str:
    """Name the variables whose log-probability is not finite at the model's test point.

    Returns
    -------
    str
        A sentence; empty where all are finite or the model cannot be built.
    """
    try:
        logps = spec.build(spec.data()).check_test_point()
    except Exception:  # The failure that is being explained has its own message.
        return ""
    bad = [f"{name} ({value})" for name, value in logps.items() if not np.isfinite(value)]
    return f"log-probability at the start is not finite for: {', '.join(bad)}" if bad else ""
