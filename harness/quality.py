"""Whether a cell's draws can be used, and the reasons why not.

Apart from its status: a cell can run well and sample badly.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from harness.diagnostics import Diagnostics, Quantity
from harness.metrics import extreme

#: Limits of the checks: Vehtari et al. (2021) for R-hat and ESS, Betancourt (2016) for E-BFMI.
MAX_RHAT = 1.01
MIN_ESS_PER_CHAIN = 100
MIN_EBFMI = 0.3
#: PyMC3's own limit: below it, cut-off trajectories cost time and do no harm.
MAX_FULL_TREES = 0.05


@dataclass(frozen=True)
class Check:
    """A limit that a metric of good draws keeps, and what is said of one that does not.

    Parameters
    ----------
    metric : str
        Key in a record's ``metrics``.
    limit : float
        What it may be at the most, or has to be at the least.
    says : str
        The sentence, with places for ``value`` (or ``percent``), ``scalar``, ``limit`` and ``extreme``:
        ``up to`` or ``down to``, where the value is that of the worst of several cells.
    largest : bool
        Whether the limit is of the largest value that is good, rather than of the smallest.
    scalar : str
        The figure of a scalar that the metric is the extreme of, a key of a record's ``worst``;
        empty if it is of the whole cell.
    a_chain : bool
        Whether the limit is multiplied by the number of chains.
    """

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
            Whether the value is the worst of several cells'.
        """
        extreme = ("up to " if self.largest else "down to ") if of_several else ""
        bound = f"{self.bound(chains):g}" + (f" ({self.limit:g} a chain)" if self.a_chain else "")
        return self.says.format(value=value, percent=100 * value, scalar=scalar, limit=bound, extreme=extreme)


FULL_TREES = Check(
    "tree_depth_max_share",
    MAX_FULL_TREES,
    "{extreme}{percent:.2g} % of trajectories used up the largest tree depth",
)
#: What is checked, in the order in which it is said.
CHECKS = (
    Check("rhat_max", MAX_RHAT, "R-hat {extreme}{value:.4f} of {scalar} is above {limit}", scalar="rhat"),
    *(
        Check(
            f"ess_{kind}_min",
            MIN_ESS_PER_CHAIN,
            kind + " ESS {extreme}{value:.0f} of {scalar} is below {limit}",
            largest=False,
            scalar=f"ess_{kind}",
            a_chain=True,
        )
        for kind in ("bulk", "tail")
    ),
    Check("divergences", 0, "{extreme}{value} divergences after tuning"),
    Check("ebfmi_min", MIN_EBFMI, "E-BFMI {extreme}{value:.2f} is below {limit}", largest=False),
    FULL_TREES,
)


@dataclass(frozen=True)
class Quality:
    """Verdict on a cell's draws.

    Parameters
    ----------
    verdict : str
        ``good`` (every check passed), ``poor`` (one failed), or ``unknown`` (none failed,
        but one could not be made).
    reasons : tuple of str
        One sentence for each check that failed or could not be made.
    """

    verdict: str
    reasons: Tuple[str, ...] = ()

    def to_dict(self) -> Dict[str, Any]:
        """Return the verdict, ready for JSON."""
        return {"verdict": self.verdict, "reasons": list(self.reasons)}


def judge(diagnostics: Diagnostics, chains: int) -> Quality:
    """Judge a cell's draws by the checks that the field agrees on.

    Parameters
    ----------
    diagnostics : Diagnostics
        What the draws and the sampler's statistics say.
    chains : int
        Number of chains.
    """
    figures = _figures(diagnostics)
    failed = [
        *_odd_scalars(diagnostics.quantities),
        *(
            check.sentence(value, scalar, chains)
            for check in CHECKS
            for value, scalar in [figures[check.metric]]
            if value is not None and check.fails(value, chains)
        ),
    ]
    if failed:
        return Quality("poor", tuple(failed))
    unknown = _not_checked(diagnostics)
    return Quality("unknown", tuple(unknown)) if unknown else Quality("good")


def _figures(diagnostics: Diagnostics) -> Dict[str, Tuple[Optional[float], str]]:
    """Return what is checked, and whose it is."""
    figures: Dict[str, Tuple[Optional[float], str]] = {
        "divergences": (diagnostics.divergences, ""),
        "ebfmi_min": (min(diagnostics.ebfmi, default=None), ""),
        "tree_depth_max_share": (diagnostics.tree_depth_max_share, ""),
    }
    for check in CHECKS:
        if check.scalar:
            worst = extreme(diagnostics.quantities, check.scalar, largest=check.largest)
            value = getattr(diagnostics.quantities[worst], check.scalar) if worst is not None else None
            figures[check.metric] = value, worst or ""
    return figures


def _odd_scalars(quantities: Dict[str, Quantity]) -> List[str]:
    # A free variable that stands still is stuck; a Deterministic may well be constant.
    return [
        f"{label}: {quantity.note}"
        for label, quantity in quantities.items()
        if quantity.state in ("not_finite", "stuck") or (quantity.state == "constant" and quantity.free)
    ]


def over_seeds(records: Sequence[Mapping[str, Any]], usual: int) -> List[str]:
    """Say what is poor about the draws of some records, each fault once with its worst value.

    Parameters
    ----------
    records : sequence of dict
        Of cells that ended well and differ in their seeds only.
    usual : int
        How many cells a fault is of where nothing is said of it.

    Returns
    -------
    list of str
        A sentence for each fault that any has, with how many have it where that is not the usual number.
    """
    said = list(Counter(reason for record in records for reason in _stood_still(record)).items())
    for check in CHECKS:
        failing = [one for record in records for one in _failing(record, check)]
        if failing:
            value, scalar, chains = (max if check.largest else min)(failing)
            said.append((check.sentence(value, scalar, chains, len(failing) > 1), len(failing)))
    # What all of them have is what the verdict is of.
    said.sort(key=lambda fault: -fault[1])
    return [
        sentence if count == usual else f"{sentence} ({count} of {len(records)} seeds)"
        for sentence, count in said
    ]


def _failing(record: Mapping[str, Any], check: Check) -> List[Tuple[float, str, int]]:
    """Return a record's value of a check that it fails, whose it is, and of how many chains."""
    value, chains = record["metrics"].get(check.metric), record["settings"]["chains"]
    scalar = record.get("worst", {}).get(check.scalar) or ""
    return [(value, scalar, chains)] if check.fails(value, chains) else []


def _stood_still(record: Mapping[str, Any]) -> List[str]:
    """Return what is odd about a record's scalars; of those that are not, nothing has to be known."""
    odd = {
        label: Quantity(**quantity)
        for label, quantity in record.get("quantities", {}).items()
        if quantity["state"] != "ok"
    }
    return _odd_scalars(odd)


def costs_only(record: Mapping[str, Any]) -> bool:
    """Return whether all that is poor about a record's draws is that trajectories were cut off.

    Such draws can still be right, and the truth tells whether they are; they cost more than they
    have to.
    """
    return (
        record["quality"]["verdict"] == "poor"
        and not _stood_still(record)
        and [check for check in CHECKS if _failing(record, check)] == [FULL_TREES]
    )


def _not_checked(diagnostics: Diagnostics) -> List[str]:
    """Name each check that could not be made; a figure that is missing has not passed."""
    notes = [
        quantity.note if quantity.note else f"{label}: ArviZ gave no ESS or R-hat"
        for label, quantity in diagnostics.quantities.items()
        if quantity.state in ("too_few", "one_chain")
        or (quantity.state == "ok" and None in (quantity.rhat, quantity.ess_bulk, quantity.ess_tail))
    ]
    if not diagnostics.quantities:
        notes.append("there is no scalar to check")
    if None in (diagnostics.divergences, diagnostics.tree_depth_max_share):
        notes.append("the sampler is not NUTS: no divergences and tree depth to check")
    if not diagnostics.ebfmi:
        notes.append("there is no E-BFMI: the energy never moved, or is not known")
    return list(dict.fromkeys(notes))
