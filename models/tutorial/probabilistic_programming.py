"""The tutorial's opening: a forward model, and a first inference.

Neither has a data generator: one observes nothing, the other one count.
"""

from typing import Any

import numpy as np

from nutsbench.models import exact
from nutsbench.models.claims import claim, excludes, near
from nutsbench.models.registry import model
from nutsbench.models.spec import Data, SamplerSettings

SECTION = "what is probabilistic programming"


def no_data() -> Data:
    """Return an empty data set."""
    return {}


def sum_of_normals(_data: Data) -> exact.Posterior:
    """Return the prior itself, and the normal distribution of the sum."""
    return exact.Normals({"a": (2, 0.5), "b": (3, 0.2)}, {"c": {"a": 1, "b": 1}})


@model(
    tutorial_name="example",
    section=SECTION,
    teaches="""Random variables add up like numbers do: with nothing observed, sampling draws
    from the prior, here the sum of two normals.""",
    notation="""
    a ~ Normal(2, 0.5)
    b ~ Normal(3, 0.2)
    c = a + b
    """,
    data=no_data,
    settings=SamplerSettings(draws=500, tune=500, chains=2, cores=2, target_accept=0.8),
    monitored=("a", "b", "c"),
    tags=("prior", "gaussian"),
    exact=sum_of_normals,
    claims=(claim("The sum of the two variables averages 5.", near("c", 5, within=0.05)),),
)
def addition(_data: Data) -> Any:
    """Build the sum of two normal variables; its data are empty."""
    import pymc3 as pm

    with pm.Model() as built:
        a = pm.Normal("a", 2, 0.5)
        b = pm.Normal("b", 3, 0.2)
        pm.Deterministic("c", a + b)
    return built


def tosses() -> Data:
    """Return the count of heads, shape (), and of tosses, shape ()."""
    return {"heads": np.array(8), "tosses": np.array(10)}


def coin_posterior(data: Data) -> exact.Posterior:
    """Return Beta(1 + heads, 1 + tails)."""
    return exact.BetaBinomial("a", data["heads"], data["tosses"] - data["heads"])


@model(
    tutorial_name="example2",
    section=SECTION,
    teaches="""Eight heads in ten tosses: what is known of the coin is a distribution over its
    probability of heads, not a number.""",
    notation="""
    a ~ Beta(1, 1)
    likelihood ~ Binomial(10, a), observed: 8
    """,
    data=tosses,
    # Without `chains`, PyMC3 runs as many as `cores`, here four.
    settings=SamplerSettings(draws=2000, tune=500, chains=4, cores=4, target_accept=0.8),
    monitored=("a",),
    tags=("conjugate", "bounded"),
    exact=coin_posterior,
    claims=(claim("After 8 heads in 10 tosses one hardly takes the coin for fair.", excludes("a", 0.5)),),
)
def coin_toss(data: Data) -> Any:
    """Build the coin's model; ``data`` as from :func:`tosses`."""
    import pymc3 as pm

    with pm.Model() as built:
        p = pm.Beta("a", 1, 1)
        pm.Binomial("likelihood", n=int(data["tosses"]), p=p, observed=int(data["heads"]))
    return built
