"""Whether a record's draws agree with the truth: accurate, inaccurate, inconclusive, or not judged.

Every monitored scalar's mean, standard deviation and two tail quantiles are compared
with the truth in units of their Monte Carlo standard error (MCSE), and the kinetic energy at the
draws with what it is for any model (:mod:`nutsbench.judge.kinetic`). Draws of chains that have not mixed
are not judged: what is wrong with them is said already, and need not be the sampler's doing. How often
the verdict is wrong was measured, not assumed: see docs/calibration.md, made by ``nutsbench calibrate``.

A tail quantile is compared as a probability: the share of draws below the true quantile,
less 5 or 95 %. The error of a quantile itself has to be estimated from the few draws
around it, and where it comes out too small a right sampler looks wrong; that of a share
is known (docs/decisions/0007-compare-tails-as-probabilities.md).
"""

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from nutsbench.judge.diagnostics import scalars
from nutsbench.judge.kinetic import Kinetic
from nutsbench.models.truths import Truth

#: What is compared of each scalar; the tails with their probability.
STATISTICS = ("mean", "sd", "q05", "q95")
TAILS = {"q05": 0.05, "q95": 0.95}

#: The scalar that a score of the kinetic energy has.
KINETIC = "kinetic energy"

#: By scalar and tail, the share of draws at or below the true quantile.
Shares = Mapping[str, Mapping[str, float]]

#: Chance that the largest of a record's z exceeds the threshold, were they independent and
#: normal. They are neither, so the rate that was measured counts, not this one.
LEVEL = 0.001

#: With fewer effective draws over all chains the MCSE itself is not known well
#: enough (Vehtari et al. 2021, section 4), and a bias of a third of an sd could hide.
MIN_ESS = 100

#: What has to be known of every scalar before its draws can be called accurate.
_NEEDED = ("mcse_mean", "mcse_sd", "ess_q05", "ess_q95", "ess_bulk", "ess_tail", "rhat")

VERDICTS = ("accurate", "inaccurate", "inconclusive", "not judged")
#: How records that were made earlier say inconclusive.
_EARLIER = "can't tell"


@dataclass(frozen=True)
class Score:
    """One figure's distance from the truth.

    Parameters
    ----------
    scalar, statistic : str
        Which figure.
    z : float
        Estimate less truth, in units of the MCSE and the truth's own error.
    size : float
        Estimate less truth, in posterior standard deviations.
    """

    scalar: str
    statistic: str
    z: float
    size: float

    def to_dict(self) -> Dict[str, Any]:
        """Return the score, ready for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Accuracy:
    """Verdict on whether a record's draws agree with the truth.

    Parameters
    ----------
    verdict : str
        One of :data:`VERDICTS`.
    reasons : tuple of str
        Why it is not accurate; empty if it is.
    worst : Score or None
        The figure with the largest z.
    compared : int
        Number of figures that were compared.
    threshold : float
        Largest z that passes, given that number.
    scores : dict
        By scalar and statistic, z and size.
    truth : dict
        ``kind`` and ``digest`` of the truth; empty without one.
    """

    verdict: str
    reasons: Tuple[str, ...] = ()
    worst: Optional[Score] = None
    compared: int = 0
    threshold: float = 0.0
    scores: Dict[str, Dict[str, List[float]]] = field(default_factory=dict)
    truth: Dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> Dict[str, Any]:
        """Return the verdict, ready for JSON."""
        worst = self.worst.to_dict() if self.worst else None
        return {**vars(self), "reasons": list(self.reasons), "worst": worst}


def unknown(reason: str) -> Accuracy:
    """Return the verdict where nothing can be compared."""
    return Accuracy("inconclusive", (reason,))


def threshold(compared: int, level: float = LEVEL) -> float:
    """Return the largest z that passes when so many figures are compared.

    Notes
    -----
    Two-sided, with Sidak's correction for the number of comparisons (Sidak 1967): the
    chance that one of n independent standard normals exceeds it is ``level``.
    """
    each = -math.expm1(math.log1p(-level) / max(1, compared))
    return NormalDist().inv_cdf(1 - each / 2)


def shares_below(draws: Mapping[str, np.ndarray], truth: Truth) -> Dict[str, Dict[str, float]]:
    """Return the share of each scalar's draws that lie at or below its true tail quantiles.

    Parameters
    ----------
    draws : dict of ndarray
        By monitored variable, shape (chain, draw, *shape).
    truth : Truth
        The truth of the same model.
    """
    return {
        scalar: {tail: float(np.mean(values <= truth.quantities[scalar][tail])) for tail in TAILS}
        for _, scalar, values in scalars(draws)
        if scalar in truth.quantities
    }


def score(quantities: Mapping[str, Mapping[str, Any]], shares: Shares, truth: Truth) -> List[Score]:
    """Compare every statistic that has an MCSE with the truth.

    Parameters
    ----------
    quantities : dict
        By scalar, a :class:`nutsbench.judge.diagnostics.Quantity` as a dictionary.
    shares : dict
        Of :func:`shares_below`.
    truth : Truth
        The truth of the same model.
    """
    return [
        found
        for scalar, figures in quantities.items()
        if scalar in truth.quantities
        for found in (_moment(scalar, "mean", figures, truth), _moment(scalar, "sd", figures, truth))
        + tuple(_tail(scalar, tail, figures, shares, truth) for tail in TAILS)
        if found is not None
    ]


def _moment(scalar: str, statistic: str, figures: Mapping[str, Any], truth: Truth) -> Optional[Score]:
    estimate, mcse = figures[statistic], figures[f"mcse_{statistic}"]
    if estimate is None or mcse is None:
        return None
    away = estimate - truth.quantities[scalar][statistic]
    z = _in_errors(away, math.hypot(mcse, truth.error(scalar, statistic)))
    return Score(scalar, statistic, z, away / truth.quantities[scalar]["sd"])


def _tail(
    scalar: str, tail: str, figures: Mapping[str, Any], shares: Shares, truth: Truth
) -> Optional[Score]:
    exact, probability, ess = truth.quantities[scalar], TAILS[tail], figures[f"ess_{tail}"]
    if figures[tail] is None or ess is None or scalar not in shares:
        return None
    # The truth's own error: of reference draws a share's error, too; else a bound on a
    # quantile, as a probability by the density, which is below 1 / sd in the tails.
    own = exact.get(f"ess_{tail}")
    variance = probability * (1 - probability) * (1 / ess + (1 / own if own else 0.0))
    bound = 0.0 if own else exact["error"] / exact["sd"]
    # More draws below the quantile than there should be: the draws lie too low.
    z = -_in_errors(shares[scalar][tail] - probability, math.hypot(math.sqrt(variance), bound))
    return Score(scalar, tail, z, (figures[tail] - exact[tail]) / exact["sd"])


def _in_errors(away: float, error: float) -> float:
    # No error at all is no reason to divide by zero: what is away is far away.
    return away / error if error > 0 else math.copysign(1e6, away) if away else 0.0


def judge(
    quantities: Mapping[str, Mapping[str, Any]],
    shares: Shares,
    truth: Optional[Truth],
    why_none: str = "",
    level: float = LEVEL,
    not_mixed: str = "",
    kinetic: Optional[Kinetic] = None,
) -> Accuracy:
    """Judge a record's draws against the truth.

    Parameters
    ----------
    quantities : dict
        By scalar, a :class:`nutsbench.judge.diagnostics.Quantity` as a dictionary.
    shares : dict
        Of :func:`shares_below`; empty without a truth.
    truth : Truth or None
        The truth; ``None`` if there is none that can be used.
    why_none : str
        Why there is none.
    level : float
        As :data:`LEVEL`.
    not_mixed : str
        Why the draws are not those of chains that have mixed; empty if they are.
    kinetic : Kinetic, optional
        Twice the kinetic energy at the draws, which needs no truth.

    Returns
    -------
    Accuracy
        Not judged if the chains have not mixed. Otherwise inaccurate if a statistic is further away than
        its error explains; inconclusive if one cannot be compared, or if there are too few effective
        draws; accurate if neither.
    """
    scores = score(quantities, shares, truth) if truth is not None else []
    if kinetic is not None and kinetic.ess >= MIN_ESS:
        scores.append(Score(KINETIC, "mean", kinetic.z, kinetic.size))
    if not quantities:
        return unknown(why_none if truth is None else "there is no scalar to compare")
    limit = threshold(len(scores), level)
    worst = max(scores, key=lambda one: abs(one.z), default=None)
    wrong = _wrong(worst, limit)
    if truth is None and (not_mixed or not wrong):
        return unknown(why_none)
    doubts = _doubts(quantities, truth) if truth is not None else []
    if not_mixed:
        verdict, reasons = "not judged", [_unmixed(not_mixed)]
    else:
        verdict = "inaccurate" if wrong else "inconclusive" if doubts else "accurate"
        reasons = wrong or doubts
    table: Dict[str, Dict[str, List[float]]] = {}
    for one in scores:
        table.setdefault(one.scalar, {})[one.statistic] = [round(one.z, 4), round(one.size, 6)]
    return Accuracy(
        verdict=verdict,
        reasons=tuple(reasons),
        worst=worst,
        compared=len(scores),
        threshold=round(limit, 4),
        scores=table,
        truth={"kind": truth.kind, "digest": truth.digest} if truth is not None else {},
    )


def _wrong(worst: Optional[Score], limit: float) -> List[str]:
    if worst is None or abs(worst.z) <= limit:
        return []
    if worst.scalar == KINETIC:
        return [
            f"the kinetic energy at the draws is too {'large' if worst.z > 0 else 'small'} for any model, by"
            f" {abs(worst.z):.2f} standard errors, where up to {limit:.2f} may be chance"
        ]
    return [
        f"{worst.statistic} of {worst.scalar} is {abs(worst.z):.2f} MCSE ({abs(worst.size):.2g} posterior"
        f" sds) from the reference posterior, where up to {limit:.2f} may be chance"
    ]


def _unmixed(why: str) -> str:
    return f"chains have not mixed: {why}"


def present(judged: Mapping[str, Any], not_mixed: str) -> Dict[str, Any]:
    """Return how a record's accuracy is judged today, by what was stored of it.

    Parameters
    ----------
    judged : dict
        A record's ``accuracy``, of any schema.
    not_mixed : str
        As in :func:`judge`.
    """
    if not judged.get("truth") and not judged.get("worst"):
        return {**judged, "verdict": "inconclusive"} if judged else {}
    if not_mixed:
        return {**judged, "verdict": "not judged", "reasons": [_unmixed(not_mixed)]}
    if judged["verdict"] not in (_EARLIER, "inconclusive"):
        worst = Score(**judged["worst"]) if judged["worst"] else None
        wrong = _wrong(worst, judged["threshold"])
        return {**judged, "verdict": "inaccurate" if wrong else "accurate", "reasons": wrong}
    return {**judged, "verdict": "inconclusive"}


def _doubts(quantities: Mapping[str, Mapping[str, Any]], truth: Truth) -> List[str]:
    """Say why draws that are not far from the truth need not be right."""
    # A Deterministic may well be constant, like the diagonal of a correlation matrix.
    varying = {
        scalar: figures
        for scalar, figures in quantities.items()
        if figures["free"] or not figures["note"].startswith("constant")
    }
    doubts = []
    missing = [scalar for scalar in truth.quantities if scalar not in varying]
    missing += [scalar for scalar in varying if scalar not in truth.quantities]
    if missing:
        doubts.append(f"only one of draws and reference posterior has {', '.join(missing)}")
    for scalar, figures in varying.items():
        if any(figures[name] is None for name in _NEEDED):
            why = figures["note"] or "ArviZ gave no error, ESS or R-hat"
            doubts.append(f"{scalar} cannot be judged: {why}")
    for name, words in (("ess_bulk", "bulk"), ("ess_tail", "tail")):
        ess = [(one[name], scalar) for scalar, one in varying.items() if one[name] is not None]
        if ess and min(ess)[0] < MIN_ESS:
            doubts.append(f"{words} ESS {min(ess)[0]:.0f} of {min(ess)[1]} is below {MIN_ESS}")
    return doubts
