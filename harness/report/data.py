"""What the dashboard shows, gathered from a results folder: records, truths, histories, comparisons."""

import functools
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from nutsbench import models
from nutsbench.models import truths
from nutsbench.models.spec import ModelSpec, SamplerSettings
from nutsbench.records.record import newest, place_anywhere
from nutsbench.records.store import Store
from nutsbench.records.stored import Stored, is_untimed, setting
from nutsbench.records.table import settings_text

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
    records: List[Stored]
    earlier: Dict[str, Stored]
    problems: List[str]
    specs: Dict[str, ModelSpec]
    comparisons: List[Dict[str, Any]] = field(default_factory=list)
    every: List[Stored] = field(default_factory=list)

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

    def is_tutorial(self, record: Stored) -> bool:
        """Return whether a record has its model's own settings, whatever profile asked for it."""
        return not self.changed(record)

    def changed(self, record: Stored) -> List[str]:
        """Return the settings that are not the model's own; all of them of a model that is not registered."""
        spec = self.specs.get(record["model"])
        own = spec.settings.to_dict() if spec else {}
        return [name for name in SamplerSettings.names() if setting(record, name) != own.get(name)]

    def settings_words(self, record: Stored) -> str:
        """Return a record's settings in short: those that are not the model's own."""
        changed = self.changed(record)
        untimed = ", untimed" if is_untimed(record) else ""
        if changed:
            return settings_text(record["settings"], changed) + untimed
        return ("the tutorial's" if self.specs[record["model"]].section else "the model's own") + untimed

    def draws_file(self, record: Stored) -> Optional[Path]:
        """Return the file of a record's draws, ``None`` if they were not kept or are gone."""
        name = record["details"].get("draws_file")
        if not name or Path(str(name)).name != str(name):
            return None
        path = self.folder / "draws" / str(name)
        return path if path.is_file() else None

    def release_records(self) -> List[Stored]:
        """Return the records of the cells that were sampled over PyMC3's releases, of all machines."""
        return list(newest(Store(self.folder / "releases").load().records, _place).values())

    @functools.cached_property
    def swept(self) -> List[Stored]:
        """The records of sweeps: those in which one setting at the most is not the model's own.

        Of the machine that pages open with: two machines are never in one chart. A cell of a
        sweep that had been measured under another profile was not measured again, so profiles
        do not tell.
        """
        timed = [record for record in self.records if not is_untimed(record)]
        mine = [r for r in timed if machine(r) == self.main and len(self.changed(r)) <= 1]
        swept = {(record["model"], record["stack"]) for record in mine if self.changed(record)}
        groups: Dict[Tuple[str, str], List[Stored]] = {}
        for record in mine:
            name = record["model"], record["stack"]
            if name in swept:
                groups.setdefault(name, []).append(record)
        return [record for group in groups.values() for record in alike(group)]

    def commit_records(self) -> List[Stored]:
        """Return the records of the cells that asv had sampled of this project's commits, of all machines."""
        records = [
            record
            for record in Store(self.folder / "asv").load().records
            if record["environment"].get("commit") and not record["environment"].get("dirty")
        ]
        return list(
            newest(records, lambda record: f"{_place(record)}|{record['environment']['commit']}").values()
        )

    def of_model(self, name: str) -> List[Stored]:
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
    earlier: Dict[str, Stored] = {}
    before: Dict[str, Stored] = {}
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
    every: List[Stored] = list(loaded.records)
    return Source(folder, records, earlier, [*loaded.problems, *damaged], specs, compared, every)


def _place(record: Stored) -> str:
    """Return what identifies a cell on a kind of machine: no machine's record replaces another's."""
    return f"{place_anywhere(record)}|{machine(record)}"


def _same_meaning(one: Stored, other: Stored) -> bool:
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


def machine(record: Stored) -> str:
    """Return the digest of the kind of machine that a record is of."""
    return str(record["environment"].get("machine", "unknown"))


def machine_text(record: Stored) -> str:
    """Return a machine in words: processor, cores, memory."""
    facts = record["environment"]
    memory = facts.get("memory_bytes")
    parts = [facts.get("processor") or "unknown processor", f"{facts.get('cores', '?')} cores"]
    return ", ".join([*parts, *([f"{memory / 2**30:.0f} GiB"] if memory else [])])


def stack_text(record: Stored) -> str:
    """Return a stack in words: its name, and the versions that matter."""
    packages = record["environment"].get("packages", {})
    theano = packages.get("Theano-PyMC") or packages.get("Theano")
    versions = [f"PyMC3 {packages['pymc3']}"] if "pymc3" in packages else []
    versions += [f"Theano {theano}"] if theano else []
    versions += [f"NumPy {packages['numpy']}"] if "numpy" in packages else []
    return f"{record['stack']} ({', '.join(versions)})" if versions else str(record["stack"])


def alike(records: Sequence[Stored]) -> List[Stored]:
    """Return those of some records that measured what the newest of them did: the same model and stack."""
    last = records[-1]

    def meant(record: Stored) -> Tuple[str, int, str]:
        return record["model_digest"], record["schema"], record["stack_digest"]

    return [record for record in records if meant(record) == meant(last)]


def find_truth(spec: Optional[ModelSpec]) -> Optional[Any]:
    """Return a model's truth, ``None`` if it has none that can be used."""
    if spec is None:
        return None
    found, _ = truths.find(spec.name)
    return found
