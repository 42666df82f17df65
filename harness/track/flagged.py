"""What asv calls changed between two commits: read off its results, with its own test.

A change of instructions is one from 1 % on, of all else from 5 %: how often that errs is measured
(docs/asv.md). Shares of instructions are to be read.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from nutsbench.base.errors import UserError

#: Factors from which on a change is one, by what the benchmark's name holds; the first that fits.
FACTORS = {"track_instructions": 1.01, "track_share": math.inf, "": 1.05}


@dataclass(frozen=True)
class Row:
    """One benchmark at two commits.

    Parameters
    ----------
    benchmark : str
        Its name: ``core.addition.time_leapfrog``.
    base, head : float or None
        Its values; ``None`` where it failed, NaN where it was skipped.
    unit : str
        Their unit.
    change : str
        ``slower``, ``faster``, ``failed`` (at the newer commit alone) or empty. Larger is slower, whatever
        the unit.
    is_beyond_chance : bool
        Whether asv's test tells the two apart, by however little.
    """

    benchmark: str
    base: Optional[float]
    head: Optional[float]
    unit: str
    change: str
    is_beyond_chance: bool = False

    @property
    def model(self) -> str:
        """The model that it is of."""
        return self.benchmark.split(".")[-2]

    @property
    def ratio(self) -> Optional[float]:
        """The newer commit's value over the older one's, ``None`` where there is none."""
        known = self.base and self.head and math.isfinite(self.base) and math.isfinite(self.head)
        return self.head / self.base if known and self.head and self.base else None


def factor_of(benchmark: str) -> float:
    """Return the factor from which on a benchmark's change is one."""
    return next(factor for word, factor in FACTORS.items() if word in benchmark)


def rows(folder: Path, base: str, head: str, environment: str, benchmarks: Sequence[str]) -> List[Row]:
    """Return what asv has of two commits.

    Parameters
    ----------
    folder : Path
        asv's folder of results.
    base, head : str
        Hashes of the commits.
    environment : str
        Name of the stack.
    benchmarks : sequence of str
        Names, in the order in which they are wanted; those that neither commit has are left out.

    Raises
    ------
    UserError
        If a commit has no results.
    """
    units = _units(folder)
    sets = [_results(folder, commit, environment) for commit in (base, head)]
    found = []
    for name in benchmarks:
        if all(name in one for one in sets):
            found.append(_row(name, units.get(name, ""), sets[0][name], sets[1][name]))
    return found


def _units(folder: Path) -> Dict[str, str]:
    from asv import util

    known = util.load_json(str(folder / "benchmarks.json"))
    return {name: str(one.get("unit", "")) for name, one in known.items() if isinstance(one, dict)}


def _results(folder: Path, commit: str, environment: str) -> Dict[str, Dict[str, Any]]:
    """Return value, statistics and samples of each benchmark of a commit, of its newest file."""
    from asv.results import Results

    files = [
        path for path in folder.glob(f"*/{commit[:8]}-*.json") if path.stem == f"{commit[:8]}-{environment}"
    ]
    if not files:
        raise UserError(
            f"asv has no results of {commit[:8]} on {environment} in {folder.name}: its run ended before."
        )
    newest = max(files, key=lambda path: path.stat().st_mtime)
    results = Results.load(str(newest), newest.parent.name)
    return {
        name: {
            "value": _first(results.get_result_value(name, [])),
            "stats": _first(results.get_result_stats(name, [])),
            "samples": _first(results.get_result_samples(name, [])),
            "version": results.benchmark_version.get(name),
        }
        for name in results.get_all_result_keys()
        if not results.get_result_params(name)
    }


def _first(values: Optional[Sequence[Any]]) -> Any:
    return values[0] if values else None


def _row(name: str, unit: str, base: Dict[str, Any], head: Dict[str, Any]) -> Row:
    values = [one["value"] for one in (base, head)]
    change, beyond = "", False
    if base["version"] != head["version"]:
        pass  # Another model, or another way of measuring: nothing to compare.
    elif values[1] is None and values[0] is not None:
        change = "failed"
    elif all(value is not None and math.isfinite(value) for value in values):
        factor = factor_of(name)
        beyond = _is_better(base, head, 1.0) or _is_better(head, base, 1.0)
        if _is_better(base, head, factor):
            change = "slower"
        elif _is_better(head, base, factor):
            change = "faster"
    return Row(name, values[0], values[1], unit, change, beyond)


def _is_better(one: Dict[str, Any], other: Dict[str, Any], factor: float) -> bool:
    from asv.commands.compare import _is_result_better  # What asv's own table goes by.

    return bool(
        _is_result_better(
            one["value"],
            other["value"],
            (one["stats"], one["samples"]),
            (other["stats"], other["samples"]),
            factor,
        )
    )
