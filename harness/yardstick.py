"""A piece of work that never changes, to measure other work against.

A machine is faster in one minute than in the next, and another machine is another one
altogether. What is timed against this, in turns within one process, is a ratio that
keeps most of that out: the work is like a leapfrog's, Python calls around small arrays
and one product of a matrix, and it uses nothing of PyMC3, Theano or this project.
"""

import time
from typing import Callable, List

import numpy as np

_DIMENSION = 8
_STEPS = 40
_PRECISION = np.diag(np.linspace(0.5, 4.0, _DIMENSION)) + 0.1


def _gradient(position: np.ndarray) -> np.ndarray:
    return -_PRECISION.dot(position)


def work() -> float:
    """Make some leapfrog steps in a Gaussian, in NumPy, and return the energy at their end."""
    position, momentum = np.ones(_DIMENSION), np.linspace(-1.0, 1.0, _DIMENSION)
    gradient = _gradient(position)
    for _ in range(_STEPS):
        momentum = momentum + 0.05 * gradient
        position = position + 0.1 * momentum
        gradient = _gradient(position)
        momentum = momentum + 0.05 * gradient
    return float(0.5 * momentum.dot(momentum) - 0.5 * position.dot(gradient))


def plain_work() -> float:
    """Do some sums in a loop, and return the last: work of the interpreter alone, NumPy's version apart."""
    total, values = 0.0, [0.5 * i for i in range(64)]
    for turn in range(40):
        for value in values:
            total += value * turn
        values[turn] = total
    return total


def ratios(function: Callable[[], object], rounds: int = 15, burst_s: float = 0.01) -> List[float]:
    """Time a function against :func:`work`, in turns.

    Parameters
    ----------
    function : callable
        What to time.
    rounds : int
        Number of turns.
    burst_s : float
        CPU seconds that each turn spends on either, about.

    Returns
    -------
    list of float
        For each turn the CPU time of one call over that of one piece of work.
    """
    function()
    calls, pieces = _calls(function, burst_s), _calls(work, burst_s)
    found = []
    for turn in range(rounds):
        # The first of two bursts may find the processor in another state than the second.
        if turn % 2:
            own = _burst_s(function, calls)
            other = _burst_s(work, pieces)
        else:
            other = _burst_s(work, pieces)
            own = _burst_s(function, calls)
        found.append((own / calls) / (other / pieces))
    return found


def _calls(function: Callable[[], object], burst_s: float) -> int:
    """Return how many calls take about as long as a burst should."""
    calls = 1
    while True:
        spent = _burst_s(function, calls)
        if spent >= burst_s / 2:
            return max(1, round(calls * burst_s / spent))
        calls *= 2


def _burst_s(function: Callable[[], object], calls: int) -> float:
    began = time.process_time()
    for _ in range(calls):
        function()
    return time.process_time() - began
