"""Bernoulli and binomial outcomes with beta priors: conjugate."""

from typing import Dict, Mapping, Tuple

import numpy as np

from nutsbench.models.exact.posterior import (
    PROBABILITIES,
    Combination,
    Point,
    Posterior,
    Summary,
    labels,
    quantiles,
)


class BetaBinomial(Posterior):
    """Independent probabilities, each with a beta prior and binomial outcomes.

    The posterior of a probability is Beta(alpha + successes, beta + failures) (Gelman et
    al. 2013, section 2.4). The distribution of a difference q - p is the integral of
    p's density times q's distribution function at p + d, by the trapezoidal rule over
    the logit of p.

    Parameters
    ----------
    variable : str
        Name of the probabilities.
    successes, failures : ndarray
        Counts, of the variable's shape; both of shape () for a single probability.
    differences : dict of (str, str)
        Deterministics that are differences: by name, minuend and subtrahend.
    alpha, beta : float
        The prior's parameters.
    """

    def __init__(
        self,
        variable: str,
        successes: np.ndarray,
        failures: np.ndarray,
        differences: Mapping[str, Tuple[str, str]] = {},
        alpha: float = 1.0,
        beta: float = 1.0,
    ) -> None:
        self._variable = variable
        self._a = np.asarray(successes, dtype=float) + alpha
        self._b = np.asarray(failures, dtype=float) + beta
        self._by_label = dict(zip(labels(variable, self._a.shape), zip(self._a.ravel(), self._b.ravel())))
        self._differences = differences
        self.method = "conjugate: beta distributions"
        if differences:
            self.method += "; differences by the trapezoidal rule, nodes doubled until no figure moves"

    def log_density(self, point: Point) -> np.ndarray:
        """Return the log density with respect to the logits."""
        values = np.asarray(point[self._variable], dtype=float)
        terms = self._a * np.log(values) + self._b * np.log1p(-values)
        total: np.ndarray = terms.reshape(len(values), -1).sum(axis=1)
        return total

    def summaries(self, level: int, combinations: Mapping[str, Combination]) -> Dict[str, Summary]:
        """Return the figures of the probabilities, and of the differences from a grid."""
        if combinations:
            raise KeyError(f"{sorted(combinations)} are no scalars of this posterior")
        from scipy.special import betaincinv

        found: Dict[str, Summary] = {}
        for label, (a, b) in self._by_label.items():
            mean, variance = _moments(a, b)
            found[label] = {
                "mean": mean,
                "sd": variance**0.5,
                **{name: float(betaincinv(a, b, p)) for name, p in PROBABILITIES.items()},
            }
        for label, (minuend, subtrahend) in self._differences.items():
            found[label] = _difference(self._by_label[minuend], self._by_label[subtrahend], 64 * 2**level)
        return found


def _moments(a: float, b: float) -> Tuple[float, float]:
    return a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))


def _difference(minuend: Tuple[float, float], subtrahend: Tuple[float, float], nodes: int) -> Summary:
    from scipy.special import betainc, betaincinv, expit, logit

    (mean, variance), (other_mean, other_variance) = _moments(*minuend), _moments(*subtrahend)
    a, b = subtrahend
    low, high = (float(end) for end in logit([betaincinv(a, b, 1e-18), 1 - betaincinv(b, a, 1e-18)]))
    probability = expit(np.linspace(low, high, nodes))
    log_weights = a * np.log(probability) + b * np.log1p(-probability)
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()

    def cdf(x: float) -> float:
        return float(weights @ betainc(*minuend, np.clip(probability + x, 0, 1)))

    centre, spread = mean - other_mean, (variance + other_variance) ** 0.5
    return {"mean": centre, "sd": spread, **quantiles(cdf, centre, spread)}
