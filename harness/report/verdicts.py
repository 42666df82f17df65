"""Verdicts: on a record, and on a model under some settings over its seeds."""

import functools
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from nutsbench.judge import accuracy, quality
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.stored import Stored, is_untimed, setting
from nutsbench.report.data import alike, machine
from nutsbench.track.gaps import UNMIXED, unmixed

#: Worst first: of a record, and of a row over its seeds.
VERDICTS = (
    "failed", "stuck", "not converged", "inaccurate", "divergent", "too few draws", "treedepth limited",
    "unknown", "inconclusive", "good",
)  # fmt: skip


def verdict(record: Stored) -> str:
    """Return one word on a record, of :data:`VERDICTS`: the worse of its quality and its accuracy."""
    if record["status"] != "ok":
        return "failed"
    found, accuracy = str(record["quality"]["verdict"]), accuracy_of(record)
    if accuracy == "inaccurate":
        return min(found, accuracy, key=VERDICTS.index)
    return "inconclusive" if (found, accuracy) == ("good", "inconclusive") else found


def accuracy_of(record: Stored) -> str:
    """Return the verdict of a record against the reference posterior, empty if it has none."""
    return str((record.get("accuracy") or {}).get("verdict", "")) if record["status"] == "ok" else ""


def chances(records: Iterable[Stored]) -> Tuple[int, int, float]:
    """Return how many records are inaccurate, of how many that were judged, and how many would be by chance.

    Parameters
    ----------
    records : iterable of dict
        Records.
    """
    judged = [found for found in map(accuracy_of, records) if found in ("accurate", "inaccurate")]
    return judged.count("inaccurate"), len(judged), accuracy.LEVEL * len(judged)


def worst_z(record: Stored) -> Optional[float]:
    """Return by how many MCSE the limiting scalar is off the reference posterior, regardless of sign."""
    worst = record.get("accuracy", {}).get("worst")
    return abs(worst["z"]) if worst else None


@dataclass(frozen=True)
class Row:
    """A line of the overview: a model on a stack under some settings, over its seeds.

    Parameters
    ----------
    records : list of dict
        Newest first.
    """

    records: Sequence[Stored]

    @property
    def newest(self) -> Stored:
        """The newest record."""
        return self.records[0]

    @property
    def ended(self) -> List[Stored]:
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
    def quality(self) -> Optional[quality.Quality]:
        """What all seeds together say of the draws, ``None`` if no cell ended well."""
        return quality.over_seeds(self.ended) if self.ended else None

    @functools.cached_property
    def verdict(self) -> str:
        """The verdict over all seeds, of :data:`VERDICTS`.

        That of :func:`nutsbench.judge.quality.over_seeds`; one that failed, or that disagrees with the
        reference posterior, is enough, for chance makes a sound sampler do neither.
        """
        if self.quality is None or len(self.ended) < len(self.records):
            return "failed"
        found, judged = self.quality.verdict, [accuracy_of(record) for record in self.ended]
        if "inaccurate" in judged:
            return min(found, "inaccurate", key=VERDICTS.index)
        doubtful = found == "good" and 2 * judged.count("inconclusive") >= len(judged)
        return "inconclusive" if doubtful else found

    @functools.cached_property
    def _places(self) -> List[int]:
        """Where in :data:`VERDICTS` those of the single records are, the worst first."""
        return sorted(VERDICTS.index(verdict(record)) for record in self.records)

    @functools.cached_property
    def example(self) -> Stored:
        """The newest record that has the row's verdict by itself, else the worst: whose words are shown."""
        having = [record for record in self.records if verdict(record) == self.verdict]
        return having[0] if having else min(self.records, key=lambda one: VERDICTS.index(verdict(one)))

    @property
    def count(self) -> int:
        """How many of the records have the row's verdict by themselves."""
        return self._places.count(VERDICTS.index(self.verdict))

    @property
    def mixed(self) -> bool:
        """Whether the draws are those of chains that have mixed, so that there is an ESS."""
        if self.quality is None:
            return False
        return self.quality.verdict not in UNMIXED or not any(map(unmixed, self.ended))

    @property
    def always(self) -> bool:
        """Whether every record has the row's verdict by itself."""
        return self.count == len(self.records)

    @property
    def over(self) -> str:
        """How many seeds the verdict is over."""
        seeds = len(self.records)
        return f"over {seeds} seeds" if seeds > 1 else "1 seed"

    @property
    def singles(self) -> str:
        """The verdicts of the single records, where they are not all that of the row; else empty."""
        if self.always:
            return ""
        counts = Counter(VERDICTS[place] for place in self._places)
        return ", ".join(f"{count} {name}" for name, count in counts.items())

    @property
    def accuracy(self) -> str:
        """The verdicts of the records against the reference posterior, with their numbers if they differ."""
        counts = Counter(filter(None, map(accuracy_of, self.records)))
        if len(counts) < 2:
            return next(iter(counts), "")
        return ", ".join(f"{count} {name}" for name, count in counts.most_common())

    @property
    def verdict_text(self) -> str:
        """The verdict over seeds, and those of the single records where they are others."""
        return self.verdict + (f" (single records: {self.singles})" if self.singles else "")

    @property
    def badness(self) -> Tuple[int, float, float]:
        """What rows are sorted by, the worst first: verdict, mean over single records, time per ESS."""
        time = self.median("pace_s")
        return (
            VERDICTS.index(self.verdict),
            statistics.mean(self._places),
            -(time if time is not None else float("inf")),
        )


def rows(records: Iterable[Stored]) -> List[Row]:
    """Group records into rows of the overview, worst first.

    Parameters
    ----------
    records : iterable of dict
        Oldest first.
    """
    groups: Dict[Tuple[Any, ...], List[Stored]] = {}
    for record in records:
        settings = tuple(setting(record, name) for name in SamplerSettings.names())
        name = (record["model"], record["stack"], machine(record), settings, is_untimed(record))
        groups.setdefault(name, []).append(record)
    found = [Row(list(reversed(alike(group)))) for group in groups.values()]
    return sorted(found, key=lambda row: row.badness)
