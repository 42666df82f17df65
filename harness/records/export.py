"""Records in the formats of other tools: Bencher, github-action-benchmark, CSV and Parquet.

asv's own files are written by :mod:`nutsbench.track.asv_results`.
"""

import json
import statistics
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from nutsbench.base.paths import write_whole
from nutsbench.judge.metrics import METRICS
from nutsbench.records import columns
from nutsbench.records.configuration import groups
from nutsbench.records.stored import Stored

#: Writes records into a folder, for a machine of that name, and returns the files and what was left out.
Exporter = Callable[[List[Stored], Path, Optional[str]], Tuple[List[Path], List[str]]]

#: What ``nutsbench export --to`` knows, by name.
EXPORTERS: Dict[str, Exporter] = {}


def exporter(name: str) -> Callable[[Exporter], Exporter]:
    """Let ``nutsbench export --to`` know a format, which the decorated function writes.

    Parameters
    ----------
    name : str
        What it is called there.
    """

    def register(write: Exporter) -> Exporter:
        EXPORTERS[name] = write
        return write

    return register


@exporter("bencher")
def _bencher(records: List[Stored], folder: Path, _: Optional[str]) -> Tuple[List[Path], List[str]]:
    return [_json(folder / "bencher.json", bencher(records))], _without_metrics(records)


@exporter("github-action-benchmark")
def _github(records: List[Stored], folder: Path, _: Optional[str]) -> Tuple[List[Path], List[str]]:
    smaller, larger = github_action_benchmark(records)
    files = [
        _json(folder / "github-action-benchmark-smaller-is-better.json", smaller),
        _json(folder / "github-action-benchmark-bigger-is-better.json", larger),
    ]
    return files, _without_metrics(records)


@exporter("csv")
def _csv(records: List[Stored], folder: Path, _: Optional[str]) -> Tuple[List[Path], List[str]]:
    path = folder / "records.csv"
    write_whole(path, columns.frame(records).to_csv(index=False))
    return [path], []


@exporter("parquet")
def _parquet(records: List[Stored], folder: Path, _: Optional[str]) -> Tuple[List[Path], List[str]]:
    path = folder / "records.parquet"
    columns.frame(records).to_parquet(path, index=False)
    return [path], []


def _json(path: Path, content: Any) -> Path:
    write_whole(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return path


def _without_metrics(records: Iterable[Stored]) -> List[str]:
    bad = [record for record in records if record["status"] != "ok"]
    return [f"{r['model']}, seed {r['seed']}, {r['stack']}: {r['status']}" for r in bad]


def _values(records: Sequence[Stored], metric: str) -> List[float]:
    values = [record["metrics"].get(metric) for record in records]
    return [float(value) for value in values if value is not None]


def bencher(records: Iterable[Stored]) -> Dict[str, Dict[str, Dict[str, float]]]:
    """Return Bencher Metric Format: by benchmark and measure a value, with its range over seeds.

    Parameters
    ----------
    records : iterable of dict
        Records; those that are not ok are left out, the format has no word for them.

    Returns
    -------
    dict
        ``value`` is the median over seeds, ``lower_value`` and ``upper_value`` the extremes.
    """
    found: Dict[str, Dict[str, Dict[str, float]]] = {}
    for name, group in groups(records).items():
        measures = {}
        for metric in METRICS:
            values = _values(group, metric)
            if values:
                measures[metric.replace("_", "-")] = {
                    "value": statistics.median(values),
                    "lower_value": min(values),
                    "upper_value": max(values),
                }
        found[name] = measures
    return found


def github_action_benchmark(records: Iterable[Stored]) -> Tuple[List[Dict[str, Any]], List[Dict[str, Any]]]:
    """Return the entries of github-action-benchmark, one list for each direction.

    Returns
    -------
    smaller, larger : list of dict
        For its tools ``customSmallerIsBetter`` and ``customBiggerIsBetter``. Metrics that
        are neither are in no list.
    """
    by_direction: Dict[str, List[Dict[str, Any]]] = {"lower": [], "higher": [], "none": []}
    for name, group in groups(records).items():
        for metric, row in METRICS.items():
            values = _values(group, metric)
            if values:
                seeds = ", ".join(str(record["seed"]) for record in group)
                entry: Dict[str, Any] = {
                    "name": f"{name}: {metric}",
                    "unit": row.unit,
                    "value": statistics.median(values),
                    "extra": f"{row.definition} Seeds: {seeds}",
                }
                if len(values) > 1:
                    entry["range"] = f"{min(values):.6g} to {max(values):.6g}"
                by_direction[row.direction].append(entry)
    return by_direction["lower"], by_direction["higher"]
