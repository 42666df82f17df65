"""The collider: x and y both cause z; the regression that wrongly includes z, and the right one.

As in the tutorial, the residual ``y - mu``, a Theano expression, is what is observed.
"""

from typing import Any

import numpy as np

from nutsbench.models import exact
from nutsbench.models.claims import above, below, claim, includes
from nutsbench.models.registry import model
from nutsbench.models.spec import Data, SamplerSettings

SECTION = "the collider"


def collider_data() -> Data:
    """Return 100 points of x -> z <- y: ``x``, ``z``, ``y``, each (100,)."""
    rng = np.random.RandomState(2025)
    x = rng.normal(loc=10, scale=3, size=100)
    y = rng.normal(loc=2, scale=3, size=100)
    z = x * 3 + y * 2 + rng.normal(loc=0, scale=0.1, size=100)
    return {"x": x, "z": z, "y": y}


def include_posterior(data: Data) -> exact.Posterior:
    """Return the regression on x and z, Gaussian given its scale."""
    columns = {
        "intercept": (np.ones(len(data["y"])), 1),
        "slope_x": (data["x"], 1),
        "slope_z": (data["z"], 1),
    }
    return exact.Regression(columns, data["y"], "error")


@model(
    tutorial_name="include_collider_model",
    section=SECTION,
    teaches="""Conditioning on a common effect makes two unrelated causes look opposed: x and z
    seem to pull y in opposite directions.""",
    notation="""
    intercept ~ Normal(0, 1)
    slope_x ~ Normal(0, 1)
    slope_z ~ Normal(0, 1)
    error ~ Exponential(1)
    y_hat ~ Normal(0, error), observed: y - (intercept + slope_x x + slope_z z)
    """,
    data=collider_data,
    settings=SamplerSettings(draws=500, tune=1500, chains=2, cores=2, target_accept=0.95),
    monitored=("intercept", "slope_x", "slope_z", "error"),
    tags=("regression", "gaussian", "causal"),
    exact=include_posterior,
    claims=(
        claim(
            "With the collider, x and z seem to pull y in opposite directions.",
            below("slope_x", 0),
            above("slope_z", 0),
        ),
    ),
)
def include_collider(data: Data) -> Any:
    """Build the regression on x and z; ``data`` as from :func:`collider_data`."""
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
        pm.Normal("y_hat", 0, sigma, observed=y - mu)
    return built


def exclude_posterior(data: Data) -> exact.Posterior:
    """Return the regression on x alone, Gaussian given its scale."""
    columns = {"intercept": (np.ones(len(data["y"])), 1), "slope_x": (data["x"], 1)}
    return exact.Regression(columns, data["y"], "error")


@model(
    tutorial_name="exclude_collider_model",
    section=SECTION,
    teaches="""Without the collider the spurious effect is gone: x tells nothing about y.""",
    notation="""
    intercept ~ Normal(0, 1)
    slope_x ~ Normal(0, 1)
    error ~ Exponential(1)
    y_hat ~ Normal(0, error), observed: y - (intercept + slope_x x)
    """,
    data=collider_data,
    settings=SamplerSettings(draws=500, tune=1500, chains=2, cores=2, target_accept=0.95),
    monitored=("intercept", "slope_x", "error"),
    tags=("regression", "gaussian", "causal"),
    exact=exclude_posterior,
    claims=(claim("Without the collider, the slope of x is near 0.", includes("slope_x", 0)),),
)
def exclude_collider(data: Data) -> Any:
    """Build the regression on x alone; ``data`` as from :func:`collider_data`."""
    import pymc3 as pm

    with pm.Model() as built:
        x = pm.Data("x", data["x"])
        y = pm.Data("y", data["y"])

        alpha = pm.Normal("intercept", 0, 1)
        beta_x = pm.Normal("slope_x", 0, 1)
        sigma = pm.Exponential("error", lam=1)

        mu = alpha + beta_x * x
        pm.Normal("y_hat", 0, sigma, observed=y - mu)
    return built
