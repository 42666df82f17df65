"""Records in the formats of other tools: Bencher, github-action-benchmark, CSV and Parquet.

asv's own files are written by :mod:`nutsbench.track.asv_results`.
"""

import statistics
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from nutsbench.judge.metrics import METRICS
from nutsbench.records.configuration import groups

Record = Mapping[str, Any]

#: What ``nutsbench export --to`` knows.
FORMATS = ("asv", "bencher", "github-action-benchmark", "csv", "parquet")


def _values(records: Sequence[Record], metric: str) -> List[float]:
    values = [record["metrics"].get(metric) for record in records]
    return [float(value) for value in values if value is not None]


def bencher(records: Iterable[Record]) -> Dict[str, Dict[str, Dict[str, float]]]:
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


def github_action_benchmark(records: Iterable[Record]) -> Tuple[List[Dict[str, Any]], List[Dict[str, Any]]]:
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
