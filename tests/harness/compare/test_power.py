"""The study of error rates: what it measures, and how comparisons are played over it."""

import math
import random

import pytest

from harness.compare import power
from harness.compare.power import Trial


def pairs(size, count=60, spread=0.01, seconds=5.0, machine="m", model="simple_regression"):
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


def test_what_is_done_is_not_done_again():
    everything = list(power.todo([]))
    assert len(everything) == sum(power.plan().values())
    done = [vars(trial) for trial in everything]
    assert list(power.todo(done)) == []
    assert len(list(power.todo(done[:-3]))) == 3


def test_sizes_are_converted_by_what_was_measured():
    rows = [{**row, "size": 1.0, "log_ratio": math.log(1.25)} for row in pairs(0.0, 4)]
    trial = Trial("pair", "simple_regression", "leapfrog", 0.05, False)
    assert power.times_of(trial, rows) == pytest.approx(0.2)
    compiling = Trial("pair", "simple_regression", "compile", 0.05, False)
    assert power.times_of(compiling, rows) == 0.05


def test_tools_that_are_run_whole_are_counted():
    counted = [{"log_ratio": math.log(1.02)}, {"log_ratio": 0.0}]
    assert power.said_slower("callgrind", counted) == 1
    assert power.said_slower("asv continuous", [{"slower": True}, {"slower": False}]) == 1


def test_the_table_has_a_row_a_condition():
    rows = power.table([*pairs(0.0), *pairs(0.1)])
    assert [(row["meant"], row["trials"]) for row in rows] == [("0%", 60), ("10%", 60)]
    assert {"machine", "tool", "slower by", "says slower", "as one of 16", "seconds"} <= set(rows[0])


def test_the_size_of_a_slowdown_is_worked_out_from_large_ones():
    rows = [*pairs(0.01, spread=0.001), *pairs(0.2, spread=0.001)]
    assert power.share(rows, "simple_regression", "leapfrog") == pytest.approx(0.25, rel=0.05)
    assert power.share(rows, "simple_regression", "gradient") is None
    assert [row["slower by"] for row in power.table(rows)] == ["1.0%", "20.0%"]


def test_trials_of_two_machines_are_not_one_condition():
    rows = power.table([*pairs(0.0), *pairs(0.0, 10, machine="n")])
    assert [(row["machine"], row["trials"]) for row in rows] == [("m", 60), ("n", 10)]


def test_what_is_asked_for_brings_what_its_sizes_are_made_with():
    only = {"tool": "asv continuous", "model": None, "place": None}
    found = power.chosen(power.todo([]), only)
    assert {trial.tool for trial in found} == {"asv continuous", "pair"}
    assert {trial.key for trial in found if trial.tool == "pair"} == {
        ("pair", "simple_regression", "leapfrog", 1.0, False)
    }
    of_model = power.chosen(
        power.todo([]), {"tool": "callgrind", "model": "count_heterogenous", "place": None}
    )
    assert {trial.tool for trial in of_model} == {"callgrind"}
    assert {trial.model for trial in of_model} == {"count_heterogenous"}


def test_whole_comparisons_are_played_where_both_models_were_measured():
    noisy = pairs(0.1, 20, spread=0.03, model="count_heterogenous")
    (row,) = power.whole_table([*pairs(0.1, 20), *noisy, *pairs(0.2, 5)])
    assert row["meant"] == "10%"
    assert row["says slower"] == "50 of 50"
    assert (row["faster"], row["same"]) == (0, 0)
