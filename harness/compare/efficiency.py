"""What a leapfrog is worth, where the arms do not do the same work: effective samples per leapfrog.

Seconds per leapfrog alone say nothing of a changed algorithm. ESS per second is ESS per
leapfrog times leapfrogs per second; the first is compared here, over replicate seeds.
"""

from typing import List

import numpy as np

from nutsbench.compare import statistics
from nutsbench.compare.arms import Arm
from nutsbench.compare.pair import chains, side_by_side
from nutsbench.compare.statistics import Interval

#: Chains of each arm. Their spread is all that the interval rests on.
SEEDS = tuple(range(1, 13))
#: Length of a chain in bursts, and the least and most transitions that an ESS is estimated from.
_BURSTS = 10
_FEWEST, _MOST = 200, 2000


def compare(base: Arm, head: Arm, model: str, transitions: int, level: float) -> Interval:
    """Return the ratio HEAD over BASE of leapfrogs per effective sample; smaller is better.

    Parameters
    ----------
    base, head : Arm
        The arms.
    model : str
        The model.
    transitions : int
        Of a burst.
    level : float
        Chance that the interval misses.

    Notes
    -----
    Bulk ESS (Vehtari et al. 2021) of the worst dimension of the unconstrained space, of one
    chain a seed that starts at the workload's point. Means of logarithms over seeds, with
    Welch's interval: what either arm draws is independent of the other's.

    Raises
    ------
    ArmError
        If one of the arms cannot.
    """
    length = min(_MOST, max(_FEWEST, _BURSTS * transitions))
    found = side_by_side(lambda arm: _costs(arm, model, length), (base, head))
    return statistics.welch(found[0], found[1], level)


def _costs(arm: Arm, model: str, length: int) -> List[float]:
    return [cost(positions, leapfrogs) for positions, leapfrogs in chains(arm, model, SEEDS, length)]


def cost(positions: np.ndarray, leapfrogs: int) -> float:
    """Return a chain's leapfrogs per effective sample of its worst dimension.

    Parameters
    ----------
    positions : ndarray
        Shape (transition, dimension).
    leapfrogs : int
        Of all transitions.
    """
    from nutsbench.judge.diagnostics import summarise

    worst = [summarise(column[np.newaxis]).ess_bulk for column in positions.T]
    # A chain that stands still has no ESS: it is worth one draw at the most.
    return leapfrogs / min(1.0 if ess is None else ess for ess in worst)
