"""The kinetic energy at the draws, whose distribution is known whatever the model.

Hamiltonian Monte Carlo samples the position together with a momentum, and leaves their joint density
exp(-H) invariant (Neal 2011, "MCMC using Hamiltonian dynamics", section 3): at each draw of chains that have
mixed, the momentum is normal with the mass matrix as its covariance, so twice the kinetic energy is
chi-squared with as many degrees of freedom as there are dimensions. A momentum of a wrong size, or energies
that do not belong to the draws, show here at once, where the draws of a single record are too few to tell.
"""

import math
from typing import Mapping, NamedTuple, Optional

import numpy as np

from nutsbench.judge import estimators

#: Part of the true mean by which PyMC3's own may be off: its check for U-turns makes variances 1 to 3 % too
#: large (docs/findings.md), and in long runs kinetic energies up to 1 %. What is looked for is larger.
TOLERANCE = 0.02


def deviate(ratio: float, free: float) -> float:
    """Return the standard normal deviate of a chi-squared variate, over its degrees of freedom.

    Parameters
    ----------
    ratio : float
        The variate over its degrees of freedom.
    free : float
        Degrees of freedom.

    Notes
    -----
    Wilson and Hilferty (1931), "The distribution of chi-square": the cube root is normal, also where the
    sum of few draws of few dimensions is skew.
    """
    variance = 2 / (9 * free)
    return float((ratio ** (1 / 3) - (1 - variance)) / math.sqrt(variance))


class Kinetic(NamedTuple):
    """Twice the kinetic energy at the draws, over all chains.

    Parameters
    ----------
    mean : float
        Mean; ``dimensions`` if the sampler is right.
    ess : float
        Effective sample size of the mean, at most the number of draws.
    dimensions : int
        Number of scalars that NUTS moves.
    """

    mean: float
    ess: float
    dimensions: int

    @property
    def z(self) -> float:
        """How far the mean is beyond :data:`TOLERANCE` of the true one, in standard errors; 0 within."""
        ratio = self.mean / self.dimensions
        edge = min(max(ratio, 1 - TOLERANCE), 1 + TOLERANCE)
        return 0.0 if ratio == edge else deviate(1 + ratio - edge, self.dimensions * self.ess)

    @property
    def size(self) -> float:
        """Mean less the true one, in standard deviations of a single draw's."""
        return (self.mean - self.dimensions) / math.sqrt(2 * self.dimensions)


def kinetic(stats: Mapping[str, np.ndarray], dimensions: Optional[int]) -> Optional[Kinetic]:
    """Summarise the kinetic energy; ``None`` where it is not known.

    Parameters
    ----------
    stats : dict of ndarray
        NUTS's statistics after tuning, shape (chain, draw): of them ``energy``, the Hamiltonian at the draw,
        and ``model_logp``, the log-probability there.
    dimensions : int or None
        Number of scalars that NUTS moves.
    """
    if not dimensions or not {"energy", "model_logp"} <= set(stats):
        return None
    twice = 2 * (np.asarray(stats["energy"], dtype=float) + np.asarray(stats["model_logp"], dtype=float))
    if twice.ndim != 2 or twice.shape[1] < 4 or not np.isfinite(twice).all() or not twice.std():
        return None
    ess = min(estimators.ess(twice, "mean"), float(twice.size))
    mean = float(twice.mean())
    return Kinetic(mean, ess, dimensions) if ess > 0 and mean > 0 else None
