"""Runs one cell on PyMC 4 and later, each phase timed, by whichever NUTS its stack has.

As on PyMC3, ``pm.sample`` is called as a user would call it. All that is watched is what it calls on its way:
where sampling begins and ends, each draw of PyMC's own sampler, and whether JAX compiles meanwhile.
"""

import contextlib
import importlib
import importlib.util
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Set, Tuple

import numpy as np

from nutsbench.dialect import installed, reading
from nutsbench.inside import clock, engines, watching
from nutsbench.inside.clock import DrawClock, Listener, PhaseTime, PhaseTimer
from nutsbench.inside.engines import Engine
from nutsbench.inside.jit import Compiling
from nutsbench.inside.sampling import Sampled
from nutsbench.inside.steppers import UnsampleableError
from nutsbench.inside.watching import Watched
from nutsbench.models.spec import ModelSpec, SamplerSettings

#: How the split of sampling into tune and draw was timed, where draws do not reach this process one by one.
TUNED_ALONE, NOT_KNOWN = "tuned_alone", "not_known"
#: Sampling that is over sooner than this is timed again, so often.
_SOON_S, _REPEATS = 1.0, 5


def build(spec: ModelSpec) -> Any:
    """Build a model, or say in one line why it cannot be sampled.

    Parameters
    ----------
    spec : ModelSpec
        The model.

    Returns
    -------
    pymc.Model
        The model.

    Raises
    ------
    UnsampleableError
        If its build function returns no model, or a model without free variables.
    DialectError
        If something in its file has to be changed by hand.
    Exception
        Whatever its functions raise.
    """
    import pymc as pm

    reading.adaptations(spec)
    model = spec.build(spec.data())
    if not isinstance(model, pm.Model):
        given = "nothing" if model is None else f"a {type(model).__name__}"
        raise UnsampleableError(
            f"the build function of {spec.name} returns {given}, not a model: end it with `return model`"
        )
    if not model.free_RVs:
        raise UnsampleableError(f"{spec.name} has no free variable: there is nothing to sample", "continuous")
    return model


class SamplingError(Exception):
    """A chain could not begin, as PyMC says it."""


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
        Gets the times of build, compile, tune and draw, those of a run that fails included; it is left
        running in diagnose.
    listener : callable
        Told how far sampling is.

    Returns
    -------
    Sampled
        Draws and statistics, under the names that PyMC3 has for them.

    Raises
    ------
    Exception
        Whatever PyMC, its sampler or the model raise.

    Notes
    -----
    To make InferenceData of the draws is counted in no phase where it can be told apart.
    """
    if engines.asked() in engines.ON_JAX:
        timer.add("import", _import_jax(engines.asked(), settings.chains))
    timer.enter("build")
    model = build(spec)
    engine = engines.TABLE[expected(model)]
    draws_seen, watched = DrawClock(settings, timer, listener), Watched()
    timer.enter("compile")
    with Compiling(engine.on_jax) as compiling:
        result = _watch(model, settings, seed, engine, draws_seen, watched)
        timer.stop()
        if watched.engine != engine.name:
            raise UnsampleableError(
                f"pm.sample took {watched.engine or 'a sampler that is not known'} and not {engine.name}"
            )
        chain_draw_s, source = _split(timer, settings, draws_seen, watched, compiling)
    timer.enter("diagnose")
    names = spec.monitored or _names(model)
    read = _of_trace if engine.name == "pymc" else _of_groups
    draws, stats, tune_stats = read(result, names, settings.tune, engine)
    methods = {v.name: type(one).__name__ for one in _methods(watched.step) for v in _variables(model, one)}
    samplers = methods if len(set(methods.values())) > 1 else {}
    return Sampled(
        draws=draws,
        stats=stats,
        tune_stats=tune_stats,
        free=tuple(variable.name for variable in model.free_RVs),
        chain_draw_s=chain_draw_s,
        gradient_us=None,
        sampler=" + ".join(dict.fromkeys(methods.values())) or "NUTS",
        samplers=samplers,
        notes=_notes(engine, settings, source),
        split_source=source,
        engine={**_itself(engine), **watched.details},
        adaptations=reading.adaptations(spec),
    )


def warm_up() -> None:
    """Compile a small model's density, and forget it: what is done once a process is done then.

    Not by JAX, whose processes must not be forked once it has begun.
    """
    import pymc as pm

    if engines.asked() in engines.ON_JAX:
        return
    with pm.Model() as model:
        slope, error = pm.Normal("slope", 0, 1), pm.Exponential("error", lam=1)
        pm.Normal("y", slope * np.arange(2.0), error, observed=np.arange(2.0))
    model.compile_logp()({"slope": np.array(0.0), "error_log__": np.array(0.0)})


def cached() -> Set[Path]:
    """Return what the compile cache holds that other processes can take over, of whichever backend."""
    config = importlib.import_module(installed.packages()[1]).config
    return {
        path
        for path in Path(config.base_compiledir).rglob("*")
        if path.suffix == ".nbc" or (path.suffix == ".so" and path.with_name("key.pkl").exists())
    }


def loaded_modules() -> Set[str]:
    """Return the files of the C modules that this process has loaded; nothing of Numba's or JAX's."""
    cmodule = sys.modules.get(f"{installed.packages()[1]}.link.c.cmodule")
    # Asked for, it would be read in, which is a part of compiling.
    cache = getattr(cmodule, "_module_cache", None)
    return set(cache.module_from_name) if cache is not None else set()


def _import_jax(name: str, chains: int) -> PhaseTime:
    """Import a sampler of JAX's in this very process: it must not be forked once JAX has begun."""
    wall, cpu = time.perf_counter(), clock.cpu_seconds()
    import jax

    # Before JAX looks for them: a device for each chain, on as many cores as this process may use.
    jax.config.update("jax_num_cpu_devices", chains)
    for one in ("pymc.sampling.jax", name):
        importlib.import_module(one)
    return PhaseTime(time.perf_counter() - wall, clock.cpu_seconds() - cpu)


def expected(model: Any) -> str:
    """Return which sampler ``pm.sample`` takes of a model here: what is asked for, else by its own rule."""
    asked = engines.asked()
    if asked:
        return asked
    is_continuous = all(variable.dtype.startswith("float") for variable in model.free_RVs)
    takes_nutpie = (
        hasattr(watching.mcmc(), "NUTPIE_INSTALLED") and importlib.util.find_spec("nutpie") is not None
    )
    return "nutpie" if takes_nutpie and is_continuous else "pymc"


def _watch(
    model: Any, settings: SamplerSettings, seed: int, engine: Engine, seen: DrawClock, watched: Watched
) -> Any:
    """Call ``pm.sample`` as a user would, and note what it does."""
    values = settings.to_dict()
    nuts = {"target_accept": values.pop("target_accept"), engine.max_treedepth: values.pop("max_treedepth")}
    arguments = {
        **values,
        "nuts": nuts,
        "random_seed": seed,
        "progressbar": False,
        # Diagnostics are this harness's own phase; tuning is kept to be diagnosed too.
        "compute_convergence_checks": False,
        "discard_tuned_samples": False,
    }
    if engines.asked():
        arguments["nuts_sampler"] = engine.name
    if engine.name == "pymc":
        arguments.update(return_inferencedata=False, callback=watching.callback(seen))
    with contextlib.ExitStack() as patches:
        for patch in watching.WATCHING[engine.name](settings, nuts, seen, watched):
            patches.enter_context(patch)
        patches.enter_context(model)
        try:
            return watching.mcmc().sample(**arguments)
        except Exception as error:
            refused = _refused(model, error)
            if refused is None:
                raise
            raise refused from None  # It says all that the error does, on one line.


def _refused(model: Any, error: Exception) -> Optional[Exception]:
    """Return what an error of ``pm.sample`` says of a model that NUTS cannot sample; None of any other."""
    said = str(error).strip()
    if type(error).__name__ == "DisconnectedInputError":
        return UnsampleableError(
            "a continuous variable does not enter the log-probability, which pm.sample does not take:"
            " give it a proper prior, or take it out",
            "proper",
        )
    if ("step_kwargs" in said or "step method arguments" in said) and "nuts" in said:
        names = ", ".join(variable.name for variable in model.free_RVs)
        return UnsampleableError(
            f"there is nothing for NUTS, which needs a continuous variable with a gradient: {names}; sample"
            " it with pm.sample, or give it one",
            "continuous",
        )
    if type(error).__name__ == "SamplingError":
        # Its first line says that a chain could not begin, and the last table what is not finite there.
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        bad = [line for line in lines[1:] if "inf" in line.lower() or "nan" in line.lower()]
        return SamplingError(" ".join([*lines[:1], *bad[-1:]]))
    return None


def _split(
    timer: PhaseTimer, settings: SamplerSettings, seen: DrawClock, watched: Watched, compiling: Compiling
) -> Tuple[Optional[float], str]:
    """Split sampling into tune and draw; return the seconds after tuning, summed over chains, and how.

    Where draws do not reach this process one by one, tuning is done again, alone: with the same seed it
    is the same work. What JAX compiles within either is not counted there, and in the first is compiling.
    When which chain was done is not told then, so their sum is not known.
    """
    together = timer.phases["tune"]
    if watched.engine == "pymc":
        whole = seen.part(together)
        timer.replace("tune", whole.tune)
        timer.replace("draw", whole.draw)
        return whole.chain_draw_s, clock.SPLIT_SOURCE
    compiled = compiling.seconds(watched.began, watched.ended)
    timer.add("compile", PhaseTime(compiled, 0.0))
    wall_s = together.wall_s - compiled
    assert watched.again is not None
    # What JAX compiles it compiles anew for each call: once has to do.
    repeats = 1 if engines.TABLE[watched.engine].on_jax or wall_s > _SOON_S else _REPEATS
    share = _tuning_share(watched.again, settings.draws, wall_s, repeats, compiling)
    if share is None:
        timer.replace("tune", PhaseTime(wall_s, together.cpu_s))
        timer.replace("draw", PhaseTime(0.0, 0.0))
        return None, NOT_KNOWN
    tune_s = wall_s * share
    timer.replace("tune", PhaseTime(tune_s, together.cpu_s * share))
    timer.replace("draw", PhaseTime(wall_s - tune_s, together.cpu_s * (1 - share)))
    return None, TUNED_ALONE


def _tuning_share(
    again: Any, draws: int, wall_s: float, repeats: int, compiling: Compiling
) -> Optional[float]:
    """Return the share of sampling that tuning alone takes; None if it is not less than all.

    What is over soon is done again several times, all of it and tuning alone in turns: a first call has
    much of its own.
    """

    def seconds(count: int) -> float:
        began = time.perf_counter()
        again(count)
        ended = time.perf_counter()
        return ended - began - compiling.seconds(began, ended)

    if repeats == 1:
        share = seconds(1) / wall_s
    else:
        pairs = [(seconds(draws), seconds(1)) for _ in range(repeats)]
        whole, tuned = (float(np.median(times)) for times in zip(*pairs))
        share = tuned / whole
    return share if share < 1 else None


def _names(model: Any) -> List[str]:
    return [variable.name for variable in model.unobserved_RVs]


def _methods(step: Any) -> List[Any]:
    return list(getattr(step, "methods", [step] if step is not None else []))


def _variables(model: Any, method: Any) -> List[Any]:
    values = getattr(method, "vars", [])
    return [model.values_to_rvs[one] for one in values if one in model.values_to_rvs]


_Read = Tuple[Dict[str, np.ndarray], Dict[str, np.ndarray], Dict[str, np.ndarray]]


def _of_trace(trace: Any, names: Any, tune: int, engine: Engine) -> _Read:
    """Return draws, and NUTS's statistics after and during tuning, of PyMC's own traces."""
    draws = {
        name: np.stack(trace.get_values(name, burn=tune, combine=False, squeeze=False)) for name in names
    }
    chains = [trace._straces[chain] for chain in trace.chains]
    tables = list(chains[0].sampler_vars or [])
    ours = next((index for index, table in enumerate(tables) if "tree_size" in table), None)
    stats: Dict[str, np.ndarray] = {}
    for known, name in engine.stats.items():
        if ours is not None and name in tables[ours]:
            rows = [np.asarray(one.get_sampler_stats(name, sampler_idx=ours)) for one in chains]
            stats[known] = np.stack([row.reshape(len(row), -1)[:, 0] for row in rows])
    after = {name: values[:, tune:] for name, values in stats.items()}
    return draws, after, {name: values[:, :tune] for name, values in stats.items()}


def _of_groups(groups: Any, names: Any, _tune: int, engine: Engine) -> _Read:
    """Return draws, and NUTS's statistics after and during tuning, of InferenceData."""

    def stats(group: str) -> Dict[str, np.ndarray]:
        if group not in groups.children:
            return {}
        found = groups[group]
        return {
            known: np.asarray(found[name].values) for known, name in engine.stats.items() if name in found
        }

    draws = {name: np.asarray(groups["posterior"][name].values) for name in names}
    return draws, stats("sample_stats"), stats("warmup_sample_stats")


def _itself(engine: Engine) -> Dict[str, Any]:
    """Return what an engine calls itself, and its version."""
    return {"name": engine.name, "version": importlib.import_module(engine.name).__version__}


def _notes(engine: Engine, settings: SamplerSettings, source: str) -> List[str]:
    said = []
    if not settings.tune:
        said.append("tune=0: step size and mass matrix are not tuned to the model")
    if engine.name != "pymc" and settings.init != "auto":
        said.append(f"init={settings.init} is PyMC's own: {engine.name} begins as it does by itself")
    if source == NOT_KNOWN:
        said.append(
            "how long tuning took is not known, so that tune holds all of sampling: to tune alone took as"
            " long again; take more draws"
        )
    return said
