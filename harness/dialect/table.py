"""What became of PyMC3's names: one row each, below ``pymc`` and ``pytensor`` as both sides are called since.

What is in no row, and is in no list of names of the PyMC to move to, is told as gone. That each new
name exists is tested; that it means the same is what whoever adds a row has to find out.
"""

from typing import Dict, Mapping, Tuple

#: Another name, of the same meaning: written anew by itself.
RENAMED: Mapping[str, str] = {
    "pymc.Constant": "pymc.DiracDelta",
    "pymc.ConstantDist": "pymc.DiracDelta",
    "pymc.Lognormal": "pymc.LogNormal",
    "pymc.expand_packed_triangular": "pymc.math.expand_packed_triangular",
    "pymc.invlogit": "pymc.math.invlogit",
    "pymc.invprobit": "pymc.math.invprobit",
    "pymc.logaddexp": "pymc.math.logaddexp",
    "pymc.logit": "pymc.math.logit",
    "pymc.logsumexp": "pymc.math.logsumexp",
    "pymc.probit": "pymc.math.probit",
    "pymc.math.abs_": "pymc.math.abs",
    "pymc.distributions.transforms.stick_breaking": "pymc.distributions.transforms.simplex",
    "pytensor.tensor.abs_": "pytensor.tensor.abs",
    "pytensor.tensor.inv": "pytensor.tensor.reciprocal",
    "pytensor.tensor.isinf_": "pytensor.tensor.isinf",
    "pytensor.tensor.isnan_": "pytensor.tensor.isnan",
    "pytensor.tensor.nlinalg.diag": "pytensor.tensor.diag",
    "pytensor.tensor.nnet.sigmoid": "pytensor.tensor.sigmoid",
    "pytensor.tensor.nnet.softplus": "pytensor.tensor.softplus",
}

_PREDICTIVE = (
    "pm.sample_posterior_predictive, which returns InferenceData, and a dictionary with"
    " return_inferencedata=False"
)

#: What to write instead, where a person has to look at it.
BY_HAND: Mapping[str, str] = {
    "pymc.Bound": "pm.Truncated(name, pm.Normal.dist(...), lower=..., upper=...), whose density is"
    " normalised, as that of Bound is not",
    "pymc.DensityDist": "pm.CustomDist(name, *parameters, logp=function, observed=values): the function takes"
    " the value first, then the parameters",
    "pymc.math.block_diagonal": "pm.math.block_diag(*matrices): one argument each, not a list",
    "pymc.fast_sample_posterior_predictive": _PREDICTIVE,
    "pymc.sample_posterior_predictive": _PREDICTIVE,
    "pymc.sample_ppc": _PREDICTIVE,
    "pymc.NoDistribution": "pm.CustomDist",
    "pymc.AR1": "pm.AR",
    "pymc.GLM": "bambi, a package of its own",
    "pymc.glm": "bambi, a package of its own",
    "pymc.trace_to_dataframe": "trace.posterior.to_dataframe(), of an InferenceData",
    "pymc.find_hessian": "pm.find_hessian of a point of model.initial_point()",
    "pymc.theanof": "pymc.pytensorf",
    "pymc.floatX": "numpy.asarray(..., dtype=pytensor.config.floatX)",
    "pymc.math.tround": "pytensor.tensor.round",
    "pymc.distributions.transforms.interval": "pm.distributions.transforms.Interval(lower, upper)",
    "pymc.distributions.transforms.lowerbound": "pm.distributions.transforms.Interval(lower, None)",
    "pymc.distributions.transforms.upperbound": "pm.distributions.transforms.Interval(None, upper)",
    "pymc.callbacks": "pymc.variational.callbacks",
    "pymc.load_trace": "arviz.from_netcdf",
    "pymc.save_trace": "arviz.to_netcdf, of an InferenceData",
    "pymc.make_shared_replacements": "pymc.pytensorf.make_shared_replacements",
    "pytensor.tensor.nnet.softmax": "pytensor.tensor.special.softmax(x, axis=-1): without axis it is over all"
    " elements, not over rows",
    "pytensor.tensor.nnet.relu": "pytensor.tensor.maximum(x, 0)",
    "pytensor.tensor.batched_dot": "pytensor.tensor.matmul, or @",
    "pytensor.tensor.addbroadcast": "pytensor.tensor.specify_broadcastable",
    "pytensor.tensor.unbroadcast": "nothing: shapes are known to the graph",
    "pytensor.tensor.patternbroadcast": "pytensor.tensor.specify_broadcastable",
    "pytensor.tensor.slinalg.solve_lower_triangular": "pytensor.tensor.linalg.solve_triangular(a, b,"
    " lower=True)",
    "pytensor.tensor.slinalg.solve_upper_triangular": "pytensor.tensor.linalg.solve_triangular(a, b)",
    "pytensor.clone": "pytensor.clone_replace",
    "pytensor.gof": "pytensor.graph",
}
#: What of PyMC3 was ArviZ's, under its own name.
ARVIZ: Mapping[str, str] = {
    "traceplot": "plot_trace", "forestplot": "plot_forest", "densityplot": "plot_density",
    "energyplot": "plot_energy", "autocorrplot": "plot_autocorr", "kdeplot": "plot_kde",
    "pairplot": "plot_pair", "compareplot": "plot_compare", "gelman_rubin": "rhat", "effective_n": "ess",
    "hpd": "hdi", "summary": "summary", "ess": "ess", "rhat": "rhat", "mcse": "mcse", "bfmi": "bfmi",
    "hdi": "hdi", "waic": "waic", "loo": "loo", "compare": "compare",
}  # fmt: skip

#: Keywords of distributions, of all and of single ones.
KEYWORDS: Mapping[str, str] = {"sd": "sigma", "testval": "initval"}
KEYWORDS_OF: Mapping[str, Mapping[str, str]] = {
    "ZeroInflatedPoisson": {"theta": "mu"},
    "MvStudentT": {"cov": "scale"},
    **{name: {"init": "init_dist"} for name in ("AR", "GaussianRandomWalk", "MvGaussianRandomWalk")},
}
#: Keywords whose default is another one since, where they are left out: what was meant, and what is taken.
DEFAULTS: Mapping[str, Tuple[str, str]] = dict.fromkeys(
    ("AR", "GaussianRandomWalk", "MvGaussianRandomWalk"),
    ("init_dist=...", "its default was flat and is Normal(0, 100)"),
)


def keyword(distribution: str, name: str) -> str:
    """Return what a keyword of a distribution is called since."""
    own: Dict[str, str] = {**KEYWORDS, **KEYWORDS_OF.get(distribution, {})}
    return own.get(name, name)
