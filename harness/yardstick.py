"""A piece of work that never changes, to measure other work against.

A machine is faster in one minute than in the next, and another machine is another one
altogether. What is timed against this, in turns within one process, is a ratio that
keeps most of that out: the work is like a leapfrog's, Python calls around small arrays
and one product of a matrix, and it uses nothing of PyMC3, Theano or this project.
"""

import time
from typing import Callable, List, Optional

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


#: Pieces of plain work on either side of what is timed, some 3 ms; those before them only bring
#: the interpreter's own code back into the processor's caches.
_PIECES, _UNCOUNTED = 30, 4


def piece_s(pieces: int = _PIECES) -> float:
    """Return the CPU seconds that one piece of :func:`plain_work` takes now."""
    for _ in range(_UNCOUNTED):
        plain_work()
    return _burst_s(plain_work, pieces) / pieces


class SteadyTimer:
    """A timer for ``timeit`` that tells CPU seconds at the machine's usual speed.

    A virtual machine is some 10 % slower for minutes now and then, which no repetition
    within those minutes tells from slower code. So plain Python is timed right before and
    right after, and what lies between is given as what it takes when plain Python is as
    fast as usual.

    Parameters
    ----------
    usual_s : callable
        Returns what a piece of :func:`plain_work` usually takes, CPU seconds. Asked once.

    Notes
    -----
    It is called in pairs, where something begins and where it ends, and the difference of
    the two is the time. It is not a clock: two differences cannot be added.
    """

    def __init__(self, usual_s: Callable[[], float]) -> None:
        self._ask = usual_s
        self._usual_s: Optional[float] = None
        self._before_s = 0.0
        self._began: Optional[float] = None

    def __call__(self) -> float:
        """Return 0 at a beginning, and at an end the seconds since then."""
        if self._began is None:
            if self._usual_s is None:
                self._usual_s = self._ask()
            self._before_s = piece_s()
            self._began = time.process_time()
            return 0.0
        spent = time.process_time() - self._began
        self._began = None
        assert self._usual_s is not None
        return spent * self._usual_s / ((self._before_s + piece_s()) / 2)


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
