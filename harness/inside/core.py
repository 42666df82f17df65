"""The NUTS core at work that does not change: one gradient, one leapfrog, a few transitions.

Start, metric and step size of a model are fixed. They follow from its truth and from its
density, not from a sampler's adaptation, so that every release and every commit is given
the same work, and a time is a time of the code alone.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple
from unittest import mock

import numpy as np

from nutsbench import models
from nutsbench.inside import compile_cache
from nutsbench.models import truths
from nutsbench.models.exact.posterior import labels
from nutsbench.models.spec import ModelSpec

#: Counted up when one of the workloads below becomes another one.
EDITION = 1
#: Transitions of one burst: their number is fixed, as is the seed, so the leapfrogs are too.
TRANSITIONS = 5
#: Leapfrogs of them that are enough to be timed: of deep trees five are two thousand.
MOST_LEAPFROGS = 150
_SEED = 20191213
#: Of the step size: the mean acceptance statistic that it must reach, and how it is tried.
_ACCEPT, _MOMENTA, _STEPS, _HALVINGS = 0.8, 8, 16, 12
#: From the 5 to the 95 % quantile of a Gaussian, in standard deviations.
_Q05_TO_Q95 = 3.289707253902945


@dataclass(frozen=True)
class Workload:
    """Where the core works, in the unconstrained space that NUTS moves in.

    Parameters
    ----------
    start : dict of ndarray
        A point: the posterior median of each scalar whose truth is known, else PyMC3's test point.
    variance : ndarray
        Diagonal of the inverse metric, from the true quantiles, shape (dimension,).
    step_size : float
        Largest power of two at which a leapfrog trajectory keeps its energy well enough.
    """

    start: Dict[str, np.ndarray]
    variance: np.ndarray
    step_size: float

    @property
    def digest(self) -> str:
        """Digest of the workload; two cores that have the same one are asked for the same work."""
        flat = [number for name in sorted(self.start) for number in np.ravel(self.start[name])]
        # Nine digits: the same truth may be transformed by another release's arithmetic.
        values = " ".join(f"{value:.9g}" for value in [self.step_size, *self.variance, *flat])
        return hashlib.sha256(values.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Burst:
    """Some transitions that were made.

    Parameters
    ----------
    leapfrogs : int
        Leapfrog steps of all of them.
    positions : ndarray
        Where each ended, shape (transition, dimension), in the unconstrained space and in
        units of the metric's standard deviations.
    cpu_s, wall_s : float
        Seconds that they took.
    """

    leapfrogs: int
    positions: np.ndarray
    cpu_s: float
    wall_s: float


class _EnoughError(Exception):
    """There are as many leapfrogs as were wanted."""


class Core:
    """One model's log-probability and NUTS step, compiled and held at a fixed state.

    Parameters
    ----------
    spec : ModelSpec
        The model.

    Attributes
    ----------
    workload : Workload
        What the calls work on.
    build_s, compile_s : float
        Wall seconds that the model took to build, and its step to compile.
    """

    def __init__(self, spec: ModelSpec) -> None:
        import pymc3 as pm

        began = time.perf_counter()
        self._model = spec.build(spec.data())
        if self._model.disc_vars:
            others = ", ".join(variable.name for variable in self._model.disc_vars)
            raise ValueError(f"NUTS does not sample all of {spec.name} ({others}): its core is no fixed work")
        built = time.perf_counter()
        function = self._model.logp_dlogp_function(pm.inputvars(self._model.cont_vars))
        function.set_extra_values({})
        self.build_s, self.compile_s = built - began, time.perf_counter() - built
        self._function = function
        self.workload = _workload(spec, self._model, function)
        self._step = self._nuts(pm)
        self._position = function.dict_to_array(self.workload.start)
        np.random.seed(_SEED)
        momentum = self._step.potential.random()
        self._state = self._step.integrator.compute_state(self._position, momentum)

    def _nuts(self, pm: Any) -> Any:
        """Return NUTS with its adaptation switched off, and the compiled function where it takes one."""
        function = self._function
        # Older releases compile in the constructor, whatever is at hand.
        at_hand = mock.patch.object(type(self._model), "logp_dlogp_function", return_value=function)
        with self._model, at_hand:
            step = pm.NUTS(
                scaling=self.workload.variance,
                is_cov=True,
                step_scale=self.workload.step_size * function.size**0.25,
                adapt_step_size=False,
            )
        step.stop_tuning()
        return step

    def gradient(self) -> float:
        """Call the compiled log-probability and gradient once, and return the log-probability."""
        value, _ = self._function(self._position)
        return float(value)

    def leapfrog(self) -> float:
        """Make one leapfrog step from the fixed state, and return the energy that it ends with."""
        return float(self._step.integrator.step(self.workload.step_size, self._state).energy)

    def transitions(self) -> int:
        """Make :data:`TRANSITIONS` transitions from the fixed start and seed; return their leapfrogs."""
        return self._walk(_SEED, TRANSITIONS)[0]

    def first_transitions(self) -> Callable[[], object]:
        """Return what makes :data:`TRANSITIONS` transitions, or their first :data:`MOST_LEAPFROGS`."""
        if self.transitions() <= MOST_LEAPFROGS:
            return self.transitions
        return partial(self.leapfrogs, MOST_LEAPFROGS)

    def leapfrogs(self, number: int) -> None:
        """Make transitions from the fixed start and seed until so many leapfrogs are made, and no more."""
        step, left = self._step.integrator.step, number

        def counting(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            if not left:
                raise _EnoughError
            left -= 1
            return step(*args, **kwargs)

        with mock.patch.object(self._step.integrator, "step", counting), contextlib.suppress(_EnoughError):
            self._walk(_SEED, number)

    def burst(self, seed: int, transitions: int) -> Burst:
        """Make transitions from the fixed start with a seed."""
        wall, cpu = time.perf_counter(), time.process_time()
        leapfrogs, points = self._walk(seed, transitions)
        cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
        positions = np.array([self._function.dict_to_array(point) for point in points])
        return Burst(leapfrogs, positions / np.sqrt(self.workload.variance), cpu_s, wall_s)

    def _walk(self, seed: int, transitions: int) -> Tuple[int, List[Dict[str, np.ndarray]]]:
        np.random.seed(seed)
        point, leapfrogs, points = self.workload.start, 0, []
        for _ in range(transitions):
            point, stats = self._step.step(point)
            leapfrogs += int(stats[0]["tree_size"])
            points.append(point)
        return leapfrogs, points


def _workload(spec: ModelSpec, model: Any, function: Any) -> Workload:
    start = {name: np.asarray(value, dtype=float) for name, value in model.test_point.items()}
    spread = {name: np.ones_like(value) for name, value in start.items()}
    known, _ = truths.find(spec.name)
    if known is not None:
        for variable, transform in _free(model):
            name = variable.name
            figures = [known.quantities.get(label) for label in _labels(variable, transform, start[name])]
            if None in figures:
                continue  # Of a user's truth that leaves some of the free variables out.
            low, middle, high = (
                _forward(transform, _array(figures, statistic, start[name].shape))
                for statistic in ("q05", "q50", "q95")
            )
            start[name], spread[name] = middle, np.abs(high - low) / _Q05_TO_Q95
    variance = np.asarray(function.dict_to_array(spread)) ** 2
    return Workload(start, variance, _step_size(function, function.dict_to_array(start), variance))


def _free(model: Any) -> List[Tuple[Any, Any]]:
    """Return each free variable with the transformation that made it, if any."""
    made = {id(rv.transformed): rv for rv in model.deterministics if hasattr(rv, "transformed")}
    return [(variable, made.get(id(variable))) for variable in model.free_RVs]


def _labels(variable: Any, constrained: Any, value: np.ndarray) -> Sequence[str]:
    name = variable.name if constrained is None else constrained.name
    return labels(name, value.shape)


def _array(figures: List[Any], statistic: str, shape: Tuple[int, ...]) -> np.ndarray:
    return np.array([figure[statistic] for figure in figures], dtype=float).reshape(shape)


def _forward(constrained: Any, values: np.ndarray) -> np.ndarray:
    if constrained is None:
        return values
    return np.asarray(constrained.transformation.forward_val(values), dtype=float)


def _step_size(function: Any, start: np.ndarray, variance: np.ndarray) -> float:
    """Halve the step size until trajectories of some steps keep their energy.

    Own leapfrogs, not the release's: the answer depends on the density alone, which is the
    same in all of them. (Hoffman and Gelman 2014, algorithm 4, goes about it the same way.)
    """
    momenta = np.random.RandomState(_SEED).normal(size=(_MOMENTA, start.size)) / np.sqrt(variance)
    step_size = 1.0
    for _ in range(_HALVINGS):
        with np.errstate(all="ignore"):
            accepted = np.mean([_accepted(function, start, p, variance, step_size) for p in momenta])
        if accepted >= _ACCEPT:
            break
        step_size /= 2
    return step_size


def _accepted(
    function: Any, start: np.ndarray, momentum: np.ndarray, variance: np.ndarray, step_size: float
) -> float:
    """Return the mean over a trajectory's steps of the chance that each would be accepted."""
    q, p = start.copy(), momentum.copy()
    logp, gradient = function(q)
    energy = 0.5 * np.sum(variance * p**2) - logp
    chances = []
    for _ in range(_STEPS):
        p = p + 0.5 * step_size * gradient
        q = q + step_size * variance * p
        try:
            logp, gradient = function(q)
        except ValueError:
            return 0.0  # Off to infinity, where SciPy's solvers refuse to go.
        p = p + 0.5 * step_size * gradient
        error = 0.5 * np.sum(variance * p**2) - logp - energy
        chances.append(min(1.0, float(np.exp(-error))) if np.isfinite(error) else 0.0)
    return float(np.mean(chances))


def compile_s(name: str) -> float:
    """Build and compile a model in this process, and return the wall seconds."""
    known = compile_cache.loaded_modules()
    core = Core(models.get(name))
    compile_cache.remove_unversioned(known)
    return core.build_s + core.compile_s


def cold_compile_s(name: str) -> float:
    """Return the wall seconds of building and compiling a model whose compile cache is empty."""
    with tempfile.TemporaryDirectory(prefix="nutsbench-cold-") as empty:
        # Of a flag that is given twice the last one counts.
        flags = ",".join([os.environ.get("THEANO_FLAGS", ""), f"base_compiledir={empty}"]).lstrip(",")
        variables = {**os.environ, "THEANO_FLAGS": flags, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "nutsbench.inside.core", name, *map(str, models.loaded_files())]
        done = subprocess.run(command, env=variables, capture_output=True)
        if done.returncode:
            raise RuntimeError(f"compiling {name} failed: {done.stderr.decode(errors='replace')[-500:]}")
        return float(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    for file in sys.argv[2:]:
        models.load_file(Path(file))
    print(json.dumps(compile_s(sys.argv[1])))
