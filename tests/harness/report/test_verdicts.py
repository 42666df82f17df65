"""One verdict of a record, and one of a model under some settings over its seeds."""

from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nutsbench.report import verdicts, words
from tests.harness.report.conftest import FAULTS, changed, judged, unmixed


def seeds(record: Any, *names: Any) -> Any:
    """Return a record for each verdict, each of a seed of its own."""
    return [judged(record, name, seed=seed, id=f"{seed:032x}") for seed, name in enumerate(names, start=1)]


@pytest.fixture(scope="module")
def good(published: Any) -> Any:
    return next(one for one in published if verdicts.verdict(one) == "good")


@pytest.mark.parametrize("name", FAULTS)
def test_a_record_is_the_worse_of_its_checks_and_its_accuracy(good: Any, name: Any) -> None:
    assert verdicts.verdict(judged(good, name)) == name


def test_what_has_no_reference_posterior_is_inconclusive_and_what_has_not_mixed_is_not_compared(
    good: Any,
) -> None:
    lacking = judged(good, accuracy={"verdict": "inconclusive", "truth": {}, "reasons": ["no reference"]})
    assert verdicts.verdict(lacking) == "inconclusive"
    assert verdicts.verdict(unmixed(judged(good, "inaccurate"))) == "not converged"
    assert verdicts.accuracy_of(unmixed(judged(good, "inaccurate"))) == "not judged"


@pytest.mark.parametrize(
    ("names", "verdict", "singles"),
    [
        (("good", "too few draws"), "too few draws", "1 too few draws, 1 good"),
        (("good", "good", "too few draws"), "good", "1 too few draws, 2 good"),
        (("good", "good", "good", "failed"), "failed", "1 failed, 3 good"),
        (("good", "good", "inaccurate"), "inaccurate", "1 inaccurate, 2 good"),
        (("good", "good", "good"), "good", ""),
        (("divergent",), "divergent", ""),
    ],
)
def test_a_row_has_one_verdict_over_seeds_and_says_what_single_records_are(
    good: Any, names: Any, verdict: Any, singles: Any
) -> None:
    (row,) = verdicts.rows(seeds(good, *names))
    assert (row.verdict, row.singles) == (verdict, singles)
    assert verdicts.verdict(row.example) == verdict
    assert row.over == (f"over {len(names)} seeds" if len(names) > 1 else "1 seed")


def test_a_row_has_the_verdict_over_seeds_that_quality_gives(good: Any) -> None:
    from nutsbench.judge import quality

    records = [*seeds(good, "good", "good"), unmixed(good, seed=9, id="9" * 32)]
    (row,) = verdicts.rows(records)
    assert row.verdict == quality.over_seeds(row.ended).verdict == "not converged"
    assert not row.mixed


@given(st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=9))
def test_one_seed_more_of_the_same_changes_no_verdict(good: Any, names: Any) -> None:
    (before,) = verdicts.rows(seeds(good, *names))
    (after,) = verdicts.rows(seeds(good, *names, before.verdict))
    assert after.verdict == before.verdict


def test_a_reason_is_said_once_with_its_worst_value_and_its_seeds(good: Any) -> None:
    records = seeds(good, "too few draws", "too few draws", "treedepth limited")
    records[1]["metrics"]["ess_bulk_min"] = 120.0
    (row,) = verdicts.rows(records)
    assert row.verdict_text == "too few draws (single records: 2 too few draws, 1 treedepth limited)"
    assert words.why_over_seeds(row) == (
        "bulk ESS down to 120 of x is below 200 (100 a chain) (2 of 3 seeds);"
        " 30 % of trajectories reached max_treedepth (1 of 3 seeds)"
    )


def test_what_is_inaccurate_says_so_first_and_how_many_seeds_are(good: Any) -> None:
    (row,) = verdicts.rows(seeds(good, "good", "inaccurate"))
    assert words.why_over_seeds(row).startswith("mean of x is 9.00 MCSE (1 posterior sds) from the reference")
    assert "(1 of 2 seeds)" in words.why_over_seeds(row)
    assert row.accuracy == "1 inaccurate, 1 accurate"
    told = words.remedy(row)
    assert "another seed" in told["says"]
    assert "--seed 3" in told["command"]


def test_a_row_of_one_seed_has_the_words_of_its_record(published: Any) -> None:
    for row in verdicts.rows(published):
        assert words.why_over_seeds(row) == words.why(row.newest)


def test_a_row_says_what_to_type(good: Any) -> None:
    (row,) = verdicts.rows(seeds(good, "too few draws", "too few draws"))
    told = words.remedy(row)
    assert told["command"].startswith(f"nutsbench run {good['model']} --draws ")
    assert words.remedy(verdicts.rows([good])[0]) == {"says": "", "command": ""}


def test_a_rows_metrics_are_of_its_seeds_and_its_words_of_one_that_has_the_verdict(good: Any) -> None:
    (row,) = verdicts.rows([good, judged(good, "divergent", seed=7, id="c" * 32)])
    assert row.example["id"] == "c" * 32
    assert row.median("ess_per_s") == good["metrics"]["ess_per_s"]
    assert row.values("divergences") == [7, 0]


def test_a_row_that_failed_says_why(good: Any) -> None:
    (row,) = verdicts.rows(seeds(good, "divergent", "failed"))
    assert words.why_over_seeds(row) == "crashed: signal 9"


def test_so_many_records_are_inaccurate_by_chance(good: Any) -> None:
    records = seeds(good, *["good"] * 499, "inaccurate")
    assert verdicts.chances([*records, unmixed(good)]) == (1, 500, 0.5)
    text = words.by_chance(records)
    assert "1 of 500 records judged is inaccurate; of a right sampler about 0.5 would be, by chance" in text
    assert good["model"] in text


def test_what_is_short_with_every_seed_is_worse_than_what_is_so_with_one(good: Any, published: Any) -> None:
    slow = next(one for one in published if one["model"] != good["model"] and verdicts.verdict(one) == "good")
    now_and_then: List[Any] = [
        changed(one, metrics={"pace_s": 1e6}) for one in seeds(slow, "too few draws", "good")
    ]
    always: List[Any] = seeds(good, "too few draws", "too few draws")
    rows = verdicts.rows([*now_and_then, *always])
    assert [row.newest["model"] for row in rows] == [good["model"], slow["model"]]


def test_rows_come_worst_first(published: Any) -> None:
    rows = verdicts.rows(published)
    order = [verdicts.VERDICTS.index(row.verdict) for row in rows]
    assert order == sorted(order)
    assert len(rows) == len(published)
