"""A piece of work that never changes, to measure other work against.

A machine is faster in one minute than in the next, and another machine is another one
altogether. What is timed against this, interleaved within one process (:mod:`nutsbench.inside.samples`), is a
ratio that keeps most of that out: the work is like a leapfrog's, Python calls around small arrays
and one product of a matrix, and it uses nothing of PyMC3, Theano or this project.
"""

import numpy as np

_DIMENSION = 8
_STEPS = 40
_PRECISION = np.diag(np.linspace(0.5, 4.0, _DIMENSION)) + 0.1


def _gradient(position: np.ndarray) -> np.ndarray:
    return -_PRECISION.dot(position)  # type: ignore[no-any-return]


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
    """Do some sums in a loop, and return the last: work of the interpreter alone."""
    total, values = 0.0, [0.5 * i for i in range(64)]
    for turn in range(40):
        for value in values:
            total += value * turn
        values[turn] = total
    return total
