"""How long to sample: until the limiting scalar has reached an effective sample size, or R-hat.

Pure: draws in, the number of draws out at which a goal is reached.
"""

import math
import warnings
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from nutsbench.judge import estimators
from nutsbench.judge.diagnostics import scalars

#: Draws of each chain after which it is looked at whether they are enough.
BLOCK = 50
#: By how much a run may grow at a time: an ESS of few draws says little of how many are needed.
_LEAST, _MOST = 1.5, 8.0
#: How many draws more than the last run's ESS asks for, so that one more run mostly does.
_MARGIN = 1.2


@dataclass(frozen=True)
class Goal:
    """What is to be reached.

    Parameters
    ----------
    ess : float or None
        Bulk and tail ESS of every scalar, at least.
    rhat : float or None
        R-hat of every scalar, at most.
    block : int
        Draws of each chain after which it is looked at again.
    max_draws : int
        Draws of each chain that are not exceeded.
    """

    ess: Optional[float]
    rhat: Optional[float]
    block: int
    max_draws: int

    def to_dict(self) -> Dict[str, Any]:
        """Return what the goal is, as a record's ``details.until`` has it."""
        return {"ess": self.ess, "rhat": self.rhat, "block": self.block}

    def blocks(self, draws: int) -> List[int]:
        """Return after how many draws of a run it is looked at, its end included."""
        return [*range(self.block, draws, self.block), draws]

    def reached(self, draws: Mapping[str, np.ndarray]) -> Optional[int]:
        """Return after how many draws of each chain the goal is reached; None if it is not.

        Parameters
        ----------
        draws : dict of ndarray
            By variable, shape (chain, draw, *shape).
        """
        left = [values for _, _, values in scalars(draws) if not np.all(values == values.flat[0])]
        if not left:
            return None
        for count in self.blocks(left[0].shape[1]):
            # What fails once is likely to fail again, so it is asked first.
            failed = next((one for one in left if not self._holds(one[:, :count])), None)
            if failed is None:
                return count
            left.sort(key=lambda one: one is not failed)
        return None

    def _holds(self, values: np.ndarray) -> bool:
        if self.ess is not None and not limiting_ess(values) >= self.ess:
            return False
        return self.rhat is None or _quietly(estimators.rhat, values) <= self.rhat

    def more(self, draws: Mapping[str, np.ndarray]) -> int:
        """Return how many draws of each chain to try, where these do not reach the goal."""
        found = [values for _, _, values in scalars(draws)]
        count = found[0].shape[1] if found else self.block
        grow = 2.0
        if self.ess is not None and found:
            known = min((limiting_ess(one) for one in found if np.ptp(one) > 0), default=math.nan)
            grow = _MARGIN * self.ess / known if known > 0 else _MOST
        longer = count * min(max(grow, _LEAST), _MOST)
        return math.ceil(longer / self.block) * self.block


def limiting_ess(values: np.ndarray) -> float:
    """Return the smaller of bulk and tail ESS of a scalar, NaN where a chain stands still.

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw).
    """
    if values.shape[1] < 4 or np.any(np.ptp(values, axis=1) == 0):
        return math.nan
    return min(_quietly(estimators.ess, values, "bulk"), _quietly(estimators.ess, values, "tail"))


def _quietly(estimate: Any, *arguments: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(estimate(*arguments))


def stopped(values: np.ndarray, ess: float, block: int) -> Optional[Tuple[int, float]]:
    """Return where sampling of one scalar would stop, and the ESS that it is stopped on.

    Parameters
    ----------
    values : ndarray
        Draws, shape (chain, draw).
    ess : float
        What is to be reached.
    block : int
        Draws of each chain after which it is looked at again.
    """
    count = Goal(ess, None, block, values.shape[1]).reached({"x": values})
    return None if count is None else (count, limiting_ess(values[:, :count]))
