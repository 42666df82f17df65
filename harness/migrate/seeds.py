"""Ratios of times of which each model has a few seeds only: their spreads are learned from all together."""

import math
from typing import List, NamedTuple, Optional, Sequence

import numpy as np

from nutsbench.compare.statistics import Interval

#: What is common to the models is itself an estimate, of few of them: it is taken for larger than it seems,
#: and for no more than so many degrees of freedom. With less of either, intervals of 16 models of two seeds
#: miss too often where their spreads differ by more than a third (a test counts it).
_LARGER, _MOST_FREEDOM = 1.5, 6.0
#: A spread of times below this is that of the clock.
_LEAST = 1e-3


class Both(NamedTuple):
    """Seconds of one model on either side, a value a seed."""

    old: Sequence[float]
    new: Sequence[float]


class Prior(NamedTuple):
    """What is known of the variance of a log time before a model's own seeds are looked at.

    Parameters
    ----------
    variance : float
        Its scale.
    freedom : float
        How many degrees of freedom it is worth.
    """

    variance: float
    freedom: float


def ratios(both: Sequence[Both], level: float) -> List[Optional[Interval]]:
    """Return the ratio new over old of each model, with intervals that all hold at once.

    Parameters
    ----------
    both : sequence of Both
        Of each model.
    level : float
        Chance that any of the intervals misses.

    Returns
    -------
    list of Interval or None
        ``None`` where a side has no value; from 0 to infinity where its spread is not known.

    Notes
    -----
    Log times are about normal over seeds, with a variance of each model. Two or three seeds tell next to
    nothing of a variance, and the variances of all models together tell what they are like: each is
    estimated as the mean of its own and of the common one, weighted by their degrees of freedom (Smyth 2004,
    "Linear models and empirical Bayes methods for assessing differential expression", sections 4 and 5.2).
    """
    from scipy import stats

    own = [_spread(one) for one in both]
    prior = common([one for one in own if one is not None])
    found: List[Optional[Interval]] = []
    for one, spread in zip(both, own):
        if not one.old or not one.new:
            found.append(None)
            continue
        mean = float(np.mean(np.log(one.new)) - np.mean(np.log(one.old)))
        count = min(len(one.old), len(one.new))
        variance, freedom = spread or Prior(0.0, 0.0)
        if freedom + prior.freedom <= 0:
            found.append(Interval(math.exp(mean), 0.0, math.inf, count))
            continue
        total = freedom + prior.freedom
        variance = (freedom * variance + prior.freedom * prior.variance) / total
        error = math.sqrt(variance * (1 / len(one.old) + 1 / len(one.new)))
        half = float(stats.t.ppf(1 - level / max(1, len(both)) / 2, total)) * error
        found.append(Interval(math.exp(mean), math.exp(mean - half), math.exp(mean + half), count))
    return found


def _spread(one: Both) -> Optional[Prior]:
    """Return the variance of a model's log times over seeds, of both sides together; None of single seeds."""
    sides = [np.log(values) for values in one if len(values)]
    freedom = sum(len(values) - 1 for values in sides)
    if freedom < 1:
        return None
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in sides)
    return Prior(max(squares / freedom, _LEAST**2), float(freedom))


def common(own: Sequence[Prior]) -> Prior:
    """Return what the variances of several models have in common; nothing of fewer than three.

    Parameters
    ----------
    own : sequence of Prior
        Of each model its variance and degrees of freedom.
    """
    from scipy.optimize import brentq
    from scipy.special import digamma, polygamma

    if len(own) < 3:
        return Prior(0.0, 0.0)
    half = np.array([one.freedom for one in own]) / 2
    logs = np.log([one.variance for one in own]) - digamma(half) + np.log(half)
    mean, excess = float(logs.mean()), float(logs.var(ddof=1) - polygamma(1, half).mean())
    # As much freedom as all models have together is all that can be learned.
    most = 2 * float(half.sum())
    if excess <= float(polygamma(1, most / 2)):
        freedom, variance = most, math.exp(mean)
    else:
        freedom = 2 * float(brentq(lambda x: float(polygamma(1, x)) - excess, 1e-3, most))
        variance = math.exp(mean + float(digamma(freedom / 2)) - math.log(freedom / 2))
    return Prior(_LARGER * variance, min(freedom, _MOST_FREEDOM))
