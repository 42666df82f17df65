"""Hints name the scalar, the direction and the chain that a remedy is about."""

import json
from typing import Any

import numpy as np
import pytest

from nutsbench.judge.diagnostics import scalars, summarise
from nutsbench.judge.hints import hints
from tests.harness.judge.test_diagnostics import ar1


def found(draws: Any, **stats: Any) -> Any:
    quantities = {label: summarise(values) for _, label, values in scalars(draws)}
    return hints(draws, stats, list(draws), quantities)


def noise(seed: Any = 0, shape: Any = (2, 500)) -> Any:
    return np.random.RandomState(seed).normal(size=shape)


def walk(seed: Any = 0, shape: Any = (2, 500)) -> Any:
    return np.cumsum(noise(seed, shape), axis=1)


def test_good_draws_give_step_sizes_and_the_scalar_of_the_energy() -> None:
    x, y = noise(1), noise(2)
    given = found({"x": x, "y": y}, energy=y**3, step_size=np.full((2, 500), [[0.5], [0.25]]))
    assert given == {"step_sizes": [0.5, 0.25], "energy": {"scalar": "y", "correlation": 1.0}}
    json.dumps(given, allow_nan=False)


def test_divergences_are_placed_where_a_funnel_is_narrow() -> None:
    log_scale = noise(3)
    diverging = log_scale < -1.5
    given = found({"x": noise(4) * np.exp(log_scale), "log_scale": log_scale}, diverging=diverging)
    assert given["divergences"] == {"scalar": "log_scale", "side": "low"}
    assert "divergences" not in found({"x": noise(4)}, diverging=np.zeros((2, 500), bool))


def test_two_scalars_of_which_the_data_tell_only_the_sum_are_a_ridge() -> None:
    sum_, free = 0.05 * noise(5), noise(6)
    given = found({"a": free, "b": sum_ - free, "c": noise(7)})
    assert given["ridge"]["scalars"] == ["a", "b"]
    assert given["ridge"]["correlation"] < -0.99
    assert "ridge" not in found({"a": noise(5), "b": noise(6)})


def test_the_direction_along_which_chains_wander_is_named() -> None:
    run, fixed = walk(8), noise(9)
    assert found({"a": run, "c": fixed})["wanders"]["along"] == "a"
    given = found({"a": run + 0.01 * noise(10), "b": 0.01 * noise(11) - run, "c": fixed})["wanders"]
    assert given["along"] in ("a - b", "b - a")
    effects = np.stack([run + 0.01 * noise(20 + i) for i in range(7)], axis=2)
    along = found({"phi": effects, "c": fixed})["wanders"]["along"]
    assert along.count("+ phi[") == 3
    assert along.endswith("and 3 more")


def test_chains_that_mix_by_themselves_and_disagree_are_told_from_chains_that_wander() -> None:
    modes = ar1(0.3, (2, 500)) + np.array([[-3.0], [3.0]])
    given = found({"a": modes})
    assert given["apart"]["scalar"] == "a"
    assert given["apart"]["chain_means"] == pytest.approx([-3, 3], abs=0.3)
    assert "wanders" not in given


def test_draws_that_say_nothing_give_no_hints() -> None:
    assert found({"x": np.ones((2, 50))}) == {}
    assert found({"x": np.full((2, 50), np.nan)}) == {}
    assert found({"x": noise(0, (1, 3))}, energy=np.zeros((1, 3))) == {}
