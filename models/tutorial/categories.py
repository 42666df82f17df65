"""Categorical predictors: an effect for each class, apart and partially pooled."""

from typing import Any

import numpy as np

from nutsbench.models import exact
from nutsbench.models.claims import claim, difference, excludes, includes, near
from nutsbench.models.registry import model
from nutsbench.models.spec import Data, SamplerSettings

SECTION = "categories"


def two_categories() -> Data:
    """Return 100 points in classes ``x1`` (5 of them) and ``x2`` (4), and ``y1``, each (100,)."""
    rng = np.random.RandomState(2025)
    beta1 = rng.normal(loc=0, scale=2, size=5)
    beta2 = rng.normal(loc=1, scale=1, size=4)

    x1 = rng.choice(5, size=100)
    x2 = rng.choice(4, p=[0.1, 0.2, 0.3, 0.4], size=100)
    y1 = beta1[x1] + beta2[x2] + rng.normal(loc=0, scale=0.1, size=100)
    return {"x1": x1, "x2": x2, "y1": y1}


def unpooled_posterior(data: Data) -> exact.Posterior:
    """Return the unpooled model, Gaussian given its scale."""
    columns = {
        "cat_x1": (exact.one_hot(data["x1"], 5), 1),
        "cat_x2": (exact.one_hot(data["x2"], 4), 1),
    }
    return exact.Regression(columns, data["y1"], "error")


@model(
    tutorial_name="categorical_model",
    section=SECTION,
    teaches="""Classes as indices into vectors of effects. Only the sum of the two effects is
    identified by the data, so the chains drift along a ridge that the priors alone close.""",
    notation="""
    cat_x1[i] ~ Normal(0, 1), i = 0..4
    cat_x2[j] ~ Normal(0, 1), j = 0..3
    error ~ Exponential(1)
    y_hat ~ Normal(cat_x1[x1] + cat_x2[x2], error), observed: y1
    """,
    data=two_categories,
    settings=SamplerSettings(draws=500, tune=1500, chains=2, cores=2, target_accept=0.95),
    monitored=("cat_x1", "cat_x2", "error"),
    tags=("regression", "gaussian", "categorical", "weakly-identified"),
    exact=unpooled_posterior,
    claims=(
        claim(
            "Differences between classes are found again, single effects are not.",
            near(difference("cat_x1[1]", "cat_x1[0]"), 1.65, within=0.1),
            near(difference("cat_x1[2]", "cat_x1[0]"), -2.69, within=0.1),
            near(difference("cat_x2[1]", "cat_x2[0]"), -0.75, within=0.1),
            near(difference("cat_x2[2]", "cat_x2[0]"), -2.35, within=0.1),
            excludes("cat_x1[0]", -0.18),
        ),
    ),
)
def categorical(data: Data) -> Any:
    """Build the unpooled model; ``data`` as from :func:`two_categories`."""
    import pymc3 as pm
    import theano

    with pm.Model() as built:
        x1 = theano.shared(data["x1"])
        x2 = theano.shared(data["x2"])
        y1 = pm.Data("y1", data["y1"])

        cat_x1 = pm.Normal("cat_x1", 0, 1, shape=len(np.unique(data["x1"])))
        cat_x2 = pm.Normal("cat_x2", 0, 1, shape=len(np.unique(data["x2"])))
        sigma = pm.Exponential("error", lam=1)

        mu = cat_x1[x1] + cat_x2[x2]
        pm.Normal("y_hat", mu, sigma, observed=y1)
    return built


def pooled_posterior(data: Data) -> exact.Posterior:
    """Return the pooled model, Gaussian given its scale and its spread."""
    return exact.PooledClasses(
        ("cat_x1", data["x1"]),
        ("cat_x2", data["x2"]),
        data["y1"],
        mean="pooled_x2_mu",
        spread="pooled_x2_sigma",
        scale="error",
    )


@model(
    tutorial_name="pooled_categorical_model",
    section=SECTION,
    teaches="""A hierarchy over the classes of x2: their effects share a mean and a spread, so
    that small classes borrow strength (shrinkage).""",
    notation="""
    pooled_x2_mu ~ Normal(0, 1)
    pooled_x2_sigma ~ Exponential(1)
    cat_x1[i] ~ Normal(0, 1), i = 0..4
    cat_x2[j] ~ Normal(pooled_x2_mu, pooled_x2_sigma), j = 0..3
    error ~ Exponential(1)
    y_hat ~ Normal(cat_x1[x1] + cat_x2[x2], error), observed: y1
    """,
    data=two_categories,
    settings=SamplerSettings(draws=500, tune=1500, chains=2, cores=2, target_accept=0.95),
    monitored=("pooled_x2_mu", "pooled_x2_sigma", "cat_x1", "cat_x2", "error"),
    tags=("regression", "gaussian", "categorical", "hierarchical", "weakly-identified"),
    exact=pooled_posterior,
    claims=(
        claim(
            "Mean and spread of the classes of x2 are found again: 1 and 1.",
            includes("pooled_x2_mu", 1),
            includes("pooled_x2_sigma", 1),
        ),
        claim(
            "Differences between the classes of x2 are found again.",
            near(difference("cat_x2[1]", "cat_x2[0]"), -0.75, within=0.1),
            near(difference("cat_x2[2]", "cat_x2[0]"), -2.35, within=0.1),
        ),
    ),
)
def pooled_categorical(data: Data) -> Any:
    """Build the partially pooled model; ``data`` as from :func:`two_categories`."""
    import pymc3 as pm
    import theano

    with pm.Model() as built:
        x1 = theano.shared(data["x1"])
        x2 = theano.shared(data["x2"])
        y1 = pm.Data("y1", data["y1"])

        pooled_x2_mu = pm.Normal("pooled_x2_mu", 0, 1)
        pooled_x2_sigma = pm.Exponential("pooled_x2_sigma", lam=1)

        cat_x1 = pm.Normal("cat_x1", 0, 1, shape=len(np.unique(data["x1"])))
        cat_x2 = pm.Normal("cat_x2", pooled_x2_mu, pooled_x2_sigma, shape=len(np.unique(data["x2"])))
        sigma = pm.Exponential("error", lam=1)

        mu = cat_x1[x1] + cat_x2[x2]
        pm.Normal("y_hat", mu, sigma, observed=y1)
    return built
