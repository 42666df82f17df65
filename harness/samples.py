"""Times of the NUTS core that a restless machine leaves alone: a value a process, beside reference work.

A virtual machine's neighbour slows a CPU for seconds or minutes, by a tenth or a half. Plain Python does not
feel it as NumPy's and compiled code do, so what is timed lies between bursts of a workload that does both
(:func:`harness.yardstick.work`), in the same process, on the same CPU, some milliseconds apart. What is kept
of a process is the mean of these ratios, without the outermost. Processes differ by a percent for as long as
they live, so a sample is a process's value, not a burst's: each is a fork of one that has compiled the model,
and what it writes comes to lie in other pages of memory (docs/asv.md has the study).
"""

import gc
import os
import statistics
import time
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import models
from harness import compile_cache, core, isolated, yardstick

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


def of_core(name: str, processes: int) -> Dict[str, List[float]]:
    """Time a model's core in processes of their own, one after the other, and what compiling it took.

    Parameters
    ----------
    name : str
        The model.
    processes : int
        How many; all are forks of one that has compiled the model, which is a fork of this one.

    Returns
    -------
    dict of str to list of float
        By workload (gradient, leapfrog, transitions) a value a process, in units of one call of
        :func:`harness.yardstick.work`; and ``compile``, what :func:`compiled` says, empty if the cache was
        not warm.

    Raises
    ------
    RuntimeError
        If one of the processes fails.
    """

    def measured() -> Dict[str, List[float]]:
        one, spent = compiled(name)
        return {"compile": [] if spent is None else [spent], **of_compiled(one, processes)}

    found: Dict[str, List[float]] = in_fork(measured)
    return found


def of_compiled(one: core.Core, processes: int) -> Dict[str, List[float]]:
    """Time a core that this process has compiled, as :func:`of_core` does.

    Parameters
    ----------
    one : Core
        The core.
    processes : int
        How many forks.
    """
    workloads: Workloads = {
        "gradient": one.gradient,
        "leapfrog": one.leapfrog,
        "transitions": one.first_transitions(),
    }
    return in_processes(workloads, processes)


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
        In units of one call of :func:`harness.yardstick.work`.

    Raises
    ------
    RuntimeError
        If the fork fails.
    """

    def measured() -> Optional[float]:
        os.sched_setaffinity(0, {cpu})
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
        CPU time of building and compiling, in units of one call of :func:`harness.yardstick.work`; ``None``
        if the cache was not warm.
    """
    known, cached, before = compile_cache.loaded_modules(), compile_cache.cached_modules(), reference_s()
    began = _cpu_s()
    one = core.Core(models.get(name))
    seconds = _cpu_s() - began
    compile_cache.remove_unversioned(known)
    if compile_cache.cached_modules() > cached:
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
        By workload a value a process, in units of one call of :func:`harness.yardstick.work`.

    Raises
    ------
    RuntimeError
        If one of the forks fails.
    """
    cpus = sorted(os.sched_getaffinity(0))
    values = [in_fork(partial(_pinned, workloads, cpus[number % len(cpus)])) for number in range(processes)]
    return {name: [one[name] for one in values] for name in workloads}


def _pinned(workloads: Workloads, cpu: int) -> Dict[str, float]:
    os.sched_setaffinity(0, {cpu})
    return {name: _middle(ratios(call)) for name, call in workloads.items()}


def _middle(values: List[float]) -> float:
    """Return the mean without the least and greatest tenth.

    Of a few bursts the system took its part. The median would not see work that is done at every ninth call.
    """
    cut = round(len(values) * _CUT)
    return statistics.mean(sorted(values)[cut : len(values) - cut])


def ratios(call: Callable[[], object], bursts: int = BURSTS, burst_s: float = BURST_S) -> List[float]:
    """Time a function against the reference workload, in turns within this process.

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
    list of float
        For each burst the CPU time of a call over that of one piece of reference work, before and after it.
    """
    call()
    calls, pieces = calls_of(call, burst_s), calls_of(yardstick.work, burst_s)
    found: List[float] = []
    collects = gc.isenabled()
    gc.disable()
    try:
        began, before = time.process_time(), seconds_of(yardstick.work, pieces)
        while len(found) < bursts:
            own, after = seconds_of(call, calls), seconds_of(yardstick.work, pieces)
            found.append(own / ((before + after) / 2))
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
