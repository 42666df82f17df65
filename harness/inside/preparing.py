"""Builds and compiles a model before it is sampled: once for several cells, or to see a spread.

What ``pm.sample`` compiles, a short run of it compiles; nothing of PyMC3 is done in its place.
"""

import contextlib
import dataclasses
from typing import Any, Dict

from nutsbench.inside import ahead, compile_cache, modules, sampling, steppers
from nutsbench.inside.clock import Listener, PhaseTime, PhaseTimer
from nutsbench.models.spec import ModelSpec, SamplerSettings


def prepare_once(spec: ModelSpec, listener: Listener) -> sampling.Prepared:
    """Build a model, and let a short run compile all that ``pm.sample`` compiles, once.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    listener : callable
        Told how far it is.

    Raises
    ------
    Exception
        Whatever PyMC3, Theano or the model raise.
    """
    timer = PhaseTimer(listener)
    timer.enter("build")
    model = steppers.build(spec)
    timer.stop()
    _compile_once(model)
    built = sampling.Prepared(model, timer.phases["build"], PhaseTime(0.0, 0.0))
    spent = _compile_time(spec, _short(spec), timer, built)
    return dataclasses.replace(built, compile=spent, compile_s=(spent.wall_s,))


def compile_only(spec: ModelSpec) -> None:
    """Build a model, and have all compiled that ``pm.sample`` compiles before it samples.

    Raises
    ------
    Exception
        Whatever PyMC3, Theano or the model raise.
    """
    with contextlib.suppress(_CompiledError):
        sampling.sample(spec, _short(spec), 1, _UntilTuning(lambda _: None), lambda _: None)


def compiled_ahead(spec: ModelSpec, digest: str) -> Dict[str, Any]:
    """Compile a model's modules on all processors, and return what ``compile_cache`` says of it.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    digest : str
        Of its definition and data: what is compiled once.
    """
    done = ahead.compile_ahead(f"{spec.name} {digest}", lambda: compile_only(spec))
    return {f"ahead_{name}": value for name, value in done.items()}


class _CompiledError(Exception):
    """All is compiled, and sampling would begin."""


class _UntilTuning(PhaseTimer):
    """Ends where tuning begins."""

    def enter(self, name: str) -> None:
        if name == "tune":
            raise _CompiledError
        super().enter(name)


def _short(spec: ModelSpec) -> SamplerSettings:
    """Return the settings of a run that compiles all, and samples next to nothing."""
    return dataclasses.replace(spec.settings, draws=2, tune=2, chains=1, cores=1)


def prepare(spec: ModelSpec) -> sampling.Prepared:
    """Build a model, and let a short run compile all that ``pm.sample`` compiles.

    Twice, to see a spread; and once more before where the compile cache was not warm yet.

    Raises
    ------
    Exception
        Whatever PyMC3, Theano or the model raise.
    """
    timer = PhaseTimer(lambda _: None)
    timer.enter("build")
    model = steppers.build(spec)
    timer.stop()
    build = timer.phases["build"]
    short = _short(spec)
    fresh = sampling.Prepared(model, build, PhaseTime(0.0, 0.0))
    with modules.noted() as made:
        compiles = [_compile_time(spec, short, timer, fresh)]
    if compile_cache.was_cold(made):
        compiles = [_compile_time(spec, short, timer, fresh)]
    _compile_once(model)
    compiles.append(_compile_time(spec, short, timer, fresh))
    return sampling.Prepared(model, build, compiles[-1], tuple(time.wall_s for time in compiles))


def _compile_time(
    spec: ModelSpec, settings: SamplerSettings, timer: PhaseTimer, prepared: sampling.Prepared
) -> PhaseTime:
    sampling.sample(spec, settings, 1, timer, lambda _: None, prepared)
    timer.stop()
    return timer.phases["compile"]


def _compile_once(model: Any) -> None:
    """Let a model keep the functions that it compiles, and give them out again."""

    def kept(compiling: Any) -> Any:
        functions: Dict[Any, Any] = {}

        def get(outputs: Any = None, *args: Any, **kwargs: Any) -> Any:
            key = (_identity(outputs), args, tuple(sorted(kwargs.items())))
            if key not in functions:
                # The outputs are kept too: an id is unique only while its object lives.
                functions[key] = (outputs, compiling(outputs, *args, **kwargs))
            return functions[key][1]

        return get

    model.makefn = kept(model.makefn)
    model.logp_dlogp_function = kept(model.logp_dlogp_function)


def _identity(outputs: Any) -> Any:
    return tuple(map(id, outputs)) if isinstance(outputs, (list, tuple)) else id(outputs)
