"""Two stacks, or two runs of one, by the records of the cells that both have."""

import itertools
import re
import statistics
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from nutsbench.base.errors import UserError
from nutsbench.compare import records as records_
from nutsbench.compare.result import Options
from nutsbench.records.stored import Stored
from nutsbench.records.table import counted, percent
from nutsbench.report import data, verdicts
from nutsbench.report.data import Source
from nutsbench.report.draw import charts
from nutsbench.report.section import Chart, Section, Table
from nutsbench.report.site import slug
from nutsbench.track import gaps

#: An interval that is wider, from end to end, tells nothing.
_WIDE = 10
_HEADER = (
    "model",
    "seeds",
    "time / ESS, HEAD / BASE, median over seeds",
    "time / leapfrog, likewise",
    "wall time, likewise",
    "trajectories",
    "speed: HEAD against BASE",
    "its interval: time / leapfrog of identical trajectories, else time / ESS",
    "draws, over all seeds: BASE, HEAD",
)
_NOT_INTERLEAVED = (
    "These records were not interleaved, so the machine may have been faster in one run than in the other:"
    f" {100 * records_.DRIFT:.0f} % are added to either side of each interval, and nothing smaller can be"
    " told. nutsbench compare, with the names of the stacks, tells more."
)
Pair = Tuple[Stored, Stored]
_SIDES = (lambda _: "BASE", lambda _: "HEAD")


def sections(source: Source, records: Sequence[Stored], told: Collection[Tuple[str, str]]) -> List[Section]:
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


def _cell(record: Stored) -> Any:
    of_model = record["model"], record["model_digest"], record["schema"]
    return (*of_model, str(record["settings"]), record["seed"])


def _section(base: str, head: str, pairs: Sequence[Pair], machine: str, folded: bool) -> Section:
    pairs, left_out = _of_one_setting(pairs)
    names = list(dict.fromkeys(one["model"] for one, _ in pairs))
    place = slug(f"{base}-{head}-{machine}")
    unmixed = _unmixed(pairs)
    judged = _judged(base, head, pairs, unmixed)
    dots = Chart(
        f"dots-{place}",
        f"{head} over {base}: time per effective sample and per leapfrog, median over"
        f" {_seeds(names, pairs)}, bars from the smallest to the largest; of one seed there is none",
        charts.dots(pairs, unmixed),
    )
    phases = Chart(
        f"phases-{place}",
        f"Wall time of each phase, {base} (upper bar) and {head} (lower bar), mean over"
        f" {_seeds(names, pairs)}; the line ends at the whole of the fastest and of the slowest seed",
        charts.phases(pairs, base, head),
    )
    results = {row["model"]: row for row in judged["models"]} if judged else {}
    return Section(
        f"records-{place}",
        f"{head} over {base}, by records, {machine}",
        answer=_answer(judged) if judged else [],
        lines=[
            f"Of {counted(len(pairs), 'cell')} (model, settings and seed) that both have. {_NOT_INTERLEAVED}",
            *_of_settings(left_out),
            *unmixed.values(),
            *_wall(names, pairs),
        ],
        charts=[dots, *_with_intervals(judged, place), phases],
        table=Table(_HEADER, [_ratios(name, pairs, results.get(name), name in unmixed) for name in names]),
        folded=folded,
    )


def _of_one_setting(pairs: Sequence[Pair]) -> Tuple[List[Pair], int]:
    """Return the pairs of one setting a model, that of most seeds, and how many were left out.

    Cells of two settings are no repeats of each other.
    """
    groups: Dict[str, Dict[str, List[Pair]]] = {}
    for pair in pairs:
        groups.setdefault(pair[0]["model"], {}).setdefault(str(pair[0]["settings"]), []).append(pair)
    kept = [pair for group in groups.values() for pair in max(group.values(), key=len)]
    return kept, len(pairs) - len(kept)


def _of_settings(left_out: int) -> List[str]:
    if not left_out:
        return []
    return [
        f"A model is compared under one setting, that with most seeds: {counted(left_out, 'cell')} of others"
        " left out."
    ]


def _seeds(names: Sequence[str], pairs: Sequence[Pair]) -> str:
    """Say how many seeds there are of a model."""
    each = [sum(one["model"] == name for one, _ in pairs) for name in names]
    low, high = min(each), max(each)
    return counted(low, "seed") if low == high else f"{low} to {high} seeds"


def _unmixed(pairs: Sequence[Pair]) -> Dict[str, str]:
    """Say of each model whose chains have not mixed on either side that it has no effective samples."""
    found = {
        gap.model: gap for side in range(2) for gap in gaps.find([pair[side] for pair in pairs], _SIDES[side])
    }
    return {
        name: f"{name}: chains of {gap.place} have not mixed ({gap.reason}), so there is no time per"
        " effective sample to compare."
        for name, gap in found.items()
    }


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


def _judged(base: str, head: str, pairs: Sequence[Pair], unmixed: Mapping[str, str]) -> Dict[str, Any]:
    """Return what ``nutsbench compare`` says of these records; nothing where it says that it cannot."""
    try:
        before = records_.gather(base, [one for one, _ in pairs])
        after = records_.gather(head, [other for _, other in pairs])
        found = records_.compare(before, after, [], Options()).to_dict()
    except UserError:
        return {}
    for row in found["models"]:
        # A leapfrog's time needs no effective samples.
        if row["model"] in unmixed and not row["same_work"]:
            row["problem"] = row["problem"] or "chains have not mixed"
    return found


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
    rest: Dict[str, List[str]] = {}
    for row in judged["models"]:
        if row["problem"]:
            rest.setdefault(row["problem"], []).append(row["model"])
    more = [f"Not judged: {', '.join(models)} ({problem})." for problem, models in rest.items()]
    text = "; ".join(told)
    said = [f"{text[0].upper()}{text[1:]}.", *more] if told else more
    return [" ".join(said)] if said else []


def _with_intervals(judged: Mapping[str, Any], place: str) -> List[Chart]:
    if not any(not row["problem"] and row["upper"] is not None for row in judged.get("models", [])):
        return []
    return [
        Chart(
            f"intervals-{place}",
            "Time per leapfrog, or per effective sample where trajectories are different, HEAD over BASE;"
            " the interval is over seeds, and holds what the machine may differ by between two runs; grey:"
            " the margin of equivalence",
            charts.ratios(judged),
        )
    ]


def _ratios(
    name: str, pairs: Sequence[Pair], judged: Optional[Mapping[str, Any]], unmixed: bool
) -> List[str]:
    """Return the row of a model: medians over its seeds, and the interval where there is one."""
    own = [pair for pair in pairs if pair[0]["model"] == name]
    steps = [tuple(side["metrics"].get("leapfrogs") for side in pair) for pair in own]
    known = all(None not in one for one in steps)
    same = None if not known else all(one == other for one, other in steps)
    sides = [verdicts.Row([pair[side] for pair in own]) for side in range(2)]
    ratios = [_ratio(own, metric) for metric in ("pace_s", "us_per_leapfrog", "wall_s")]
    figures = ["-" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
    if unmixed:
        figures[0] = "-: not mixed"
    said = ["not judged", judged["problem"]] if judged and judged["problem"] else ["not judged", "-"]
    if judged and not judged["problem"]:
        said = [judged["verdict"], interval_text(judged)]
    draws = ", ".join(dict.fromkeys(side.verdict for side in sides))
    both = f"both {draws}" if sides[0].verdict == sides[1].verdict else draws
    return [name, str(len(own)), *figures, charts.trajectories(same), *said, both]


def _ratio(pairs: Sequence[Pair], metric: str) -> Optional[float]:
    """Return the median over pairs of a metric's ratio, HEAD over BASE; ``None`` if no pair has it."""
    values = [(one["metrics"].get(metric), other["metrics"].get(metric)) for one, other in pairs]
    ratios = [other / one for one, other in values if one and other]
    return statistics.median(ratios) if ratios else None


def interval_text(row: Mapping[str, Any]) -> str:
    """Return an interval as text, and whether it is too wide to tell anything."""
    if row["upper"] is None:
        return "not known"
    span = f"{row['lower']:.3f} to {row['upper']:.3f}"
    # One of four decades is as good as none.
    return f"{span}: too few to tell" if row["upper"] > _WIDE * row["lower"] else span
