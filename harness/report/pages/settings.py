"""The page of settings: how each metric moves with each of them, model by model."""

import functools
import itertools
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from nutsbench.compare import records as compared
from nutsbench.judge.remedy import WANTED_ESS
from nutsbench.records.stored import Stored
from nutsbench.records.stored import setting as setting_of
from nutsbench.records.table import counted, number
from nutsbench.report import data, site, sweep
from nutsbench.report.data import Source
from nutsbench.report.draw import panels
from nutsbench.report.section import Chart, Section, Table
from nutsbench.report.site import Page, ids
from nutsbench.report.sweep import Best, Tried

_TABLE = (
    f"The table has the expected time to an ESS of {WANTED_ESS} (s, geometric mean over seeds) and the"
    " verdict over as many seeds as it says; * is the model's own value."
)
_DRAWS = (
    "Draws are the beginning of a longer run's, so they do not change the expected time: the table has the"
    " ESS (the smaller of bulk and tail, median over seeds) and the verdict over seeds, and the draws a chain"
    f" that an ESS of {WANTED_ESS} takes at the rate seen in the longest run; * is the model's own value."
)
#: What "best" is here.
_BEST = (
    f"Fastest is the least expected time to an ESS of {WANTED_ESS} (bulk and tail) with all checks passed:"
    " seconds of build and compile (the model's median, compile cache as it was, mostly warm) + tune +"
    f" {WANTED_ESS} x draw / ESS. It is the geometric mean over seeds, with a 95 % interval by their spread.",
    "Settings count if what is wrong over seeds, if anything, is too few draws, which the expected time makes"
    " up for. Where every setting of a model is treedepth limited, these are compared, and it is said."
    " Settings of one seed have no interval, and are never called fastest.",
    "Not told apart: Welch's interval of the ratio of the two times, at 95 % over all comparisons of a model"
    f" with its fastest (Bonferroni), holds 1; {100 * compared.DRIFT:.0f} % are added to either side, since"
    " the runs were not interleaved. One setting was varied at a time: no two together were tried. All that"
    " were tried are on a model's own page.",
)


#: Among the links of all pages.
PLACE = 2


def pages(source: Source, _: Path) -> List[Page]:
    """Return the page of settings."""
    records = source.swept
    make = functools.partial(_variables, source, records)
    return [Page("settings.html", "charts.html", ids(records), make, link="Settings")]


def _variables(source: Source, records: Sequence[Stored]) -> Dict[str, Any]:
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
        "lead": "How each metric moves with one setting, while the others stay the tutorial's. Models with"
        " collinear predictors have fewer values: a cell of theirs takes minutes."
        + (f" Over up to {counted(seeds, 'seed')}, on {machine}." if records else ""),
        "sections": sections,
        "contents": True,
        "meanings": {panels.title(name): site.DEFINITIONS[name] for name in panels.SHOWN},
        "empty": "No sweep has been measured yet: nutsbench run --profile sweep --seed 1,2,3 does it.",
    }


def _points(records: Sequence[Stored]) -> List[Dict[str, Any]]:
    """Return how many seeds each point of the charts rests on."""
    groups: Dict[Any, set] = {}  # type: ignore[type-arg]
    for record in records:
        place = (record["model"], record["stack"], str(record["settings"]))
        groups.setdefault(place, set()).add(record["seed"])
    return [{"seeds": len(seeds)} for seeds in groups.values()]


def _section(source: Source, records: Sequence[Stored], setting: str, names: Sequence[str]) -> Section:
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
        lines=[*_lost(records, setting), _DRAWS if setting == "draws" else _TABLE],
        charts=charts,
        table=_by_value(source, records, setting, names),
    )


def _by_value(source: Source, records: Sequence[Stored], setting: str, names: Sequence[str]) -> Table:
    """Return what each model gave under each value of a setting, and which of them is fastest."""
    values = sorted({setting_of(record, setting) for record in records})
    stacks = list(dict.fromkeys(record["stack"] for record in records))
    rows = []
    for name, stack in itertools.product(names, stacks):
        own = [r for r in records if (r["model"], r["stack"]) == (name, stack)]
        every = [r for r in source.swept if (r["model"], r["stack"]) == (name, stack)]
        tried = sweep.ranking(own, every)
        if tried:
            cells = {setting_of(one.row.newest, setting): _cell(source, one, setting) for one in tried}
            last = _draws_needed(tried) if setting == "draws" else _fastest(sweep.best(own, every), setting)
            rows.append(
                [
                    name if len(stacks) == 1 else f"{name}, {stack}",
                    *(cells.get(value, "-") for value in values),
                    last,
                ]
            )
    last = f"draws a chain for ESS {WANTED_ESS}" if setting == "draws" else f"fastest to ESS {WANTED_ESS}"
    return Table(["model", *(f"{setting} {value:g}" for value in values), last], rows)


def _cell(source: Source, tried: Tried, setting: str) -> str:
    row, found = tried.row, tried.interval
    own = " *" if source.is_tutorial(row.newest) else ""
    ess = [row.median(name) for name in ("ess_bulk_min", "ess_tail_min")]
    if setting == "draws":
        known = [value for value in ess if value is not None]
        figure = f"ESS {number(min(known))}" if known and row.mixed else "no ESS"
    else:
        figure = "no time" if found is None else f"{number(found.ratio)} s"
    return f"{figure}, {row.verdict} ({row.over}){own}"


def _fastest(best: Optional[Best], setting: str) -> str:
    """Say which values of a setting are fastest, as far as they can be told apart."""
    if best is None:
        return "none passes all checks"
    first, *others = (setting_of(one.row.newest, setting) for one in (best.first, *best.tied))
    less = "" if best.passes else f", {best.first.lasting}"
    if not others:
        return f"{first:g}{less}" if best.slower else f"{first:g}{less}: the only one to pass"
    return f"{first:g}{less}; not told apart from {', '.join(f'{one:g}' for one in sorted(others))}"


def _draws_needed(tried: Sequence[Tried]) -> str:
    """Say how many draws a chain are needed, by the longest run."""
    known = [one for one in tried if one.draws is not None]
    if not known:
        return "chains have not mixed"
    longest = max(known, key=lambda one: int(one.row.newest["settings"]["draws"]))
    return f"{number(longest.draws)} (median, {counted(len(longest.times), 'seed')})"


def _lost(records: Sequence[Stored], setting: str) -> List[str]:
    """Say which cells did not end: a point of the others would look as good as any."""
    lost = Counter(
        (record["model"], record["stack"], setting_of(record, setting), record["status"])
        for record in records
        if record["status"] != "ok"
    )
    return [
        f"{model} on {stack} with {setting} {value}: {counted(count, 'cell')} {status},"
        " and not in the charts."
        for (model, stack, value, status), count in lost.items()
    ]


def _best(source: Source, records: Sequence[Stored], stack: str, names: Sequence[str]) -> Section:
    """Return the table of the settings that are fastest for each model on a stack."""
    rows, answer = [], []
    for name in names:
        own = [record for record in records if record["model"] == name]
        tried, best = sweep.ranking(own), sweep.best(own)
        usual = next((one for one in tried if source.is_tutorial(one.row.newest)), None)
        if best is None:
            rows.append([name, _none(source, tried), "-", "-", "-", _usual(usual, usual), "-"])
            continue
        answer.append((name, best))
        less = "" if best.passes else f" ({best.first.lasting})"
        rows.append(
            [
                name,
                f"{sweep.words_of(source, best.first)}{less}",
                best.first.text,
                f"{number(best.first.draws)}",
                ", ".join(f"{sweep.words_of(source, one)} ({_seconds(one)})" for one in best.tied) or "none",
                _usual(usual, _own(source, [best.first, *best.tied, *best.slower])),
                _gain(source, best),
            ]
        )
    header = [
        "model",
        "fastest of those tried",
        f"expected time to ESS {WANTED_ESS} (95 % interval)",
        "draws a chain for it",
        "not told apart from it",
        "the tutorial's settings: expected time, verdict over seeds",
        "fastest over the tutorial's (interval that decides)",
    ]
    return Section(
        f"best-{stack}",
        f"The settings that reach an ESS of {WANTED_ESS} fastest, {stack}",
        answer=_answer(source, answer, len(names)),
        lines=_BEST,
        table=Table(header, rows),
    )


def _answer(source: Source, found: Sequence[Tuple[str, Best]], models: int) -> List[str]:
    """Say for how many models other settings than the tutorial's are faster beyond chance."""
    faster = [
        f"{name} ({sweep.words_of(source, best.first)}, {number(1 / sweep.ratio(best.first, own).ratio, 2)} x"
        " the time)"
        for name, best in found
        for own in [_own(source, [*best.tied, *best.slower])]
        if own is not None and own in best.slower
    ]
    alone = [name for name, best in found if not best.tied]
    told = [
        f"The tutorial's settings are slower than the fastest, beyond chance, in {len(faster)} of {models}"
        " models" + (f": {', '.join(faster)}." if faster else "."),
        f"A single setting is fastest, beyond chance, in {len(alone)} of {models} models"
        + (f": {', '.join(alone)}; in the others" if alone else ": in all")
        + " several cannot be told apart, or none passes.",
    ]
    return told if found else []


def _own(source: Source, tried: Sequence[Tried]) -> Optional[Tried]:
    """Return of some settings those that are the model's own but for the draws."""
    return next((one for one in tried if set(source.changed(one.row.newest)) <= {"draws"}), None)


def _gain(source: Source, best: Best) -> str:
    """Return the ratio of the fastest settings' time to that of the model's own, with its interval."""
    if _own(source, [best.first]) is not None:
        return "the same settings"
    own = _own(source, [*best.tied, *best.slower])
    if own is None:
        return "-"
    found = sweep.ratio(own, best.first, best.level)
    return f"{found.ratio:.2f} ({found.lower:.2f} to {found.upper:.2f})"


def _seconds(tried: Tried) -> str:
    return "-" if tried.interval is None else f"{number(tried.interval.ratio)} s"


def _usual(usual: Optional[Tried], longest: Optional[Tried]) -> str:
    """Return the time of the model's own settings, by the longest run of them, and their verdict."""
    if usual is None:
        return "-"
    return f"{(longest or usual).text}; {usual.row.verdict} ({usual.row.over})"


def _none(source: Source, tried: Sequence[Tried]) -> str:
    """Say that no settings pass, and which come nearest."""
    first = tried[0]
    return (
        f"none passes all checks; least bad: {sweep.words_of(source, first)}, {first.row.verdict}"
        f" ({first.row.over})"
    )
