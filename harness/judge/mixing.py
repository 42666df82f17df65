"""Whether chains have mixed: R-hat against what mixed chains of that many effective draws explain.

R-hat of chains that have mixed is not 1 but a little above, by chance, the more so the fewer
effective draws they have. What is tested is the variance that R-hat is made of, that of the means
of the half chains, against what the autocorrelation within chains lets one expect.

Arrays in, numbers out: nothing here knows ArviZ, settings or verdicts.
"""

import functools
import math
from typing import Any, Mapping, NamedTuple, Optional, Tuple

import numpy as np

#: Effective draws that make up one degree of freedom of a variance estimated within half chains.
#: Found by simulation with AR(1) chains, see docs/calibration.md; within whole chains it is known
#: well enough to be taken as given.
_ESS_PER_DEGREE = 3.0
#: Each scalar is tested four times: its rank and its distance from the median, both by the
#: autocorrelation within whole chains and within half chains.
_TESTS = 4
#: What earlier records do not keep is the ESS of the distance from the median, which R-hat may be that of.
#: With this share of the smaller of bulk and tail ESS none of 1,200 published rows of right samplers is an
#: alarm.
_SHARE_OF_ESS = 0.6
#: Largest correlation time that is told apart from a drift, as a share of the chain.
_LONGEST = 0.25

#: So many effective draws a half chain are the least with which it can be said that chains have mixed
#: (Gelman et al. 2013, "Bayesian Data Analysis", third edition, section 11.5).
MIN_ESS_PER_HALF = 5
#: R-hat up to here is not asked about (Vehtari et al. 2021).
MAX_RHAT = 1.01
#: Chance that chains of a model that have mixed are said not to have, over all its scalars. What was
#: measured is below it, for scalars depend on each other: docs/calibration.md.
LEVEL = 0.005


class Mixing(NamedTuple):
    """What the draws of one scalar say about whether its chains have mixed.

    Parameters
    ----------
    rhat_p : float
        Chance that mixed chains with the same autocorrelation have half chains whose means are as far
        apart, at the most (Bonferroni over the four tests).
    ess_within : float
        Effective sample size of the bulk by the autocorrelation within chains alone, summed over
        chains; that of ArviZ also counts the variance between chains, so it falls where they disagree.
    """

    rhat_p: float
    ess_within: float


def mixing(values: np.ndarray) -> Optional[Mixing]:
    """Test whether the chains of a scalar have mixed.

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw); one chain is tested against itself, half by half.

    Returns
    -------
    Mixing or None
        ``None`` where a half chain has fewer than four draws, or does not move.

    Notes
    -----
    Of m half chains of n draws with variance W and correlation time tau, the means have a variance
    of W tau / n, so that n var(means) / (W tau) is about chi-squared with m - 1 degrees of freedom over
    m - 1, and R-hat - 1 about as much times m / (2 ESS), less 1 / (2 n): R-hat and the effective
    sample size are one thing (Vats and Knudson 2021, "Revisiting the Gelman-Rubin diagnostic"). As in
    the rank-normalised split R-hat (Vehtari et al. 2021) draws are replaced by the normal scores of
    their ranks, for the bulk, and of the ranks of their distances from the median, for the tails.
    """
    half = values.shape[1] // 2
    if half < 4:
        return None
    probabilities, bulk_ess = [], 0.0
    for bulk in (True, False):
        scores = normal_scores(values if bulk else np.abs(values - np.median(values)))
        halves = np.concatenate([scores[:, :half], scores[:, -half:]])
        if not np.all(np.ptp(halves, axis=1) > 0):
            return None
        between = half * float(halves.mean(axis=1).var(ddof=1))
        for segments in (scores, halves):
            tau, variance = correlation_time(segments)
            ess = scores.size / tau
            if segments is scores and bulk:
                bulk_ess = ess
            degrees = math.inf if segments is scores else ess / _ESS_PER_DEGREE
            probabilities.append(_exceeds(between / (variance * tau), len(halves) - 1, degrees))
    return Mixing(min(1.0, _TESTS * min(probabilities)), bulk_ess)


def explained(rhat: float, ess: float, half_chains: int, half_draws: float) -> float:
    """Return the chance that mixed chains of a given ESS have an R-hat as large.

    For records that keep only R-hat and ESS. That ESS falls where chains disagree, too, so what
    this calls chance can still be chains that have hardly moved: see :func:`nutsbench.judge.quality.judge`.

    Parameters
    ----------
    rhat, ess : float
        Rank-normalised split R-hat, and the smaller of bulk and tail ESS, all chains together.
    half_chains : int
        Two for each chain.
    half_draws : float
        Draws of each.

    Notes
    -----
    As in :func:`mixing`; twice, since R-hat is the larger of that of the bulk and that of the tails.
    """
    ratio = (rhat - 1 + 1 / (2 * half_draws)) * 2 * ess / half_chains
    return min(1.0, 2 * _exceeds(max(0.0, ratio), half_chains - 1, math.inf))


@functools.lru_cache(maxsize=1024)
def ess_for_rhat(rhat: float, half_chains: int, half_draws: float, chance: float) -> float:
    """Return the ESS with which mixed chains have an R-hat above a limit with a given chance only.

    Parameters
    ----------
    rhat : float
        The limit.
    half_chains, half_draws : int, float
        As in :func:`explained`.
    chance : float
        Of exceeding it, of one scalar.
    """
    # Not scipy.stats, which takes a second to import: records are judged whenever they are read.
    from scipy.special import chdtri

    degrees = half_chains - 1
    quantile = float(chdtri(degrees, chance / 2)) / degrees
    return quantile * half_chains / (2 * (rhat - 1 + 1 / (2 * half_draws)))


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Return the normal scores of the ranks of all draws together (Vehtari et al. 2021, equation 14).

    Parameters
    ----------
    values : ndarray
        Draws, any shape.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(values.ravel(), method="average").reshape(values.shape)
    return np.asarray(ndtri((ranks - 0.375) / (values.size + 0.25)))


def correlation_time(segments: np.ndarray) -> Tuple[float, float]:
    """Return the integrated autocorrelation time within segments of chains, and the variance.

    Parameters
    ----------
    segments : ndarray
        Draws, shape (segment, draw); each is taken about its own mean.

    Returns
    -------
    tau, variance : float
        Draws for one effective draw, and the variance of the stationary distribution.

    Notes
    -----
    Autocovariances are averaged over segments, and summed up to Geyer's initial monotone sequence
    (Geyer 1992, "Practical Markov chain Monte Carlo"). Taking a segment about its own mean makes each
    of them too small by the variance of that mean, W tau / n, which is put back in.
    """
    length = segments.shape[1]
    covariances = _autocovariances(segments)
    variance = covariances[0]
    tau = _initial_monotone(covariances / variance)
    for _ in range(3):
        variance = covariances[0] / (1 - min(tau / length, _LONGEST))
        tau = _initial_monotone(1 - (covariances[0] - covariances) / variance)
    return tau, float(variance)


def _autocovariances(segments: np.ndarray) -> np.ndarray:
    """Autocovariance of each lag, mean over segments."""
    length = segments.shape[1]
    centred = segments - segments.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(centred, 2 * length)) ** 2
    return np.asarray(np.fft.irfft(spectrum)[:, :length].mean(axis=0) / length)


def _initial_monotone(correlations: np.ndarray) -> float:
    """Sum autocorrelations, lag 0 being 1, as long as their pairs are positive, and monotonely."""
    pairs = correlations[: len(correlations) // 2 * 2].reshape(-1, 2).sum(axis=1)
    # By definition, also where the variance has been corrected.
    pairs[0] = 1 + correlations[1]
    negative = np.flatnonzero(pairs <= 0)
    pairs = np.minimum.accumulate(pairs[: max(1, negative[0])] if negative.size else pairs)
    # Antithetic chains can have any tau above 0; one of 0 would make every mean certain.
    return max(2 * float(pairs.sum()) - 1, 1 / len(correlations))


def _exceeds(ratio: float, degrees: int, of_denominator: float) -> float:
    """Chance that a ratio of variances is larger."""
    from scipy.special import chdtrc, fdtrc

    if math.isinf(of_denominator):
        return float(chdtrc(degrees, degrees * ratio))
    return float(fdtrc(degrees, max(1.0, of_denominator), ratio))


class Unmixed(NamedTuple):
    """Why chains are said not to have mixed.

    Parameters
    ----------
    scalar : str
        Of which it is clearest.
    says : str
        In a sentence.
    """

    scalar: str
    says: str


def unmixed(
    quantities: Mapping[str, Mapping[str, Any]], chains: int, draws: int, of_scalars: int = 0
) -> Optional[Unmixed]:
    """Say of which scalar the chains have not mixed, ``None`` where that cannot be said of any.

    Parameters
    ----------
    quantities : dict
        By scalar, a :class:`nutsbench.judge.diagnostics.Quantity` as a dictionary.
    chains, draws : int
        Number of chains, and draws of each.
    of_scalars : int
        How many scalars are tested together, where these are not all of them: of other seeds, say.
    """
    tested = {label: one for label, one in quantities.items() if (one["rhat"] or 0) > MAX_RHAT}
    if not tested:
        return None
    known = sum(one["rhat"] is not None for one in quantities.values())
    chance = {label: _chance(one, chains, draws) for label, one in tested.items()}
    label = min(chance, key=lambda name: (chance[name], -tested[name]["rhat"]))
    if chance[label] * max(known, of_scalars) < LEVEL:
        ess = tested[label].get("ess_within") or tested[label]["ess_bulk"]
        says = (
            f"R-hat {tested[label]['rhat']:.3f} of {label} is more than chance explains at"
            f" an ESS{' within chains' if tested[label].get('ess_within') else ''} of {ess:.0f}"
        )
        return Unmixed(label, says)
    few = {name: one["ess_bulk"] for name, one in tested.items() if one["ess_bulk"] is not None}
    label = min(few, key=lambda name: few[name], default="")
    least = MIN_ESS_PER_HALF * 2 * chains
    if few and few[label] < least:
        says = (
            f"R-hat {tested[label]['rhat']:.3f} of {label}, bulk ESS {few[label]:.0f}: fewer than {least}"
            " cannot show that chains have mixed"
        )
        return Unmixed(label, says)
    return None


def _chance(quantity: Mapping[str, Any], chains: int, draws: int) -> float:
    """Chance of a scalar's R-hat, were its chains mixed; 1 where that cannot be computed."""
    if quantity.get("rhat_p") is not None:
        return float(quantity["rhat_p"])
    known = [quantity[name] for name in ("ess_bulk", "ess_tail") if quantity[name] is not None]
    if not known:
        return 1.0
    return explained(quantity["rhat"], _SHARE_OF_ESS * min(known), 2 * chains, draws / 2)
