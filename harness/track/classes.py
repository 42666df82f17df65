"""Makes the classes that asv finds its benchmarks in: one a model, from the registry.

asv tells caches apart by the module and line of the function that fills them, so each
class gets a ``setup_cache`` in a module of its own. What it returns is pickled, and
unpickled in the process of every benchmark: of sampled cells that is a list of records, of
the core the object that measures it and shares its values among the benchmarks.
"""

import math
import sys
import types
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Sequence

from nutsbench import models
from nutsbench.inside import core
from nutsbench.models.spec import ModelSpec
from nutsbench.records.stored import Stored
from nutsbench.track import cells, counts, speed
from nutsbench.track.figures import FIGURES, Figure, Value, result
from nutsbench.track.measured import PROCESSES, READER, ROUNDS, Measured

Records = Dict[str, List[Stored]]


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
        return cells.sample(spec, profile, speed.share_of_usual)

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
        edition = (figure.edition,) if figure.edition else ()
        track.version = cells.version(spec, by_label, cells.SEEDS, figure.name, *edition)
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
        "# defined in harness/track/figures.py and harness/judge/metrics.py\n"
    )
    return track


def _is_other_model(benchmark: str, function: Any) -> bool:
    """Tell, and say, that asv would store this commit's result as one of another model."""
    if cells.expected_version(benchmark) in ("", function.version):
        return False
    print(
        "skipped: at this commit model, reference posterior or settings are others than at the newest",
        file=sys.stderr,
    )
    return True


#: Compiling into an empty cache costs from 20 s (this one) to 100 s a model, and with a warm one often enough
#: for a verdict from 5 to 50 s. What makes PyMC3 or Theano compile longer shows in any.
COMPILED_MODELS = ("addition",)
_COMPILES = 8


def core_classes(module: str, profile: str, names: Sequence[str]) -> Dict[str, type]:
    """Return a class for each model whose benchmarks measure the NUTS core at fixed work.

    Parameters
    ----------
    module : str
        Full name of the module that will hold them.
    profile : str
        ``quick`` times compiling into an empty cache, and often enough for a verdict with a warm one, for
        :data:`COMPILED_MODELS`; others for all.
    names : sequence of str
        Models.
    """
    return {
        name: _core_class(module, models.get(name), profile != "quick" or name in COMPILED_MODELS)
        for name in names
    }


@dataclass(frozen=True)
class Benchmark:
    """One row of :data:`BENCHMARKS`.

    Parameters
    ----------
    name : str
        Name of the function; asv tells by it what kind of benchmark it is.
    pretty : str
        What a reader sees in its place.
    unit : str
        Unit.
    text : str
        What it is, in full.
    run : callable
        Measures it; what it returns is the value of a ``track_`` benchmark.
    edition : int
        Counted up when it measures otherwise, so that a new line begins.
    """

    name: str
    pretty: str
    unit: str
    text: str
    run: Callable[[Measured], Any]
    edition: int = 0


class _OtherModel:
    """Stands for a core that is not to be measured: asv skips what asks it for anything."""

    def __getattr__(self, name: str) -> Any:
        from asv_runner.benchmarks.mark import SkipNotImplemented

        if name.startswith("__"):
            raise AttributeError(name)  # What pickle asks for.
        raise SkipNotImplemented(name)


def _instructions(measured: Measured, read: Callable[[Dict[str, Any]], float]) -> float:
    """Return what is read off a model's count; without valgrind the benchmark is skipped with the reason."""
    why = counts.why_not()
    if why:
        print(f"skipped: {why}", file=sys.stderr)
        return math.nan
    return read(measured.counted())


def _core_class(module: str, spec: ModelSpec, cold: bool) -> type:
    prefix = f"{module.split('.', 1)[1]}.{spec.name}"

    def setup_cache(_: Any) -> Any:
        other = _is_other_model(f"{prefix}.peakmem_transitions", members["peakmem_transitions"])
        return _OtherModel() if other else Measured(spec.name, _COMPILES if cold else 2)

    _in_module_of_its_own(setup_cache, f"{module}.{spec.name}")
    members: Dict[str, Any] = {
        "__module__": module,
        "__doc__": f"{spec.name}: the NUTS core at work that does not change.",
        "setup_cache": setup_cache,
        "timeout": 1800,
        # A sample is a process's value, which is read from a clock that tells just that.
        "timer": READER,
        "number": 1,
        "warmup_time": 0.0,
        "repeat": PROCESSES,
        "rounds": ROUNDS,
    }
    for row in BENCHMARKS:
        if row.name == "track_compile_cold" and not cold:
            continue
        members[row.name] = _core_benchmark(spec, row)
    return type(spec.name, (), members)


def _core_benchmark(spec: ModelSpec, row: Benchmark) -> Any:
    def run(_: Any, measured: Measured) -> Any:
        return row.run(measured)

    run.__name__ = row.name
    run.version = cells.version(spec, row.name, core.EDITION + row.edition)  # type: ignore[attr-defined]
    run.unit = row.unit  # type: ignore[attr-defined]
    run.pretty_name = f"{spec.name}: {row.pretty}"  # type: ignore[attr-defined]
    run.pretty_source = f"# {row.text}\n# defined in {__name__.replace('.', '/')}.py\n"  # type: ignore[attr-defined]
    return run


def _timed(workload: str) -> Callable[[Measured], None]:
    return lambda measured: READER.add(measured.next_s(workload))


def _counted(workload: str) -> Callable[[Measured], float]:
    return lambda measured: _instructions(measured, lambda found: found["instructions"][workload])


def _share(kind: str) -> Callable[[Measured], float]:
    return lambda measured: _instructions(
        measured, lambda found: round(100 * found["shares"]["transitions"][kind], 1)
    )


_AT_BASELINE_SPEED = "of one process, interleaved with a reference workload, at the machine's baseline speed"
_TRANSITIONS = f"{core.TRANSITIONS} transitions"
_FIRST = f"{_TRANSITIONS}, or of the first {core.MOST_LEAPFROGS} of their leapfrogs"

_CALLS = {
    "gradient": "one call of the gradient",
    "leapfrog": "one leapfrog step",
    "transitions": _FIRST,
}
_KINDS = {"python": "python", "numpy": "numpy", "compiled": "compiled", "libm_blas": "libm and BLAS"}


def _pretty(workload: str) -> str:
    return _TRANSITIONS if workload == "transitions" else workload


#: What is measured of every model's core. Editions count on from ways of measuring of earlier days.
BENCHMARKS = (
    *(
        Benchmark(
            name=f"time_{workload}",
            pretty=_pretty(workload),
            unit="seconds",
            text=f"CPU seconds of {text}, {_AT_BASELINE_SPEED}.",
            run=_timed(workload),
            edition=3,
        )
        for workload, text in _CALLS.items()
    ),
    Benchmark(
        name="peakmem_transitions",
        pretty="peak memory",
        unit="bytes",
        text=f"Largest resident set of a process that builds, compiles and makes {_TRANSITIONS}.",
        run=lambda measured: measured.transitions(),
        edition=1,
    ),
    Benchmark(
        name="track_compile_warm",
        pretty="compile, warm cache",
        unit="seconds",
        text=f"CPU seconds of building and compiling, {_AT_BASELINE_SPEED}.",
        run=lambda measured: {"samples": measured.compiles_s(), "number": 1},
        edition=3,
    ),
    Benchmark(
        name="track_compile_cold",
        pretty="compile, empty cache",
        unit="seconds",
        text="Wall seconds of building and compiling with an empty cache, at the machine's baseline speed.",
        run=lambda measured: {"samples": measured.cold_compiles_s(), "number": 1},
        edition=1,
    ),
    *(
        Benchmark(
            name=f"track_instructions_{workload}",
            pretty=f"instructions, {workload}",
            unit="instructions",
            text=f"Instructions of {text}, all code of the process, counted by callgrind.",
            run=_counted(workload),
        )
        for workload, text in {**_CALLS, "transitions": "a leapfrog step of NUTS transitions"}.items()
    ),
    *(
        Benchmark(
            name=f"track_share_{name}",
            pretty=f"share of {kind}",
            unit="%",
            text=f"Share of the instructions of NUTS transitions that are executed in {kind}.",
            run=_share(kind),
        )
        for name, kind in _KINDS.items()
    ),
)
