"""Whether a cell's draws can be used, and the reasons why not.

Apart from its status: a cell can run well and sample badly.
"""

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from harness.diagnostics import Diagnostics, Quantity
from harness.metrics import extreme

#: Limits of the checks: Vehtari et al. (2021) for R-hat and ESS, Betancourt (2016) for E-BFMI.
MAX_RHAT = 1.01
MIN_ESS_PER_CHAIN = 100
MIN_EBFMI = 0.3
#: PyMC3's own limit: below it, cut-off trajectories cost time and do no harm.
MAX_FULL_TREES = 0.05


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
    failed = [
        *_odd_scalars(diagnostics.quantities),
        *_rhat(diagnostics.quantities),
        *_ess(diagnostics.quantities, chains),
        *_transitions(diagnostics),
    ]
    if failed:
        return Quality("poor", tuple(failed))
    unknown = _not_checked(diagnostics)
    return Quality("unknown", tuple(unknown)) if unknown else Quality("good")


def _odd_scalars(quantities: Dict[str, Quantity]) -> List[str]:
    # A free variable that stands still is stuck; a Deterministic may well be constant.
    return [
        f"{label}: {quantity.note}"
        for label, quantity in quantities.items()
        if quantity.state in ("not_finite", "stuck") or (quantity.state == "constant" and quantity.free)
    ]


def _rhat(quantities: Dict[str, Quantity]) -> List[str]:
    worst = extreme(quantities, "rhat", largest=True)
    if worst is None:
        return []
    rhat = quantities[worst].rhat
    assert rhat is not None  # extreme() only names scalars that have the figure.
    return [f"R-hat {rhat:.4f} of {worst} is above {MAX_RHAT}"] if rhat > MAX_RHAT else []


def _ess(quantities: Dict[str, Quantity], chains: int) -> List[str]:
    reasons = []
    for figure, name in (("ess_bulk", "bulk"), ("ess_tail", "tail")):
        worst = extreme(quantities, figure)
        if worst is None:
            continue
        ess = getattr(quantities[worst], figure)
        if ess < MIN_ESS_PER_CHAIN * chains:
            reasons.append(
                f"{name} ESS {ess:.0f} of {worst} is below {MIN_ESS_PER_CHAIN * chains}"
                f" ({MIN_ESS_PER_CHAIN} a chain)"
            )
    return reasons


def _transitions(diagnostics: Diagnostics) -> List[str]:
    reasons = []
    if diagnostics.divergences:
        reasons.append(f"{diagnostics.divergences} divergences after tuning")
    lowest = min(diagnostics.ebfmi, default=MIN_EBFMI)
    if lowest < MIN_EBFMI:
        reasons.append(f"E-BFMI {lowest:.2f} is below {MIN_EBFMI}")
    full = diagnostics.tree_depth_max_share or 0.0
    if full > MAX_FULL_TREES:
        reasons.append(f"{100 * full:.2g} % of trajectories used up the largest tree depth")
    return reasons


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
