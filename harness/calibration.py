"""How often the verdict on accuracy is wrong: right and wrong samplers, over many seeds.

``python -m harness.calibration`` samples one model in a stack's own process and prints one
JSON line a seed. Lines keep what the verdict needs, so that another rule can be tried on
them without sampling again.
"""

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

import models
from harness import accuracy, clock, diagnostics, isolated, sampling
from harness.faults import FAULTS
from harness.truth import Truth, load

SCHEMA = 1

_KEPT = (
    "mean", "sd", "q05", "q95", "mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "ess_q05", "ess_q95",
    "rhat", "note", "standstill", "draws_per_chain", "free",
)  # fmt: skip
#: Biases, in posterior sds, whose detection is counted.
BIASES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
#: A scalar is shifted, or spread out around its mean.
KINDS = ("location", "scale")


def sample(name: str, fault_name: str, seed: int) -> Dict[str, Any]:
    """Sample a model at the tutorial's settings, rightly or wrongly, and summarise the draws.

    Parameters
    ----------
    name, fault_name : str
        Model, and one of :data:`harness.faults.FAULTS`.
    seed : int
        ``random_seed``.

    Returns
    -------
    dict
        What is kept; ``quantities`` empty and ``failed`` the reason if sampling failed.
    """
    fault, spec = FAULTS[fault_name], models.get(name)
    # One core: two of these processes run at a time, and time is not measured.
    settings = replace(spec.settings, cores=1)
    exact = load(spec)
    row: Dict[str, Any] = {
        "schema": SCHEMA,
        "model": name,
        "model_digest": models.model_digest(spec),
        "truth_digest": exact.digest,
        "sampler": fault_name,
        "seed": seed,
        "settings": settings.to_dict(),
        "failed": "",
        "quantities": {},
        "shares": {},
    }
    try:
        with fault.patch():
            drawn = sampling.sample(fault.spec(spec), settings, seed, clock.PhaseTimer(_silent), _silent)
    except Exception as error:  # A sampler that is wrong may well fail: that is a result.
        row["failed"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
        return row
    draws = {variable: fault.draws(values) for variable, values in drawn.draws.items()}
    found = diagnostics.diagnose(draws, drawn.stats, drawn.tune_stats, drawn.free, settings.max_treedepth)
    row["divergences"] = found.divergences
    row["quantities"] = {label: _kept(quantity) for label, quantity in found.quantities.items()}
    row["shares"] = {"": accuracy.shares_below(draws, exact)}
    if fault_name == "right":
        row["shares"].update(
            {
                f"{kind} {bias:g}": accuracy.shares_below(draws, moved(exact, kind, bias))
                for kind in KINDS
                for bias in BIASES
            }
        )
    return row


def _silent(_: clock.Progress) -> None:
    """Nobody watches."""


def _kept(quantity: diagnostics.Quantity) -> Dict[str, Any]:
    values = {name: getattr(quantity, name) for name in _KEPT}
    return {
        name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in values.items()
    }


@dataclass(frozen=True)
class Rates:
    """How the records of one model and sampler were judged.

    Parameters
    ----------
    model, sampler : str
        Which.
    records : int
        Records that were judged.
    inaccurate, cannot_tell, accurate, failed : float
        Shares of them.
    z95 : float or None
        95 % quantile of the largest z of a record.
    """

    model: str
    sampler: str
    records: int
    inaccurate: float
    cannot_tell: float
    accurate: float
    failed: float
    z95: Optional[float]


def rates(rows: Sequence[Mapping[str, Any]], truths: Mapping[str, Truth], level: float) -> List[Rates]:
    """Judge every row, and count by model and sampler.

    Parameters
    ----------
    rows : sequence of dict
        Of :func:`sample`.
    truths : dict of Truth
        By model.
    level : float
        As :data:`harness.accuracy.LEVEL`.
    """
    found = []
    for (model, sampler), group in _groups(rows).items():
        judged = [
            accuracy.judge(row["quantities"], row["shares"][""], truths[model], level=level)
            for row in group
            if not row["failed"]
        ]
        counts = Counter(one.verdict for one in judged)
        largest = sorted(abs(one.worst.z) for one in judged if one.worst)
        total = len(group)
        found.append(
            Rates(
                model,
                sampler,
                total,
                counts["inaccurate"] / total,
                counts["can't tell"] / total,
                counts["accurate"] / total,
                sum(bool(row["failed"]) for row in group) / total,
                largest[int(0.95 * (len(largest) - 1))] if largest else None,
            )
        )
    return found


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


def biases(rows: Sequence[Mapping[str, Any]], truths: Mapping[str, Truth]) -> List[Bias]:
    """Return the average bias of each model and sampler; what one record is too short to show.

    The standard errors are those over records, so no formula of a Monte Carlo error has a
    part in them.
    """
    found = []
    for (model, sampler), group in _groups(rows).items():
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


def _groups(rows: Sequence[Mapping[str, Any]]) -> Dict[Tuple[str, str], List[Mapping[str, Any]]]:
    groups: Dict[Tuple[str, str], List[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["sampler"]), []).append(row)
    return groups


def power(
    rows: Sequence[Mapping[str, Any]], truth: Truth, level: float
) -> Iterator[Tuple[str, float, float, float]]:
    """Yield how often a bias would be called inaccurate, by judging right draws by a wrong truth.

    Parameters
    ----------
    rows : sequence of dict
        Rows of a right sampler, of one model.
    truth : Truth
        The model's truth; one scalar at a time is moved.
    level : float
        As :data:`harness.accuracy.LEVEL`.

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


def main(arguments: Sequence[str]) -> int:
    """Sample one model with some seeds and print one JSON line each."""
    parser = argparse.ArgumentParser(prog="python -m harness.calibration")
    parser.add_argument("model")
    parser.add_argument("sampler", choices=FAULTS)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--models", action="append", default=[], type=Path)
    options = parser.parse_args(arguments)
    output = isolated.own_output()
    for file in options.models:
        models.load_file(file)
    for seed in options.seeds:
        row = sample(options.model, options.sampler, seed)
        output.write(json.dumps(row, allow_nan=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
