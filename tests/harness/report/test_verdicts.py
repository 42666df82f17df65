"""One verdict of a record, and one of a model under some settings over its seeds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report import verdicts, words
from tests.harness.report.conftest import changed

POOR = {"verdict": "poor", "reasons": ["R-hat 1.0500 of x is above 1.01"]}
BAD_RHAT = {"quality": POOR, "metrics": {"rhat_max": 1.05}, "worst": {"rhat": "x"}}
CUT_OFF = {
    "quality": {"verdict": "poor", "reasons": ["30 % of trajectories used up the largest tree depth"]},
    "metrics": {"tree_depth_max_share": 0.3},
}


def seeds(record, *changes):
    """Return a record for each change, each of a seed of its own."""
    return [
        changed(record, seed=seed, id=f"{seed:032x}", **change)
        for seed, change in enumerate(changes, start=1)
    ]


@pytest.fixture(scope="module")
def good(published):
    return next(one for one in published if verdicts.verdict(one) == "good")


@pytest.mark.parametrize(
    ("changes", "verdict", "extent"),
    [
        (({}, BAD_RHAT), "poor", "1 of 2 seeds"),
        (({}, {}, BAD_RHAT), "good", "2 of 3 seeds"),
        (({}, BAD_RHAT, BAD_RHAT), "poor", "2 of 3 seeds"),
        ((CUT_OFF, BAD_RHAT, CUT_OFF, CUT_OFF), "costly", "3 of 4 seeds, 1 worse"),
        (({}, CUT_OFF, BAD_RHAT, {}), "costly", "1 of 4 seeds, 1 worse"),
        (({}, {}, {}, {"status": "crashed", "reason": "x"}), "failed", "1 of 4 seeds"),
        (({}, {}, {"accuracy": {"verdict": "inaccurate", "reasons": ["x"]}}), "inaccurate", "1 of 3 seeds"),
        (({}, {}, {}), "good", "all 3 seeds"),
        ((BAD_RHAT,), "poor", ""),
    ],
)
def test_a_row_is_what_half_of_its_seeds_are_unless_one_is_enough(good, changes, verdict, extent):
    (row,) = verdicts.rows(seeds(good, *changes))
    assert (row.verdict, row.extent) == (verdict, extent)
    assert verdicts.verdict(row.example) == verdict
    assert row.sound == (verdict == "good" and extent.startswith("all"))


@given(st.lists(st.sampled_from(["good", "poor", "costly", "failed"]), min_size=1, max_size=9))
def test_one_seed_more_of_the_same_changes_no_verdict(good, words_of_seeds):
    kinds = {"good": {}, "poor": BAD_RHAT, "costly": CUT_OFF, "failed": {"status": "failed", "reason": "x"}}
    (before,) = verdicts.rows(seeds(good, *(kinds[one] for one in words_of_seeds)))
    (after,) = verdicts.rows(seeds(good, *(kinds[one] for one in (*words_of_seeds, before.verdict))))
    assert after.verdict == before.verdict


def test_what_is_cut_off_is_costly_only_if_the_truth_says_that_it_is_right(good):
    assert verdicts.verdict(changed(good, **CUT_OFF)) == "costly"
    doubtful = changed(good, accuracy={"verdict": "can't tell", "reasons": ["no truth"]}, **CUT_OFF)
    assert verdicts.verdict(doubtful) == "poor"
    both = {**CUT_OFF, "metrics": {**CUT_OFF["metrics"], "divergences": 3}}
    assert verdicts.verdict(changed(good, **both)) == "poor"


def test_a_fault_is_said_once_with_its_worst_value_and_its_seeds(good):
    worse = {**BAD_RHAT, "metrics": {"rhat_max": 1.07}, "worst": {"rhat": "y"}}
    (row,) = verdicts.rows(seeds(good, CUT_OFF, {**BAD_RHAT, "metrics": {"rhat_max": 1.05}}, worse))
    assert row.verdict_text == "poor, 2 of 3 seeds"
    assert words.why_over_seeds(row) == (
        "R-hat up to 1.0700 of y is above 1.01;"
        " 30 % of trajectories used up the largest tree depth (1 of 3 seeds)"
    )


def test_a_row_of_one_seed_has_the_words_of_its_record(published):
    for row in verdicts.rows(published):
        assert words.why_over_seeds(row) == words.why(row.newest)


def test_a_rows_figures_are_of_its_seeds_and_its_words_of_one_that_has_the_verdict(good):
    (row,) = verdicts.rows([good, changed(good, seed=7, id="c" * 32, **BAD_RHAT)])
    assert row.example["id"] == "c" * 32
    assert row.median("ess_per_s") == good["metrics"]["ess_per_s"]
    assert row.values("rhat_max") == [1.05, good["metrics"]["rhat_max"]]


def test_a_row_that_failed_says_why(good):
    (row,) = verdicts.rows(seeds(good, BAD_RHAT, {"status": "crashed", "reason": "signal 9"}))
    assert words.why_over_seeds(row) == "crashed: signal 9"


def test_what_is_poor_with_every_seed_is_worse_than_what_is_poor_with_one(good, published):
    slow = next(one for one in published if one["model"] != good["model"])
    now_and_then = [changed(one, metrics={"pace_s": 1e6}) for one in seeds(slow, BAD_RHAT, {})]
    always = seeds(good, BAD_RHAT, BAD_RHAT)
    rows = verdicts.rows([*now_and_then, *always])
    assert [(row.newest["model"], row.extent) for row in rows] == [
        (good["model"], "all 2 seeds"),
        (slow["model"], "1 of 2 seeds"),
    ]


def test_rows_come_worst_first(published):
    rows = verdicts.rows(published)
    order = [verdicts.VERDICTS.index(row.verdict) for row in rows]
    assert order == sorted(order)
    assert len(rows) == len(published)
