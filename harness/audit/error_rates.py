"""How often verdicts are wrong, counted over the rows of a calibration.

A row is what :func:`nutsbench.audit.calibration.row` keeps of one seed; it holds what the verdicts need, so
that another rule can be tried on rows without sampling again.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from nutsbench.judge import accuracy, quality
from nutsbench.judge.kinetic import Kinetic
from nutsbench.models.spec import SamplerSettings
from nutsbench.models.truths import Truth

#: Biases, in posterior sds, whose detection is counted.
BIASES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
#: A scalar is shifted, or spread out around its mean.
KINDS = ("location", "scale")
#: Verdicts that say that something is wrong, rather than that there is little of it.
ALARMS = ("stuck", "not converged", "inaccurate")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Rates:
    """How the records of one model, sampler and settings were judged.

    Parameters
    ----------
    model, sampler : str
        Which.
    draws, chains : int
        Draws of each chain, and number of chains.
    records : int
        Records that were judged, failed ones among them.
    verdicts : dict of str to int
        How many have each verdict of :data:`nutsbench.judge.quality.VERDICTS`, and each of
        :data:`nutsbench.judge.accuracy.VERDICTS`; ``failed`` for those that could not be sampled.
    found : int
        How many have any verdict of :data:`ALARMS`, or failed: of a right sampler false alarms, of a
        wrong one the opposite of misses.
    z95 : float or None
        95 % quantile of the largest z of a record.
    """

    model: str
    sampler: str
    draws: int
    chains: int
    records: int
    verdicts: Dict[str, int]
    found: int
    z95: Any = None

    def to_dict(self) -> Dict[str, Any]:
        """Return the counts, ready for JSON, with the 95 % interval of the share that was found."""
        return {**vars(self), "found_95": interval(self.found, self.records)}


def interval(count: int, total: int) -> Tuple[float, float]:
    """Return the 95 % interval of a share (Clopper and Pearson 1934, "The use of confidence limits").

    Parameters
    ----------
    count, total : int
        How many of how many.
    """
    from scipy.stats import beta

    low = float(beta.ppf(0.025, count, total - count + 1)) if count else 0.0
    high = float(beta.ppf(0.975, count + 1, total - count)) if count < total else 1.0
    return low, high


def rates(rows: Sequence[Row], truths: Mapping[str, Truth], level: float) -> List[Rates]:
    """Judge every row, and count by model, sampler and settings.

    Parameters
    ----------
    rows : sequence of dict
        Of :func:`nutsbench.audit.calibration.row`.
    truths : dict of Truth
        By model; a model without one has no accuracy.
    level : float
        As :data:`nutsbench.judge.accuracy.LEVEL`.
    """
    found = []
    for (model, sampler, draws, chains), group in _groups(rows).items():
        counts: Counter = Counter()  # type: ignore[type-arg]
        alarms, largest = 0, []
        for row in group:
            verdicts, worst = _verdicts(row, truths.get(model), level)
            counts.update(verdicts)
            alarms += bool({"failed", *ALARMS} & set(verdicts))
            largest += [] if worst is None else [worst]
        largest.sort()
        z95 = largest[int(0.95 * (len(largest) - 1))] if largest else None
        found.append(Rates(model, sampler, draws, chains, len(group), dict(counts), alarms, z95))
    return found


def _verdicts(row: Row, truth: Any, level: float) -> Tuple[List[str], Any]:
    """Return the verdicts on a row, and the largest z."""
    if row["failed"]:
        return ["failed"], None
    seen = seen_of(row)
    verdicts, worst = [quality.judge(seen).verdict], None
    if truth is not None:
        why = quality.not_mixed(seen)
        judged = accuracy.judge(
            row["quantities"], row["shares"][""], truth, level=level, not_mixed=why, kinetic=kinetic_of(row)
        )
        verdicts.append(judged.verdict)
        worst = abs(judged.worst.z) if judged.worst else None
    return verdicts, worst


def seen_of(row: Row) -> quality.Seen:
    """Return what a row tells of how its draws mixed; earlier ones kept less."""
    if "metrics" in row:
        return quality.Seen.of(row)
    quantities = {name: {"state": "ok", **one} for name, one in row["quantities"].items()}
    extremes = {
        name: sorted((one[name], label) for label, one in quantities.items() if one[name] is not None)
        for name in ("rhat", "ess_bulk", "ess_tail")
    }
    worst = {
        name: (found[-1] if name == "rhat" else found[0])[1] for name, found in extremes.items() if found
    }
    metrics = {
        f"{name}_{'max' if name == 'rhat' else 'min'}": quantities[label][name]
        for name, label in worst.items()
    }
    settings = {**SamplerSettings().to_dict(), **row.get("settings", {})}
    return quality.Seen(settings, quantities, {**metrics, "divergences": row.get("divergences")}, worst)


def kinetic_of(row: Row) -> Optional[Kinetic]:
    """Return a row's kinetic energy; earlier ones kept none."""
    return Kinetic(*row["kinetic"]) if row.get("kinetic") else None


@dataclass(frozen=True)
class Bias:
    """What is wrong with a sampler on average over many records, in posterior sds.

    Parameters
    ----------
    model, sampler : str
        Which.
    records : int
        Records that were looked at.
    mean, variance : (float, float)
        Mean of the draws less the true one, in posterior sds, and their variance over the
        true one, less 1: of the scalar where it is largest in standard errors, with its
        standard error over the records.
    """

    model: str
    sampler: str
    records: int
    mean: Tuple[float, float]
    variance: Tuple[float, float]


def biases(rows: Sequence[Row], truths: Mapping[str, Truth]) -> List[Bias]:
    """Return the average bias of each model and sampler; what one record is too short to show.

    The standard errors are those over records, so no formula of an MCSE has a
    part in them.
    """
    found = []
    for (model, sampler, _, _), group in _groups(rows).items():
        if model not in truths:
            continue
        sampled = [row["quantities"] for row in group if not row["failed"]]
        if len(sampled) < 2:
            continue
        of_mean, of_variance = [], []
        for scalar, exact in truths[model].quantities.items():
            known = [one[scalar] for one in sampled if None not in (one[scalar]["mean"], one[scalar]["sd"])]
            means = np.array([one["mean"] for one in known])
            sds = np.array([one["sd"] for one in known])
            if len(known) < 2:
                continue
            of_mean.append(_average((means - exact["mean"]) / exact["sd"]))
            of_variance.append(_average((sds / exact["sd"]) ** 2 - 1))
        # Two records may be alike to the last digit that is kept: they tell nothing of their spread.
        judged = [[pair for pair in one if pair[1] > 0] for one in (of_mean, of_variance)]
        if not all(judged):
            continue
        largest = [max(one, key=lambda pair: abs(pair[0]) / pair[1]) for one in judged]
        found.append(Bias(model, sampler, len(sampled), *largest))
    return found


def _average(values: np.ndarray) -> Tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5)


def _groups(rows: Sequence[Row]) -> Dict[Tuple[str, str, int, int], List[Row]]:
    groups: Dict[Tuple[str, str, int, int], List[Row]] = {}
    for row in rows:
        settings = row.get("settings", {})
        name = (row["model"], row["sampler"], settings.get("draws", 0), settings.get("chains", 0))
        groups.setdefault(name, []).append(row)
    return groups


def power(rows: Sequence[Row], truth: Truth, level: float) -> Iterator[Tuple[str, float, float, float]]:
    """Yield how often a bias would be called inaccurate, by judging right draws by a wrong truth.

    Parameters
    ----------
    rows : sequence of dict
        Rows of a right sampler, of one model.
    truth : Truth
        The model's truth; one scalar at a time is moved.
    level : float
        As :data:`nutsbench.judge.accuracy.LEVEL`.

    Yields
    ------
    (str, float, float, float)
        ``location`` (the scalar is shifted) or ``scale`` (spread out around its mean), the
        bias in posterior sds, the share of records called inaccurate, and the share of
        them called accurate.
    """
    for kind in KINDS:
        for bias in BIASES:
            biased = moved(truth, kind, bias)
            verdicts: Counter = Counter()  # type: ignore[type-arg]
            for scalar in truth.quantities:
                # One scalar at a time is wrong, the others are not.
                quantities = {**truth.quantities, scalar: biased.quantities[scalar]}
                wrong = replace(truth, quantities=quantities)
                for row in rows:
                    shares = {**row["shares"][""], scalar: row["shares"][f"{kind} {bias:g}"][scalar]}
                    verdicts[accuracy.judge(row["quantities"], shares, wrong, level=level).verdict] += 1
            total = sum(verdicts.values())
            yield kind, bias, verdicts["inaccurate"] / total, verdicts["accurate"] / total


def moved(truth: Truth, kind: str, bias: float) -> Truth:
    """Return a truth that is wrong by some posterior sds.

    Parameters
    ----------
    truth : Truth
        The right one.
    kind : str
        One of :data:`KINDS`.
    bias : float
        In posterior standard deviations.
    """
    return replace(
        truth, quantities={name: _moved(figures, kind, bias) for name, figures in truth.quantities.items()}
    )


def _moved(figures: Mapping[str, float], kind: str, bias: float) -> Dict[str, float]:
    mean, sd = figures["mean"], figures["sd"]
    quantiles = ("q05", "q50", "q95")
    if kind == "location":
        return {**figures, **{name: figures[name] + bias * sd for name in ("mean", *quantiles)}}
    spread = {name: mean + (1 + bias) * (figures[name] - mean) for name in quantiles}
    return {**figures, **spread, "sd": (1 + bias) * sd}
