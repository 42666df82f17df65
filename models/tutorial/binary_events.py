"""Discrete binary events: the probability of an outcome for each class and treatment."""

from typing import Any

import numpy as np

from nutsbench.models import exact
from nutsbench.models.claims import above, below, claim, includes
from nutsbench.models.registry import model
from nutsbench.models.spec import Data, SamplerSettings


def binary_outcomes() -> Data:
    """Return 10000 trials: class ``x1`` (3 of them), treatment ``x2`` (2), ``y1`` of 0 and 1."""
    rng = np.random.RandomState(2020)
    probability = np.array([[0.1, 0.2], [0.2, 0.1], [0.3, 0.3]])

    x1 = rng.choice(3, size=10000)
    x2 = rng.choice(2, size=10000)
    y1 = rng.binomial(1, probability[x1, x2], size=10000)
    return {"x1": x1, "x2": x2, "y1": y1}


def binary_posterior(data: Data) -> exact.Posterior:
    """Return six beta distributions, and the distributions of their differences."""
    successes, trials = np.zeros((3, 2)), np.zeros((3, 2))
    np.add.at(successes, (data["x1"], data["x2"]), data["y1"])
    np.add.at(trials, (data["x1"], data["x2"]), 1)
    name = "treatment effect"
    differences = {f"diff[{i}]": (f"{name}[{i},1]", f"{name}[{i},0]") for i in range(3)}
    return exact.BetaBinomial(name, successes, trials - successes, differences)


@model(
    tutorial_name="count_heterogenous_model",
    section="discrete binary events",
    teaches="""Yes-or-no outcomes as Bernoulli trials with a flat prior on each probability; the
    differences between treatments are Deterministics.""",
    notation="""
    treatment effect[i,j] ~ Beta(1, 1), i = 0..2, j = 0..1
    y_hat ~ Bernoulli(treatment effect[x1, x2]), observed: y1
    diff[i] = treatment effect[i,1] - treatment effect[i,0]
    """,
    data=binary_outcomes,
    settings=SamplerSettings(draws=500, tune=500, chains=2, cores=2, target_accept=0.8),
    monitored=("treatment effect", "diff"),
    tags=("conjugate", "bounded", "categorical"),
    exact=binary_posterior,
    claims=(
        claim("The treatment raises the probability in the first class.", above("diff[0]", 0)),
        claim("It lowers the probability in the second.", below("diff[1]", 0)),
        claim("It changes nothing in the third.", includes("diff[2]", 0)),
    ),
)
def count_heterogenous(data: Data) -> Any:
    """Build the Bernoulli model; ``data`` as from :func:`binary_outcomes`."""
    import pymc3 as pm
    import theano

    with pm.Model() as built:
        x1 = theano.shared(data["x1"])
        x2 = theano.shared(data["x2"])
        y1 = theano.shared(data["y1"])

        prob1 = pm.Beta("treatment effect", alpha=1, beta=1, shape=(3, 2))
        pm.Bernoulli("y_hat", p=prob1[x1, x2], observed=y1)
        pm.Deterministic("diff", prob1[:, 1] - prob1[:, 0])
    return built
