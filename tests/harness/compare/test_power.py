"""The study of error rates: what it measures, and how comparisons are played over it."""

import math
import random

import pytest

from harness.compare import power
from harness.compare.power import Trial
from harness.compare.result import Options


def pairs(size, count=60, spread=0.01, seconds=5.0):
    order = random.Random(2)
    trial = Trial("pair", "simple_regression", "leapfrog", size, False)
    return [
        {
            **vars(trial),
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


@pytest.mark.parametrize(("size", "slower"), [(0.0, 0), (0.1, 60)])
def test_a_played_comparison_says_slower_as_often_as_it_should(size, slower):
    played = power.play(pairs(size), Options(), models=16)
    assert played.verdicts["slower"] == slower
    assert played.runs == 60
    assert played.seconds <= 65.0


def test_comparisons_that_run_out_of_pairs_are_counted():
    played = power.play(pairs(0.0, count=5, spread=0.3), Options(), models=1)
    assert played.cut == played.verdicts["undecided"] == 5


def test_a_budget_ends_a_played_comparison():
    played = power.play(pairs(0.0, spread=0.3), Options(budget_s=20.0), models=1)
    assert played.verdicts["undecided"] >= 54
    assert played.cut == 0
    assert played.seconds <= 25.0


def test_tools_that_are_run_whole_are_counted():
    counted = [{"log_ratio": math.log(1.02)}, {"log_ratio": 0.0}]
    assert power.said_slower("callgrind", counted) == 1
    assert power.said_slower("asv continuous", [{"slower": True}, {"slower": False}]) == 1


def test_the_table_has_a_row_a_condition():
    rows = power.table([*pairs(0.0), *pairs(0.1)])
    assert [(row["meant"], row["trials"]) for row in rows] == [("0%", 60), ("10%", 60)]
    assert set(rows[0]) == set(power.COLUMNS)


def test_the_size_of_a_slowdown_is_worked_out_from_large_ones():
    rows = [*pairs(0.01, spread=0.001), *pairs(0.2, spread=0.001)]
    assert power.share(rows, "simple_regression", "leapfrog") == pytest.approx(0.25, rel=0.05)
    assert power.share(rows, "simple_regression", "gradient") is None
    assert [row["slower by"] for row in power.table(rows)] == ["1.0%", "20.0%"]
