"""Intervals that may be looked at after every pair, and the verdicts that follow from them."""

import math
from typing import Any, List

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nutsbench.compare import statistics
from nutsbench.compare.statistics import Interval, Verdict


def about(value: float) -> Any:
    return pytest.approx(value)


def e_value(logs: np.ndarray, mean: float, prior: float) -> float:
    """The e-process of the t-test, written out from its formula, of the hypothesis of a mean."""
    n = len(logs)
    t = (np.mean(logs) - mean) / (np.std(logs, ddof=1) / math.sqrt(n))
    a = 1 + n * prior
    return a**-0.5 * ((1 + t**2 / (n - 1)) / (1 + t**2 / (a * (n - 1)))) ** (n / 2)


@pytest.mark.parametrize("n", [6, 12, 40])
def test_the_interval_ends_where_the_e_process_reaches_one_over_the_level(n: int) -> None:
    logs = np.random.RandomState(n).normal(0.05, 0.02, n)
    found = statistics.interval(list(logs), 0.01)
    for end in (found.lower, found.upper):
        assert e_value(logs, math.log(end), 10.0) == pytest.approx(100.0)
    assert found.ratio == pytest.approx(math.exp(np.mean(logs)))


def test_looking_after_every_pair_errs_no_more_than_the_level_says() -> None:
    level, suites, rounds = 0.05, 1000, 30
    draws = np.random.RandomState(1).normal(0.0, 0.02, (suites, rounds))
    missed = 0
    for logs in draws:
        looks = (statistics.interval(logs[:n], level) for n in range(4, rounds + 1))
        missed += any(found.lower > 1 or found.upper < 1 for found in looks)
    # Three standard errors of a count that has the level's chance.
    assert missed <= level * suites + 3 * math.sqrt(suites * level * (1 - level))
    assert missed > 0  # An interval that never errs would be too wide to be of use.


def test_a_slowdown_of_three_spreads_is_found_within_a_dozen_pairs() -> None:
    draws = np.random.RandomState(2).normal(math.log(1.05), 0.015, (200, 12))
    found = [statistics.interval(logs, 0.01 / 32).lower > 1 for logs in draws]
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("logs", [[], [0.1], [0.1, 0.2, 0.3]])
def test_few_pairs_know_no_interval(logs: List[Any]) -> None:
    found = statistics.interval(list(logs), 0.01)
    assert (found.lower, found.upper, found.pairs) == (0.0, math.inf, len(logs))
    assert statistics.judge(found, 0.03) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (0.98, 1.02, Verdict.SAME),
        (1.005, 1.02, Verdict.SAME),
        (1.005, 1.04, Verdict.SLOWER),
        (0.9, 0.99, Verdict.FASTER),
        (0.99, 1.2, Verdict.UNDECIDED),
        (0.8, 1.01, Verdict.UNDECIDED),
    ],
)
def test_the_four_verdicts(lower: float, upper: float, verdict: Verdict) -> None:
    assert statistics.judge(Interval(math.sqrt(lower * upper), lower, upper, 9), 0.03) is verdict


@given(st.lists(st.floats(-0.5, 0.5), min_size=6, max_size=20), st.floats(0.001, 0.2))
def test_arms_that_change_places_turn_the_interval_over(logs: List[Any], level: float) -> None:
    one = statistics.interval(logs, level)
    other = statistics.interval([-log for log in logs], level)
    assert one.ratio * other.ratio == pytest.approx(1.0)
    if math.isfinite(one.upper):
        assert one.upper * other.lower == pytest.approx(1.0)


def test_welch_is_scipys() -> None:
    random = np.random.RandomState(3)
    base, head = np.exp(random.normal(0, 0.1, 8)), np.exp(random.normal(0.2, 0.3, 12))
    found = statistics.welch(list(base), list(head), 0.05)
    for end in (found.lower, found.upper):
        shifted = np.log(head) - math.log(end)
        assert stats.ttest_ind(shifted, np.log(base), equal_var=False).pvalue == pytest.approx(0.05)
    assert statistics.welch([2.0, 2.0], [3.0, 3.0], 0.05) == Interval(about(1.5), about(1.5), about(1.5), 2)


def test_a_slow_spell_does_not_move_a_pairs_ratio() -> None:
    base, head = [1.0] * 9, [1.1] * 9
    calm = statistics.pair_ratio(base, head)
    head[3] = base[7] = 5.0
    assert statistics.pair_ratio(base, head) == pytest.approx(calm) == pytest.approx(math.log(1.1))


def test_the_variance_of_each_level_is_found_again() -> None:
    random = np.random.RandomState(4)
    pairs = random.normal(0, 0.02, (400, 1)) + random.normal(0, 0.01, (400, 10))
    found = statistics.spread(list(map(list, pairs)))
    assert found.by_process == pytest.approx(0.02, rel=0.1)
    assert found.burst == pytest.approx(0.01, rel=0.1)
    # The median of ten needs a quarter more than the mean does.
    assert found.by_bursts == pytest.approx(0.01 / math.sqrt(10) * 1.2, rel=0.1)
    assert (found.pairs, found.bursts) == (400, 10)


def test_the_mean_of_ratios_is_geometric() -> None:
    halved, doubled = Interval(0.5, 0.4, 0.6, 5), Interval(2.0, 1 / 0.6, 1 / 0.4, 4)
    found = statistics.mean_of([halved, doubled])
    assert (found.ratio, found.pairs) == (pytest.approx(1.0), 4)
    assert found.lower * found.upper == pytest.approx(1.0)


def test_a_product_of_intervals_keeps_what_is_not_known_yet() -> None:
    known, unknown = Interval(1.1, 1.0, 1.2, 5), Interval(2.0, 0.0, math.inf, 1)
    assert known * known == Interval(about(1.21), 1.0, about(1.44), 5)
    assert (known * unknown).upper == math.inf
    assert (known * unknown).to_dict()["upper"] is None
