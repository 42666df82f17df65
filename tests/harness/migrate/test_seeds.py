"""Intervals of ratios of two seeds each: how often they miss, and what they are without other models."""

import math
from typing import List

import numpy as np
import pytest

from nutsbench.migrate import seeds
from nutsbench.migrate.seeds import Both, Prior


def drawn(random: np.random.RandomState, spreads: np.ndarray, count: int) -> List[Both]:
    """Return times of models with a ratio of 1, whose log times have these spreads."""
    return [Both(*np.exp(spread * random.normal(size=(2, count))).tolist()) for spread in spreads]


@pytest.mark.whole
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("apart", [0.0, 0.3, 0.8], ids=lambda apart: f"spreads {apart}")
def test_all_intervals_hold_at_once_as_often_as_is_said(count: int, apart: float) -> None:
    """Spreads that are alike, differ by a third, and by more than twice, from model to model."""
    random, missed, trials = np.random.RandomState(11), 0, 300
    for _ in range(trials):
        spreads = 0.1 * np.exp(apart * random.normal(size=16))
        found = seeds.ratios(drawn(random, spreads, count), 0.05)
        missed += any(not one.lower <= 1 <= one.upper for one in found)
    # At most 5 %, as far as so many trials tell: one-sided, with a chance of 0.001 to fail for nothing.
    assert missed <= 0.05 * trials + 3.1 * math.sqrt(trials * 0.05 * 0.95)


def test_what_models_have_in_common_makes_intervals_of_two_seeds_narrow() -> None:
    random = np.random.RandomState(2)
    found = seeds.ratios(drawn(random, np.full(16, 0.1), 2), 0.05)
    assert max(one.upper / one.lower for one in found) < 5
    alone = seeds.ratios(drawn(random, np.full(1, 0.1), 2), 0.05)
    # Two seeds alone: Student of two degrees of freedom, 4.3 standard errors to either side.
    assert alone[0].upper / alone[0].lower > 1.2


def test_of_single_seeds_nothing_is_known_but_the_ratio() -> None:
    (found,) = seeds.ratios([Both([2.0], [1.0])], 0.05)
    assert (found.ratio, found.lower, found.upper) == (0.5, 0.0, math.inf)
    assert seeds.ratios([Both([], [1.0])], 0.05) == [None]


def test_a_single_seed_has_the_spread_of_the_other_models() -> None:
    random = np.random.RandomState(3)
    others = drawn(random, np.full(15, 0.1), 3)
    found = seeds.ratios([*others, Both([2.0], [1.0])], 0.05)[-1]
    assert 0.1 < found.lower < 0.5 < found.upper < 2


def test_the_common_variance_is_found_again() -> None:
    random = np.random.RandomState(4)
    # Inverse gamma, as the model of it has: scale 0.01, worth 8 degrees of freedom.
    true = 0.01 * 8 / random.chisquare(8, size=4000)
    own = [Prior(one * random.chisquare(2) / 2, 2.0) for one in true]
    found = seeds.common(own)
    # With what is added since the estimate is one.
    assert found.variance == pytest.approx(1.5 * 0.01, rel=0.1)
    assert 5 < found.freedom <= 6
    assert seeds.common(own[:2]) == Prior(0.0, 0.0)
