"""The limits that good draws keep, one row each, and what a row makes of draws beyond it.

A new check is one row of :data:`CHECKS`.
"""

from dataclasses import dataclass
from typing import Optional

from nutsbench.judge.mixing import MAX_RHAT

#: Limits of the checks: Vehtari et al. (2021) for ESS, Betancourt (2016) for E-BFMI.
MIN_ESS_PER_CHAIN = 100
MIN_EBFMI = 0.3
#: PyMC3's own limit: below it, cut-off trajectories cost time and do no harm.
MAX_FULL_TREES = 0.05


@dataclass(frozen=True)
class Check:
    """A limit that a metric of good draws keeps, and what is said of one that does not.

    Parameters
    ----------
    verdict : str
        What it makes of a record, of :data:`VERDICTS`.
    metric : str
        Key in a record's ``metrics``.
    limit : float
        What it may be at the most, or has to be at the least.
    says : str
        The sentence, with places for ``value`` (or ``percent``), ``scalar``, ``limit`` and ``extreme``:
        ``up to`` or ``down to``, where the value is the most extreme of several cells.
    largest : bool
        Whether the limit is of the largest value that is good, rather than of the smallest.
    scalar : str
        Of what the metric is the extreme over scalars, a key of a record's ``worst``; empty if it is of
        the whole cell.
    a_chain : bool
        Whether the limit is multiplied by the number of chains.
    """

    verdict: str
    metric: str
    limit: float
    says: str
    largest: bool = True
    scalar: str = ""
    a_chain: bool = False

    def bound(self, chains: int) -> float:
        """Return the limit for a number of chains."""
        return self.limit * chains if self.a_chain else self.limit

    def fails(self, value: Optional[float], chains: int) -> bool:
        """Return whether a value is beyond the limit; one that is not known is not."""
        if value is None:
            return False
        return value > self.bound(chains) if self.largest else value < self.bound(chains)

    def sentence(self, value: float, scalar: str, chains: int, of_several: bool = False) -> str:
        """Say that a value is beyond the limit.

        Parameters
        ----------
        value : float
            The metric's value.
        scalar : str
            Whose it is; empty where it is of the whole cell.
        chains : int
            Number of chains.
        of_several : bool
            Whether the value is the most extreme of several cells'.
        """
        extreme = ("up to " if self.largest else "down to ") if of_several else ""
        bound = f"{self.bound(chains):g}" + (f" ({self.limit:g} a chain)" if self.a_chain else "")
        noun = "divergence" if value == 1 else "divergences"
        return self.says.format(
            value=value, percent=100 * value, scalar=scalar, limit=bound, extreme=extreme, noun=noun
        )


RHAT = Check(
    "too few draws",
    "rhat_max",
    MAX_RHAT,
    "R-hat {extreme}{value:.4f} of {scalar} is above {limit}, within chance for so few effective draws",
    scalar="rhat",
)
#: What is checked beside mixing, in the order in which it is said.
CHECKS = (
    Check(
        "not converged",
        "ebfmi_min",
        MIN_EBFMI,
        "E-BFMI {extreme}{value:.2f} is below {limit}: the energies are not explored",
        largest=False,
    ),
    Check("divergent", "divergences", 0, "{extreme}{value} {noun} after tuning"),
    RHAT,
    *(
        Check(
            "too few draws",
            f"ess_{kind}_min",
            MIN_ESS_PER_CHAIN,
            kind + " ESS {extreme}{value:.0f} of {scalar} is below {limit}",
            largest=False,
            scalar=f"ess_{kind}",
            a_chain=True,
        )
        for kind in ("bulk", "tail")
    ),
    Check(
        "treedepth limited",
        "tree_depth_max_share",
        MAX_FULL_TREES,
        "{extreme}{percent:.2g} % of trajectories reached max_treedepth",
    ),
)
