"""Posteriors in closed form, up to an integral over a few numbers.

A model that has one gives it as ``exact`` to :func:`nutsbench.models.registry.model`: a function
from its data to a :class:`Posterior`. Formulas and their sources stand in docs/truth.md.
"""

from nutsbench.models.exact.beta import BetaBinomial
from nutsbench.models.exact.gaussian import Axis, ConditionallyGaussian
from nutsbench.models.exact.hierarchy import BivariateClasses, BivariateNames, PooledClasses
from nutsbench.models.exact.posterior import (
    PROBABILITIES,
    STATISTICS,
    NotConvergedError,
    Posterior,
    Product,
    Solved,
    solve,
)
from nutsbench.models.exact.regression import Normals, Regression, one_hot

__all__ = [
    "PROBABILITIES",
    "STATISTICS",
    "Axis",
    "BetaBinomial",
    "BivariateClasses",
    "BivariateNames",
    "ConditionallyGaussian",
    "Normals",
    "NotConvergedError",
    "PooledClasses",
    "Posterior",
    "Product",
    "Regression",
    "Solved",
    "one_hot",
    "solve",
]
