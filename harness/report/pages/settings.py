"""The page of settings: how each figure moves with each of them, model by model."""

import statistics
from collections import Counter
from typing import Any, Dict, List, Sequence, Tuple

from harness.report import data, panels, site
from harness.report.data import Record, Source
from harness.report.site import Page, ids, slug
from harness.table import counted, number
from models.spec import SamplerSettings

SETTINGS = ("draws", "tune", "chains", "cores", "target_accept")


def page(source: Source) -> Page:
    """Return the page of settings."""
    records = _sweep(source)
    return Page("settings.html", "charts.html", ids(records), lambda: _variables(source, records))


def _sweep(source: Source) -> List[Record]:
    """Return the records in which one setting at the most is not the tutorial's.

    Of the machine that has most: two machines are never in one chart. A cell of a sweep that
    had been measured under another profile was not measured again, so profiles do not tell.
    """
    mine = [
        record
        for record in source.records
        if data.machine(record) == source.main and len(source.changed(record)) <= 1
    ]
    swept = {(r["model"], r["stack"]) for r in mine if source.changed(r)}
    groups: Dict[Any, List[Record]] = {}
    for record in mine:
        if (record["model"], record["stack"]) in swept:
            groups.setdefault((record["model"], record["stack"]), []).append(record)
    return [record for group in groups.values() for record in data.alike(group)]


def _variables(source: Source, records: Sequence[Record]) -> Dict[str, Any]:
    names = [name for name in source.names() if any(record["model"] == name for record in records)]
    sections: List[Dict[str, Any]] = []
    if records:
        stacks = list(dict.fromkeys(record["stack"] for record in records))
        sections += [_best(source, [r for r in records if r["stack"] == one], one, names) for one in stacks]
    for setting in SETTINGS:
        varied = _varied(records, setting)
        if varied:
            sections.append(
                _section(varied, setting, [n for n in names if any(r["model"] == n for r in varied)])
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


def _section(records: Sequence[Record], setting: str, names: Sequence[str]) -> Dict[str, Any]:
    found = [
        {
            "id": f"{setting}-{metric}",
            "choice": metric,
            "hidden": metric != "ess_per_s",
            "label": f"{panels.title(metric)} by {setting}: median over seeds, bars from the smallest to the"
            " largest seed, one scale for all models",
            "figure": panels.settings(records, setting, metric, names),
        }
        for metric in panels.SHOWN
    ]
    choices = {
        "label": "Shown",
        "name": f"by-{setting}",
        "options": [{"id": metric, "text": panels.title(metric)} for metric in panels.SHOWN],
    }
    return {
        "id": setting,
        "title": setting,
        "lines": _lost(records, setting),
        "charts": found,
        "choices": choices,
        "table": None,
    }


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


def _varied(records: Sequence[Record], setting: str) -> List[Record]:
    """Return the records in which, of a model's sweep, no other setting is varied."""
    others = [name for name in SamplerSettings.names() if name != setting]
    groups: Dict[Any, List[Record]] = {}
    for record in records:
        rest = tuple(record["settings"][name] for name in others)
        groups.setdefault((record["model"], record["stack"], rest), []).append(record)
    best: Dict[Any, List[Record]] = {}
    for (name, stack, _), group in groups.items():
        values = {record["settings"][setting] for record in group}
        known = best.get((name, stack), [])
        if len(values) > max(1, len({record["settings"][setting] for record in known})):
            best[name, stack] = group
    return [record for group in best.values() for record in group]


def _best(source: Source, records: Sequence[Record], stack: str, names: Sequence[str]) -> Dict[str, Any]:
    """Return the table of the settings that would have been best for each model on a stack."""
    rows = []
    for name in names:
        ranked = ranking(source, [r for r in records if r["model"] == name])
        if not ranked:
            continue
        first, usual = ranked[0], next((one for one in ranked if one["usual"]), None)
        gain = first["ess_per_s"] / usual["ess_per_s"] if usual and usual["ess_per_s"] else None
        rows.append(
            [
                name,
                first["text"] if first["good"] else f"none is good; least bad: {first['text']}",
                f"{number(first['ess_per_s'])}, {first['verdict']}",
                "-" if usual is None else f"{number(usual['ess_per_s'])}, {usual['verdict']}",
                "-" if gain is None else f"{gain:.2g} x",
                counted(first["seeds"], "seed"),
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
    return {
        "id": f"best-{slug(stack)}",
        "title": f"The settings that would have been best, {stack}",
        "lines": [
            "Of the settings under which every seed is good, those with the most effective samples a second;"
            " where none is good, those with the best verdict. A gain of a tenth or two may be chance."
        ],
        "charts": [],
        "choices": None,
        "table": {"header": header, "rows": rows},
    }


def ranking(source: Source, records: Sequence[Record]) -> List[Dict[str, Any]]:
    """Return the settings of one model's records, the best first: by verdict, then by median ESS/s.

    Parameters
    ----------
    source : Source
        What knows the model's own settings.
    records : sequence of dict
        Records of one model, stack and machine.

    Returns
    -------
    list of dict
        ``settings``, ``text``, ``ess_per_s``, ``verdict`` of the worst seed, ``good``, ``seeds``,
        and ``usual`` for the model's own settings.
    """
    groups: Dict[Tuple[Any, ...], List[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record["settings"][n] for n in SamplerSettings.names()), []).append(record)
    found = []
    for group in groups.values():
        settings = group[0]["settings"]
        verdict = min((data.verdict(record) for record in group), key=data.VERDICTS.index)
        rates = [r["metrics"].get("ess_per_s") or 0.0 for r in group if r["status"] == "ok"]
        found.append(
            {
                "settings": settings,
                "text": source.settings_words(group[0]),
                "ess_per_s": statistics.median(rates) if rates else 0.0,
                "verdict": verdict,
                "good": verdict == "good",
                "seeds": len({record["seed"] for record in group}),
                "usual": source.is_tutorial(group[0]),
            }
        )
    order = {name: place for place, name in enumerate(reversed(data.VERDICTS))}
    return sorted(found, key=lambda one: (order[one["verdict"]], -one["ess_per_s"]))
