"""Models on which NUTS does not mix: what the verdict on convergence has to find.

    nutsbench calibrate funnel two_modes switching_labels ridge --models benchmarks/studies/hard_models.py

How often it does is a table of docs/calibration.md.
"""

from typing import Any

import numpy as np

from nutsbench.models import Data, SamplerSettings, model

_SETTINGS = SamplerSettings(draws=500, tune=500, chains=4, cores=2)
_SECOND = "No posterior of reference: what is asked is whether the chains are seen not to have mixed."


def nothing() -> Data:
    """Return no data."""
    return {}


def two_groups() -> Data:
    """Return 60 values around -2 and 2."""
    rng = np.random.RandomState(5)
    return {"y": np.r_[rng.normal(-2, 0.5, 30), rng.normal(2, 0.5, 30)]}


@model(
    data=nothing,
    notation="log_scale ~ Normal(0, 3); x[i] ~ Normal(0, exp(log_scale / 2)), i = 0..8",
    teaches="Neal's funnel: no step size suits both its mouth and its neck.",
    settings=_SETTINGS,
    no_truth=_SECOND,
)
def funnel(data: Data) -> Any:
    """Build Neal's funnel (Neal 2003, "Slice sampling", section 8)."""
    import pymc3 as pm

    del data
    with pm.Model() as built:
        log_scale = pm.Normal("log_scale", 0, 3)
        pm.Normal("x", 0, pm.math.exp(log_scale / 2), shape=9)
    return built


@model(
    data=nothing,
    notation="x ~ 0.5 Normal(-4, 1) + 0.5 Normal(4, 1)",
    teaches="Two modes between which no trajectory passes.",
    settings=_SETTINGS,
    no_truth=_SECOND,
)
def two_modes(data: Data) -> Any:
    """Build a mixture of two normals."""
    import pymc3 as pm

    del data
    with pm.Model() as built:
        pm.NormalMixture("x", w=np.array([0.5, 0.5]), mu=np.array([-4.0, 4.0]), sigma=np.ones(2))
    return built


@model(
    data=two_groups,
    notation="mu[k] ~ Normal(0, 5), k = 0..1; y ~ 0.5 Normal(mu[0], 0.5) + 0.5 Normal(mu[1], 0.5)",
    teaches="Labels that can be exchanged: each chain picks one of two equal modes.",
    settings=_SETTINGS,
    no_truth=_SECOND,
)
def switching_labels(data: Data) -> Any:
    """Build a mixture whose components have no order; ``data`` as from :func:`two_groups`."""
    import pymc3 as pm

    with pm.Model() as built:
        mu = pm.Normal("mu", 0, 5, shape=2)
        pm.NormalMixture("y", w=np.array([0.5, 0.5]), mu=mu, sigma=0.5 * np.ones(2), observed=data["y"])
    return built


@model(
    data=two_groups,
    notation="a, b ~ Flat(); y ~ Normal(a + b, 2)",
    teaches="The data tell the sum of two parameters, and nothing tells their difference.",
    settings=_SETTINGS,
    no_truth="Its posterior is improper.",
)
def ridge(data: Data) -> Any:
    """Build a model with a flat direction; ``data`` as from :func:`two_groups`."""
    import pymc3 as pm

    with pm.Model() as built:
        a, b = pm.Flat("a"), pm.Flat("b")
        pm.Normal("y", a + b, 2, observed=data["y"])
    return built
