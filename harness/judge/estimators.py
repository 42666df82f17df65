"""Statistics of draws, through ArviZ: effective sample sizes, R-hat, E-BFMI.

One ArviZ computes them for all stacks (docs/decisions/0026-one-arviz-for-all-stacks.md). Arrays in,
numbers out, each of shape (chain, draw).
"""

from typing import Any, Optional

import numpy as np

#: Tail ESS is the smaller of those of these quantiles (Vehtari et al. 2021, section 4.3).
TAILS = (0.05, 0.95)


def load() -> None:
    """Import what computes them, which takes a second."""
    _array_stats()


def _array_stats() -> Any:
    # Its import takes a tenth of what all of ArviZ takes.
    from arviz_stats.base.array import array_stats

    return array_stats


def ess(values: np.ndarray, method: str, probability: Optional[float] = None) -> float:
    """Return an effective sample size.

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw).
    method : str
        ``bulk``, ``tail``, ``mean`` or ``quantile`` (Vehtari et al. 2021, section 4).
    probability : float, optional
        Of the quantile.
    """
    if method == "mean":
        # ArviZ takes values for constant that differ by less than 1e-15, whatever their unit.
        size = float(np.ptp(values))
        values = values / size if size > 0 else values
    prob = TAILS if method == "tail" else probability
    return float(_array_stats().ess(np.asarray(values, dtype=float), method=method, prob=prob))


def rhat(values: np.ndarray) -> float:
    """Return the rank-normalised split R-hat (Vehtari et al. 2021, equation 14).

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw).
    """
    return float(_array_stats().rhat(np.asarray(values, dtype=float), method="rank"))


def mcse_mean(values: np.ndarray) -> float:
    """Return the Monte Carlo standard error of the mean.

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw).
    """
    return float(np.std(values, ddof=1) / np.sqrt(ess(values, "mean")))


def bfmi(energy: np.ndarray) -> np.ndarray:
    """Return E-BFMI of each chain (Betancourt 2016, section 3).

    Parameters
    ----------
    energy : ndarray
        Hamiltonian energy, shape (chain, draw).
    """
    return np.atleast_1d(np.asarray(_array_stats().bfmi(energy), dtype=float))


def autocorrelation(path: np.ndarray) -> np.ndarray:
    """Return the autocorrelation of one chain at each lag.

    Parameters
    ----------
    path : ndarray
        Draws, shape (draw,).
    """
    return np.asarray(_array_stats().autocorr(path), dtype=float)
