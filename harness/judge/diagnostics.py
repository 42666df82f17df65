"""What the draws and the sampler's statistics say, through ArviZ.

Arrays in, plain numbers out: nothing here knows PyMC3, settings or time. A figure
that cannot be had is ``None`` and its reason is a note; no NaN and no infinity
leaves this module.
"""

import math
import warnings
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np

from nutsbench.judge import estimators, mixing
from nutsbench.judge.kinetic import Kinetic, kinetic
from nutsbench.models.exact.posterior import labels

#: Probabilities of the quantiles that are kept of each scalar.
QUANTILES = (0.05, 0.5, 0.95)

#: Probabilities of a normal's mean less and plus one standard deviation.
_ONE_SIGMA = (0.1586553, 0.8413447)

#: ArviZ needs as many draws of a chain for its split statistics.
MIN_DRAWS = 4

#: A Deterministic that varies by less of its size than this, some hundred times the precision of a
#: double, varies by rounding alone: the diagonal of a correlation matrix.
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Quantity:
    """Summary of one monitored scalar, over all chains.

    Parameters
    ----------
    mean, sd : float or None
        Posterior mean and standard deviation.
    q05, q50, q95 : float or None
        Quantiles.
    mcse_mean, mcse_sd, mcse_q05, mcse_q50, mcse_q95 : float or None
        Monte Carlo standard errors of the five: see :func:`mcse_sd` and :func:`mcse_quantile`.
    ess_bulk, ess_tail : float or None
        Effective sample sizes of the bulk, and the smaller of those of the 5 and 95 %
        quantiles (Vehtari et al. 2021, section 4).
    ess_q05, ess_q95 : float or None
        Effective sample sizes of the share of draws below either quantile (the same).
    rhat : float or None
        Rank-normalised split R-hat (the same, equation 14).
    rhat_p : float or None
        Chance that chains that have mixed give so large an R-hat: :class:`nutsbench.judge.mixing.Mixing`.
    ess_within : float or None
        Effective sample size by the autocorrelation within chains alone (the same).
    state : str
        ``ok``, or why there is no ESS and R-hat: ``not_finite``, ``too_few`` draws,
        ``constant`` over all chains (a Deterministic also where all that varies is rounding),
        ``stuck`` (constant within a chain), ``one_chain``.
    note : str
        The same in words; empty where the state is ok.
    standstill : int
        Longest run of equal draws within a chain.
    draws_per_chain : int
        Number of draws of each chain.
    free : bool
        Whether it belongs to a free variable rather than to a Deterministic.
    discrete : bool
        Whether its values are whole numbers or truth values: equal draws in a row are then no standstill.
    """

    mean: Optional[float] = None
    sd: Optional[float] = None
    q05: Optional[float] = None
    q50: Optional[float] = None
    q95: Optional[float] = None
    mcse_mean: Optional[float] = None
    mcse_sd: Optional[float] = None
    mcse_q05: Optional[float] = None
    mcse_q50: Optional[float] = None
    mcse_q95: Optional[float] = None
    ess_bulk: Optional[float] = None
    ess_tail: Optional[float] = None
    ess_q05: Optional[float] = None
    ess_q95: Optional[float] = None
    rhat: Optional[float] = None
    rhat_p: Optional[float] = None
    ess_within: Optional[float] = None
    state: str = "ok"
    note: str = ""
    standstill: int = 0
    draws_per_chain: int = 0
    free: bool = True
    discrete: bool = False

    def to_dict(self) -> Dict[str, Any]:
        """Return the summary as a flat dictionary, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Diagnostics:
    """What is known of a sampled cell, apart from its times.

    Parameters
    ----------
    quantities : dict of str to Quantity
        By scalar: ``coeff``, ``cat_x1[0]``, ``ab_did[2,1]``.
    divergences, tune_divergences : int or None
        Divergent transitions after and during tuning; ``None`` without NUTS.
    leapfrogs, tune_leapfrogs : int or None
        Leapfrog steps after and during tuning, all chains.
    tree_depth_mean : float or None
        Mean depth of the trajectory trees after tuning.
    tree_depth_max_share : float or None
        Share of transitions after tuning that made all the leapfrogs that the largest tree
        depth allows.
    ebfmi : tuple of float
        Energy Bayesian fraction of missing information of each chain (Betancourt 2016).
    accept_mean : float or None
        Mean acceptance statistic after tuning.
    step_size : float or None
        Step size after tuning, mean over chains.
    kinetic : Kinetic or None
        Twice the kinetic energy at the draws.
    """

    quantities: Dict[str, Quantity]
    divergences: Optional[int]
    tune_divergences: Optional[int]
    leapfrogs: Optional[int]
    tune_leapfrogs: Optional[int]
    tree_depth_mean: Optional[float]
    tree_depth_max_share: Optional[float]
    ebfmi: Tuple[float, ...]
    accept_mean: Optional[float]
    step_size: Optional[float]
    kinetic: Optional[Kinetic] = None


def finite(value: Any) -> Optional[float]:
    """Return ``value`` as a float, or ``None`` where it is not finite."""
    number = float(value)
    return number if math.isfinite(number) else None


def scalars(draws: Mapping[str, np.ndarray]) -> Iterator[Tuple[str, str, np.ndarray]]:
    """Yield each scalar of the draws, in order.

    Parameters
    ----------
    draws : dict of ndarray
        By variable, shape (chain, draw, *shape).

    Yields
    ------
    (str, str, ndarray)
        Variable, scalar and its draws, shape (chain, draw). The scalar is ``name`` or ``name[i,j]``; of a
        variable that is itself called like another's element, ``'name[0]'`` in quotes.
    """
    elements = {
        label for name, values in draws.items() if values.ndim > 2 for label in labels(name, values.shape[2:])
    }
    for name, values in draws.items():
        known = f"'{name}'" if name in elements else name
        for index, label in zip(np.ndindex(*values.shape[2:]), labels(known, values.shape[2:])):
            yield name, label, np.asarray(values[(slice(None), slice(None), *index)], dtype=float)


def summarise(
    values: np.ndarray, free: bool = True, size: Optional[float] = None, discrete: bool = False
) -> Quantity:
    """Summarise one scalar.

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw).
    free : bool
        Whether the scalar belongs to a free variable.
    size : float, optional
        Largest absolute value of the whole variable that it is an element of; its own if left out.
    discrete : bool
        Whether the variable takes whole numbers or truth values.
    """
    bad = int(np.size(values) - np.isfinite(values).sum())
    if bad:
        return Quantity(state="not_finite", note=f"{bad} of {values.size} draws are not finite", free=free)
    q05, q50, q95 = (float(q) for q in np.quantile(values, QUANTILES))
    figures: Dict[str, Any] = {
        "mean": finite(values.mean()),
        "sd": finite(values.std(ddof=1)) if values.size > 1 else None,
        "q05": q05,
        "q50": q50,
        "q95": q95,
        "standstill": 0 if discrete else standstill(values),
        "draws_per_chain": values.shape[1],
        "free": free,
        "discrete": discrete,
    }
    chains, draws = values.shape
    frozen = [bool(np.all(chain == chain[0])) for chain in values]
    if draws < MIN_DRAWS:
        return Quantity(**figures, state="too_few", note=f"{draws} draws a chain are too few to judge")
    if np.all(values == values.flat[0]):
        note = f"constant: all {values.size} draws are {values.flat[0]:g}"
        return Quantity(**figures, state="constant", note=note)
    spread, size = float(np.ptp(values)), float(np.abs(values).max()) if size is None else size
    if not free and spread <= _ROUNDING * size:
        note = (
            f"constant but for rounding: all {values.size} draws are {values.flat[0]:g} within {spread:.0e}"
        )
        return Quantity(**figures, state="constant", note=note)
    if any(frozen):
        stuck = ", ".join(str(chain) for chain, is_frozen in enumerate(frozen) if is_frozen)
        # ESS and R-hat divide by a chain's variance, which is zero here.
        return Quantity(**figures, state="stuck", note=f"constant within chain {stuck}")
    if chains < 2:
        figures.update(state="one_chain", note="R-hat needs two chains")
    mixed = mixing.mixing(values)
    if mixed is not None:
        figures.update(mixed._asdict())
    return Quantity(**figures, **arviz_figures(values))


def arviz_figures(values: np.ndarray) -> Dict[str, Any]:
    """Return ESS, R-hat and MCSE of one scalar, None where they are not finite.

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {
            "ess_bulk": estimators.ess(values, "bulk"),
            "ess_tail": estimators.ess(values, "tail"),
            "ess_q05": estimators.ess(values, "quantile", QUANTILES[0]),
            "ess_q95": estimators.ess(values, "quantile", QUANTILES[2]),
            "rhat": estimators.rhat(values) if len(values) > 1 else math.nan,
            "mcse_mean": estimators.mcse_mean(values),
            "mcse_sd": mcse_sd(values),
            "mcse_q05": mcse_quantile(values, QUANTILES[0]),
            "mcse_q50": mcse_quantile(values, QUANTILES[1]),
            "mcse_q95": mcse_quantile(values, QUANTILES[2]),
        }
        return {name: finite(value) for name, value in found.items()}


def mcse_sd(values: np.ndarray) -> float:
    """Return the Monte Carlo standard error of the standard deviation.

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw).

    Notes
    -----
    The standard error of the mean of (x - mean)^2, from its own ESS, by the delta method:
    Kenney and Keeping (1951), "Mathematics of Statistics", part 2, section 7.14, as in the R
    package posterior. ArviZ's of these releases takes the draws for Gaussian, and is too
    small by half for a scale parameter with a long tail.
    """
    squares = (values - values.mean()) ** 2
    error = squares.std(ddof=1) / math.sqrt(estimators.ess(squares, "mean"))
    return float(error / (2 * values.std(ddof=1)))


def mcse_quantile(values: np.ndarray, probability: float) -> float:
    """Return the Monte Carlo standard error of a quantile.

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw).
    probability : float
        Probability of the quantile.

    Notes
    -----
    Half the distance of the order statistics between which the quantile lies with a
    probability of 68 % (Vehtari et al. 2021, section 4.4). ArviZ 0.6.1 and 0.12.1 differ by a
    tenth here, so that one and the same draws would be judged apart.
    """
    from scipy.stats import beta

    ess = estimators.ess(values, "quantile", probability)
    inside = beta.ppf(_ONE_SIGMA, ess * probability + 1, ess * (1 - probability) + 1)
    ordered = np.sort(values, axis=None)
    low = max(math.floor(inside[0] * ordered.size) - 1, 0)
    high = min(math.ceil(inside[1] * ordered.size) - 1, ordered.size - 1)
    return float(ordered[high] - ordered[low]) / 2


def standstill(values: np.ndarray) -> int:
    """Return the length of the longest run of equal draws within a chain.

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw).
    """
    longest = 0
    for chain in values:
        changes = np.flatnonzero(np.diff(chain) != 0)
        runs = np.diff(np.concatenate([[-1], changes, [chain.size - 1]]))
        longest = max(longest, int(runs.max(initial=0)))
    return longest


def ebfmi(energy: np.ndarray) -> Tuple[float, ...]:
    """Return E-BFMI of each chain; chains whose energy never moves are left out.

    Parameters
    ----------
    energy : ndarray
        Hamiltonian energy of each transition, shape (chain, draw).

    Notes
    -----
    Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations in Hamiltonian
    Monte Carlo", section 3: mean squared change of the energy over its variance.
    """
    moving: List[np.ndarray] = [chain for chain in energy if chain.size > 1 and chain.var() > 0]
    if not moving:
        return ()
    found = estimators.bfmi(np.stack(moving))
    return tuple(float(value) for value in found if np.isfinite(value))


def _full_trees(stats: Mapping[str, np.ndarray], max_treedepth: int) -> Optional[float]:
    """Share of trajectories that made all 2**max_treedepth - 1 leapfrogs.

    PyMC3 counts a doubling into the depth also when the trajectory turned back within
    it, so the depth alone would take many that ended by themselves for cut off. What is
    left over are the few that turned back with their very last leapfrog.
    """
    sizes = stats.get("tree_size")
    if sizes is None or not sizes.size:
        return None
    return float(np.mean(sizes >= 2**max_treedepth - 1))


def diagnose(
    draws: Mapping[str, np.ndarray],
    stats: Mapping[str, np.ndarray],
    tune_stats: Mapping[str, np.ndarray],
    free: Tuple[str, ...],
    max_treedepth: int,
    dimensions: Optional[int] = None,
) -> Diagnostics:
    """Diagnose a cell's draws.

    Parameters
    ----------
    draws : dict of ndarray
        By monitored variable, shape (chain, draw, *shape).
    stats, tune_stats : dict of ndarray
        NUTS's statistics after and during tuning, shape (chain, transition).
    free : tuple of str
        Names of the free variables.
    max_treedepth : int
        Largest tree depth that was allowed.
    dimensions : int, optional
        Number of scalars that NUTS moves; without it nothing is said of the kinetic energy.
    """

    def total(table: Mapping[str, np.ndarray], name: str) -> Optional[int]:
        return int(np.sum(table[name])) if name in table else None

    def mean(name: str) -> Optional[float]:
        return finite(np.mean(stats[name])) if name in stats and stats[name].size else None

    sizes = {name: float(np.abs(values).max(initial=0.0)) for name, values in draws.items()}
    return Diagnostics(
        quantities={
            label: summarise(values, name in free, sizes[name], draws[name].dtype.kind in "iub")
            for name, label, values in scalars(draws)
        },
        divergences=total(stats, "diverging"),
        tune_divergences=total(tune_stats, "diverging"),
        leapfrogs=total(stats, "tree_size"),
        tune_leapfrogs=total(tune_stats, "tree_size"),
        tree_depth_mean=mean("depth"),
        tree_depth_max_share=_full_trees(stats, max_treedepth),
        ebfmi=ebfmi(stats["energy"]) if "energy" in stats else (),
        accept_mean=mean("mean_tree_accept"),
        step_size=mean("step_size"),
        kinetic=kinetic(stats, dimensions),
    )
