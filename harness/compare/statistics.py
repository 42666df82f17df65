"""Is HEAD slower than BASE: intervals that may be looked at after every pair, and what they say.

The unit of repetition is a pair of fresh processes, one of each arm. Within a pair bursts of
the same work take turns, so that the machine's drift cancels; what does not cancel is the
state that a process happens to get (its memory's layout), which is drawn anew with each
pair. So an interval has to be over pairs (Kalibera and Jones 2013): one over bursts alone is
too narrow.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Dict, Sequence

import numpy as np

#: Prior variance of the effect in units of the standard deviation of a pair, squared. It moves
#: width between few pairs and many, never the error rate.
_PRIOR = 10.0
#: Fewer pairs say nothing about their own spread.
MIN_PAIRS = 4
_RESAMPLES = 1000
#: Median of what is normal around 0, regardless of sign, in standard deviations.
_MEDIAN_OF_NORMAL = 0.6745
#: Half widths of a log ratio beyond this say nothing, and do not fit a float as a ratio.
_WIDEST = 50.0


class Verdict(Enum):
    """What can be said of a ratio HEAD over BASE."""

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "same"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Interval:
    """A ratio with an interval that holds at every look at once.

    Parameters
    ----------
    ratio : float
        HEAD over BASE, geometric mean of the pairs.
    lower, upper : float
        Ends of the interval; 0 and infinity while there are too few pairs.
    pairs : int
        How many process pairs it rests on.
    """

    ratio: float
    lower: float
    upper: float
    pairs: int

    def __mul__(self, other: "Interval") -> "Interval":
        """Return the product of two ratios; it misses with the sum of the chances that they do."""
        upper = math.inf if math.inf in (self.upper, other.upper) else self.upper * other.upper
        pairs = min(self.pairs, other.pairs)
        return Interval(self.ratio * other.ratio, self.lower * other.lower, upper, pairs)

    def to_dict(self) -> Dict[str, Any]:
        """Return the interval, ready for JSON."""
        return {name: value if math.isfinite(value) else None for name, value in vars(self).items()}


def interval(logs: Sequence[float], level: float) -> Interval:
    """Return the confidence sequence of a mean log ratio, as ratios.

    Parameters
    ----------
    logs : sequence of float
        One log ratio a pair; independent, about normal, of unknown variance.
    level : float
        Chance that the interval of any look, however many there are, misses the true ratio.

    Notes
    -----
    The e-process of the t-test with a Gaussian prior on the effect size (Lai 1976; Wang and
    Ramdas 2025, "Anytime-valid t-tests and confidence sequences for Gaussian means with
    unknown variance"; Perez-Ortiz et al. 2024). With n pairs, t the t-statistic of a mean m,
    and a = 1 + n g, it is

        a^(-1/2) ((1 + t^2 / (n - 1)) / (1 + t^2 / (a (n - 1))))^(n / 2),

    and by Ville's inequality it exceeds 1 / level with chance level at most. Those m at which
    it does not are the interval.
    """
    n = len(logs)
    if n == 0:
        return Interval(1.0, 0.0, math.inf, 0)
    # Without numpy: a study looks a hundred thousand times at a dozen numbers.
    mean = math.fsum(logs) / n
    if n == 1:
        return _around(mean, math.inf, n)
    sd = math.sqrt(math.fsum([(log - mean) ** 2 for log in logs]) / (n - 1))
    return _around(mean, _half_width(n, level) * sd, n)


def _half_width(n: int, level: float) -> float:
    """Return the interval's half width in standard deviations of a pair."""
    a = 1 + n * _PRIOR
    # In logarithms: for few pairs the power would overflow.
    log_c = 2 / n * (0.5 * math.log(a) - math.log(level))
    if n < MIN_PAIRS or log_c >= math.log(a):
        return math.inf
    c = math.exp(log_c)
    return math.sqrt((n - 1) * (c - 1) / (1 - c / a) / n)


def judge(found: Interval, threshold: float) -> Verdict:
    """Return what an interval says.

    Parameters
    ----------
    found : Interval
        The interval.
    threshold : float
        How far from 1 an interval may reach and still be the same, 0.03 for 3 %.
    """
    if found.lower >= 1 / (1 + threshold) and found.upper <= 1 + threshold:
        return Verdict.SAME
    if found.lower > 1:
        return Verdict.SLOWER
    if found.upper < 1:
        return Verdict.FASTER
    return Verdict.UNDECIDED


@dataclass(frozen=True)
class Spread:
    """Where the noise of a pair's log ratio comes from, as standard deviations.

    Parameters
    ----------
    pair : float
        Of a pair's figure, the median over its bursts.
    by_bursts : float
        The part of it that more bursts would take away; the rest is what a process happens to get.
    burst : float
        Of one burst within a pair, but for outliers.
    pairs, bursts : int
        What the figures rest on; bursts of a pair.
    """

    pair: float
    by_bursts: float
    burst: float
    pairs: int
    bursts: int

    @property
    def by_process(self) -> float:
        """What a process happens to get: what is left of a pair's spread."""
        return math.sqrt(max(0.0, self.pair**2 - self.by_bursts**2))


def spread(logs: Sequence[Sequence[float]]) -> Spread:
    """Return the spread of log ratios at each level.

    Parameters
    ----------
    logs : sequence of sequence of float
        For each pair its bursts' log ratios, all pairs with as many.

    Notes
    -----
    The levels are those of Kalibera and Jones 2013, "Rigorous benchmarking in reasonable time",
    section 6. Their sums of squares would let one slow burst of a hundred stand for all of them; a
    pair's figure is a median, so its spread within a pair is the bootstrap's of a median.
    """
    table = np.array(logs, dtype=float)
    pairs, bursts = table.shape
    medians = np.median(table, axis=1)
    between = float(np.std(medians, ddof=1)) if pairs > 1 else 0.0
    drawn = np.random.default_rng(0).integers(0, bursts, (_RESAMPLES, bursts))
    of_medians = np.var(np.median(table[:, drawn], axis=2), axis=1)
    # Of successive bursts, whose difference needs no centre that would have to be estimated too.
    apart = float(np.median(np.abs(np.diff(table, axis=1)))) if bursts > 1 else 0.0
    burst = apart / math.sqrt(2) / _MEDIAN_OF_NORMAL
    return Spread(between, math.sqrt(float(np.mean(of_medians))), burst, pairs, bursts)


def pair_ratio(base: Sequence[float], head: Sequence[float]) -> float:
    """Return a pair's log ratio: the median over bursts, which a slow spell does not move.

    Parameters
    ----------
    base, head : sequence of float
        Time per unit of work of each burst, in turns.
    """
    return median(list(burst_ratios(base, head)))


def burst_ratios(base: Sequence[float], head: Sequence[float]) -> np.ndarray:
    """Return the log ratio of each burst, HEAD over BASE."""
    return np.asarray(np.log(np.asarray(head) / np.asarray(base)))


def median(logs: Sequence[float]) -> float:
    """Return what the bursts of a pair come to: half of them may have met a slow spell."""
    return float(np.median(logs))


def mean_of(intervals: Sequence[Interval]) -> Interval:
    """Return the geometric mean of ratios, with bounds that hold where all of theirs do.

    An arithmetic mean of ratios depends on which arm is on top.
    """
    pairs = min(one.pairs for one in intervals)
    ratio = math.exp(float(np.mean([math.log(one.ratio) for one in intervals])))
    if any(one.lower <= 0 or not math.isfinite(one.upper) for one in intervals):
        return Interval(ratio, 0.0, math.inf, pairs)
    lower, upper = (
        math.exp(float(np.mean([math.log(end) for end in ends])))
        for ends in ([one.lower for one in intervals], [one.upper for one in intervals])
    )
    return Interval(ratio, lower, upper, pairs)


def welch(base: Sequence[float], head: Sequence[float], level: float) -> Interval:
    """Return the ratio of two geometric means of independent samples, with Welch's interval.

    Parameters
    ----------
    base, head : sequence of float
        Positive values, at least two of each.
    level : float
        Chance that the interval misses; it holds for one look.
    """
    from scipy import stats

    a, b = np.log(base), np.log(head)
    mean = float(b.mean() - a.mean())
    va, vb = float(a.var(ddof=1)) / len(a), float(b.var(ddof=1)) / len(b)
    half = 0.0
    if va + vb > 0:
        freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
        half = float(stats.t.ppf(1 - level / 2, freedom)) * math.sqrt(va + vb)
    return _around(mean, half, min(len(a), len(b)))


def _around(mean: float, half: float, count: int) -> Interval:
    """Return an interval of logarithms as ratios; one too wide to say so knows nothing."""
    if not half < _WIDEST:
        return Interval(math.exp(mean), 0.0, math.inf, count)
    return Interval(math.exp(mean), math.exp(mean - half), math.exp(mean + half), count)
