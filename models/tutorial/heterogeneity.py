"""Heterogeneity: a treatment whose effect differs between classes, without and with interaction."""

from typing import Any

import numpy as np

from nutsbench.models import exact
from nutsbench.models.claims import above, below, claim, difference, includes
from nutsbench.models.registry import model
from nutsbench.models.spec import Data, SamplerSettings

SECTION = "heterogeneity"


def treated_classes() -> Data:
    """Return 100 points: class ``x1`` (3 of them), treatment ``x2`` (2), ``y1``, each (100,)."""
    rng = np.random.RandomState(2025)
    effect = np.array([[2, 1], [-2.5, 2], [-3, 3]])

    x1 = rng.choice(3, size=100)
    x2 = rng.choice(2, size=100)
    y1 = effect[x1, x2] + rng.normal(loc=0, scale=0.1, size=100)
    return {"x1": x1, "x2": x2, "y1": y1}


def additive_posterior(data: Data) -> exact.Posterior:
    """Return the additive model, Gaussian given its scale."""
    columns = {
        "cat_x1": (exact.one_hot(data["x1"], 3), 1),
        "cat_x2": (exact.one_hot(data["x2"], 2), 1),
    }
    return exact.Regression(columns, data["y1"], "error")


@model(
    tutorial_name="no_heterogenous_model",
    section=SECTION,
    teaches="""Without interaction the model averages a treatment that helps some classes and
    harms others, and finds no clear effect.""",
    notation="""
    cat_x1[i] ~ Normal(0, 1), i = 0..2
    cat_x2[j] ~ Normal(0, 1), j = 0..1
    error ~ Exponential(1)
    y_hat ~ Normal(cat_x1[x1] + cat_x2[x2], error), observed: y1
    """,
    data=treated_classes,
    settings=SamplerSettings(draws=500, tune=1500, chains=2, cores=2, target_accept=0.95),
    monitored=("cat_x1", "cat_x2", "error"),
    tags=("regression", "gaussian", "categorical"),
    exact=additive_posterior,
    claims=(
        claim(
            "Without heterogeneity, the interval of the effect of x2 includes 0.",
            includes(difference("cat_x2[1]", "cat_x2[0]"), 0),
        ),
    ),
)
def no_heterogenous(data: Data) -> Any:
    """Build the additive model; ``data`` as from :func:`treated_classes`."""
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


def interaction_posterior(data: Data) -> exact.Posterior:
    """Return the interaction model, Gaussian given its scale, two sds and their correlation."""
    return exact.BivariateClasses(
        data["x1"],
        data["x2"],
        data["y1"],
        exact.BivariateNames(
            scale="error",
            means=("a_bar", "b_bar"),
            effects="ab_did",
            cholesky="chol_cov",
            sds="sigma_ab",
            correlation="Rho",
        ),
        eta=2.0,
        prior_sd=2.0,
    )


@model(
    tutorial_name="heterogenous_model",
    section=SECTION,
    teaches="""With an effect for each class and treatment, drawn from a bivariate normal with
    an LKJ prior on its correlation, the differing effects come out.""",
    notation="""
    error ~ Exponential(1)
    a_bar ~ Normal(0, 2)
    b_bar ~ Normal(0, 2)
    chol_cov ~ LKJCholeskyCov(eta=2, n=2, sd_dist=Exponential(1))
    sigma_ab = sqrt(diag(L L')), L from chol_cov
    Rho = correlation of L L'
    ab_did[i] ~ MvNormal([a_bar, b_bar], L L'), i = 0..2
    y_hat ~ Normal(ab_did[x1, x2], error), observed: y1
    """,
    data=treated_classes,
    settings=SamplerSettings(draws=500, tune=1500, chains=2, cores=2, target_accept=0.95),
    monitored=("error", "a_bar", "b_bar", "chol_cov", "sigma_ab", "Rho", "ab_did"),
    tags=("gaussian", "categorical", "hierarchical", "lkj"),
    exact=interaction_posterior,
    claims=(
        claim(
            "The effect of x2 differs between the classes: down in the first, up in the others.",
            below(difference("ab_did[0,1]", "ab_did[0,0]"), 0),
            above(difference("ab_did[1,1]", "ab_did[1,0]"), 0),
            above(difference("ab_did[2,1]", "ab_did[2,0]"), 0),
        ),
        claim(
            "Over all classes the effect is 0, since they cancel out.",
            includes(difference("b_bar", "a_bar"), 0),
        ),
    ),
)
def heterogenous(data: Data) -> Any:
    """Build the interaction model; ``data`` as from :func:`treated_classes`."""
    import pymc3 as pm
    import theano
    import theano.tensor as tt

    with pm.Model() as built:
        x1 = theano.shared(data["x1"])
        x2 = theano.shared(data["x2"])
        y1 = pm.Data("y1", data["y1"])

        error = pm.Exponential("error", lam=1)

        a_bar = pm.Normal("a_bar", mu=0, sd=2)
        b_bar = pm.Normal("b_bar", mu=0, sd=2)
        sigma = pm.Exponential.dist(lam=1)
        packed_chol = pm.LKJCholeskyCov("chol_cov", eta=2, n=2, sd_dist=sigma)
        chol = pm.expand_packed_triangular(2, packed_chol, lower=True)
        cov = tt.dot(chol, chol.T)
        sigma_ab = pm.Deterministic("sigma_ab", tt.sqrt(tt.diag(cov)))
        corr = tt.diag(sigma_ab**-1).dot(cov.dot(tt.diag(sigma_ab**-1)))
        pm.Deterministic("Rho", corr[np.triu_indices(2, k=1)])

        classes = (len(np.unique(data["x1"])), len(np.unique(data["x2"])))
        ab_cat = pm.MvNormal("ab_did", mu=[a_bar, b_bar], chol=chol, shape=classes)

        mu = ab_cat[x1, x2]
        pm.Normal("y_hat", mu, error, observed=y1)
    return built
