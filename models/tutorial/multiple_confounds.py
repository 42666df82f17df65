"""Several confounds at once: x2 mediates x1's effect on y, and z is a collider of x1 and y."""

from typing import Any

import numpy as np

from nutsbench.models import exact
from nutsbench.models.claims import claim, includes
from nutsbench.models.registry import model
from nutsbench.models.spec import Data, SamplerSettings


def pipe_and_collider() -> Data:
    """Return 1000 points of x1 -> x2 -> y, x1 -> y and x1 -> z <- y, each array (1000,)."""
    rng = np.random.RandomState(2025)
    x1 = rng.normal(loc=10, scale=3, size=1000)
    x2 = x1 * 3 + rng.normal(loc=0, scale=0.1, size=1000)
    y = x1 * -2 + x2 * 2 + rng.normal(loc=0, scale=0.5, size=1000)
    z = x1 * -1 + y * 5 + rng.normal(loc=0, scale=0.1, size=1000)
    return {"x1": x1, "x2": x2, "z": z, "y": y}


def two_regressions(data: Data) -> exact.Posterior:
    """Return two regressions: x2 is observed, so the likelihood factorises."""
    first = {"intercept_1": (np.ones(len(data["y"])), 1), "slope_1": (data["x1"], 1)}
    second = {"slope_2": (data["x2"], 1), "slope_3": (data["x1"], 1)}
    return exact.Product(
        exact.Regression(first, data["x2"], "error_1"), exact.Regression(second, data["y"], "error_2")
    )


@model(
    tutorial_name="combined_model_exclude_collider",
    section="multiple confounds all at once",
    teaches="""With a pipe and a collider together, the right regression keeps the mediator x2
    and leaves the collider z out.""",
    notation="""
    intercept_1 ~ Normal(0, 1)
    slope_1 ~ Normal(0, 1)
    slope_2 ~ Normal(0, 1)
    slope_3 ~ Normal(0, 1)
    error_1 ~ Exponential(1)
    error_2 ~ Exponential(1)
    x2_hat ~ Normal(slope_1 x1 + intercept_1, error_1), observed: x2
    y_hat ~ Normal(slope_2 x2_hat + slope_3 x1, error_2), observed: y
    """,
    data=pipe_and_collider,
    settings=SamplerSettings(draws=500, tune=1500, chains=2, cores=2, target_accept=0.95),
    quick=SamplerSettings(draws=100, tune=750, chains=2, cores=2, target_accept=0.8),
    monitored=("intercept_1", "slope_1", "slope_2", "slope_3", "error_1", "error_2"),
    tags=("regression", "gaussian", "collinear", "causal"),
    exact=two_regressions,
    claims=(
        claim("The effect of x1 on the mediator is found again: 3.", includes("slope_1", 3)),
        claim(
            "Both effects on y are found again: 2 of the mediator, -2 of x1.",
            includes("slope_2", 2),
            includes("slope_3", -2),
        ),
    ),
)
def combined_exclude_collider(data: Data) -> Any:
    """Build the two regressions; ``data`` as from :func:`pipe_and_collider`, z unused."""
    import pymc3 as pm

    with pm.Model() as built:
        x1 = pm.Data("x1", data["x1"])
        x2 = pm.Data("x2", data["x2"])
        y = pm.Data("y", data["y"])

        alpha_1 = pm.Normal("intercept_1", 0, 1)
        beta_1 = pm.Normal("slope_1", 0, 1)
        beta_2 = pm.Normal("slope_2", 0, 1)
        beta_3 = pm.Normal("slope_3", 0, 1)

        sigma_1 = pm.Exponential("error_1", lam=1)
        sigma_2 = pm.Exponential("error_2", lam=1)

        x2_hat = pm.Normal("x2_hat", beta_1 * x1 + alpha_1, sigma_1, observed=x2)
        pm.Normal("y_hat", beta_2 * x2_hat + beta_3 * x1, sigma_2, observed=y)
    return built
