"""What the dashboard shows, gathered from a results folder: records, truths, histories, comparisons."""

import functools
import json
import statistics
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

import models
from harness import truth
from harness.record import newest, place_anywhere
from harness.store import Store
from harness.table import settings_text
from models.spec import ModelSpec, SamplerSettings

Record = Mapping[str, Any]


#: What a comparison tells of each model.
_COMPARED = ("model", "problem", "same_work", "verdict", "ratio", "lower", "upper")


@dataclass(frozen=True)
class Source:
    """All that pages are made of.

    Parameters
    ----------
    folder : Path
        The results folder.
    records : list of dict
        The newest record of each place, oldest first.
    earlier : dict of dict
        By the id of a record, the one of the same place before it.
    problems : list of str
        A sentence for each line of the store that could not be read.
    specs : dict of ModelSpec
        The registered models, in their order.
    comparisons : list of dict
        What ``nutsbench compare`` has stored, newest first.
    every : list of dict
        All records, those of earlier runs included, oldest first.
    """

    folder: Path
    records: List[Record]
    earlier: Dict[str, Record]
    problems: List[str]
    specs: Dict[str, ModelSpec]
    comparisons: List[Dict[str, Any]] = field(default_factory=list)
    every: List[Record] = field(default_factory=list)

    @functools.cached_property
    def main(self) -> str:
        """The machine that pages open with: the one that measured here last, else that of most records."""
        origin = Store(self.folder).origin()
        own = [machine(record) for record in self.records if origin and record["origin"] == origin]
        return own[-1] if own else next(iter(self.machines), "")

    @functools.cached_property
    def main_stack(self) -> str:
        """The stack that pages open with, so that models fit one screen: that swept, or measured, last."""
        # Of a stack that was swept there is more to say: what would have been better.
        mine = self.swept or [record for record in self.records if machine(record) == self.main]
        own = [record for record in mine if self.is_tutorial(record)] or mine
        return str(max(own, key=lambda record: str(record["started_at"]))["stack"]) if own else ""

    @functools.cached_property
    def machines(self) -> Dict[str, int]:
        """How many records each kind of machine has, by its digest, most first."""
        return dict(Counter(machine(record) for record in self.records).most_common())

    def machine_name(self, digest: str) -> str:
        """Return a kind of machine in words, and the beginning of its digest to tell two alike apart."""
        return self._machine_names.get(digest, digest)

    @functools.cached_property
    def _machine_names(self) -> Dict[str, str]:
        one_of_each = {machine(record): record for record in self.records}
        return {name: f"{machine_text(record)} ({name[:4]})" for name, record in one_of_each.items()}

    def is_tutorial(self, record: Record) -> bool:
        """Return whether a record has its model's own settings, whatever profile asked for it."""
        return not self.changed(record)

    def changed(self, record: Record) -> List[str]:
        """Return the settings that are not the model's own; all of them of a model that is not registered."""
        spec = self.specs.get(record["model"])
        own = spec.settings.to_dict() if spec else {}
        return [name for name in SamplerSettings.names() if record["settings"][name] != own.get(name)]

    def settings_words(self, record: Record) -> str:
        """Return a record's settings in short: those that are not the model's own."""
        changed = self.changed(record)
        if changed:
            return settings_text(record["settings"], changed)
        return "the tutorial's" if self.specs[record["model"]].section else "the model's own"

    def draws_file(self, record: Record) -> Optional[Path]:
        """Return the file of a record's draws, ``None`` if they were not kept or are gone."""
        name = record["details"].get("draws_file")
        if not name or Path(str(name)).name != str(name):
            return None
        path = self.folder / "draws" / str(name)
        return path if path.is_file() else None

    def release_records(self) -> List[Record]:
        """Return the records of the cells that were sampled over PyMC3's releases, of all machines."""
        return list(newest(Store(self.folder / "releases").load().records, _place).values())

    @functools.cached_property
    def swept(self) -> List[Record]:
        """The records of sweeps: those in which one setting at the most is not the model's own.

        Of the machine that pages open with: two machines are never in one chart. A cell of a
        sweep that had been measured under another profile was not measured again, so profiles
        do not tell.
        """
        mine = [r for r in self.records if machine(r) == self.main and len(self.changed(r)) <= 1]
        swept = {(record["model"], record["stack"]) for record in mine if self.changed(record)}
        groups: Dict[Tuple[str, str], List[Record]] = {}
        for record in mine:
            name = record["model"], record["stack"]
            if name in swept:
                groups.setdefault(name, []).append(record)
        return [record for group in groups.values() for record in alike(group)]

    def commit_records(self) -> List[Record]:
        """Return the records of the cells that asv had sampled of this project's commits, of all machines."""
        records = [
            record
            for record in Store(self.folder / "asv").load().records
            if record["environment"].get("commit") and not record["environment"].get("dirty")
        ]
        return list(
            newest(records, lambda record: f"{_place(record)}|{record['environment']['commit']}").values()
        )

    def of_model(self, name: str) -> List[Record]:
        """Return a model's records, newest first."""
        return [record for record in reversed(self.records) if record["model"] == name]

    def names(self) -> List[str]:
        """Return the models that have records, in the registry's order, unregistered ones last."""
        seen = dict.fromkeys(record["model"] for record in self.records)
        return [name for name in self.specs if name in seen] + [
            name for name in seen if name not in self.specs
        ]


def load(folder: Path) -> Source:
    """Gather what a results folder holds.

    Parameters
    ----------
    folder : Path
        The results folder.
    """
    loaded = Store(folder).load()
    latest = newest(loaded.records, _place)
    earlier: Dict[str, Record] = {}
    before: Dict[str, Record] = {}
    for record in loaded.records:
        name = _place(record)
        if latest[name]["id"] == record["id"]:
            if name in before and _same_meaning(before[name], record):
                earlier[record["id"]] = before[name]
        elif record["status"] != "interrupted":
            before[name] = record
    specs = {name: models.get(name) for name in models.names()}
    records = sorted(latest.values(), key=lambda record: str(record["started_at"]))
    compared, damaged = comparisons(folder / "compare")
    every: List[Record] = list(loaded.records)
    return Source(folder, records, earlier, [*loaded.problems, *damaged], specs, compared, every)


def _place(record: Record) -> str:
    """Return what identifies a cell on a kind of machine: no machine's record replaces another's."""
    return f"{place_anywhere(record)}|{machine(record)}"


def _same_meaning(one: Record, other: Record) -> bool:
    """Return whether two records measured the same model by the same definitions."""
    return all(one[name] == other[name] for name in ("schema", "model_digest"))


def comparisons(folder: Path) -> Tuple[List[Dict[str, Any]], List[str]]:
    """Return own and published comparisons, newest first, and a sentence for each damaged one."""
    found, damaged = [], []
    seen: Set[Tuple[Any, ...]] = set()
    files = [*folder.glob("*.json"), *(folder / "published").glob("*.json")]
    for path in sorted(files, key=lambda path: path.name, reverse=True):
        try:
            content = json.loads(path.read_text())
            for side in ("base", "head"):
                str(content[side]["name"])
            for row in content["models"]:
                tuple(row[name] for name in _COMPARED)
            float(content["options"]["threshold"])
            # One that was copied to be published is still one comparison.
            when = (content.get("ended_at"), content["base"]["name"], content["head"]["name"])
            if when[0] is None or when not in seen:
                found.append({**content, "name": path.stem})
            seen.add(when)
        except (OSError, ValueError, KeyError, TypeError) as error:
            damaged.append(f"{path.name} is no comparison ({error!r}); skipped.")
    return found, damaged


def asv_commits(folder: Path) -> Iterator[Tuple[str, str, Dict[str, str]]]:
    """Yield each machine and environment of asv's results, with its commits, oldest first.

    Parameters
    ----------
    folder : Path
        Of asv's results.
    """
    groups: Dict[Tuple[str, str], Dict[Tuple[int, str], str]] = {}
    for path in folder.glob("*/*-*.json"):
        try:
            content = json.loads(path.read_text())
            place = (path.parent.name, str(content["env_name"]))
            commit = str(content["commit_hash"])
            groups.setdefault(place, {})[int(content["date"]), commit] = commit
        except (OSError, ValueError, KeyError, TypeError):
            continue  # Other files lie beside asv's.
    for (of_machine, environment), commits in sorted(groups.items()):
        yield of_machine, environment, {commits[day][:8]: commits[day] for day in sorted(commits)}


def machine(record: Record) -> str:
    """Return the digest of the kind of machine that a record is of."""
    return str(record["environment"].get("machine", "unknown"))


def machine_text(record: Record) -> str:
    """Return a machine in words: processor, cores, memory."""
    facts = record["environment"]
    memory = facts.get("memory_bytes")
    parts = [facts.get("processor") or "unknown processor", f"{facts.get('cores', '?')} cores"]
    return ", ".join([*parts, *([f"{memory / 2**30:.0f} GiB"] if memory else [])])


def stack_text(record: Record) -> str:
    """Return a stack in words: its name, and the versions that matter."""
    packages = record["environment"].get("packages", {})
    theano = packages.get("Theano-PyMC") or packages.get("Theano")
    versions = [f"PyMC3 {packages['pymc3']}"] if "pymc3" in packages else []
    versions += [f"Theano {theano}"] if theano else []
    versions += [f"NumPy {packages['numpy']}"] if "numpy" in packages else []
    return f"{record['stack']} ({', '.join(versions)})" if versions else str(record["stack"])


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
        """The newest record, whose words are shown."""
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
    def worst(self) -> Record:
        """The newest record of the worst verdict, which says why."""
        return min(self.records, key=lambda record: VERDICTS.index(verdict(record)))

    @property
    def verdict(self) -> str:
        """The worst verdict: failed, inaccurate, poor, can't tell or good."""
        return verdict(self.worst)

    @functools.cached_property
    def share(self) -> float:
        """The share of the seeds that have the worst verdict."""
        worst = self.verdict
        return sum(verdict(record) == worst for record in self.records) / len(self.records)

    @property
    def extent(self) -> str:
        """How many of the seeds have the worst verdict, in words; empty if there is one seed only."""
        count = len(self.records)
        if count == 1:
            return ""
        return f"all {count} seeds" if self.share == 1 else f"{round(self.share * count)} of {count} seeds"

    @property
    def verdict_text(self) -> str:
        """The worst verdict, with how many of the seeds have it where not all do."""
        return self.verdict if self.share == 1 else f"{self.verdict}, {self.extent}"

    @property
    def badness(self) -> Tuple[int, float, float]:
        """What rows are sorted by, the worst first: verdict, the share of seeds that have it, pace."""
        pace = self.median("pace_s")
        share = self.share if self.verdict != "good" else 0.0
        return VERDICTS.index(self.verdict), -share, -(pace if pace is not None else float("inf"))


def alike(records: Sequence[Record]) -> List[Record]:
    """Return those of some records that measured what the newest of them did: the same model and stack."""
    last = records[-1]
    same = ("model_digest", "schema", "stack_digest")
    return [record for record in records if all(record[name] == last[name] for name in same)]


def worst_z(record: Record) -> Optional[float]:
    """Return by how many Monte Carlo errors the worst scalar differs from the truth, regardless of sign."""
    worst = (record.get("accuracy") or {}).get("worst") or {}
    return abs(worst["z"]) if worst.get("z") is not None else None


#: Worst first.
VERDICTS = ("failed", "inaccurate", "poor", "can't tell", "good")


def verdict(record: Record) -> str:
    """Return one word on a record, of :data:`VERDICTS`."""
    if record["status"] != "ok":
        return "failed"
    accuracy = (record.get("accuracy") or {}).get("verdict")
    if accuracy == "inaccurate":
        return "inaccurate"
    if record["quality"]["verdict"] == "poor":
        return "poor"
    if accuracy == "can't tell" or record["quality"]["verdict"] == "unknown":
        return "can't tell"
    return "good"


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


def find_truth(spec: Optional[ModelSpec]) -> Optional[Any]:
    """Return a model's truth, ``None`` if it has none that can be used."""
    if spec is None:
        return None
    found, _ = truth.find(spec.name)
    return found
