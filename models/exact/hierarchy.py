"""Hierarchies: class effects that share a mean and a spread."""

from dataclasses import dataclass
from typing import Callable, Dict, Tuple

import numpy as np

from nutsbench.models.exact.gaussian import Axis, ConditionallyGaussian, Grid
from nutsbench.models.exact.posterior import Point, Summary, labels, quantiles
from nutsbench.models.exact.regression import one_hot

#: Where a distribution function has no smooth integrand, its grid is made as many times finer.
_REFINED = 16


class PooledClasses(ConditionallyGaussian):
    """Two categorical predictors, the effects of the second partially pooled.

    mu ~ Normal(0, 1); spread ~ Exponential(1); first[i] ~ Normal(0, 1);
    second[j] ~ Normal(mu, spread); scale ~ Exponential(1);
    y ~ Normal(first[x1] + second[x2], scale). Given the scale and the spread,
    (mu, first, second) is Gaussian (Gelman et al. 2013, section 5.4).

    Parameters
    ----------
    first, second : (str, ndarray)
        Name of the effects, and the class of each observation, shape (n,).
    outcome : ndarray
        y, shape (n,).
    mean, spread, scale : str
        Names of mu, of the spread and of the scale.
    """

    method = (
        "Gaussian given scale and spread; trapezoidal rule over their logarithms,"
        " nodes doubled until no figure moves"
    )
    max_level = 5

    def __init__(
        self,
        first: Tuple[str, np.ndarray],
        second: Tuple[str, np.ndarray],
        outcome: np.ndarray,
        mean: str,
        spread: str,
        scale: str,
    ) -> None:
        sizes = [int(classes.max()) + 1 for _, classes in (first, second)]
        design = np.concatenate(
            [np.zeros((len(outcome), 1)), one_hot(first[1], sizes[0]), one_hot(second[1], sizes[1])], axis=1
        )
        self.variables = (mean, first[0], second[0])
        self.latent = (mean, *labels(first[0], (sizes[0],)), *labels(second[0], (sizes[1],)))
        self._names = (scale, spread)
        self._classes = sizes[1]
        size = design.shape[1]
        self._crossed = design.T @ design
        # Unit priors of mu and of the first effects; (second - mu)^2 in the second's.
        self._unit = np.diag([1.0] * (1 + sizes[0]) + [0.0] * sizes[1])
        differences = np.concatenate(
            [-np.ones((sizes[1], 1)), np.zeros((sizes[1], sizes[0])), np.eye(sizes[1])], axis=1
        )
        self._pooled = differences.T @ differences
        self.origin = np.linalg.solve(
            self._crossed + 1e-3 * (self._unit + self._pooled), design.T @ np.asarray(outcome, dtype=float)
        )
        residual = np.asarray(outcome, dtype=float) - design @ self.origin
        self._pull = design.T @ residual
        self._squares = float(residual @ residual)
        self._count = len(outcome)
        self.axes = (
            Axis((scale,), "log", 0.5 * np.log(self._squares / self._count)),
            Axis((spread,), "log", 0.0),
        )
        assert size == len(self.latent)

    def natural(self, theta: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the quadratic form; likelihood, unit priors and the pooled prior add up."""
        log_scale, log_spread = theta.T
        inverse, pooling = np.exp(-2 * log_scale), np.exp(-2 * log_spread)
        prior = self._unit + pooling[:, None, None] * self._pooled
        precision = inverse[:, None, None] * self._crossed + prior
        prior_shift = prior @ self.origin
        shift = inverse[:, None] * self._pull - prior_shift
        constant = (
            -self._count * log_scale
            - self._classes * log_spread
            - inverse * self._squares / 2
            - prior_shift @ self.origin / 2
            - np.exp(log_scale)
            - np.exp(log_spread)
            + log_scale
            + log_spread
        )
        return precision, shift, constant

    def coordinates(self, point: Point) -> Tuple[np.ndarray, np.ndarray]:
        """Return the logarithms of scale and spread, which are PyMC3's coordinates, too."""
        logs = [np.log(np.asarray(point[name], dtype=float)).ravel() for name in self._names]
        return np.stack(logs, axis=1), np.zeros(len(logs[0]))


@dataclass(frozen=True)
class BivariateNames:
    """The names that a model gives to the parts of :class:`BivariateClasses`.

    Parameters
    ----------
    scale, effects, cholesky, sds, correlation : str
        Names of variables; the sds and the correlation are Deterministics.
    means : (str, str)
        Names of the two means.
    """

    scale: str
    means: Tuple[str, str]
    effects: str
    cholesky: str
    sds: str
    correlation: str


class BivariateClasses(ConditionallyGaussian):
    """Effects of two treatments in several classes, from one bivariate normal.

    (a_bar, b_bar) ~ Normal(0, prior_sd); s_0, s_1 ~ Exponential(1); the correlation rho
    ~ LKJ(eta), for two dimensions p(rho) proportional to (1 - rho^2)^(eta - 1)
    (Lewandowski, Kurowicka and Joe 2009, equation 15); effects[i] ~ Normal((a_bar,
    b_bar), S); y ~ Normal(effects[x1, x2], scale). PyMC3 has the packed Cholesky factor
    L = (s_0, rho s_1, sqrt(1 - rho^2) s_1), its diagonal in logarithms. Given scale, s_0,
    s_1 and rho, the means and effects are Gaussian: four numbers are integrated over.

    Parameters
    ----------
    classes, treatments : ndarray
        Class and treatment (0 or 1) of each observation, shape (n,).
    outcome : ndarray
        y, shape (n,).
    names : BivariateNames
        What the model calls its parts.
    eta : float
        Shape of the LKJ prior.
    prior_sd : float
        Prior standard deviation of a_bar and b_bar.
    """

    method = (
        "Gaussian given scale, two sds and their correlation; trapezoidal rule over log, log, log and atanh,"
        " nodes doubled until no figure moves"
    )
    max_level = 2

    def __init__(
        self,
        classes: np.ndarray,
        treatments: np.ndarray,
        outcome: np.ndarray,
        names: BivariateNames,
        eta: float,
        prior_sd: float,
    ) -> None:
        count = int(classes.max()) + 1
        cells = one_hot(2 * classes + treatments, 2 * count)
        design = np.concatenate([np.zeros((len(outcome), 2)), cells], axis=1)
        self._names = names
        self.variables = (*names.means, names.effects)
        self.latent = (*names.means, *labels(names.effects, (count, 2)))
        self._eta = eta
        self._classes = count
        self._crossed = design.T @ design
        self._unit = np.diag([prior_sd**-2.0] * 2 + [0.0] * (2 * count))
        cell_means = (cells.T @ outcome) / cells.sum(axis=0)
        self.origin = np.concatenate([cell_means.reshape(count, 2).mean(axis=0), cell_means])
        residual = outcome - design @ self.origin
        self._pull = design.T @ residual
        self._squares = float(residual @ residual)
        self._count = len(outcome)
        # Sums over classes of (effect - mean)_j (effect - mean)_k, as quadratic forms.
        away = [np.zeros((count, 2 + 2 * count)) for _ in range(2)]
        for treatment in range(2):
            away[treatment][:, treatment] = -1
            away[treatment][np.arange(count), 2 + 2 * np.arange(count) + treatment] = 1
        self._between = (
            away[0].T @ away[0],
            away[1].T @ away[1],
            away[0].T @ away[1] + away[1].T @ away[0],
        )
        sds, factor = labels(names.sds, (2,)), labels(names.cholesky, (3,))
        self.axes = (
            Axis((names.scale,), "log", 0.5 * np.log(self._squares / self._count)),
            Axis((sds[0], factor[0]), "log", 0.5),
            Axis((sds[1],), "log", 0.0),
            Axis(labels(names.correlation, (1,)), "atanh", 0.0),
        )

    def natural(self, theta: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the quadratic form; likelihood, means' prior and effects' prior add up."""
        log_scale, log_first, log_second, bend = theta.T
        inverse = np.exp(-2 * log_scale)
        # 1 - rho^2 = sech^2, in logarithms: atanh can be large.
        log_rest = -2 * (np.logaddexp(bend, -bend) - np.log(2.0))
        rest = np.exp(-log_rest)
        terms = (
            rest * np.exp(-2 * log_first),
            rest * np.exp(-2 * log_second),
            -rest * np.tanh(bend) * np.exp(-log_first - log_second),
        )
        prior = self._unit + sum(term[:, None, None] * form for term, form in zip(terms, self._between))
        precision = inverse[:, None, None] * self._crossed + prior
        prior_shift = prior @ self.origin
        shift = inverse[:, None] * self._pull - prior_shift
        constant = (
            -self._count * log_scale
            - inverse * self._squares / 2
            - np.exp(log_scale)
            + log_scale
            - self._classes * (log_first + log_second + log_rest / 2)
            - prior_shift @ self.origin / 2
            - np.exp(log_first)
            - np.exp(log_second)
            + log_first
            + log_second
            # LKJ's exponent, and the Jacobian of tanh.
            + self._eta * log_rest
        )
        return precision, shift, constant

    def coordinates(self, point: Point) -> Tuple[np.ndarray, np.ndarray]:
        """Return log scale, log sds and atanh of the correlation.

        PyMC3's coordinates are log scale, log L_00, L_10 and log L_11; the determinant of
        theirs by ours is s_1.
        """
        factor = np.asarray(point[self._names.cholesky], dtype=float)
        second = np.hypot(factor[:, 1], factor[:, 2])
        log_scale = np.log(np.asarray(point[self._names.scale], dtype=float)).ravel()
        bend = np.arcsinh(factor[:, 1] / factor[:, 2])
        theta = np.stack([log_scale, np.log(factor[:, 0]), np.log(second), bend], axis=1)
        return theta, -np.log(second)

    def other_summaries(self, grid: Grid) -> Dict[str, Summary]:
        """Return the figures of L_10 = rho s_1 and L_11 = sqrt(1 - rho^2) s_1."""
        _, off_diagonal, diagonal = labels(self._names.cholesky, (3,))
        table = grid.marginal(2, 3)
        second = np.exp(grid.ticks[2])[:, None]
        bend = grid.ticks[3]
        return {
            off_diagonal: _product(table, second * np.tanh(bend), _off_diagonal_cdf(grid)),
            diagonal: _product(table, second / np.cosh(bend), _diagonal_cdf(grid)),
        }


def _product(table: np.ndarray, values: np.ndarray, cdf: Callable[[float], float]) -> Summary:
    """Summarise a function of two numbers whose weights are ``table``."""
    mean = float((table * values).sum())
    sd = float(np.sqrt((table * (values - mean) ** 2).sum()))
    return {"mean": mean, "sd": sd, **quantiles(cdf, mean, sd)}


def _off_diagonal_cdf(grid: Grid) -> Callable[[float], float]:
    """P(rho s_1 <= x), by rho <= x / s_1 at each s_1."""
    table, log_second = grid.refined(2, 3, by=_REFINED)
    second = np.exp(log_second)

    def cdf(x: float) -> float:
        bounds = [grid.theta[3].coordinate(x / value) for value in second]
        return float(sum(row @ grid.below(3, bound) for row, bound in zip(table, bounds)))

    return cdf


def _diagonal_cdf(grid: Grid) -> Callable[[float], float]:
    """P(sqrt(1 - rho^2) s_1 <= x), by s_1 <= x / sqrt(1 - rho^2) at each rho."""
    table, bend = grid.refined(3, 2, by=_REFINED)
    stretch = np.cosh(bend)

    def cdf(x: float) -> float:
        bounds = [grid.theta[2].coordinate(x * value) for value in stretch]
        return float(sum(row @ grid.below(2, bound) for row, bound in zip(table, bounds)))

    return cdf
