"""Times of the NUTS core that a restless machine leaves alone: a value a process, beside reference work.

A virtual machine's neighbour slows a CPU for seconds or minutes, by a tenth or a half. Plain Python does not
feel it as NumPy's and compiled code do, so what is timed lies between bursts of a workload that does both
(:func:`nutsbench.inside.yardstick.work`), in the same process, on the same CPU, some milliseconds apart. What
is kept of a process is the mean of these ratios, without the outermost. Processes differ by a percent for as
long as they live, so a sample is a process's value, not a burst's: each is a fork of one that has compiled
the model, and what it writes comes to lie in other pages of memory (docs/asv.md has the study).
"""

import gc
import os
import statistics
import time
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from nutsbench import models
from nutsbench.inside import compile_cache, core, isolated, modules, system, yardstick

#: CPU seconds of a burst: long beside the clock, short beside what a neighbour does.
BURST_S = 0.002
#: Bursts of each workload in a process; fewer, but not fewer than the least, where they take longer in all.
BURSTS, _FEWEST_BURSTS, _WORKLOAD_S = 18, 8, 0.5
#: Share of the bursts that is left out at either end.
_CUT = 0.1
#: Wall seconds after which a process is given up.
_LONGEST_S = 900.0
#: Pieces of the reference workload around a compilation.
_PIECES = 40

Workloads = Mapping[str, Callable[[], object]]


def of_compiled(one: core.Core, processes: int) -> Dict[str, List[float]]:
    """Time a core that this process has compiled, in forks of it, one after the other.

    Parameters
    ----------
    one : Core
        The core.
    processes : int
        How many forks.

    Returns
    -------
    dict of str to list of float
        By workload (gradient, leapfrog, transitions) a value a process, in units of one call of
        :func:`nutsbench.inside.yardstick.work`.
    """
    workloads: Workloads = {
        "gradient": one.gradient,
        "leapfrog": one.leapfrog,
        "transitions": one.first_transitions(),
    }
    return in_processes(workloads, processes)


def of_call(call: Callable[[], object], processes: int) -> Tuple[List[float], List[float]]:
    """Time a function in forks of this process, one after the other, each on the next CPU.

    Parameters
    ----------
    call : callable
        What to time.
    processes : int
        How many forks.

    Returns
    -------
    values, seconds : list of float
        A value a process, in units of one call of :func:`nutsbench.inside.yardstick.work`; and the CPU
        seconds of a call in each burst of all of them.
    """
    all_cpus = system.cpus()
    found = [
        in_fork(partial(_pinned_bursts, call, all_cpus[number % len(all_cpus)]))
        for number in range(processes)
    ]
    return [_middle(one["ratios"]) for one in found], [value for one in found for value in one["seconds"]]


def _pinned_bursts(call: Callable[[], object], cpu: int) -> Dict[str, List[float]]:
    system.pin({cpu})
    measured = bursts_of(call)
    return {"seconds": [own for own, _ in measured], "ratios": [ratio for _, ratio in measured]}


def compiling(name: str, cpu: int) -> float:
    """Time building and compiling a model with a warm cache in a fork of this process, on one CPU.

    Parameters
    ----------
    name : str
        The model.
    cpu : int
        The CPU.

    Returns
    -------
    float
        In units of one call of :func:`nutsbench.inside.yardstick.work`.

    Raises
    ------
    RuntimeError
        If the fork fails.
    """

    def measured() -> Optional[float]:
        system.pin({cpu})
        return compiled(name)[1]

    for _ in range(2):
        found = in_fork(measured)
        if found is not None:
            return float(found)
        # That fork had to fill the compile cache.
    raise RuntimeError(f"{name}: Theano compiles it anew each time, so compiling cannot be timed")


def compiled(name: str) -> Tuple[core.Core, Optional[float]]:
    """Build and compile a model in this process, between two readings of the reference workload.

    Parameters
    ----------
    name : str
        The model.

    Returns
    -------
    one : Core
        Its core.
    spent : float or None
        CPU time of building and compiling, in units of one call of :func:`nutsbench.inside.yardstick.work`;
        ``None`` if the cache was not warm.
    """
    known, before = compile_cache.loaded_modules(), reference_s()
    began = _cpu_s()
    with modules.noted() as made:
        one = core.Core(models.get(name))
    seconds = _cpu_s() - began
    cold = compile_cache.was_cold(made)
    compile_cache.remove_unversioned(known)
    if cold:
        return one, None
    return one, seconds / statistics.mean([before, reference_s()])


def _cpu_s() -> float:
    """Return the CPU seconds of this process and of the compilers that it ran."""
    return sum(os.times()[:4])


def in_processes(workloads: Workloads, processes: int) -> Dict[str, List[float]]:
    """Time functions in forks of this process, one after the other, each on the next CPU.

    Parameters
    ----------
    workloads : dict of callable
        What to time.
    processes : int
        How many forks.

    Returns
    -------
    dict of str to list of float
        By workload a value a process, in units of one call of :func:`nutsbench.inside.yardstick.work`.

    Raises
    ------
    RuntimeError
        If one of the forks fails.
    """
    cpus = system.cpus()
    values = [in_fork(partial(_pinned, workloads, cpus[number % len(cpus)])) for number in range(processes)]
    return {name: [one[name] for one in values] for name in workloads}


def _pinned(workloads: Workloads, cpu: int) -> Dict[str, float]:
    system.pin({cpu})
    return {name: _middle(ratios(call)) for name, call in workloads.items()}


def _middle(values: List[float]) -> float:
    """Return the mean without the least and greatest tenth.

    Of a few bursts the system took its part. The median would not see work that is done at every ninth call.
    """
    cut = round(len(values) * _CUT)
    return statistics.mean(sorted(values)[cut : len(values) - cut])


def ratios(call: Callable[[], object], bursts: int = BURSTS, burst_s: float = BURST_S) -> List[float]:
    """Return the second halves of :func:`bursts_of`."""
    return [ratio for _, ratio in bursts_of(call, bursts, burst_s)]


def bursts_of(
    call: Callable[[], object], bursts: int = BURSTS, burst_s: float = BURST_S
) -> List[Tuple[float, float]]:
    """Time a function against the reference workload, interleaved within this process.

    Parameters
    ----------
    call : callable
        What to time.
    bursts : int
        Number of bursts, at the most.
    burst_s : float
        CPU seconds of a burst, about.

    Returns
    -------
    list of (float, float)
        For each burst the CPU seconds of a call; and that over the CPU seconds of one piece of reference
        work, before and after it.
    """
    call()
    calls, pieces = calls_of(call, burst_s), calls_of(yardstick.work, burst_s)
    found: List[Tuple[float, float]] = []
    collects = gc.isenabled()
    gc.disable()
    try:
        began, before = time.process_time(), seconds_of(yardstick.work, pieces)
        while len(found) < bursts:
            own, after = seconds_of(call, calls), seconds_of(yardstick.work, pieces)
            found.append((own, own / ((before + after) / 2)))
            before = after
            if len(found) >= _FEWEST_BURSTS and time.process_time() - began > _WORKLOAD_S:
                break
    finally:
        if collects:
            gc.enable()
    return found


def calls_of(call: Callable[[], object], burst_s: float) -> int:
    """Return how many calls take about as long as a burst should."""
    calls = 1
    while True:
        spent = seconds_of(call, calls) * calls
        if spent >= burst_s / 2:
            return max(1, round(calls * burst_s / spent))
        calls *= 2


def seconds_of(call: Callable[[], object], calls: int) -> float:
    """Return the CPU seconds of one call, over so many."""
    began = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - began) / calls


def reference_s() -> float:
    """Return the CPU seconds of one piece of the reference workload, now."""
    yardstick.work()
    return seconds_of(yardstick.work, _PIECES)


def in_fork(function: Callable[[], Any]) -> Any:
    """Return what a function returns in a fork of this process, through JSON.

    Raises
    ------
    RuntimeError
        If it raises there, or the fork does not end well.
    """

    def told(_: isolated.Tell) -> Dict[str, Any]:
        try:
            return {"value": function()}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}

    ended = isolated.call(told, _LONGEST_S)
    answer = ended.result or {"error": ended.how}
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["value"]
