"""The page of comparisons: what ``nutsbench compare`` has stored, and stacks by their records."""

import itertools
import re
import statistics
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from harness.compare import records as records_
from harness.compare.result import Options
from harness.errors import UserError
from harness.metrics import METRICS
from harness.report import charts, data, verdicts
from harness.report.data import Record, Source
from harness.report.section import Chart, Section, Table
from harness.report.site import Page, ids, slug
from harness.table import counted, percent

_MOST = 10
#: An interval that is wider, from end to end, tells nothing.
_WIDE = 10
_WORK = {True: "same", False: "other", None: "not known"}
_HEADER = (
    "model",
    "cells",
    "ratio: time / ESS",
    "ratio: time / leapfrog",
    "ratio: wall time",
    "work",
    "speed",
    "interval: time / leapfrog of the same work, else time / ESS",
    "verdicts, BASE / HEAD",
)
Pair = Tuple[Record, Record]


def page(source: Source) -> Page:
    """Return the page of comparisons."""
    inputs = [
        [one["name"] for one in source.comparisons],
        [ids(one) for one in _machines(source)],
        sorted(record["id"] for record in source.earlier.values()),
    ]
    return Page("compare.html", "charts.html", inputs, lambda: _variables(source))


def _machines(source: Source) -> List[List[Record]]:
    """Return the records of cells that ended well by machine, that first which pages open with.

    Those of the models' own settings where there are any; else all.
    """
    order = sorted(source.machines, key=lambda name: name != source.main)
    found = []
    for name in order:
        ended = [r for r in source.records if r["status"] == "ok" and data.machine(r) == name]
        own = [record for record in ended if source.is_tutorial(record)]
        several = len({record["stack"] for record in own}) > 1
        found.append(own if several else ended)
    return found


def _variables(source: Source) -> Dict[str, Any]:
    stored = sorted(source.comparisons[:_MOST], key=_tells_less)
    # What was measured in turns tells more: the records of the same two are there for who asks.
    told = {_names(one) for one in stored if not _tells_less(one)}
    return {
        "title": "One stack against another",
        "charts": True,
        "lead": "Ratios of HEAD, which is asked about, over BASE, on a logarithmic axis: below 1 HEAD is"
        " faster. What is judged is the time per leapfrog, or per effective sample where the two did other"
        " work; compiling is beside it.",
        "sections": [
            *map(_stored, stored),
            *(
                section
                for records in filter(None, _machines(source))
                for section in _by_records(source, records, told)
            ),
        ],
        "meanings": {name: METRICS[name].definition for name in ("pace_s", "us_per_leapfrog", "wall_s")},
        "empty": "Nothing has been compared yet: nutsbench compare pymc3-3.8 pymc3-3.11 does it.",
    }


def _names(comparison: Mapping[str, Any]) -> Tuple[str, str]:
    return str(comparison["base"]["name"]), str(comparison["head"]["name"])


def _tells_less(comparison: Mapping[str, Any]) -> bool:
    """Return whether a comparison says nothing of two stacks: it was not ended, or is of one with itself."""
    base, head = _names(comparison)
    return bool(comparison.get("interrupted")) or base == head


def _stored(one: Dict[str, Any]) -> Section:
    counted_ = one["options"].get("counter") == "callgrind"
    unit = "Instructions" if counted_ else "Time"
    basis = "counted, not timed" if counted_ else "the interval is over fresh pairs of processes"
    chart = Chart(
        f"ratios-{slug(one['name'])}",
        f"{unit} per leapfrog, or per effective sample where the work is not the same, HEAD over BASE;"
        f" {basis}",
        charts.ratios(one),
    )
    rows = [
        [row["model"], f"{row['ratio']:.3f}", interval_text(row), row["verdict"], _WORK[row["same_work"]]]
        for row in one["models"]
        if not row["problem"] and row["same_work"] is not None
    ]
    environment = one.get("environment") or {}
    place = (
        f" on {environment['processor']}, {environment.get('cores')} cores"
        if "processor" in environment
        else ""
    )
    when = [f"Measured {one['ended_at'][:16].replace('T', ' ')} UTC{place}."] if one.get("ended_at") else []
    failed = [row for row in one["models"] if row["problem"]]
    missing = [f"{row['model']} could not be measured: {row['problem']}." for row in failed]
    stopped = ["It was interrupted: this is what was known by then."] if one.get("interrupted") else []
    how = "by instructions" if counted_ else "measured in turns"
    base, head = _names(one)
    what = f"{head} against itself" if base == head else f"{head} over {base}"
    return Section(
        one["name"],
        f"{what}, {how}{', interrupted' if stopped else ''}",
        answer=[*one.get("says", []), *_faster(one)],
        lines=[
            *when,
            *stopped,
            *_certainty(one),
            *_beside(one),
            *(f"Note: {note}" for note in one.get("notes", [])),
            *missing,
        ],
        charts=[chart],
        table=Table(["model", "ratio", "interval", "verdict", "work"], rows),
        folded=_tells_less(one),
    )


def _faster(one: Mapping[str, Any]) -> List[str]:
    """Name what the sentences of a comparison leave out: what is faster, and the whole."""
    names = [row["model"] for row in one["models"] if row["verdict"] == "faster" and not row["problem"]]
    whole = one.get("overall") or {}
    told = [f"It is faster in {', '.join(names)}."] if names else []
    if len(one["models"]) > 1 and "verdict" in whole:
        word = whole["verdict"] if whole["verdict"] != "undecided" else "not decided"
        told.append(f"All models together: {word}.")
    return [" ".join(told)] if told else []


def _certainty(one: Mapping[str, Any]) -> List[str]:
    """Say what the intervals rest on, how sure they are, and how a verdict comes of one."""
    options = one["options"]
    rule = (
        f"The grey band is {100 * options['threshold']:g} % to either side of 1. An interval within it is"
        " the same; one wholly above 1 that reaches out of the band is slower, one wholly below 1 faster;"
        " else it is undecided."
    )
    pairs = [row["pairs"] for row in one["models"] if row.get("pairs")]
    if not pairs or "level" not in options:
        return [rule]
    return [
        f"Each interval is over {min(pairs)} to {max(pairs)} pairs of fresh processes. The chance that any of"
        f" them, that of the whole included, misses the true ratio is {100 * options['level']:g} % at most.",
        rule,
    ]


def _beside(one: Mapping[str, Any]) -> List[str]:
    """Say what was measured beside the sampler's speed, and not judged."""
    told = [
        f"{name} {percent(row['ratio'])}"
        + (f" ({percent(row['lower'])} to {percent(row['upper'])})" if row["upper"] is not None else "")
        for name, row in (one.get("beside") or {}).items()
    ]
    return [f"Beside it, and not judged: {'; '.join(told)}."] if told else []


def interval_text(row: Mapping[str, Any]) -> str:
    """Return an interval as text, and whether it is too wide to tell anything."""
    if row["upper"] is None:
        return "not known"
    span = f"{row['lower']:.3f} to {row['upper']:.3f}"
    # One of four decades is as good as none.
    return f"{span}: too few to tell" if row["upper"] > _WIDE * row["lower"] else span


def _by_records(
    source: Source, records: Sequence[Record], told: Collection[Tuple[str, str]]
) -> List[Section]:
    """Return a section for each two stacks whose records share cells, and for each stack measured twice.

    Parameters
    ----------
    source : Source
        Everything.
    records : sequence of dict
        Of one machine.
    told : collection of (str, str)
        The stacks, BASE and HEAD, of which something better is on the page.
    """
    digest = data.machine(records[0])
    machine = source.machine_name(digest)
    stacks = sorted(dict.fromkeys(record["stack"] for record in records), key=_by_version)
    found = []
    for base, head in itertools.combinations(stacks, 2):
        of = {side: {_cell(r): r for r in records if r["stack"] == side} for side in (base, head)}
        pairs = [(of[base][cell], record) for cell, record in of[head].items() if cell in of[base]]
        if pairs:
            folded = digest != source.main or (base, head) in told
            found.append(_section(base, head, pairs, machine, folded))
    for stack in stacks:
        pairs = [
            (before, record)
            for record in records
            for before in [source.earlier.get(record["id"])]
            if record["stack"] == stack and before is not None and before["status"] == "ok"
        ]
        if pairs:
            sides = f"{stack}, the run before", f"{stack}, newest run"
            found.append(_section(*sides, pairs, machine, digest != source.main))
    return found


def _by_version(stack: str) -> Any:
    """Return what sorts stacks by their numbers: 3.8 before 3.11."""
    return [int(part) if part.isdigit() else -1 for part in re.split(r"(\d+)", stack)], stack


def _cell(record: Record) -> Any:
    of_model = record["model"], record["model_digest"], record["schema"]
    return (*of_model, str(record["settings"]), record["seed"])


def _section(base: str, head: str, pairs: Sequence[Pair], machine: str, folded: bool) -> Section:
    names = list(dict.fromkeys(one["model"] for one, _ in pairs))
    place = slug(f"{base}-{head}-{machine}")
    judged = _judged(base, head, pairs)
    dots = Chart(
        f"dots-{place}",
        f"{head} over {base}: time per effective sample and per leapfrog, median over cells, bars"
        " from the smallest to the largest; one cell has none",
        charts.dots(pairs),
    )
    phases = Chart(
        f"phases-{place}",
        f"Wall seconds of each phase, {base} (upper bar) and {head} (lower bar), of the newest seed",
        charts.phases(pairs, base, head),
    )
    results = {row["model"]: row for row in judged["models"]} if judged else {}
    return Section(
        f"records-{place}",
        f"{head} over {base}, by records, {machine}",
        answer=_answer(judged) if judged else [],
        lines=[
            f"Of {counted(len(pairs), 'cell')} that both have. {records_.NOT_IN_TURNS}",
            *_wall(names, pairs),
        ],
        charts=[dots, *_with_intervals(judged, place), phases],
        table=Table(_HEADER, [_ratios(name, pairs, results.get(name)) for name in names]),
        folded=folded,
    )


def _wall(names: Sequence[str], pairs: Sequence[Pair]) -> List[str]:
    """Say how whole cells compare, compiling included: what a user waits for."""
    by_model = {
        name: _ratio([pair for pair in pairs if pair[0]["model"] == name], "wall_s") for name in names
    }
    found = {name: ratio for name, ratio in by_model.items() if ratio is not None}
    if len(found) < 2:
        return []
    least, *_, most = sorted(found, key=lambda name: found[name])
    return [
        "Wall time of a whole cell, compiling included and not judged:"
        f" {percent(statistics.median(found.values()))} in the median over {len(found)} models, from"
        f" {percent(found[least])} ({least}) to {percent(found[most])} ({most})."
    ]


def _judged(base: str, head: str, pairs: Sequence[Pair]) -> Dict[str, Any]:
    """Return what ``nutsbench compare`` says of these records; nothing where it says that it cannot."""
    try:
        before = records_.gather(base, [one for one, _ in pairs])
        after = records_.gather(head, [other for _, other in pairs])
        return records_.compare(before, after, [], Options()).to_dict()
    except UserError:
        return {}


def _answer(judged: Mapping[str, Any]) -> List[str]:
    """Say how many models are slower, faster, the same, and of which no more can be told."""
    names: Dict[str, List[str]] = {}
    for row in judged["models"]:
        names.setdefault("not judged" if row["problem"] else row["verdict"], []).append(row["model"])
    told = [
        f"{verdict}: {', '.join(names[verdict])}"
        for verdict in ("slower", "faster", "same", "undecided")
        if verdict in names
    ]
    if not told:
        return []
    rest = len(names.get("not judged", []))
    more = f" {counted(rest, 'model')} with less than two seeds {'is' if rest == 1 else 'are'} not judged."
    text = "; ".join(told)
    return [f"{text[0].upper()}{text[1:]}.{more if rest else ''}"]


def _with_intervals(judged: Mapping[str, Any], place: str) -> List[Chart]:
    if not any(not row["problem"] and row["upper"] is not None for row in judged.get("models", [])):
        return []
    return [
        Chart(
            f"intervals-{place}",
            "Time per leapfrog, or per effective sample where the work is not the same, HEAD over"
            " BASE; the interval is over seeds, and holds what the machine may differ by between two runs",
            charts.ratios(judged),
        )
    ]


def _ratios(name: str, pairs: Sequence[Pair], judged: Optional[Mapping[str, Any]]) -> List[str]:
    """Return the row of a model: medians over its seeds, and the interval where there is one."""
    own = [pair for pair in pairs if pair[0]["model"] == name]
    steps = [tuple(side["metrics"].get("leapfrogs") for side in pair) for pair in own]
    known = all(None not in one for one in steps)
    same = None if not known else all(one == other for one, other in steps)
    sides = [verdicts.Row([pair[side] for pair in own]) for side in range(2)]
    ratios = [_ratio(own, metric) for metric in ("pace_s", "us_per_leapfrog", "wall_s")]
    figures = ["-" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
    said = ["not judged", judged["problem"]] if judged and judged["problem"] else ["not judged", "-"]
    if judged and not judged["problem"]:
        said = [judged["verdict"], interval_text(judged)]
    return [name, str(len(own)), *figures, _WORK[same], *said, " / ".join(side.verdict for side in sides)]


def _ratio(pairs: Sequence[Pair], metric: str) -> Optional[float]:
    """Return the median over pairs of a metric's ratio, HEAD over BASE; ``None`` if no pair has it."""
    values = [(one["metrics"].get(metric), other["metrics"].get(metric)) for one, other in pairs]
    ratios = [other / one for one, other in values if one and other]
    return statistics.median(ratios) if ratios else None
