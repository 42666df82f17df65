"""Verdicts: on a record, and on a model under some settings over its seeds."""

import functools
import statistics
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from harness import quality
from harness.report.data import alike, machine
from models.spec import SamplerSettings

Record = Mapping[str, Any]

#: Worst first.
VERDICTS = ("failed", "inaccurate", "poor", "can't tell", "costly", "good")
#: Those that one seed is enough for: by chance a sound sampler neither fails nor disagrees with the truth.
_BY_ONE_SEED = ("failed", "inaccurate")


def verdict(record: Record) -> str:
    """Return one word on a record, of :data:`VERDICTS`."""
    if record["status"] != "ok":
        return "failed"
    accuracy = (record.get("accuracy") or {}).get("verdict")
    if accuracy == "inaccurate":
        return "inaccurate"
    if record["quality"]["verdict"] == "poor":
        # Cut-off trajectories can keep a sampler from part of the posterior; where the truth says that
        # they have not, the draws are as good as any and only took longer.
        return "costly" if accuracy == "accurate" and quality.costs_only(record) else "poor"
    if accuracy == "can't tell" or record["quality"]["verdict"] == "unknown":
        return "can't tell"
    return "good"


def worst_z(record: Record) -> Optional[float]:
    """Return by how many Monte Carlo errors the worst scalar differs from the truth, regardless of sign."""
    worst = (record.get("accuracy") or {}).get("worst") or {}
    return abs(worst["z"]) if worst.get("z") is not None else None


@dataclass(frozen=True)
class Row:
    """A line of the overview: a model on a stack under some settings, over its seeds.

    Parameters
    ----------
    records : list of dict
        Newest first.
    """

    records: Sequence[Record]

    @property
    def newest(self) -> Record:
        """The newest record."""
        return self.records[0]

    @property
    def ended(self) -> List[Record]:
        """The records of cells that ended well."""
        return [record for record in self.records if record["status"] == "ok"]

    def values(self, name: str) -> List[float]:
        """Return a metric of each of the records that have it."""
        values = [record["metrics"].get(name) for record in self.ended]
        return [value for value in values if value is not None]

    def median(self, name: str) -> Optional[float]:
        """Return the median over seeds of a metric, ``None`` if no record has it."""
        known = self.values(name)
        return statistics.median(known) if known else None

    def phases(self) -> Dict[str, float]:
        """Return the median wall seconds of each phase."""
        names = ("build", "compile", "tune", "draw", "diagnose")
        return {
            name: statistics.median([record["phases"][name]["wall_s"] for record in self.ended])
            for name in names
            if self.ended and all(name in record["phases"] for record in self.ended)
        }

    @functools.cached_property
    def verdict(self) -> str:
        """The verdict that half of the seeds or more have, or a worse one: of :data:`VERDICTS`.

        A seed of a sampler that only just suffices is poor now and then, and the more seeds there are
        the surer one of them is; what half of them have is the settings' doing. One that failed, or
        that disagrees with the truth, is enough.
        """
        worst = VERDICTS[self._places[0]]
        return worst if worst in _BY_ONE_SEED else VERDICTS[self._places[(len(self._places) - 1) // 2]]

    @functools.cached_property
    def _places(self) -> List[int]:
        """Where in :data:`VERDICTS` those of the seeds are, the worst first."""
        return sorted(VERDICTS.index(verdict(record)) for record in self.records)

    @functools.cached_property
    def example(self) -> Record:
        """The newest record that has the row's verdict, whose words are shown."""
        return next(record for record in self.records if verdict(record) == self.verdict)

    @property
    def count(self) -> int:
        """How many of the seeds have the row's verdict."""
        return self._places.count(VERDICTS.index(self.verdict))

    @property
    def worse(self) -> int:
        """How many of the seeds have a worse one."""
        return self._places.index(VERDICTS.index(self.verdict))

    @property
    def always(self) -> bool:
        """Whether all seeds have the row's verdict."""
        return self.count == len(self.records)

    @property
    def sound(self) -> bool:
        """Whether every seed is good."""
        return self.verdict == "good" and self.always

    @property
    def extent(self) -> str:
        """How many of the seeds have the verdict, and a worse one; empty if there is one seed only."""
        seeds = len(self.records)
        if seeds == 1:
            return ""
        if self.always:
            return f"all {seeds} seeds"
        return f"{self.count} of {seeds} seeds" + (
            f", {self.worse} worse" if self.worse and self.verdict != "good" else ""
        )

    @property
    def verdict_text(self) -> str:
        """The verdict, with how many of the seeds have it where not all do."""
        return self.verdict if self.always else f"{self.verdict}, {self.extent}"

    @property
    def badness(self) -> Tuple[int, float, float]:
        """What rows are sorted by, the worst first: verdict, how bad the seeds are on average, pace."""
        pace = self.median("pace_s")
        return (
            VERDICTS.index(self.verdict),
            statistics.mean(self._places),
            -(pace if pace is not None else float("inf")),
        )


def rows(records: Iterable[Record]) -> List[Row]:
    """Group records into rows of the overview, worst first.

    Parameters
    ----------
    records : iterable of dict
        Oldest first.
    """
    groups: Dict[Tuple[Any, ...], List[Record]] = {}
    for record in records:
        settings = tuple(record["settings"][name] for name in SamplerSettings.names())
        name = (record["model"], record["stack"], machine(record), settings)
        groups.setdefault(name, []).append(record)
    found = [Row(list(reversed(alike(group)))) for group in groups.values()]
    return sorted(found, key=lambda row: row.badness)
