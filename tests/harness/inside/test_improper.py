"""Improper posteriors are found by the lines along which they do not fall; proper ones never are."""

from typing import Any

import numpy as np
import pytest

from nutsbench.inside import improper


def density(function: Any, size: Any) -> Any:
    """Log density and its gradient, exact: differentiated along the imaginary axis."""

    def call(point: Any) -> Any:
        slope = [function(point + 1e-30j * axis).imag * 1e30 for axis in np.eye(size)]
        return float(function(point)), np.array(slope)

    return call


def cauchy(x: Any) -> Any:
    return -np.log1p(x**2)


PROPER = {
    "normal": (lambda x: -0.5 * x @ x, 3),
    "wide normal": (lambda x: -0.5 * x[0] ** 2 - 0.5 * (x[1] / 1e6) ** 2, 2),
    "cauchy": (lambda x: cauchy(x[0]) + cauchy(x[1]), 2),
    "log of a half Cauchy": (lambda x: x[0] - np.log1p(np.exp(2 * x[0])), 1),
    "logit of a uniform": (lambda x: -x[0] - 2 * np.log1p(np.exp(-x[0])), 1),
    "correlated": (lambda x: -0.5 * (x[0] - x[1]) ** 2 / 1e-6 - 0.5 * (x[0] + x[1]) ** 2, 2),
    "funnel": (lambda x: -0.5 * (x[0] / 3) ** 2 - 0.5 * x[1] ** 2 * np.exp(-x[0]) - x[0] / 2, 2),
}
IMPROPER = {
    "b": (lambda x: -0.5 * x[0] ** 2, ["a", "b"]),
    "a + b": (lambda x: -0.5 * (x[0] - x[1]) ** 2, ["a", "b"]),
    "a - b": (lambda x: -0.5 * (x[0] + x[1] - 1) ** 2, ["a", "b"]),
    "all 6 elements of phi together": (
        lambda x: -0.5 * np.sum(np.diff(x) ** 2),
        [f"phi[{i}]" for i in range(6)],
    ),
    # A flat prior of a scale, as its logarithm; data that separate the classes.
    "s, upwards": (lambda x: x[0] - 0.5 * x[1] ** 2, ["s", "m"]),
    "w, downwards": (lambda x: -np.log1p(np.exp(x[0])), ["w"]),
}


@pytest.mark.parametrize("name", PROPER)
def test_a_proper_posterior_is_not_called_improper(name: Any) -> None:
    function, size = PROPER[name]
    assert improper.lines(density(function, size), np.zeros(size)) == []


def test_two_directions_are_told_apart() -> None:
    def two(x: Any) -> Any:
        return -0.5 * (x[0] - x[1]) ** 2 - 0.5 * (x[2] + x[3]) ** 2

    found = improper.lines(density(two, 4), np.zeros(4))
    assert {improper.words(line, ["a", "b", "c", "d"]) for line in found} == {"a + b", "c - d"}


@pytest.mark.parametrize("said", IMPROPER)
def test_the_direction_of_an_improper_one_is_named(said: Any) -> None:
    function, names = IMPROPER[said]
    found = improper.lines(density(function, len(names)), np.zeros(len(names)))
    assert [improper.words(line, names) for line in found] == [said]


def test_a_density_that_is_nowhere_finite_is_not_judged() -> None:
    assert improper.lines(density(lambda x: x[0] * np.nan, 2), np.zeros(2)) == []
