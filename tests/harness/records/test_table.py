"""Tables and lines say what a reader has to know."""

import io
from typing import Any, Callable

import pytest
from rich.console import Console

from nutsbench.models.spec import SamplerSettings
from nutsbench.records import table
from nutsbench.records.record import Record, Status


def text_of(records: Any) -> Any:
    stream = io.StringIO()
    Console(file=stream, width=200).print(table.results_table(records))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (0.12345, "0.123"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (999.7, "1,000"),
        (0.00001234, "1.2e-05"),
    ],
)
def test_numbers_have_significant_digits(value: Any, text: Any) -> None:
    assert table.number(value) == text


def test_durations_are_said_as_a_person_says_them() -> None:
    assert [table.duration(s) for s in (4.4, 200, 7500)] == ["4 s", "3 min 20 s", "2 h 5 min"]


def test_only_settings_that_vary_within_a_model_are_shown(make_record: Callable[..., Record]) -> None:
    records = [
        make_record(settings=SamplerSettings(draws=100)).to_dict(),
        make_record(settings=SamplerSettings(draws=200)).to_dict(),
        make_record(model="fork", settings=SamplerSettings(draws=200, target_accept=0.95)).to_dict(),
    ]
    assert table.varying(records) == ["draws"]
    assert "draws 100" in text_of(records)


def test_a_failed_cell_shows_its_reason(make_record: Callable[..., Record]) -> None:
    record = make_record(
        status=Status.CRASHED, reason="killed by SIGKILL in draw", metrics={}, phases={}, worst={}
    ).to_dict()
    assert "crashed: killed by SIGKILL in draw" in text_of([record])


def test_the_verdict_comes_with_its_reasons(make_record: Callable[..., Record]) -> None:
    quality = {"verdict": "divergent", "reasons": ["3 divergences after tuning", "E-BFMI 0.2 is below 0.3"]}
    record = make_record(quality=quality).to_dict()
    assert "divergent: 3 divergences after tuning; E-BFMI 0.2 is below 0.3" in text_of([record])


def test_what_is_not_accurate_says_why(make_record: Callable[..., Record]) -> None:
    unknown = {"verdict": "inconclusive", "reasons": ["there is no truth"], "worst": None}
    assert table.verdict(make_record(accuracy=unknown).to_dict()) == "good; inconclusive: there is no truth"
    short = {"verdict": "too few draws", "reasons": ["x"]}
    record = make_record(accuracy=unknown, quality=short).to_dict()
    assert table.verdict(record) == "too few draws: x; inconclusive: there is no truth"
    doubted = {**unknown, "reasons": ["bulk ESS"], "truth": {"kind": "exact", "digest": "0"}}
    assert table.verdict(make_record(accuracy=doubted, quality=short).to_dict()) == "too few draws: x"
    assert table.accuracy(make_record().to_dict()) == "accurate 1.9"
    assert table.accuracy(make_record(accuracy={}).to_dict()) == "-"


def test_claims_are_shown_with_their_figures(make_record: Callable[..., Record]) -> None:
    part = {"text": "the mean of x is near 5", "holds": False, "mean": 4.0, "q05": 3.5, "q95": 4.5}
    claim = {"says": "x averages 5", "holds": False, "parts": [part]}
    stream = io.StringIO()
    Console(file=stream, width=200).print(table.claims_table([make_record(claims=[claim]).to_dict()]))
    assert "does not" in stream.getvalue()
    assert "the mean of x is near 5: 4 [3.5, 4.5]" in stream.getvalue()
    assert "0 of 1" in text_of([make_record(claims=[claim]).to_dict()])
