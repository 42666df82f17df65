"""How good the estimates of ``nutsbench run --dry-run`` are, on the records that there are.

``python -m benchmarks.studies.estimates`` goes through the records of a results folder, those that were
published by default, in the order of measuring. It estimates each cell from those before it, of the same
machine, and compares that with what it took. Nothing is sampled.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import DefaultDict, Dict, List

from nutsbench.base.paths import results_dir
from nutsbench.records import grid
from nutsbench.records.store import Store
from nutsbench.records.stored import Stored

#: How far an estimate may be off, either way.
FACTOR = 1.5


def known_as(record: Stored, before: List[Stored]) -> str:
    """Return what was known of a cell: its settings, its ``target_accept`` at least, or less."""
    settings = [one["settings"] for one in before if one["stack"] == record["stack"]]
    if record["settings"] in settings:
        return "the same settings"
    if any(one["target_accept"] == record["settings"]["target_accept"] for one in settings):
        return "other draws, tune, chains or cores"
    return "another target_accept or stack"


def ratios(records: List[Stored]) -> Dict[str, List[float]]:
    """Return estimated over true seconds of the cells that something was known of, by what that was."""
    before: DefaultDict[tuple[str, str], List[Stored]] = defaultdict(list)
    found: DefaultDict[str, List[float]] = defaultdict(list)
    for record in sorted(records, key=lambda one: one["started_at"]):
        took = record["metrics"].get("wall_s")
        known = before[record["model"], record["environment"].get("machine", "")]
        if record["status"] == "ok" and took:
            guess = grid.estimate(grid.Cell.from_dict(record), known, record["stack"])
            if guess is not None:
                found[known_as(record, known)].append(guess.total_s / took)
        known.append(record)
    return dict(found)


def main() -> None:
    """Print a line for each kind of cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=results_dir())
    options = parser.parse_args()
    print(
        f"| known before | cells | within a factor of {FACTOR} | median ratio |\n| --- | ---: | ---: | ---: |"
    )
    every = ratios(list(Store(options.results).load().records))
    for name, values in {**every, "all": [one for rows in every.values() for one in rows]}.items():
        close = sum(1 / FACTOR <= one <= FACTOR for one in values)
        middle = sorted(values)[len(values) // 2] if values else float("nan")
        print(f"| {name} | {len(values)} | {close / max(1, len(values)):.0%} | {middle:.2f} |")


if __name__ == "__main__":
    main()
