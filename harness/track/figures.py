"""The metrics that are tracked over time, each with a unit, a name, and how it may be judged.

asv knows one direction: smaller is better. It calls a value changed if it differs by a
factor of 1.1 and, where there are samples, if those differ too. What follows from that
for each figure is its kind, :class:`Kind`.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

import numpy as np

from nutsbench.records.stored import Stored

Value = Union[float, Dict[str, Any]]


class Kind(Enum):
    """How the values of several seeds become one result of asv's."""

    #: One sample a seed: asv tests whether two sets of samples differ.
    JUDGED = "judged"
    #: The quartiles over seeds, for the eye. Of two samples asv's interval is so wide that it
    #: never calls a change, which for a figure that should be large would have the wrong sign.
    READ = "read"
    #: The sum over seeds: a count that repeats exactly as long as nothing changes.
    TOTAL = "total"


Values = List[Optional[float]]


@dataclass(frozen=True)
class Figure:
    """One row of :data:`FIGURES`.

    Parameters
    ----------
    name : str
        Name of the benchmark, after ``track_``.
    unit : str
        As asv's pages show it; ``seconds`` they scale.
    pretty : str
        What a reader sees in its place; asv's grid has room for few words.
    text : str
        What it is, in full.
    kind : Kind
        How it is judged.
    read : callable
        Its values in the records (dictionaries, one a seed, all ok); ``None`` where a record
        has none.
    edition : int
        Counted up when it is read otherwise, so that a new line begins.
    """

    name: str
    unit: str
    pretty: str
    text: str
    kind: Kind
    read: Callable[[Sequence[Stored]], Values]
    edition: int = 0


def _metric(name: str) -> Callable[[Sequence[Stored]], Values]:
    return lambda records: [record["metrics"].get(name) for record in records]


def _phase(name: str) -> Callable[[Sequence[Stored]], Values]:
    return lambda records: [record["phases"][name]["wall_s"] for record in records]


def _worst_z(records: Sequence[Stored]) -> Values:
    worst = [(record.get("accuracy") or {}).get("worst") for record in records]
    return [None if score is None else abs(score["z"]) for score in worst]


def _compile_s(records: Sequence[Stored]) -> Values:
    # Compiled for all seeds together, so it stands in each of their records.
    return list(records[0]["details"].get("compile_s", []))


def _leapfrogs(record: Stored) -> Optional[float]:
    metrics = record["metrics"]
    tune, draw = metrics.get("tune_leapfrogs"), metrics.get("leapfrogs")
    return None if tune is None or draw is None else float(tune + draw)


def _leapfrogs_per_ess(records: Sequence[Stored]) -> Values:
    pairs = [(_leapfrogs(record), record["metrics"].get("ess_bulk_min")) for record in records]
    return [steps / ess if steps and ess else None for steps, ess in pairs]


def _pace_s(records: Sequence[Stored]) -> Values:
    """Return each seed's seconds per leapfrog, times all seeds' leapfrogs per effective sample.

    Their middle is the seconds of all seeds over their effective samples. Their spread is
    that of the time alone: with the same draws the effective samples are the same number,
    whatever the seeds' own spread (some 15 %), and asv's test, which knows no pairs, would
    drown a change of speed in it. Seconds are those of the machine at its baseline speed, by the
    reference work before and after each cell. Whether the draws have become better or worse is
    ``leapfrogs_per_ess``, which is judged by that very spread.
    """
    steps = [_leapfrogs(record) for record in records]
    samples = [record["metrics"].get("ess_bulk_min") for record in records]
    seconds = [
        (record["phases"]["tune"]["wall_s"] + record["phases"]["draw"]["wall_s"]) * record.get("speed", 1.0)
        for record in records
    ]
    if not all(steps) or not all(samples):
        return [None]
    efficiency = sum(filter(None, steps)) / sum(filter(None, samples))
    return [time / step * efficiency for time, step in zip(seconds, steps) if step]


#: Every tracked figure of a sampled cell, the one to judge by first.
FIGURES: Sequence[Figure] = (
    Figure(
        "pace_s",
        "seconds",
        "time per effective sample (judge by this)",
        "seconds of tuning and drawing per effective sample",
        Kind.JUDGED,
        _pace_s,
        edition=1,
    ),
    Figure(
        "ess_per_s",
        "ESS per second",
        "ESS/s (only to read)",
        "effective samples per second of tuning and drawing; larger is better",
        Kind.READ,
        _metric("ess_per_s"),
    ),
    Figure(
        "leapfrogs_per_ess",
        "leapfrogs per ESS",
        "leapfrogs / ESS",
        "leapfrog steps per effective sample, tuning included",
        Kind.JUDGED,
        _leapfrogs_per_ess,
    ),
    Figure(
        "us_per_leapfrog",
        "us",
        "time / leapfrog",
        "microseconds of one chain per leapfrog step",
        Kind.JUDGED,
        _metric("us_per_leapfrog"),
    ),
    # Compiling is counted to every seed and done once for all: these samples are not independent.
    Figure(
        "wall_s", "seconds", "wall (only to read)", "wall time of all phases", Kind.READ, _metric("wall_s")
    ),
    Figure("tune_s", "seconds", "tune", "wall time of tuning", Kind.JUDGED, _phase("tune")),
    Figure("draw_s", "seconds", "draw", "wall time of drawing", Kind.JUDGED, _phase("draw")),
    Figure(
        "compile_s",
        "seconds",
        "compile (only to read)",
        "wall time of compiling, warm cache",
        Kind.JUDGED,
        _compile_s,
    ),
    Figure(
        "ess_bulk_min",
        "effective samples",
        "bulk ESS (only to read)",
        "smallest bulk ESS of any scalar; larger is better",
        Kind.READ,
        _metric("ess_bulk_min"),
    ),
    Figure("rhat_max", "R-hat", "R-hat", "largest R-hat of any scalar", Kind.JUDGED, _metric("rhat_max")),
    Figure(
        "divergences",
        "divergences",
        "divergences",
        "divergences after tuning, all seeds together",
        Kind.TOTAL,
        _metric("divergences"),
    ),
    Figure(
        "leapfrogs",
        "leapfrog steps",
        "leapfrogs",
        "leapfrog steps after tuning, all seeds together",
        Kind.TOTAL,
        _metric("leapfrogs"),
    ),
    Figure(
        "worst_z",
        "MCSE",
        "largest |z| against the reference posterior",
        "largest distance of any mean, sd or tail from the reference posterior",
        Kind.JUDGED,
        _worst_z,
    ),
)


def result(figure: Figure, records: Sequence[Stored]) -> Value:
    """Return what an asv benchmark hands back for a figure of one model under one setting.

    Parameters
    ----------
    figure : Figure
        The figure.
    records : sequence of dict
        One record a seed; all of them ok.

    Returns
    -------
    float or dict
        A number, or ``samples`` and ``number`` for asv to take the median and an interval
        of; NaN, which asv reads as skipped, where a record lacks the figure.
    """
    values = figure.read(records)
    numbers = [float(value) for value in values if value is not None and math.isfinite(value)]
    if len(numbers) < len(values) or not numbers:
        return math.nan
    if figure.kind is Kind.TOTAL:
        return sum(numbers)
    samples = _quartiles(numbers) if figure.kind is Kind.READ else numbers
    return {"samples": samples, "number": 1} if len(samples) > 1 else samples[0]


def _quartiles(numbers: List[float]) -> List[float]:
    return [float(value) for value in np.percentile(numbers, (25, 75))]
