"""The fork: z causes both x and y; the regression without z and with it."""

from typing import Any

import numpy as np

from nutsbench.models import exact
from nutsbench.models.claims import claim, excludes, includes
from nutsbench.models.registry import model
from nutsbench.models.spec import Data, SamplerSettings

SECTION = "common cause (the fork)"


def fork_data() -> Data:
    """Return 1000 points of x <- z -> y: ``x``, ``z``, ``y``, each (1000,)."""
    rng = np.random.RandomState(2025)
    z = rng.normal(loc=10, scale=3, size=1000)
    x = z * 3 + rng.normal(loc=0, scale=0.1, size=1000)
    y = 2 * z + rng.normal(loc=0, scale=0.1, size=1000)
    return {"x": x, "z": z, "y": y}


def no_fork_posterior(data: Data) -> exact.Posterior:
    """Return the regression on x alone, Gaussian given its scale."""
    columns = {"intercept": (np.ones(len(data["y"])), 1), "slope": (data["x"], 1)}
    return exact.Regression(columns, data["y"], "error")


@model(
    tutorial_name="no_fork_model",
    section=SECTION,
    teaches="""Leaving the common cause out makes x look like a cause of y: the slope is
    spurious.""",
    notation="""
    intercept ~ Normal(0, 1)
    slope ~ Normal(0, 1)
    error ~ Exponential(1)
    y_hat ~ Normal(intercept + slope x, error), observed: y
    """,
    data=fork_data,
    settings=SamplerSettings(draws=500, tune=1500, chains=2, cores=2, target_accept=0.95),
    monitored=("intercept", "slope", "error"),
    tags=("regression", "gaussian", "causal"),
    exact=no_fork_posterior,
    claims=(claim("Without the common cause, x seems to have an effect.", excludes("slope", 0)),),
)
def no_fork(data: Data) -> Any:
    """Build the regression on x alone; ``data`` as from :func:`fork_data`."""
    import pymc3 as pm

    with pm.Model() as built:
        x = pm.Data("x", data["x"])
        y = pm.Data("y", data["y"])

        alpha = pm.Normal("intercept", 0, 1)
        beta = pm.Normal("slope", 0, 1)
        sigma = pm.Exponential("error", lam=1)

        mu = alpha + beta * x
        pm.Normal("y_hat", mu, sigma, observed=y)
    return built


def fork_posterior(data: Data) -> exact.Posterior:
    """Return the regression on x and z, Gaussian given its scale."""
    columns = {
        "intercept": (np.ones(len(data["y"])), 1),
        "slope_x": (data["x"], 1),
        "slope_z": (data["z"], 1),
    }
    return exact.Regression(columns, data["y"], "error")


@model(
    tutorial_name="fork_model",
    section=SECTION,
    teaches="""With the common cause in the regression, the slope of x falls to zero. The
    predictors are nearly collinear, which costs long trajectories.""",
    notation="""
    intercept ~ Normal(0, 1)
    slope_x ~ Normal(0, 1)
    slope_z ~ Normal(0, 1)
    error ~ Exponential(1)
    y_hat ~ Normal(intercept + slope_x x + slope_z z, error), observed: y
    """,
    data=fork_data,
    settings=SamplerSettings(draws=500, tune=1500, chains=2, cores=2, target_accept=0.95),
    quick=SamplerSettings(draws=100, tune=500, chains=2, cores=2, target_accept=0.8),
    monitored=("intercept", "slope_x", "slope_z", "error"),
    tags=("regression", "gaussian", "collinear", "causal"),
    exact=fork_posterior,
    claims=(
        claim("With the common cause, the interval of x's slope includes 0.", includes("slope_x", 0)),
        claim("The effect of the common cause is found again: 2.", includes("slope_z", 2)),
    ),
)
def fork(data: Data) -> Any:
    """Build the regression on x and z; ``data`` as from :func:`fork_data`."""
    import pymc3 as pm

    with pm.Model() as built:
        x = pm.Data("x", data["x"])
        z = pm.Data("z", data["z"])
        y = pm.Data("y", data["y"])

        alpha = pm.Normal("intercept", 0, 1)
        beta_x = pm.Normal("slope_x", 0, 1)
        beta_z = pm.Normal("slope_z", 0, 1)
        sigma = pm.Exponential("error", lam=1)

        mu = alpha + beta_x * x + beta_z * z
        pm.Normal("y_hat", mu, sigma, observed=y)
    return built
