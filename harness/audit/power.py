"""How often a comparison errs, and how often it finds a slowdown: measured, and worked out from what was.

Process pairs are measured once, with each slowdown and without any. Comparisons are then
played over them (:mod:`nutsbench.audit.replay`). Counts of instructions, asv and
pytest-benchmark are run as they are, whole.
"""

import contextlib
import math
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from nutsbench.audit import others, slowdown
from nutsbench.compare import callgrind, pair
from nutsbench.compare.result import Options
from nutsbench.stacks.stack import Stack

SIZES = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
#: One whose time is the sampler's Python, and one with the largest share of compiled code.
MODELS = ("simple_regression", "count_heterogenous")
#: What asv's suite is run on where nothing has changed: a flag among all of their benchmarks is one too many.
SUITE = "addition, simple_regression, count_heterogenous"
#: Runs a piece once more: by how much that slows a leapfrog down is what sizes are made with.
CALIBRATION = 1.0


@dataclass(frozen=True)
class Trial:
    """One thing to be measured.

    Parameters
    ----------
    tool : str
        One of ``pair`` (of the comparison by time), ``callgrind``, ``pytest-benchmark``, ``asv times`` and
        ``asv instructions`` (of the core suite), ``asv bare`` (asv's defaults). ``asv continuous`` was the
        core suite before it timed processes beside reference work.
    model : str
        The model, or several with commas.
    place : str
        One of :data:`nutsbench.audit.slowdown.PLACES`.
    size : float
        By how much a leapfrog (or compiling) takes longer, 0.05 for 5 %. Of asv's suite, which times a step
        and a gradient alone, by how much these do.
    load : bool
        Whether another program keeps a core busy.
    """

    tool: str
    model: str
    place: str
    size: float
    load: bool

    @property
    def key(self) -> Tuple[Any, ...]:
        """What two measurements of one thing have in common."""
        return self.tool, self.model, self.place, self.size, self.load


def plan() -> Dict[Trial, int]:
    """Return what a whole study measures, and how often: some five hours, four of them of a quiet machine."""
    wanted: Dict[Trial, int] = {}
    timed = ("gradient", "leapfrog")
    for model in MODELS:
        for place in timed:
            wanted[Trial("pair", model, place, CALIBRATION, False)] = 6
            wanted[Trial("callgrind", model, place, CALIBRATION, False)] = 1
            wanted.update({Trial("pair", model, place, size, False): 10 for size in SIZES})
            wanted.update(
                {Trial("callgrind", model, place, size, False): n for size, n in ((0.01, 3), (0.05, 1))}
            )
        # What the aims are about is measured most: nothing, and 5 %.
        wanted[Trial("pair", model, "leapfrog", 0.0, False)] = 60
        wanted[Trial("pair", model, "leapfrog", 0.05, False)] = 40
        wanted[Trial("pair", model, "gradient", 0.05, False)] = 24
        wanted[Trial("pair", model, "leapfrog", 0.0, True)] = 40
        wanted[Trial("pair", model, "leapfrog", 0.05, True)] = 24
        wanted.update({Trial("pair", model, "leapfrog", size, True): 10 for size in (0.03, 0.1)})
        wanted[Trial("pair", model, "gradient", 0.05, True)] = 10
        wanted[Trial("callgrind", model, "leapfrog", 0.0, False)] = 5
        wanted[Trial("callgrind", model, "leapfrog", 0.0, True)] = 2
    wanted[Trial("pair", MODELS[0], "compile", 0.0, False)] = 16
    wanted.update({Trial("pair", MODELS[0], "compile", size, False): 6 for size in SIZES})
    for load in (False, True):
        for size in (0.0, 0.05, 0.1, 0.2):
            wanted[Trial("pytest-benchmark", MODELS[0], "leapfrog", size, load)] = 8
            wanted[Trial("asv bare", MODELS[0], "leapfrog", size, load)] = 5
    return {**wanted, **_plan_of_asv()}


def _plan_of_asv() -> Dict[Trial, int]:
    """Return what is measured of asv's core suite: most of what its users ask of it."""
    wanted: Dict[Trial, int] = {}
    for tool in ("asv times", "asv instructions"):
        wanted[Trial(tool, MODELS[0], "leapfrog", CALIBRATION, False)] = 2
        wanted[Trial(tool, MODELS[1], "gradient", CALIBRATION, False)] = 2
    for load in (False, True):
        wanted[Trial("asv times", SUITE, "leapfrog", 0.0, load)] = 20 if load else 10
        wanted[Trial("asv times", MODELS[0], "leapfrog", 0.1, load)] = 20
    for size in (0.03, 0.05, 0.2):
        wanted[Trial("asv times", MODELS[0], "leapfrog", size, False)] = 3
    for size in (0.03, 0.05, 0.1, 0.2):
        wanted[Trial("asv times", MODELS[1], "gradient", size, False)] = 3
        wanted[Trial("asv times", "addition", "compile", size, False)] = 3
    wanted[Trial("asv instructions", SUITE, "leapfrog", 0.0, True)] = 20
    wanted[Trial("asv instructions", MODELS[0], "leapfrog", 0.03, False)] = 20
    wanted[Trial("asv instructions", MODELS[1], "gradient", 0.03, False)] = 3
    return wanted


def todo(rows: Sequence[Mapping[str, Any]], seed: int = 0) -> Iterator[Trial]:
    """Yield what is missing, in shuffled rounds, so that a study that is stopped has some of each.

    Parameters
    ----------
    rows : sequence of dict
        What has been measured.
    seed : int
        Of the order.
    """
    done: Dict[Tuple[Any, ...], int] = {}
    for row in rows:
        key = tuple(row[name] for name in ("tool", "model", "place", "size", "load"))
        done[key] = done.get(key, 0) + 1
    left = {trial: count - done.get(trial.key, 0) for trial, count in plan().items()}
    order = random.Random(seed)
    # What sizes are converted with comes first.
    first = [trial for trial in left if trial.size == CALIBRATION for _ in range(left[trial])]
    yield from first
    left = {trial: count for trial, count in left.items() if trial.size != CALIBRATION}
    while any(count > 0 for count in left.values()):
        round_ = [trial for trial, count in left.items() if count > 0]
        order.shuffle(round_)
        for trial in round_:
            left[trial] -= 1
            yield trial


def chosen(trials: Iterable[Trial], only: Mapping[str, Any]) -> List[Trial]:
    """Return those of some trials that are asked for, and those that tell what their sizes are made with.

    Parameters
    ----------
    trials : iterable of Trial
        What is missing.
    only : dict of str
        For ``tool``, ``model``, ``place``, ``load`` and ``size`` the one that is wanted, None for any.
    """

    def wanted(trial: Trial) -> bool:
        return all(value in (None, getattr(trial, name)) for name, value in only.items())

    sized = {(sized_by(trial.tool), trial.model, trial.place) for trial in plan() if wanted(trial)}
    return [
        trial
        for trial in trials
        if wanted(trial) or (trial.size == CALIBRATION and (trial.tool, trial.model, trial.place) in sized)
    ]


def sized_by(tool: str) -> str:
    """Return the tool whose trials tell what share of a leapfrog a piece is: of its time, or instructions.

    Parameters
    ----------
    tool : str
        As in :class:`Trial`.
    """
    return tool if tool in ("callgrind", "asv times", "asv instructions") else "pair"


def times_of(trial: Trial, rows: Sequence[Mapping[str, Any]]) -> float:
    """Return how often a piece has to be run more, so that a leapfrog takes the trial's size longer.

    A piece that is run twice makes a leapfrog slower by its share of it, which was measured.
    """
    if trial.place == "compile" or trial.size in (0.0, CALIBRATION):
        return trial.size
    logs = [
        row["log_ratio"]
        for row in rows
        if (row["tool"], row["model"], row["place"], row["size"])
        == (sized_by(trial.tool), trial.model, trial.place, CALIBRATION)
    ]
    # The median: one process in ten is slower for as long as it lives.
    return trial.size / math.expm1(float(np.median(logs)))


def run(trial: Trial, made: Stack, rows: Sequence[Mapping[str, Any]], number: int) -> Dict[str, Any]:
    """Measure one trial, and return its row.

    Parameters
    ----------
    trial : Trial
        What.
    made : Stack
        Of :func:`nutsbench.audit.slowdown.make`.
    rows : sequence of dict
        What has been measured, to convert sizes with.
    number : int
        Seed; and which CPU is kept busy, if one is.
    """
    times = times_of(trial, rows)
    measure = _TOOLS[trial.tool]
    cpus = sorted(os.sched_getaffinity(0))
    cpu = cpus[number % len(cpus)] if trial.tool.startswith("asv") else None
    with loaded(trial.load, cpu):
        began = time.monotonic()
        found = measure(trial, made, times, number)
        seconds = time.monotonic() - began
    return {**vars(trial), "times": times, "seconds": seconds, **found}


def _pair(trial: Trial, made: Stack, times: float, number: int) -> Dict[str, Any]:
    base = slowdown.arm("BASE", made, trial.place, 0.0)
    head = slowdown.arm("HEAD", made, trial.place, times)
    found = pair.measure(base, head, trial.model, number, Options().bursts)
    first, second = found.times()
    compiled = [facts["compile_s"] for facts in found.facts]
    by_compile = math.log(compiled[1] / compiled[0])
    return {
        "log_ratio": by_compile if trial.place == "compile" else found.log_ratio,
        "bursts": [round(math.log(b / a), 5) for a, b in zip(first, second)],
        "same_work": found.same_work,
    }


def _callgrind(trial: Trial, made: Stack, times: float, number: int) -> Dict[str, Any]:
    del number
    arms = [slowdown.arm(role, made, trial.place, more) for role, more in (("BASE", 0.0), ("HEAD", times))]
    with callgrind.Counter(*arms) as counter:
        base, head = counter.of_model(trial.model)
    return {"log_ratio": math.log(callgrind.ratio(base, head).ratio)}


def _pytest(trial: Trial, made: Stack, times: float, number: int) -> Dict[str, Any]:
    del number
    return others.pytest_benchmark(made, trial.model, trial.place, times)


def _asv_bare(trial: Trial, made: Stack, times: float, number: int) -> Dict[str, Any]:
    del made, number
    return others.asv_bare(trial.model, trial.place, times)


def _asv_suite(trial: Trial, made: Stack, times: float, number: int) -> Dict[str, Any]:
    del made, number
    return others.asv_suite(trial.model.split(", "), trial.tool.split()[1], trial.place, times)


_TOOLS = {
    "pair": _pair,
    "callgrind": _callgrind,
    "pytest-benchmark": _pytest,
    "asv times": _asv_suite,
    "asv instructions": _asv_suite,
    "asv bare": _asv_bare,
}
#: What can be measured.
TOOLS = tuple(_TOOLS)


@contextlib.contextmanager
def loaded(wanted: bool, cpu: Optional[int] = None) -> Iterator[None]:
    """Keep one core busy while the context lasts, if wanted: this CPU, or whichever the system likes."""
    if not wanted:
        yield
        return
    endless = "while True: sum(i * i for i in range(100000))"
    other = subprocess.Popen([sys.executable, "-c", endless])
    if cpu is not None:
        os.sched_setaffinity(other.pid, {cpu})
    try:
        yield
    finally:
        other.kill()
        other.wait()
