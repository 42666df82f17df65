"""What ``pm.sample`` of PyMC 4 and later calls on its way: where sampling begins and ends, and each draw."""

import importlib
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, Optional
from unittest import mock

from nutsbench.inside import engines
from nutsbench.inside.clock import DrawClock
from nutsbench.models.spec import SamplerSettings


@dataclass
class Watched:
    """What ``pm.sample`` did on its way.

    Parameters
    ----------
    engine : str
        Whose function was called.
    step : object
        PyMC's own step method.
    again : callable or None
        Samples once more, with another number of draws.
    began, ended : float
        When sampling began and ended, by ``time.perf_counter``.
    details : dict
        What is to be said of how it ran.
    """

    engine: str = ""
    step: Any = None
    again: Optional[Callable[[int], Any]] = None
    began: float = 0.0
    ended: float = 0.0
    details: Dict[str, Any] = field(default_factory=dict)


def mcmc() -> Any:
    """Return the module that ``pm.sample`` is in."""
    try:
        return importlib.import_module("pymc.sampling.mcmc")
    except ImportError:  # PyMC 4
        return importlib.import_module("pymc.sampling")


def callback(seen: DrawClock) -> Callable[..., None]:
    """Return what ``pm.sample`` is to call with each draw of PyMC's own sampler."""

    def told(trace: Any, draw: Any) -> None:  # noqa: ARG001  # PyMC gives both by name.
        if draw.chain not in seen.chains:
            seen.set_up(draw.chain)
        seen.recorded(draw.chain, draw.stats)

    return told


def _own(settings: SamplerSettings, _: Any, seen: DrawClock, watched: Watched) -> Iterator[Any]:
    """Yield patches that notice where PyMC's own sampler begins."""
    module = mcmc()
    for name in ("_mp_sample", "_sample_many"):
        yield mock.patch.object(module, name, _beginning(getattr(module, name), settings, seen, watched))


def _beginning(function: Any, settings: SamplerSettings, seen: DrawClock, watched: Watched) -> Any:
    def begins(*args: Any, **kwargs: Any) -> Any:
        watched.engine, watched.step = "pymc", kwargs.get("step")
        beside = settings.chains if function.__name__ == "_mp_sample" else 1
        for chain in range(beside):
            seen.set_up(chain)
        return function(*args, **kwargs)

    return begins


def _nutpie(_s: SamplerSettings, _n: Any, seen: DrawClock, watched: Watched) -> Iterator[Any]:
    """Yield patches that notice where nutpie samples."""
    import nutpie

    function = nutpie.sample

    def samples(*args: Any, **kwargs: Any) -> Any:
        watched.engine = "nutpie"
        watched.again = lambda draws: function(*args, **{**kwargs, "draws": draws})
        watched.began = seen.begin()
        found = function(*args, **kwargs)
        watched.ended = time.perf_counter()
        seen.end()
        return found

    yield mock.patch.object(nutpie, "sample", samples)


def _jax(settings: SamplerSettings, nuts: Dict[str, Any], seen: DrawClock, watched: Watched) -> Iterator[Any]:
    """Yield patches that notice where a sampler of JAX's begins, and where its draws are done."""
    import jax
    import pymc.sampling.jax as pymc_jax

    by_itself = "parallel" if settings.cores > 1 or settings.chains == 1 else "vectorized"
    nuts["chain_method"] = engines.chain_method() or by_itself
    watched.details["chain_method"] = nuts["chain_method"]
    for name in ("numpyro", "blackjax"):
        function = getattr(pymc_jax, f"_sample_{name}_nuts")
        yield mock.patch.object(pymc_jax, function.__name__, _on_jax(name, function, seen, watched))
    make = pymc_jax.from_dict

    def from_dict(data: Any, *args: Any, **kwargs: Any) -> Any:
        jax.block_until_ready(data)
        watched.ended = time.perf_counter()
        seen.end()
        return make(data, *args, **kwargs)

    yield mock.patch.object(pymc_jax, "from_dict", from_dict)


def _on_jax(name: str, function: Any, seen: DrawClock, watched: Watched) -> Any:
    import jax

    def samples(**kwargs: Any) -> Any:
        # They take keywords out of it.
        own = {**kwargs, "nuts_kwargs": dict(kwargs["nuts_kwargs"])}

        def again(draws: int) -> None:
            jax.block_until_ready(
                function(**{**own, "nuts_kwargs": dict(own["nuts_kwargs"]), "draws": draws})[0]
            )

        watched.engine, watched.again = name, again
        watched.began = seen.begin()
        return function(**kwargs)

    return samples


WATCHING: Dict[str, Callable[..., Iterator[Any]]] = {
    "pymc": _own,
    "nutpie": _nutpie,
    "numpyro": _jax,
    "blackjax": _jax,
}
