"""Makes the classes that asv finds its benchmarks in: one a model, from the registry.

asv tells caches apart by the module and line of the function that fills them, so each
class gets a ``setup_cache`` in a module of its own. What it returns is pickled, and
unpickled in the process of every benchmark: of sampled cells that is a list of records, of
the core it is the order to build and compile. A ``setup`` would not do, however little it
does: asv 0.6.5 then times single calls, and of 10 us its clock is a good part.
"""

import math
import sys
import types
from typing import Any, Dict, List

import models
from harness import core, lock, yardstick
from harness.tracking import cells, speed
from harness.tracking.figures import FIGURES, Figure, Value, result
from models.spec import ModelSpec

Records = Dict[str, List[Dict[str, Any]]]


def sampling_classes(module: str, profile: str) -> Dict[str, type]:
    """Return a class for each model whose benchmarks read off cells that are sampled once.

    Parameters
    ----------
    module : str
        Full name of the module that will hold them.
    profile : str
        Whose settings they sample with.

    Returns
    -------
    dict of str to type
        Classes by the model's name, which is theirs too.
    """
    return {name: _sampling_class(module, models.get(name), profile) for name in models.names()}


def _sampling_class(module: str, spec: ModelSpec, profile: str) -> type:
    by_label = cells.settings(spec, profile)

    def setup_cache(_: Any) -> Records:
        return cells.sample(spec, profile)

    _in_module_of_its_own(setup_cache, f"{module}.{spec.name}")
    members: Dict[str, Any] = {
        "__module__": module,
        "__doc__": f"{spec.name}, {spec.section}: {spec.teaches}",
        "params": [list(by_label)],
        "param_names": ["settings"],
        "timeout": 7200,
        "setup_cache": setup_cache,
    }
    for figure in FIGURES:
        track = _track(figure, f"{module.split('.', 1)[1]}.{spec.name}.track_{figure.name}")
        track.version = cells.version(spec, by_label, cells.SEEDS, figure.name)
        members[track.__name__] = track
    return type(spec.name, (), members)


def _in_module_of_its_own(function: Any, name: str) -> None:
    function.__module__ = name
    sys.modules[name] = types.ModuleType(name)


def _track(figure: Figure, benchmark: str) -> Any:
    def track(self: Any, records: Records, settings: str) -> Value:
        del self
        failed = cells.why_failed(records[settings])
        if failed:
            raise RuntimeError(failed)
        if _is_other_model(benchmark, track):
            return math.nan
        return result(figure, records[settings])

    track.__name__ = f"track_{figure.name}"
    track.unit = figure.unit  # type: ignore[attr-defined]
    model = benchmark.split(".")[-2]
    track.pretty_name = f"{model}: {figure.pretty}"  # type: ignore[attr-defined]
    track.pretty_source = (  # type: ignore[attr-defined]
        f"# {figure.text}\n# unit: {figure.unit}; over seeds: {figure.kind.value}\n"
        "# defined in harness/tracking/figures.py and harness/metrics.py\n"
    )
    return track


def _is_other_model(benchmark: str, function: Any) -> bool:
    """Tell, and say, that asv would store this commit's result as one of another model."""
    if cells.expected_version(benchmark) in ("", function.version):
        return False
    print("skipped: at this commit model, truth or settings are others than at the newest", file=sys.stderr)
    return True


#: Compiling into an empty cache costs from 20 s (this one) to 100 s a model.
COLD_MODELS = ("addition",)
_WARM_COMPILES = 2
#: A round is a process of its own, minutes after the one before: processes differ, and what the
#: timer leaves of a machine's slow spells is not taken for a slow commit.
_ROUNDS = 2


def core_classes(module: str, profile: str) -> Dict[str, type]:
    """Return a class for each model whose benchmarks time the NUTS core at fixed work.

    Parameters
    ----------
    module : str
        Full name of the module that will hold them.
    profile : str
        ``quick`` times compiling into an empty cache for :data:`COLD_MODELS`, others for all.
    """
    return {
        name: _core_class(module, models.get(name), profile != "quick" or name in COLD_MODELS)
        for name in models.names()
    }


class _Compiled:
    """A model's core that is built and compiled wherever it is unpickled.

    Parameters
    ----------
    name : str
        The model.
    other : bool
        Whether it is not to be measured: asv would store it as one of another model.
    """

    def __init__(self, name: str, other: bool = False) -> None:
        self._name = name
        self._other = other

    def __reduce__(self) -> Any:
        return (_OtherModel, ()) if self._other else (_compiled, (self._name,))


def _compiled(name: str) -> core.Compiled:
    # In the process of a benchmark, which ends with it.
    lock.keep(f"asv's benchmark of {name}", cells.say)
    return core.Compiled(name)


class _OtherModel:
    """Stands for a core that is not to be measured: asv skips what asks it for anything."""

    def __getattr__(self, name: str) -> Any:
        from asv_runner.benchmarks.mark import SkipNotImplemented

        raise SkipNotImplemented(name)


def _core_class(module: str, spec: ModelSpec, cold: bool) -> type:
    benchmark = f"{module.split('.', 1)[1]}.{spec.name}.time_gradient"

    def setup_cache(_: Any) -> _Compiled:
        return _Compiled(spec.name, _is_other_model(benchmark, time_gradient))

    def time_gradient(_: Any, compiled: core.Compiled) -> None:
        compiled.gradient()

    def time_leapfrog(_: Any, compiled: core.Compiled) -> None:
        compiled.leapfrog()

    def time_transitions(_: Any, compiled: core.Compiled) -> None:
        compiled.transitions()

    def peakmem_transitions(_: Any, compiled: core.Compiled) -> None:
        compiled.transitions()

    def track_compile_warm(_: Any, compiled: core.Compiled) -> Value:
        return {"samples": compiled.warm_compiles_s(_WARM_COMPILES), "number": 1}

    def track_compile_cold(_: Any, compiled: core.Compiled) -> Value:
        assert compiled.name  # Skips where this is another model.
        return core.cold_compile_s(spec.name)

    described = {
        time_gradient: "gradient",
        time_leapfrog: "leapfrog",
        time_transitions: f"{core.TRANSITIONS} transitions",
        peakmem_transitions: "peak memory",
        track_compile_warm: "compile, warm cache",
        track_compile_cold: "compile, empty cache",
    }
    if not cold:
        del described[track_compile_cold]
    _in_module_of_its_own(setup_cache, f"{module}.{spec.name}")
    members: Dict[str, Any] = {
        "__module__": module,
        "__doc__": f"{spec.name}: the NUTS core at work that does not change.",
        "setup_cache": setup_cache,
        "timeout": 1800,
        # The core is one thread: its CPU time is its time, whoever else is on the machine.
        "timer": yardstick.SteadyTimer(speed.usual_s),
        "sample_time": 0.025,
        "repeat": (3, 10, 5.0),
        "rounds": _ROUNDS,
    }
    for function, text in described.items():
        # Compiling warm has been measured in other ways before, times with another timer.
        edition = core.EDITION + 2 * (text == described[track_compile_warm])
        edition += function.__name__.startswith("time_")
        function.version = cells.version(spec, function.__name__, edition)  # type: ignore[attr-defined]
        function.unit = "seconds"  # type: ignore[attr-defined]
        function.pretty_name = f"{spec.name}: {text}"  # type: ignore[attr-defined]
        members[function.__name__] = function
    return type(spec.name, (), members)
