"""How a cell sampled, why, and what to do about it.

Apart from its status: a cell can run well and sample badly. The verdict is worked out of what a
record holds, each time that it is read, so old records and new ones are judged by one rule.

A record's verdict is the first of these that holds, all that was found being its reasons:

1. ``stuck``: a chain or a scalar does not move, or leaves the finite numbers.
2. ``not converged``: chains disagree by more than chance explains, have too few effective draws for
   anybody to say that they agree, or do not explore the energies (E-BFMI).
3. ``divergent``: there were divergences after tuning.
4. ``too few draws``: nothing speaks against mixing; ESS or R-hat say that the run was short.
5. ``treedepth limited``: trajectories were cut off; that costs time, and is no fault.
6. ``unknown``: a check could not be made.
7. ``good``: all checks passed.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from nutsbench.judge import accuracy
from nutsbench.judge.checks import CHECKS, RHAT, Check
from nutsbench.judge.mixing import unmixed
from nutsbench.judge.remedy import Remedy, command, remedy

__all__ = [
    "CHECKS",
    "VERDICTS",
    "Check",
    "Finding",
    "Quality",
    "Seen",
    "command",
    "findings",
    "has_mixed",
    "judge",
    "not_mixed",
    "over_seeds",
    "present",
    "unknown",
]

#: Worst first.
VERDICTS = ("stuck", "not converged", "divergent", "too few draws", "treedepth limited", "unknown", "good")
#: What a single seed is enough for: chance brings it about too seldom.
_BY_ONE_SEED = ("stuck", "not converged")

#: A chain that repeats one draw for this share of its length, and so often at the least, is stuck.
MAX_STANDSTILL = 0.05
MIN_STANDSTILL = 20


@dataclass(frozen=True)
class Finding:
    """Something that speaks against draws.

    Parameters
    ----------
    verdict : str
        What it makes of a record, of :data:`VERDICTS`.
    says : str
        A sentence.
    check : Check or None
        The check that failed, if it is one of :data:`CHECKS`.
    rhat : float or None
        R-hat, if the finding is that chains have not mixed: over seeds the one with the largest is said.
    """

    verdict: str
    says: str
    check: Optional[Check] = None
    rhat: Optional[float] = None


@dataclass(frozen=True)
class Quality:
    """Verdict on draws.

    Parameters
    ----------
    verdict : str
        One of :data:`VERDICTS`.
    reasons : tuple of str
        One sentence for each thing that was found, what decides first.
    remedy : Remedy or None
        What to do about it; ``None`` for good draws.
    """

    verdict: str
    reasons: Tuple[str, ...] = ()
    remedy: Optional[Remedy] = None

    def to_dict(self) -> Dict[str, Any]:
        """Return the verdict, ready for JSON."""
        told = self.remedy.to_dict() if self.remedy else None
        return {"verdict": self.verdict, "reasons": list(self.reasons), "remedy": told}


@dataclass(frozen=True)
class Seen:
    """What a verdict is worked out of.

    Parameters
    ----------
    settings : dict
        A :class:`nutsbench.models.spec.SamplerSettings` as a dictionary.
    quantities : dict
        By scalar, a :class:`nutsbench.judge.diagnostics.Quantity` as a dictionary.
    metrics, worst : dict
        As a record has them.
    hints : dict
        Of :func:`nutsbench.judge.hints.hints`; empty in old records.
    not_known : tuple of str
        What the sampler's statistics cannot tell, in sentences.
    of_scalars : int
        How many scalars are tested together, where these are not all of them.
    """

    settings: Mapping[str, Any]
    quantities: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Any]
    worst: Mapping[str, Optional[str]]
    hints: Mapping[str, Any] = field(default_factory=dict)
    not_known: Tuple[str, ...] = ()
    of_scalars: int = 0

    @classmethod
    def of(cls, record: Mapping[str, Any], of_scalars: int = 0) -> "Seen":
        """Return what a record, of a cell that is ok, tells."""
        details = record.get("details", {})
        return cls(
            record["settings"],
            record["quantities"],
            record["metrics"],
            record["worst"],
            details.get("hints", {}),
            tuple(details.get("not_known", ())),
            of_scalars,
        )


def judge(seen: Seen) -> Quality:
    """Judge draws by the checks that the field agrees on.

    Parameters
    ----------
    seen : Seen
        What the draws and the sampler's statistics say.
    """
    found = findings(seen)
    if not found:
        return Quality("good")
    verdict = min((one.verdict for one in found), key=VERDICTS.index)
    ordered = sorted(found, key=lambda one: VERDICTS.index(one.verdict))
    reasons = tuple(dict.fromkeys(one.says for one in ordered))
    return Quality(
        verdict, reasons, remedy(verdict, seen.settings, seen.quantities, seen.metrics, seen.hints)
    )


def findings(seen: Seen) -> List[Finding]:
    """Return all that speaks against draws, in no order."""
    chains, draws = seen.settings["chains"], seen.settings["draws"]
    found = [Finding("stuck", says) for says in _stuck(seen.quantities)]
    mixed = unmixed(seen.quantities, chains, draws, seen.of_scalars)
    if mixed is not None:
        found.append(Finding("not converged", mixed.says, rhat=seen.quantities[mixed.scalar]["rhat"]))
        found += [Finding("not converged", says) for says in _wandering(seen)]
    for check in CHECKS:
        # R-hat of chains that have not mixed is not within chance.
        if check is RHAT and mixed is not None:
            continue
        value, scalar = seen.metrics.get(check.metric), seen.worst.get(check.scalar) or ""
        if value is not None and check.fails(value, chains):
            found.append(Finding(check.verdict, check.sentence(value, scalar, chains), check))
    return found + _not_checked(seen)


def _stuck(quantities: Mapping[str, Mapping[str, Any]]) -> List[str]:
    # A free variable that stands still is stuck; a Deterministic may well be constant.
    odd = [
        f"{label}: {one['note']}"
        for label, one in quantities.items()
        if one["state"] in ("not_finite", "stuck")
        or (one["state"] == "constant" and one["free"] and not one.get("discrete"))
    ]
    still = [
        (one["standstill"], label)
        for label, one in quantities.items()
        if one["free"]
        and one.get("standstill", 0) >= MIN_STANDSTILL
        and one["standstill"] > MAX_STANDSTILL * one["draws_per_chain"]
        and one["state"] not in ("stuck", "constant")
    ]
    if still:
        longest, label = max(still)
        odd.append(f"a chain of {label} stands still for {longest} draws")
    return odd


def _wandering(seen: Seen) -> List[str]:
    """Say along which direction chains wander, where they do, and whether anything would hold them."""
    hint, no_end = seen.hints.get("wanders"), seen.hints.get("improper")
    if no_end:
        return [f"the posterior is improper: nothing ends it in the direction of {'; '.join(no_end[:3])}"]
    return [f"the chains wander along {hint['along']} and do not come back"] if hint else []


def _not_checked(seen: Seen) -> List[Finding]:
    """Name each check that could not be made; what is missing has not passed."""
    found = []
    for label, one in seen.quantities.items():
        if one["state"] == "too_few":
            found.append(Finding("too few draws", one["note"]))
        elif one["state"] == "constant" and one["free"] and one.get("discrete"):
            found.append(Finding("unknown", f"{label}: {one['note']}: it may be certain, or stuck"))
        elif one["state"] == "one_chain":
            found.append(Finding("unknown", one["note"]))
        elif one["state"] == "ok" and None in (one["rhat"], one["ess_bulk"], one["ess_tail"]):
            found.append(Finding("unknown", f"{label}: ArviZ gave no ESS or R-hat"))
    if not seen.quantities:
        found.append(Finding("unknown", "there is no scalar to check"))
    if None in (seen.metrics.get("divergences"), seen.metrics.get("tree_depth_max_share")):
        found.append(Finding("unknown", "the sampler is not NUTS: no divergences and tree depth to check"))
    elif seen.metrics.get("ebfmi_min") is None:
        found.append(Finding("unknown", "there is no E-BFMI: the energy never moved, or is not known"))
    return found


def not_mixed(seen: Seen) -> str:
    """Return why the draws are not those of chains that have mixed, empty if they may be."""
    stuck = _stuck(seen.quantities)
    if stuck:
        return stuck[0]
    mixed = unmixed(seen.quantities, seen.settings["chains"], seen.settings["draws"])
    return mixed.says if mixed else ""


def has_mixed(record: Mapping[str, Any]) -> bool:
    """Return whether a record's verdict leaves it open that its chains have mixed."""
    return record["quality"]["verdict"] not in _BY_ONE_SEED


def unknown(status: str) -> Dict[str, Any]:
    """Return the quality of a cell that did not end well, ready for JSON."""
    return Quality("unknown", (f"the cell is {status}",)).to_dict()


def present(record: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a record with its verdicts as they are given today, whatever was said when it was made.

    Parameters
    ----------
    record : dict
        A record of any schema.
    """
    if record["status"] != "ok":
        return {**record, "quality": unknown(record["status"])}
    seen = Seen.of(record)
    judged = accuracy.present(record.get("accuracy") or {}, not_mixed(seen))
    return {**record, "quality": judge(seen).to_dict(), "accuracy": judged}


def over_seeds(records: Sequence[Mapping[str, Any]]) -> Quality:
    """Judge a configuration by all of its records.

    Parameters
    ----------
    records : sequence of dict
        Of cells that ended well and differ in their seeds only; one or more.

    Returns
    -------
    Quality
        The worst verdict that half of the seeds or more have, or a worse one: chains that are stuck or have
        not converged are enough with one seed, the level of the test being shared among all of them.
        Each reason with its most extreme value, and with how many seeds have it where not all do.

    Notes
    -----
    A sampler that only just suffices falls short now and then, and the more seeds there are the surer
    one of them does; what half of them have is the settings' doing.
    """
    scalars = sum(one["rhat"] is not None for record in records for one in record["quantities"].values())
    found = [findings(Seen.of(record, scalars)) for record in records]
    verdicts = sorted(
        (min((one.verdict for one in each), key=VERDICTS.index, default="good") for each in found),
        key=VERDICTS.index,
    )
    verdict = verdicts[0] if verdicts[0] in _BY_ONE_SEED else verdicts[(len(verdicts) - 1) // 2]
    example = max(
        (record for record, each in zip(records, found) if verdict in {one.verdict for one in each}),
        key=lambda record: (record["metrics"].get("rhat_max") or 0, str(record.get("started_at", ""))),
        default=records[0],
    )
    seen = Seen.of(example)
    told = remedy(verdict, seen.settings, seen.quantities, seen.metrics, seen.hints)
    return Quality(verdict, tuple(_reasons(records, found, verdict)), told)


def _reasons(
    records: Sequence[Mapping[str, Any]], found: Sequence[Sequence[Finding]], verdict: str
) -> List[str]:
    said: List[Tuple[str, str, int]] = []
    for check in CHECKS:
        failing = [
            (
                record["metrics"][check.metric],
                record["worst"].get(check.scalar) or "",
                record["settings"]["chains"],
            )
            for record, each in zip(records, found)
            if any(one.check is check for one in each)
        ]
        if failing:
            value, scalar, chains = (max if check.largest else min)(failing)
            said.append(
                (check.verdict, check.sentence(value, scalar, chains, len(failing) > 1), len(failing))
            )
    unmixed_seeds = [one for each in found for one in each if one.rhat is not None]
    if unmixed_seeds:
        largest = max(unmixed_seeds, key=lambda one: one.rhat or 0.0)
        said.append((largest.verdict, largest.says, len(unmixed_seeds)))
    rest = [one for each in found for one in each if one.check is None and one.rhat is None]
    others = Counter((one.verdict, one.says) for one in rest)
    said += [(which, says, count) for (which, says), count in others.items()]
    # What decides first, then what most seeds have.
    said.sort(key=lambda one: (one[0] != verdict, VERDICTS.index(one[0]), -one[2]))
    return [
        says if count == len(records) else f"{says} ({count} of {len(records)} seeds)"
        for _, says, count in said
    ]
