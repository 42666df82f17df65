"""Categorical predictors: an effect for each class, apart and partially pooled."""

from typing import Any

import numpy as np

from models.registry import model
from models.spec import Data, SamplerSettings

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
