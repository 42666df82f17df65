"""Compares two sets of stored records, which were not measured interleaved, and says what that costs."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple, cast

from nutsbench.base.errors import UserError
from nutsbench.compare import statistics
from nutsbench.compare.arms import existing
from nutsbench.compare.result import Comparison, Given, Options
from nutsbench.compare.statistics import Interval
from nutsbench.judge import quality
from nutsbench.records import lines
from nutsbench.records.record import newest, place_anywhere
from nutsbench.records.store import Store
from nutsbench.records.stored import Stored, stored
from nutsbench.stacks import environment

#: Two runs of one release, hours apart on one machine, differed by up to half of it: docs/releases.md.
DRIFT = 0.06
NOT_IN_TURNS = (
    "These records were not measured interleaved, so the machine may have been faster in one run than in the"
    f" other: {100 * DRIFT:.0f} % are added to either side of each interval, and nothing smaller can be told."
    " Compare the stacks themselves to see more."
)
Key = Tuple[str, str, int]


@dataclass(frozen=True)
class Records:
    """One set of records.

    Parameters
    ----------
    label : str
        Role and what the user called it.
    rows : dict
        By model, settings and seed, the records of cells that ended well.
    failed : dict of str
        Likewise, how the others ended.
    left_out : int
        How many records are of what the stack was before.
    """

    label: str
    rows: Dict[Key, Stored]
    failed: Mapping[Key, str] = field(default_factory=dict)
    left_out: int = 0

    def to_dict(self) -> Dict[str, str]:
        """Return what it is, ready for JSON."""
        first = next(iter(self.rows.values()))
        return {"name": self.label, "what": first["stack"], "digest": first["stack_digest"]}


def is_records(text: str) -> bool:
    """Return whether a word of the command line names records: a file of them, or a results folder."""
    path = existing(text)
    return text.endswith((".jsonl", ".jsonl.gz")) or (path is not None and (path / "runs").is_dir())


def read(role: str, text: str) -> Records:
    """Read the records of a file or of a results folder.

    Raises
    ------
    UserError
        If there are none, if they are of several stacks, or cannot be read.
    """
    path = existing(text)
    label = f"{role} ({Path(text).name})"
    if path is None:
        raise UserError(f"{label} does not exist.")
    try:
        rows = _of_file(path) if path.is_file() else list(Store(path).load().records)
        rows.sort(key=lambda row: str(row["started_at"]))
        known = list(newest(rows, place_anywhere).values())
        return gather(label, known)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{label} holds something that is no record: {error!r}.") from error


def gather(label: str, known: Sequence[Stored]) -> Records:
    """Return some records as one side of a comparison.

    Parameters
    ----------
    label : str
        Role and what the user called it.
    known : sequence of dict
        The newest record of each cell, however it ended.

    Raises
    ------
    UserError
        If none ended well, or they are of several stacks.
    """
    ended = [row for row in known if row["status"] == "ok"]
    stacks = sorted({row["stack"] for row in ended})
    if not ended:
        raise UserError(f"{label} holds no record of a cell that ended well.")
    if len(stacks) > 1:
        raise UserError(
            f"{label} holds records of {len(stacks)} stacks ({', '.join(stacks)}): give those of one."
        )
    # A cell that was run again keeps its place among the others, so the last is not the newest.
    newer = max(ended, key=lambda row: str(row["started_at"]))["stack_digest"]
    kept = {_key(row): row for row in ended if row["stack_digest"] == newer}
    failed = {_key(row): f"{row['status']}: {row['reason']}" for row in known if row["status"] != "ok"}
    return Records(label, kept, failed, len(ended) - len(kept))


def _of_file(path: Path) -> List[Stored]:
    found = [stored(json.loads(line)) for line in lines.content(path).split(b"\n") if line.strip()]
    return [cast(Stored, quality.present(record)) for record in found]


def _key(row: Stored) -> Key:
    return row["model"], json.dumps(row["settings"], sort_keys=True), row["seed"]


def compare(base: Records, head: Records, names: Sequence[str], options: Options) -> Comparison:
    """Compare the cells that both sets have.

    Parameters
    ----------
    base, head : Records
        The two sets.
    names : sequence of str
        Models; all that both have if empty.
    options : Options
        Threshold and level.

    Raises
    ------
    UserError
        If they have no cell in common, or were measured on machines of two kinds.
    """
    common = [key for key in base.rows if key in head.rows and (not names or key[0] in names)]
    if not common:
        raise UserError(f"{base.label} and {head.label} have no cell in common (model, settings and seed).")
    problems = _problems(base, head, common, names)
    machines = [side.rows[key]["environment"] for side in (base, head) for key in common]
    known = environment.kinds(machines)
    kinds = {known.get(facts["machine"], facts["machine"]) for facts in machines}
    if len(kinds) > 1:
        raise UserError(f"{base.label} and {head.label} were measured on machines of {len(kinds)} kinds.")
    models = dict.fromkeys([*(key[0] for key in common), *problems])
    found = Comparison(base, head, list(models), options)
    found.more = "a comparison of the stacks themselves, interleaved"
    for result in found.results.values():
        pairs = [(base.rows[key], head.rows[key]) for key in _alike(common, result.model)]
        result.problem = problems.get(result.model) or _differ(pairs)
        if not result.problem:
            _fill(result, pairs)
    return found


def _alike(common: Sequence[Key], model: str) -> List[Key]:
    """Return a model's cells under one setting, that with most seeds: only seeds are repeats."""
    groups: Dict[str, List[Key]] = {}
    for key in common:
        if key[0] == model:
            groups.setdefault(key[1], []).append(key)
    return max(groups.values(), key=len, default=[])


def _problems(base: Records, head: Records, common: Sequence[Key], names: Sequence[str]) -> Dict[str, str]:
    """Return of each model why it cannot be compared: one side failed where the other did not, or lacks it.

    ``names`` are the models that were asked for, which should not go missing without a word.
    """
    found: Dict[str, str] = {}
    for side, other in ((base, head), (head, base)):
        for key, how in side.failed.items():
            if key in other.rows and (not names or key[0] in names):
                found.setdefault(key[0], f"{side.label}, seed {key[2]}, {how}")
    having = {key[0] for key in common}
    found.update(
        {name: "they have no cell of it in common" for name in names if name not in having | set(found)}
    )
    return found


def notes(base: Records, head: Records) -> List[str]:
    """Say what a reader has to know of two sets of records.

    Parameters
    ----------
    base, head : Records
        The two sets.
    """
    said = [NOT_IN_TURNS]
    for side in (base, head):
        if side.left_out:
            said.append(
                f"{side.label}: {side.left_out} records are of what its stack was before, and left out."
            )
    if base.rows.keys() == head.rows.keys() and all(
        base.rows[key]["id"] == row["id"] for key, row in head.rows.items()
    ):
        said.append("BASE and HEAD are the same records: this is an A/A check.")
    return said


def _differ(pairs: Sequence[Tuple[Stored, Stored]]) -> str:
    if any(one["model_digest"] != other["model_digest"] for one, other in pairs):
        return "the records are of two definitions of the model"
    if any(one["schema"] != other["schema"] for one, other in pairs):
        return "the records are of two schemas, which define their metrics in different ways"
    needed = ("us_per_leapfrog", "ess_per_leapfrog", "leapfrogs")
    missing = [name for name in needed for pair in pairs if not all(one["metrics"].get(name) for one in pair)]
    if missing:
        return f"a record lacks {missing[0]}"
    unmixed = [pair for pair in pairs if not all(quality.has_mixed(one) for one in pair)]
    if unmixed and any(one["metrics"]["leapfrogs"] != other["metrics"]["leapfrogs"] for one, other in pairs):
        return (
            f"the chains of {len(unmixed)} of {len(pairs)} seeds have not mixed, so an effective sample has"
            " no cost: tune longer"
        )
    return "" if len(pairs) > 1 else "one seed alone has no spread: run more of them (--seed 1,2,3)"


def _fill(result: Any, pairs: Sequence[Tuple[Stored, Stored]]) -> None:
    def values(name: str) -> Tuple[List[float], List[float]]:
        base, head = ([pair[side]["metrics"][name] for pair in pairs] for side in (0, 1))
        return [math.nan if v is None else v for v in base], [math.nan if v is None else v for v in head]

    same = values("leapfrogs")[0] == values("leapfrogs")[1]
    share = result.level if same else result.level / 2
    inner = statistics.welch(*values("us_per_leapfrog"), share)
    wider = Interval(inner.ratio, inner.lower / (1 + DRIFT), inner.upper * (1 + DRIFT), len(pairs))
    result.given = Given(wider, same, [{"seeds": len(pairs)}])
    if not same:
        # The other way round: the cost is leapfrogs for an effective sample.
        base, head = values("ess_per_leapfrog")
        result.cost = statistics.welch(head, base, share)
    result.seconds = math.fsum(row["elapsed_s"] for pair in pairs for row in pair)
