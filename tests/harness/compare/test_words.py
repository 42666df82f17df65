"""What a comparison says: its bars, its sentences, its exit code."""

import math
from typing import Any, Callable, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nutsbench.compare import words
from nutsbench.compare.result import Comparison, Given, Options
from nutsbench.compare.statistics import Interval, Verdict


class Side:
    def __init__(self, role: str) -> None:
        self.label = f"{role} (x)"

    def to_dict(self) -> Any:
        return {"name": self.label, "what": "", "digest": ""}


@pytest.fixture
def compared() -> Callable[..., Any]:
    def make(*ratios: Any, same_work: bool = True) -> Comparison:
        names = [f"m{number}" for number in range(len(ratios))]
        found = Comparison(Side("BASE"), Side("HEAD"), names, Options())
        for name, ratio in zip(names, ratios):
            interval = Interval(ratio, ratio * 0.99, ratio * 1.01, 9)
            found.results[name].given = Given(interval, same_work, [])
        return found

    return make


@pytest.mark.parametrize(
    ("interval", "drawn"),
    [
        ((1.0, 1 / 1.1, 1.1), "──────────●──────────"),
        ((1.05, 1.0, 1.1), "          ┼────●─────"),
        ((1.1, 1.05, 1.5), "          │    ─────▸"),
        ((1.0, 0.0, math.inf), "◂─────────●─────────▸"),
        ((0.5, 0.4, 0.6), "◂         │          "),
    ],
)
def test_a_bar_shows_the_interval_around_one(interval: Tuple[Any, ...], drawn: str) -> None:
    assert words.bar(Interval(interval[0], interval[1], interval[2], 9), 1.1) == drawn


@given(st.floats(0.01, 100), st.floats(1, 3), st.floats(1.01, 2))
def test_a_bar_has_one_width(ratio: float, factor: float, reach: float) -> None:
    assert len(words.bar(Interval(ratio, ratio / factor, ratio * factor, 5), reach)) == 21


@pytest.mark.parametrize(
    ("ratios", "verdict", "code"),
    [
        ([1.0, 1.01], Verdict.SAME, 0),
        ([0.9, 0.9], Verdict.FASTER, 0),
        ([1.0, 1.2], Verdict.SLOWER, 1),
        ([1.2], Verdict.SLOWER, 1),
        ([1.025, 1.025], Verdict.SLOWER, 1),
    ],
)
def test_any_slower_model_makes_the_whole_slower(
    compared: Callable[..., Any], ratios: List[Any], verdict: Verdict, code: int
) -> None:
    found = compared(*ratios)
    assert found.verdict is verdict
    assert words.exit_code(found.verdict) == code


def test_an_undecided_whole_ends_with_three(compared: Callable[..., Any]) -> None:
    found = compared(1.0)
    found.results["m0"].given = Given(Interval(1.0, 0.9, 1.1, 4), True, [])
    assert words.exit_code(found.verdict) == 3
    assert words.sentences(found)[0].startswith("It cannot be told yet whether HEAD (x) is slower")


def test_what_was_stopped_before_the_first_figure_says_nothing(compared: Callable[..., Any]) -> None:
    found = compared(1.0)
    found.results["m0"].given = None
    assert words.sentences(found) == ["Nothing is known yet of HEAD (x) against BASE (x)."]
    assert words.exit_code(found.verdict) == 3


def test_the_worst_comes_first_and_the_whole_last(compared: Callable[..., Any]) -> None:
    rows = words.rows(compared(0.9, 1.2, 1.0))
    assert [row[0] for row in rows] == ["m1", "m2", "m0", "all"]
    assert rows[0][1:3] == ["1.200", "1.188 to 1.212"]


def test_other_work_is_told_apart_and_together(compared: Callable[..., Any]) -> None:
    found = compared(1.1, same_work=False)
    assert found.verdict is Verdict.UNDECIDED
    found.results["m0"].cost = Interval(0.5, 0.45, 0.55, 12)
    assert found.verdict is Verdict.FASTER
    said = words.sentences(found)[1]
    assert "A leapfrog costs 10.0 % more (+8.9 to +11.1 %)" in said
    assert "takes 50.0 % fewer leapfrogs" in said
    assert "an effective sample costs 45.0 % less" in said


def test_what_was_not_measured_is_said_with_the_reason(compared: Callable[..., Any]) -> None:
    found = compared(1.0, 1.0)
    found.results["m1"].given, found.results["m1"].problem = None, "HEAD (x): its process ended"
    assert words.sentences(found)[-1] == "m1 was not measured: HEAD (x): its process ended."
    assert words.rows(found)[0][4] == "not measured"


def test_a_model_that_is_not_measured_keeps_the_whole_from_being_fine(compared: Callable[..., Any]) -> None:
    found = compared(0.8, 0.8, 0.8)
    found.results["m1"].given, found.results["m1"].problem = None, "its data differ"
    assert found.verdict is Verdict.UNDECIDED
    assert "not every model could be measured" in words.sentences(found)[0]


def test_a_slowdown_that_was_measured_stays_whatever_happens_later(compared: Callable[..., Any]) -> None:
    found = compared(1.2, 1.0)
    found.results["m0"].problem = "HEAD (x): its process was killed by SIGKILL"
    assert found.verdict is Verdict.SLOWER
    assert "m0 (+20.0 %)" in words.sentences(found)[0]
    assert "m0 was measured in part only: HEAD (x)" in words.sentences(found)[-1]
    assert words.rows(found)[0][4] == "slower"


def test_one_slower_model_does_not_make_a_faster_whole_slower(compared: Callable[..., Any]) -> None:
    said = words.sentences(compared(0.8, 0.8, 1.1))[0]
    assert said.startswith("HEAD (x) is slower than BASE (x) in m2 (+10.0 %); time per leapfrog -11.0 %")


def test_functions_that_instructions_moved_to_are_named(compared: Callable[..., Any]) -> None:
    found = compared(1.2, 1.001)
    moved = [
        {"function": "numpy: exp", "base": 0.0, "head": 12345.0, "unit": "instructions"},
        {"function": "pymc3.step", "base": 1.0, "head": 2.0, "unit": "calls"},
    ]
    for name, result in found.results.items():
        result.given = Given(result.given.speed, True, [], moved if name == "m0" else moved[:1])
    told = [one for one in words.sentences(found) if "numpy" in one]
    # Of counts that agree within their spread nothing is said.
    assert told == ["m0, instructions of a leapfrog: +12,345 in numpy: exp; calls, from 1 to 2: pymc3.step."]


def test_markdown_is_an_answer_with_a_table_in_a_fold(compared: Callable[..., Any]) -> None:
    text = words.markdown(compared(1.0, 1.2), ["a note"])
    assert text.startswith("**slower**: HEAD (x) is slower than BASE (x)")
    assert "- a note" in text
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(table) == 2 + 3
    assert len({line.count("|") for line in table}) == 1


def test_notes_say_what_the_conditions_do() -> None:
    assert words.notes(same_stack=False, cores=2, busy=None) == []
    said = words.notes(same_stack=True, cores=1, busy=0.8)
    assert "A/A check" in said[0]
    assert "One core" in said[1]
    assert "0.8 cores" in said[2]
