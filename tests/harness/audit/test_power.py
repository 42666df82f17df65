"""The study of error rates: what it measures, and how comparisons are played over it."""

import math
import random
from typing import Any, List

import pytest

from nutsbench.audit import power
from nutsbench.audit.power import Trial


def pairs(
    size: float,
    count: int = 60,
    spread: float = 0.01,
    seconds: float = 5.0,
    machine: str = "m",
    model: str = "simple_regression",
) -> List[Any]:
    order = random.Random(2)
    trial = Trial("pair", model, "leapfrog", size, False)
    return [
        {
            **vars(trial),
            "machine": machine,
            "times": 4 * size,
            "log_ratio": math.log1p(size) + order.gauss(0, spread),
            "seconds": seconds,
        }
        for _ in range(count)
    ]


def test_what_is_done_is_not_done_again() -> None:
    everything = list(power.todo([]))
    assert len(everything) == sum(power.plan().values())
    done = [vars(trial) for trial in everything]
    assert list(power.todo(done)) == []
    assert len(list(power.todo(done[:-3]))) == 3


def test_sizes_are_converted_by_what_was_measured() -> None:
    rows = [{**row, "size": 1.0, "log_ratio": math.log(1.25)} for row in pairs(0.0, 4)]
    trial = Trial("pair", "simple_regression", "leapfrog", 0.05, False)
    assert power.times_of(trial, rows) == pytest.approx(0.2)
    compiling = Trial("pair", "simple_regression", "compile", 0.05, False)
    assert power.times_of(compiling, rows) == 0.05


def test_what_is_asked_for_brings_what_its_sizes_are_made_with() -> None:
    only = {"tool": "asv bare", "model": None, "place": None, "load": None}
    found = power.chosen(power.todo([]), only)
    assert {trial.tool for trial in found} == {"asv bare", "pair"}
    assert {trial.key for trial in found if trial.tool == "pair"} == {
        ("pair", "simple_regression", "leapfrog", 1.0, False)
    }
    of_model = power.chosen(
        power.todo([]), {"tool": "callgrind", "model": "count_heterogenous", "place": None}
    )
    assert {trial.tool for trial in of_model} == {"callgrind"}
    assert {trial.model for trial in of_model} == {"count_heterogenous"}
