"""Comparisons that are played over pairs that were measured."""

import pytest

from nutsbench.audit.replay import play, play_whole
from nutsbench.compare.result import Options
from tests.harness.audit.test_power import pairs


@pytest.mark.parametrize(("size", "slower"), [(0.0, 0), (0.1, 60)])
def test_a_played_comparison_says_slower_as_often_as_it_should(size: float, slower: int) -> None:
    played = play(pairs(size), Options(), models=16)
    assert played.verdicts["slower"] == slower
    assert played.runs == 60
    assert played.seconds <= 65.0


def test_comparisons_that_run_out_of_pairs_are_counted() -> None:
    played = play(pairs(0.0, count=5, spread=0.3), Options(), models=1)
    assert played.cut == played.verdicts["undecided"] == 5


def test_a_budget_ends_a_played_comparison() -> None:
    played = play(pairs(0.0, spread=0.3), Options(budget_s=20.0), models=1)
    assert played.verdicts["undecided"] >= 54
    assert played.cut == 0
    assert played.seconds <= 25.0


def test_models_that_are_played_together_share_what_they_leave() -> None:
    quiet, noisy = pairs(0.05, spread=0.002), pairs(0.05, spread=0.04)
    alone = play(noisy, Options(), models=16)
    whole = play_whole([quiet, noisy], Options(), models=16, plays=20)
    assert whole.verdicts["slower"] == whole.runs == 20
    # All of the quiet half, and of the noisy half more than each finds by itself.
    assert whole.found > 0.5 + 0.5 * alone.verdicts["slower"] / alone.runs


def test_nothing_changed_is_hardly_ever_called_a_change() -> None:
    whole = play_whole([pairs(0.0), pairs(0.0, spread=0.03)], Options(), models=16, plays=60)
    assert whole.verdicts["slower"] + whole.verdicts["faster"] <= 1
    assert whole.cut == 0
