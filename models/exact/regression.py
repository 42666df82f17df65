"""Linear regressions with normal priors and one unknown scale."""

from typing import Mapping, Optional, Tuple

import numpy as np

from nutsbench.models.exact.gaussian import Axis, ConditionallyGaussian
from nutsbench.models.exact.posterior import Combination, Point, labels


def one_hot(classes: np.ndarray, count: int) -> np.ndarray:
    """Return the design matrix of a categorical predictor, shape (n, count)."""
    matrix: np.ndarray = (np.asarray(classes)[:, None] == np.arange(count)).astype(float)
    return matrix


class Regression(ConditionallyGaussian):
    """y ~ Normal(X x, scale), x ~ Normal(0, prior_sd), scale ~ Exponential(rate).

    Given the scale, x is Gaussian with precision X'X / scale^2 + diag(prior_sd)^-2
    (Gelman et al. 2013, "Bayesian Data Analysis", section 14.8); the scale is integrated
    over in its logarithm.

    Parameters
    ----------
    coefficients : dict of (ndarray, float)
        By variable, its columns of the design matrix X, shape (n,) or (n, k), and the
        standard deviation of its prior.
    outcome : ndarray
        y, shape (n,).
    scale : str
        Name of the scale.
    rate : float
        Rate of the scale's exponential prior.
    linear : dict of dict
        Deterministics that are linear in the coefficients: by name, coefficients of scalars.

    Raises
    ------
    ValueError
        If a column is not as long as the outcome, or a prior sd or the rate is not above 0.
    """

    def __init__(
        self,
        coefficients: Mapping[str, Tuple[np.ndarray, float]],
        outcome: np.ndarray,
        scale: str,
        rate: float = 1.0,
        linear: Optional[Mapping[str, Combination]] = None,
    ) -> None:
        for name, (values, sd) in coefficients.items():
            if len(values) != len(outcome):
                raise ValueError(f"{name} has {len(values)} rows, and the outcome {len(outcome)}")
            if not sd > 0:
                raise ValueError(f"the prior sd of {name} has to be above 0, not {sd}")
        if not rate > 0:
            raise ValueError(f"the rate of {scale} has to be above 0, not {rate}")
        self.linear = linear or {}
        columns = [np.asarray(values, dtype=float) for values, _ in coefficients.values()]
        self._design = np.concatenate([c.reshape(len(outcome), -1) for c in columns], axis=1)
        prior_sd = [
            np.full(c.reshape(len(outcome), -1).shape[1], sd)
            for c, (_, sd) in zip(columns, coefficients.values())
        ]
        self._prior_precision = np.diag(np.concatenate(prior_sd) ** -2.0)
        self._rate = rate
        self._scale = scale
        self.variables = tuple(coefficients)
        self.latent = tuple(
            label for name, c in zip(coefficients, columns) for label in labels(name, c.shape[1:])
        )
        self._crossed = self._design.T @ self._design
        # Least squares with a faint pull to zero, for designs that do not determine x.
        self.origin = np.linalg.solve(
            self._crossed + 1e-6 * self._prior_precision, self._design.T @ np.asarray(outcome, dtype=float)
        )
        residual = np.asarray(outcome, dtype=float) - self._design @ self.origin
        self._pull = self._design.T @ residual
        self._squares = float(residual @ residual)
        self._count = len(outcome)
        self.axes = (Axis((scale,), "log", 0.5 * np.log(self._squares / self._count)),)
        self.method = (
            "Gaussian given the scale; trapezoidal rule over its logarithm, "
            "nodes doubled until no figure moves"
        )

    def natural(self, theta: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the quadratic form; the prior's and the likelihood's parts add up."""
        log_scale = theta[:, 0]
        inverse = np.exp(-2 * log_scale)
        prior_shift = self._prior_precision @ self.origin
        precision = inverse[:, None, None] * self._crossed + self._prior_precision
        shift = inverse[:, None] * self._pull - prior_shift
        constant = (
            -self._count * log_scale
            - inverse * self._squares / 2
            - self.origin @ prior_shift / 2
            - self._rate * np.exp(log_scale)
            + log_scale
        )
        return precision, shift, constant

    def coordinates(self, point: Point) -> Tuple[np.ndarray, np.ndarray]:
        """Return the scale's logarithm, which is PyMC3's coordinate, too."""
        log_scale = np.log(np.asarray(point[self._scale], dtype=float)).reshape(-1, 1)
        return log_scale, np.zeros(len(log_scale))


class Normals(ConditionallyGaussian):
    """Independent normal variables without data, and sums of them.

    Parameters
    ----------
    priors : dict of (float, float)
        By variable, mean and standard deviation.
    linear : dict of dict
        Deterministics that are linear in them: by name, coefficients.
    """

    method = "closed form: sums of independent normals"

    def __init__(self, priors: Mapping[str, Tuple[float, float]], linear: Mapping[str, Combination]) -> None:
        self.variables = self.latent = tuple(priors)
        self.origin = np.array([mean for mean, _ in priors.values()])
        self._precision = np.diag([sd**-2.0 for _, sd in priors.values()])
        self.linear = linear

    def natural(self, theta: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the priors' quadratic form; there is nothing to integrate over."""
        count = len(theta)
        size = len(self.latent)
        return np.broadcast_to(self._precision, (count, size, size)), np.zeros((count, size)), np.zeros(count)

    def coordinates(self, point: Point) -> Tuple[np.ndarray, np.ndarray]:
        """Return no coordinates: there is nothing to integrate over."""
        count = len(np.asarray(point[self.variables[0]]))
        return np.zeros((count, 0)), np.zeros(count)
