"""The tables of a power study."""

import math
from typing import Any, Dict, List

import pytest

from nutsbench.audit import rates
from nutsbench.audit.power import Trial
from tests.harness.audit.test_power import pairs


def test_tools_that_are_run_whole_are_counted() -> None:
    counted = [{"log_ratio": math.log(1.02)}, {"log_ratio": 0.0}]
    assert rates.said_slower("callgrind", counted) == 1
    assert rates.said_slower("asv continuous", [{"slower": True}, {"slower": False}]) == 1


def test_the_table_has_a_row_a_condition() -> None:
    rows = rates.table([*pairs(0.0), *pairs(0.1)])
    assert [(row["meant"], row["trials"]) for row in rows] == [("0%", 60), ("10%", 60)]
    assert {"machine", "tool", "slower by", "says slower", "as one of 16", "seconds"} <= set(rows[0])


def test_the_size_of_a_slowdown_is_worked_out_from_large_ones() -> None:
    rows = [*pairs(0.01, spread=0.001), *pairs(0.2, spread=0.001)]
    assert rates.share(rows, "simple_regression", "leapfrog") == pytest.approx(0.25, rel=0.05)
    assert rates.share(rows, "simple_regression", "gradient") is None
    assert [row["slower by"] for row in rates.table(rows)] == ["1.0%", "20.0%"]


def test_trials_of_two_machines_are_not_one_condition() -> None:
    rows = rates.table([*pairs(0.0), *pairs(0.0, 10, machine="n")])
    assert [(row["machine"], row["trials"]) for row in rows] == [("m", 60), ("n", 10)]


def test_whole_comparisons_are_played_where_both_models_were_measured() -> None:
    noisy = pairs(0.1, 20, spread=0.03, model="count_heterogenous")
    (row,) = rates.whole_table([*pairs(0.1, 20), *noisy, *pairs(0.2, 5)])
    assert row["meant"] == "10%"
    assert row["says slower"] == "50 of 50"
    assert (row["faster"], row["same"]) == (0, 0)


def test_asvs_runs_are_told_by_what_they_flag() -> None:
    def run(size: float, flags: List[Any], code: int) -> Dict[str, Any]:
        trial = Trial("asv times", "addition, no_fork", "leapfrog", size, False)
        found = {"log_ratio": size, "slower": bool(size), "flags": flags, "code": code, "seconds": 30.4}
        return {**vars(trial), **found, "machine": "m", "times": 1.0}

    rows = [run(0.0, [], 0), run(0.0, ["core.addition.time_leapfrog"], 0), run(0.1, ["x"], 1)]
    of_asv, others = rates.split([*rows, *pairs(0.0)])
    assert (len(of_asv), len(others)) == (3, 60)
    nothing, slower = rates.asv_table(of_asv)
    assert (nothing["slower"], nothing["flags anything"], nothing["asv ends with 1"]) == (
        "nothing",
        "1 of 2",
        "0 of 2",
    )
    assert (slower["slower"], slower["says slower"], slower["asv ends with 1"]) == (
        "leapfrog, 10%",
        "1 of 1",
        "1 of 1",
    )
