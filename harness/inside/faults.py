"""Samplers that are wrong on purpose: what the verdicts have to catch; and one that is fixed.

Each fault changes one thing in this process, while it is switched on, and nothing else.
"""

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any, Callable, ContextManager, Dict, Iterator
from unittest import mock

import numpy as np

from nutsbench.models.spec import Data, ModelSpec

#: By how much the rate of exponential priors is multiplied.
_RATE_FACTOR = 1.3
#: By how much the momentum of each trajectory is.
_MOMENTUM_FACTOR = 1.08
#: How far apart chains are, and how far they drift from their beginning to their end, in their own sds.
_APART_SDS = 1.0
_DRIFT_SDS = 1.0


def _same_spec(spec: ModelSpec) -> ModelSpec:
    return spec


def _same_draws(values: np.ndarray) -> np.ndarray:
    return values


@dataclass(frozen=True)
class Fault:
    """One way to be wrong.

    Parameters
    ----------
    name : str
        Key in :data:`FAULTS`.
    definition : str
        What is wrong, in a sentence.
    applies : callable
        Whether a model can have it.
    patch : callable
        Returns a context in which PyMC3 has the fault.
    spec : callable
        Changes the model.
    draws : callable
        Changes a variable's draws, shape (chain, draw, *shape).
    """

    name: str
    definition: str
    applies: Callable[[ModelSpec], bool] = lambda _: True
    patch: Callable[[], ContextManager[Any]] = contextlib.nullcontext
    spec: Callable[[ModelSpec], ModelSpec] = _same_spec
    draws: Callable[[np.ndarray], np.ndarray] = _same_draws

    @property
    def of_draws_only(self) -> bool:
        """Whether it leaves model and sampler alone, so that one compiled model serves all seeds."""
        return self.patch is contextlib.nullcontext and self.spec is _same_spec


@contextlib.contextmanager
def _changed_prior() -> Iterator[None]:
    import pymc3 as pm

    class FasterExponential(pm.Exponential):  # type: ignore[misc]
        def __init__(self, lam: Any, *args: Any, **kwargs: Any) -> None:
            super().__init__(_RATE_FACTOR * lam, *args, **kwargs)

    with mock.patch.object(pm, "Exponential", FasterExponential):
        yield


@contextlib.contextmanager
def _accepts_everything() -> Iterator[None]:
    from pymc3.step_methods.hmc import nuts

    decide = nuts.logbern

    def always(log_p: float) -> bool:
        # The direction of a doubling stays a coin toss.
        return bool(decide(log_p)) if log_p == np.log(0.5) else True

    with mock.patch.object(nuts, "logbern", always):
        yield


class _FlippedGradient:
    """A log-probability whose gradient has a wrong sign in its first component."""

    def __init__(self, function: Any) -> None:
        self._function = function
        self.dtype = function.dtype

    def __call__(self, q: np.ndarray, grad_out: Any = None) -> Any:
        logp, gradient = self._function(q)
        gradient = np.array(gradient)
        gradient[0] *= -1
        if grad_out is None:
            return logp, gradient
        np.copyto(grad_out, gradient)
        return logp


@contextlib.contextmanager
def _flipped_gradient() -> Iterator[None]:
    from pymc3.step_methods.hmc import integration

    right = integration.CpuLeapfrogIntegrator

    def wrong(potential: Any, function: Any) -> Any:
        return right(potential, _FlippedGradient(function))

    with mock.patch.object(integration, "CpuLeapfrogIntegrator", wrong):
        yield


@contextlib.contextmanager
def _mended_uturn() -> Iterator[None]:
    from pymc3.step_methods.hmc import nuts

    class MendedTree(nuts._Tree):  # type: ignore[misc]
        """A tree whose sum of momenta is another array each time that it is asked for.

        PyMC3 keeps a reference to the sum before a doubling and then adds to it in place,
        so that its check of the two halves sees the sum after the doubling.
        """

        @property
        def p_sum(self) -> np.ndarray:
            self._p_sum: np.ndarray = self._p_sum.copy()
            return self._p_sum

        @p_sum.setter
        def p_sum(self, value: np.ndarray) -> None:
            self._p_sum = value

    with mock.patch.object(nuts, "_Tree", MendedTree):
        yield


@contextlib.contextmanager
def _loud_momentum() -> Iterator[None]:
    from pymc3.step_methods.hmc import quadpotential

    kinds = (quadpotential.QuadPotentialDiagAdapt, quadpotential.QuadPotentialDiag)
    with contextlib.ExitStack() as patches:
        for kind in kinds:
            patches.enter_context(mock.patch.object(kind, "random", _louder(kind.random)))
        yield


def _louder(random: Callable[[Any], np.ndarray]) -> Callable[[Any], np.ndarray]:
    return lambda potential: np.asarray(_MOMENTUM_FACTOR * random(potential))


def _halved(data: Data) -> Data:
    """Return every second observation; of counts, half."""
    return {name: values[::2] if values.ndim else values // 2 for name, values in data.items()}


def _half_data(spec: ModelSpec) -> ModelSpec:
    return dataclasses.replace(spec, data=lambda: _halved(spec.data()))


def _frozen(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    half = values.shape[1] // 2
    values[:, half:] = values[:, half : half + 1]
    return values


def _one_chain_stuck(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[0] = values[0, :1]
    return values


def _apart(values: np.ndarray) -> np.ndarray:
    """Move every second chain."""
    values = values.copy()
    values[::2] += _APART_SDS * values.std(axis=(0, 1))
    return values


def _drifting(values: np.ndarray) -> np.ndarray:
    sds = _DRIFT_SDS * np.linspace(-0.5, 0.5, values.shape[1]).reshape((1, -1) + (1,) * (values.ndim - 2))
    return np.asarray(values + sds * values.std(axis=(0, 1)))


FAULTS: Dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("right", "nothing is wrong: PyMC3 as it is"),
        Fault(
            "changed_prior",
            f"the rate of every exponential prior is {_RATE_FACTOR} times the model's",
            applies=lambda spec: "Exponential" in spec.notation,
            patch=_changed_prior,
        ),
        Fault(
            "accepts_everything",
            "a trajectory's last point is taken, whatever its probability",
            patch=_accepts_everything,
        ),
        Fault(
            "half_data",
            "every second observation is ignored",
            applies=lambda spec: bool(spec.data()),
            spec=_half_data,
        ),
        Fault("frozen", "every chain stands still from its middle on", draws=_frozen),
        Fault("one_chain_stuck", "one chain of several does not move", draws=_one_chain_stuck),
        Fault("apart", f"every second chain is {_APART_SDS:g} sd off, as in another mode", draws=_apart),
        Fault("drifting", f"chains drift by {_DRIFT_SDS:g} sd from beginning to end", draws=_drifting),
        Fault(
            "loud_momentum",
            f"the momentum of each trajectory is {_MOMENTUM_FACTOR} times what it should be",
            patch=_loud_momentum,
        ),
        Fault(
            "flipped_gradient",
            "the first component of the gradient has a wrong sign",
            patch=_flipped_gradient,
        ),
        Fault(
            "mended_uturn",
            "no fault: PyMC3's check for U-turns between the halves of a trajectory is fixed",
            patch=_mended_uturn,
        ),
    )
}
