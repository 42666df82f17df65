"""The table of a run fits its screen, and what is under it says what to type."""

from typing import Any, Callable, Dict, List, Optional

import pytest

from nutsbench.cli import summary
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.record import Record, Status

SHORT: Dict[str, Any] = {
    "verdict": "too few draws",
    "reasons": ["bulk ESS 70 of a is below 200 (100 a chain)"],
    "remedy": {"says": "draw more", "settings": {"draws": 2600}},
}
DIVERGENT: Dict[str, Any] = {
    "verdict": "divergent",
    "reasons": ["3 divergences after tuning"],
    "remedy": {"says": "take smaller steps", "settings": {"target_accept": 0.95}},
}
WRONG: Dict[str, Any] = {
    "verdict": "inaccurate", "reasons": ["mean of a is 9 MCSE"], "threshold": 4.0, "truth": {"kind": "exact"},
    "worst": {"scalar": "a", "statistic": "mean", "z": 9.0, "size": 1.0},
}  # fmt: skip


@pytest.fixture
def records(make_record: Callable[..., Record]) -> List[Any]:
    return [
        make_record().to_dict(),
        make_record(model="combined_exclude_collider", quality=SHORT).to_dict(),
        make_record(model="fork", quality=DIVERGENT).to_dict(),
        make_record(model="no_fork", accuracy=WRONG).to_dict(),
        make_record(model="categorical", status=Status.FAILED, reason="out of memory", metrics={}).to_dict(),
    ]


def text(records: List[Any], width: Optional[int]) -> List[Any]:
    return [line for line, _ in summary.table(records, width)]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_table_is_no_wider_than_its_screen_nor_than_a_hundred_columns(
    records: List[Any], width: int
) -> None:
    assert max(map(len, text(records, width))) <= min(width, 100)


def test_the_worst_comes_first_each_with_a_reason(records: List[Any]) -> None:
    lines = text(records, 100)
    models = [line.split()[0] for line in lines if not line.startswith("  ")]
    assert models == ["model", "categorical", "no_fork", "fork", "combined_exclude_collider", "addition"]
    reasons = [line.strip() for line in lines if line.startswith("  ")]
    assert reasons == ["out of memory", WRONG["reasons"][0], DIVERGENT["reasons"][0], SHORT["reasons"][0]]


def test_a_wide_screen_shows_every_column_and_a_narrow_one_keeps_verdict_and_accuracy(
    records: List[Any],
) -> None:
    header = text(records, 100)[0].split("  ")
    titles = [title.strip() for title in header if title.strip()]
    assert titles == ["model", "verdict", "R-hat", "ESS", "ESS/s", "div", "time s", "accuracy"]
    narrow = text(records, 70)[0]
    assert "verdict" in narrow
    assert "accuracy" in narrow
    assert "time s" not in narrow


def test_a_pipe_gets_one_line_a_record_with_its_whole_reason(records: List[Any]) -> None:
    lines = text(records, None)
    assert len(lines) == 1 + len(records)
    assert lines[2].endswith(WRONG["reasons"][0])


def test_settings_are_shown_where_they_are_not_the_models_usual_ones(
    make_record: Callable[..., Record],
) -> None:
    several = [make_record(settings=SamplerSettings(draws=draws)).to_dict() for draws in (100, 100, 200)]
    lines = text(several, None)
    assert sum("draws 200" in line for line in lines) == 1
    assert not any("draws 100" in line for line in lines)


def test_what_is_under_the_table_counts_and_says_what_to_type(records: List[Any]) -> None:
    said = summary.sentences(records, ["own.py"])
    assert said[0] == "5 records: 1 good, 1 too few draws, 1 divergent, 1 inaccurate, 1 failed."
    assert said[1].startswith("1 of 4 judged records inaccurate; 0.004 would be by chance.")
    assert "nutsbench run no_fork" in said[1]
    assert "--seed 2" in said[1]
    assert said[2].startswith("Next, fork: take smaller steps: nutsbench run fork")
    assert said[3].startswith("Next, combined_exclude_collider: draw more: nutsbench run")
    assert all("--models own.py" in sentence for sentence in said[1:])


def test_no_more_than_two_commands_are_offered_and_none_where_all_are_good(records: List[Any]) -> None:
    short: List[Any] = [{**records[1], "model": f"m{i}"} for i in range(5)]
    assert sum(sentence.startswith("Next") for sentence in summary.sentences(short)) == 2
    assert summary.sentences(records[:1]) == ["1 record: 1 good."]


def test_what_has_no_reference_posterior_is_said_once(make_record: Callable[..., Record]) -> None:
    none = {"verdict": "inconclusive", "reasons": ["there is no truth of it"], "worst": None}
    several = [make_record(model=f"m{i}", accuracy=none).to_dict() for i in range(14)]
    assert not any("truth" in line or "inconclusive" in line for line in text(several, 100))
    said = summary.sentences(several)
    assert len(said) == 2
    assert "m0, m1, m2, m3 and 10 more" in said[1]
    assert "nutsbench reference m0" in said[1]


def test_of_a_reference_posterior_that_cannot_be_used_it_is_said_why(
    make_record: Callable[..., Record],
) -> None:
    damaged = {"verdict": "inconclusive", "reasons": ["the truth of m cannot be read: it is no JSON"]}
    said = summary.sentences([make_record(model="m", accuracy=damaged).to_dict()])
    assert said[1] == "Accuracy is not judged of m: the truth of m cannot be read: it is no JSON."


def test_a_line_of_a_log_says_how_a_cell_ended(records: List[Any]) -> None:
    assert summary.line(records[4]) == "categorical  failed: out of memory"
    assert summary.line(records[2]).endswith("accurate: 3 divergences after tuning")


def test_configurations_of_several_seeds_are_judged_as_one(make_record: Callable[..., Record]) -> None:
    several = [make_record(seed=seed).to_dict() for seed in (1, 2, 3)]
    tails = {**several[0]["metrics"], "ess_tail_min": 150.0}
    short = [make_record(model="fork", seed=seed, metrics=tails).to_dict() for seed in (1, 2)]
    said = summary.sentences([*several, *short])
    assert said[1] == "Over their seeds, 2 configurations: 1 good, 1 too few draws (fork)."
    # One of two seeds that is short is half of them.
    assert "Over their seeds" not in "".join(summary.sentences(several[:1]))


def test_what_records_warn_of_is_said_once(make_record: Callable[..., Record]) -> None:
    known = "divergences are those of NUTS's variables alone"
    several = [make_record(seed=seed, warnings=[known]).to_dict() for seed in (1, 2)]
    assert [one for one in summary.sentences(several) if one.startswith("Note")] == [
        f"Note on addition: {known}."
    ]


def test_a_cell_that_was_interrupted_is_not_counted_as_failed(make_record: Callable[..., Record]) -> None:
    stopped = make_record(status=Status.INTERRUPTED, reason="stopped by the user in tune").to_dict()
    assert summary.sentences([make_record().to_dict(), stopped])[0] == "2 records: 1 good, 1 interrupted."
