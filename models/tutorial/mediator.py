"""The pipe: x1 causes x2, which causes y1; two ways to model it."""

from typing import Any

import numpy as np

from nutsbench.models import exact
from nutsbench.models.claims import claim, includes, near
from nutsbench.models.registry import model
from nutsbench.models.spec import Data, SamplerSettings

SECTION = "mediator (the pipe)"


def pipe() -> Data:
    """Return 100 points of x1 -> x2 -> y1: ``x1``, ``x2``, ``y1``, each (100,)."""
    rng = np.random.RandomState(2019)
    x1 = rng.normal(loc=10, scale=3, size=100)
    x2 = x1 * 2 + rng.normal(loc=0, scale=0.1, size=100)
    y1 = 5 * x2 + rng.normal(loc=0, scale=0.1, size=100)
    return {"x1": x1, "x2": x2, "y1": y1}


def pipe_posterior(data: Data) -> exact.Posterior:
    """Return the regression, Gaussian given its scale."""
    columns = {
        "intercept_1": (np.ones(len(data["y1"])), 10),
        "coeff_1": (data["x1"], 2),
        "coeff_2": (data["x2"], 2),
    }
    return exact.Regression(columns, data["y1"], "error_2")


@model(
    tutorial_name="pipe_confound",
    section=SECTION,
    teaches="""With the mediator in the regression, nothing is left for x1 to explain. The two
    predictors are nearly collinear, so the posterior is a narrow ridge that NUTS walks slowly.""",
    notation="""
    intercept_1 ~ Normal(0, 10)
    coeff_1 ~ Normal(0, 2)
    coeff_2 ~ Normal(0, 2)
    error_2 ~ Exponential(1)
    y_hat ~ Normal(intercept_1 + coeff_1 x1 + coeff_2 x2, error_2), observed: y1
    """,
    data=pipe,
    settings=SamplerSettings(draws=1000, tune=1000, chains=2, cores=2, target_accept=0.8),
    quick=SamplerSettings(draws=100, tune=500, chains=2, cores=2, target_accept=0.8),
    monitored=("intercept_1", "coeff_1", "coeff_2", "error_2"),
    tags=("regression", "gaussian", "collinear", "causal"),
    exact=pipe_posterior,
    claims=(
        claim("With the mediator there, nothing is left for x1 to explain.", includes("coeff_1", 0)),
        claim("The effect of the mediator is found again: 5.", includes("coeff_2", 5)),
    ),
)
def pipe_confound(data: Data) -> Any:
    """Build the regression on both; ``data`` as from :func:`pipe`."""
    import pymc3 as pm

    with pm.Model() as built:
        x1 = pm.Data("x1", data["x1"])
        x2 = pm.Data("x2", data["x2"])
        y1 = pm.Data("y1", data["y1"])

        alpha_1 = pm.Normal("intercept_1", 0, 10)
        beta_1 = pm.Normal("coeff_1", 0, 2)
        beta_2 = pm.Normal("coeff_2", 0, 2)
        sigma = pm.Exponential("error_2", lam=1)

        mu = alpha_1 + beta_1 * x1 + beta_2 * x2
        pm.Normal("y_hat", mu, sigma, observed=y1)
    return built


def path_posterior(data: Data) -> exact.Posterior:
    """Return two regressions: x2 is observed, so the likelihood factorises."""
    ones = np.ones(len(data["y1"]))
    return exact.Product(
        exact.Regression({"intercept_1": (ones, 10), "coeff_1": (data["x1"], 2)}, data["x2"], "error_1"),
        exact.Regression({"intercept_2": (ones, 10), "coeff_2": (data["x2"], 2)}, data["y1"], "error_2"),
    )


@model(
    tutorial_name="path_analysis_model",
    section=SECTION,
    teaches="""The causal process itself as a chain of two regressions, x1 to x2 and x2 to y1;
    each is well conditioned, so it samples far faster than the one regression on both.""",
    notation="""
    intercept_1 ~ Normal(0, 10)
    coeff_1 ~ Normal(0, 2)
    error_1 ~ Exponential(1)
    intercept_2 ~ Normal(0, 10)
    coeff_2 ~ Normal(0, 2)
    error_2 ~ Exponential(1)
    x2_hat ~ Normal(intercept_1 + coeff_1 x1, error_1), observed: x2
    y_hat ~ Normal(intercept_2 + coeff_2 x2_hat, error_2), observed: y1
    """,
    data=pipe,
    settings=SamplerSettings(draws=1000, tune=1000, chains=2, cores=2, target_accept=0.8),
    monitored=("intercept_1", "coeff_1", "error_1", "intercept_2", "coeff_2", "error_2"),
    tags=("regression", "gaussian", "causal"),
    exact=path_posterior,
    claims=(
        claim(
            "Both links of the chain are found again: 2 and 5.",
            near("coeff_1", 2, within=0.05),
            near("coeff_2", 5, within=0.05),
        ),
    ),
)
def path_analysis(data: Data) -> Any:
    """Build the chain of two regressions; ``data`` as from :func:`pipe`."""
    import pymc3 as pm

    with pm.Model() as built:
        x1 = pm.Data("x1", data["x1"])
        x2 = pm.Data("x2", data["x2"])
        y1 = pm.Data("y1", data["y1"])

        alpha_1 = pm.Normal("intercept_1", 0, 10)
        beta_1 = pm.Normal("coeff_1", 0, 2)
        sigma_1 = pm.Exponential("error_1", lam=1)

        alpha_2 = pm.Normal("intercept_2", 0, 10)
        beta_2 = pm.Normal("coeff_2", 0, 2)
        sigma_2 = pm.Exponential("error_2", lam=1)

        mu_1 = alpha_1 + beta_1 * x1
        x2_hat = pm.Normal("x2_hat", mu_1, sigma_1, observed=x2)

        mu_2 = alpha_2 + beta_2 * x2_hat
        pm.Normal("y_hat", mu_2, sigma_2, observed=y1)
    return built
