"""Simple linear regression: one predictor, centred."""

from typing import Any

import numpy as np

from nutsbench.models import exact
from nutsbench.models.claims import claim, near
from nutsbench.models.registry import model
from nutsbench.models.spec import Data, SamplerSettings


def line() -> Data:
    """Return 100 points near a line of slope 5: ``x1`` (100,), centred, and ``y1`` (100,).

    The tutorial's ``center`` is not defined there; it subtracts the mean.
    """
    rng = np.random.RandomState(2019)
    x1 = rng.normal(loc=10, scale=3, size=100)
    noise = rng.normal(loc=0, scale=0.1, size=100)
    y1 = 5 * x1 + noise
    return {"x1": x1 - x1.mean(), "y1": y1}


def line_posterior(data: Data) -> exact.Posterior:
    """Return the regression, Gaussian given its scale."""
    columns = {"intercept": (np.ones(len(data["y1"])), 10), "coeff": (data["x1"], 10)}
    return exact.Regression(columns, data["y1"], "error")


@model(
    tutorial_name="simple_regression_model",
    section="simple linear regression",
    teaches="""The least of all regressions: intercept, slope and noise are found again from
    data that they generated.""",
    notation="""
    intercept ~ Normal(0, 10)
    coeff ~ Normal(0, 10)
    error ~ Exponential(1)
    y_hat ~ Normal(intercept + coeff x1, error), observed: y1
    """,
    data=line,
    settings=SamplerSettings(draws=1000, tune=1000, chains=2, cores=2, target_accept=0.8),
    monitored=("intercept", "coeff", "error"),
    tags=("regression", "gaussian"),
    exact=line_posterior,
    claims=(
        claim("The coefficient averages around 5, its generating value.", near("coeff", 5, within=0.05)),
    ),
)
def simple_regression(data: Data) -> Any:
    """Build the regression; ``data`` as from :func:`line`."""
    import pymc3 as pm

    with pm.Model() as built:
        x1 = pm.Data("x1", data["x1"])
        y1 = pm.Data("y1", data["y1"])

        alpha = pm.Normal("intercept", 0, 10)
        beta = pm.Normal("coeff", 0, 10)
        sigma = pm.Exponential("error", lam=1)

        mu = alpha + beta * x1
        pm.Normal("y_hat", mu, sigma, observed=y1)
    return built
