"""The page of settings: how each figure moves with each of them, model by model."""

import itertools
from collections import Counter
from typing import Any, Dict, List, Sequence, Set

from harness.report import data, panels, site, sweep
from harness.report.data import Record, Source
from harness.report.section import Chart, Section, Table
from harness.report.site import Page, ids
from harness.report.verdicts import Row
from harness.table import counted, number

_TABLE = (
    "The table has ESS/s, the median over seeds, and the verdict that half of the seeds or more have, with"
    " their number where not all do; * is the model's own value."
)


def page(source: Source) -> Page:
    """Return the page of settings."""
    records = source.swept
    return Page("settings.html", "charts.html", ids(records), lambda: _variables(source, records))


def _variables(source: Source, records: Sequence[Record]) -> Dict[str, Any]:
    names = [name for name in source.names() if any(record["model"] == name for record in records)]
    sections: List[Section] = []
    if records:
        stacks = list(dict.fromkeys(record["stack"] for record in records))
        sections += [_best(source, [r for r in records if r["stack"] == one], one, names) for one in stacks]
    for setting in sweep.SETTINGS:
        varied = sweep.varied(records, setting)
        if varied:
            sections.append(
                _section(source, varied, setting, [n for n in names if any(r["model"] == n for r in varied)])
            )
    seeds = max((one["seeds"] for one in _points(records)), default=0)
    machine = source.machine_name(data.machine(records[0])) if records else ""
    return {
        "title": "Which settings to sample with",
        "charts": True,
        "lead": "How each figure moves with one setting, while the others stay the tutorial's. Models with"
        " collinear predictors have fewer values: a cell of theirs takes minutes."
        + (f" Median over up to {counted(seeds, 'seed')}, on {machine}." if records else ""),
        "sections": sections,
        "contents": True,
        "meanings": {name: site.DEFINITIONS[name] for name in panels.SHOWN},
        "empty": "No sweep has been measured yet: nutsbench run --profile sweep --seed 1,2,3 does it.",
    }


def _points(records: Sequence[Record]) -> List[Dict[str, Any]]:
    """Return how many seeds each point of the charts rests on."""
    groups: Dict[Any, set] = {}  # type: ignore[type-arg]
    for record in records:
        place = (record["model"], record["stack"], str(record["settings"]))
        groups.setdefault(place, set()).add(record["seed"])
    return [{"seeds": len(seeds)} for seeds in groups.values()]


def _section(source: Source, records: Sequence[Record], setting: str, names: Sequence[str]) -> Section:
    charts = [
        Chart(
            f"{setting}-{metric}",
            f"{panels.title(metric)} by {setting}: median over seeds, bars from the smallest to the"
            f" largest seed, one scale for all models{panels.limit_words(metric)}",
            panels.multiples(
                [panels.Panel(name, setting, [r for r in records if r["model"] == name]) for name in names],
                metric,
            ),
            choice=panels.title(metric),
        )
        for metric in panels.SHOWN
    ]
    return Section(
        setting,
        setting,
        lines=[*_lost(records, setting), _TABLE],
        charts=charts,
        table=_by_value(source, records, setting, names),
    )


def _by_value(source: Source, records: Sequence[Record], setting: str, names: Sequence[str]) -> Table:
    """Return ESS/s and verdict of each model under each value of a setting, and which of them is best."""
    values = sorted({record["settings"][setting] for record in records})
    stacks = list(dict.fromkeys(record["stack"] for record in records))
    rows = []
    for name, stack in itertools.product(names, stacks):
        ranked = sweep.ranking([r for r in records if (r["model"], r["stack"]) == (name, stack)])
        if ranked:
            cells = {row.newest["settings"][setting]: _rate(source, row) for row in ranked}
            best = f"{ranked[0].newest['settings'][setting]:g}"
            rows.append(
                [
                    name if len(stacks) == 1 else f"{name}, {stack}",
                    *(cells.get(value, "-") for value in values),
                    best if ranked[0].sound else f"none is good with every seed; least bad {best}",
                ]
            )
    return Table(["model", *(f"{value:g}" for value in values), "best"], rows)


def _rate(source: Source, row: Row) -> str:
    own = " *" if source.is_tutorial(row.newest) else ""
    return f"{number(row.median('ess_per_s'))} {row.verdict_text}{own}"


def _lost(records: Sequence[Record], setting: str) -> List[str]:
    """Say which cells did not end: a point of the others would look as good as any."""
    lost = Counter(
        (record["model"], record["stack"], record["settings"][setting], record["status"])
        for record in records
        if record["status"] != "ok"
    )
    return [
        f"{model} on {stack} with {setting} {value}: {counted(count, 'cell')} {status},"
        " and not in the charts."
        for (model, stack, value, status), count in lost.items()
    ]


def _best(source: Source, records: Sequence[Record], stack: str, names: Sequence[str]) -> Section:
    """Return the table of the settings that would have been best for each model on a stack."""
    rows: List[List[str]] = []
    ranked_seeds: Set[int] = set()
    for name in names:
        ranked = sweep.ranking([r for r in records if r["model"] == name])
        if not ranked:
            continue
        ranked_seeds |= {record["seed"] for row in ranked for record in row.records}
        first, usual = ranked[0], next((row for row in ranked if source.is_tutorial(row.newest)), None)
        best, before = first.median("ess_per_s"), usual.median("ess_per_s") if usual else None
        text = source.settings_words(first.newest)
        rows.append(
            [
                name,
                text if first.sound else f"none is good with every seed; least bad: {text}",
                f"{number(best)}, {first.verdict_text}",
                f"{number(before)}, {usual.verdict_text}" if usual else "-",
                f"{best / before:.2g} x" if best and before else "-",
                counted(len(first.records), "seed"),
            ]
        )
    header = [
        "model",
        "best of those tried",
        "ESS per s",
        "the tutorial's settings, ESS per s",
        "gain",
        "over",
    ]
    return Section(
        f"best-{stack}",
        f"The settings that would have been best, {stack}",
        lines=[
            "Of the settings under which every seed is good, those with the most effective samples a second;"
            " where there are none, those with the best verdict and the most seeds on the good side of it,"
            " and among poor ones the smallest R-hat. A gain of a tenth or two may be chance. One setting was"
            " varied at a time: no two together were tried. All that were tried are on a model's own page.",
            sweep.seeds_text(ranked_seeds),
        ],
        table=Table(header, rows),
    )
