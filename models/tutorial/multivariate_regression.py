"""Multivariate regression: two predictors that are independent of each other."""

from typing import Any

import numpy as np

from nutsbench.models import exact
from nutsbench.models.claims import claim, near
from nutsbench.models.registry import model
from nutsbench.models.spec import Data, SamplerSettings


def plane() -> Data:
    """Return 100 points near a plane: ``x1``, ``x2`` (not centred) and ``y1``, each (100,)."""
    rng = np.random.RandomState(2019)
    x1 = rng.normal(loc=10, scale=3, size=100)
    x2 = rng.normal(loc=10, scale=3, size=100)
    y1 = 2 * x1 + 5 * x2 + rng.normal(loc=0, scale=0.1, size=100)
    return {"x1": x1, "x2": x2, "y1": y1}


def plane_posterior(data: Data) -> exact.Posterior:
    """Return the regression, Gaussian given its scale."""
    columns = {
        "intercept_1": (np.ones(len(data["y1"])), 10),
        "coeff_1": (data["x1"], 10),
        "coeff_2": (data["x2"], 10),
    }
    return exact.Regression(columns, data["y1"], "error")


@model(
    tutorial_name="independent_regression_model",
    section="multivariate regression (independent predictors)",
    teaches="""Two independent predictors cost no more than one: each keeps its own
    coefficient.""",
    notation="""
    intercept_1 ~ Normal(0, 10)
    coeff_1 ~ Normal(0, 10)
    coeff_2 ~ Normal(0, 10)
    error ~ Exponential(1)
    y_hat ~ Normal(intercept_1 + coeff_1 x1 + coeff_2 x2, error), observed: y1
    """,
    data=plane,
    settings=SamplerSettings(draws=2000, tune=1000, chains=2, cores=2, target_accept=0.8),
    monitored=("intercept_1", "coeff_1", "coeff_2", "error"),
    tags=("regression", "gaussian"),
    exact=plane_posterior,
    claims=(
        claim(
            "Both coefficients are found again: 2 and 5.",
            near("coeff_1", 2, within=0.05),
            near("coeff_2", 5, within=0.05),
        ),
    ),
)
def independent_regression(data: Data) -> Any:
    """Build the regression; ``data`` as from :func:`plane`."""
    import pymc3 as pm

    with pm.Model() as built:
        x1 = pm.Data("x1", data["x1"])
        x2 = pm.Data("x2", data["x2"])
        y1 = pm.Data("y1", data["y1"])

        alpha = pm.Normal("intercept_1", 0, 10)
        beta_1 = pm.Normal("coeff_1", 0, 10)
        beta_2 = pm.Normal("coeff_2", 0, 10)
        sigma = pm.Exponential("error", lam=1)

        mu = alpha + beta_1 * x1 + beta_2 * x2
        pm.Normal("y_hat", mu, sigma, observed=y1)
    return built
