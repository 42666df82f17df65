"""The overview: every model in one look, the worst first."""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from nutsbench.records.table import counted, number
from nutsbench.report import data, since, site, sweep, verdicts, words
from nutsbench.report.data import Source
from nutsbench.report.pages import migration
from nutsbench.report.since import Since
from nutsbench.report.site import Page, ids
from nutsbench.report.verdicts import Row

#: A page holds so many rows, the worst; all records are on the page of cells.
_MOST_ROWS = 400
_MOST_CHANGES = 40


#: Among the links of all pages.
PLACE = 1


def pages(source: Source, _: Path) -> List[Page]:
    """Return the overview's page."""
    known = {name: spec.settings.to_dict() for name, spec in source.specs.items()}
    inputs = [ids(source.records), sorted(source.earlier), known, source.main]
    return [Page("index.html", "overview.html", inputs, lambda: _variables(source), link="Overview")]


def _variables(source: Source) -> Dict[str, Any]:
    every = verdicts.rows(source.records)
    # The tutorial's settings are what the page opens with, so they are not what is left out.
    kept = sorted(every, key=lambda row: not source.is_tutorial(row.newest))[:_MOST_ROWS]
    advice = sweep.advice(source)
    changed = since.since(source)
    shown = [
        {**_row(source, row, advice, changed), "order": place}
        for place, row in enumerate(sorted(kept, key=lambda row: row.badness))
    ]
    changes = [
        {"model": model, "stack": stack, "text": "; ".join(texts)}
        for (model, stack, *_), texts in changed.changes.items()
    ]
    main = source.machine_name(source.main)
    profiles = [row["profile"] for row in shown]
    opened = "tutorial" if ("tutorial", main) in {(row["profile"], row["machine"]) for row in shown} else ""
    stack = source.main_stack
    filters = [
        _filter("stack", "Stack", [row["stack"] for row in shown], stack),
        _filter("settings", "Profile", profiles, opened),
        _filter("verdict", "Verdict", [row["verdict"] for row in shown]),
    ]
    if len(source.machines) > 1:
        # Times of two kinds of machine are never side by side unless one asks for it.
        names = [row["machine"] for row in shown]
        filters.append(_filter("machine", "Machine", names, main))
    return {
        "title": "Which model samples badly, and why",
        "lead": f"How the models do with their own settings on {stack}, the stack"
        f" {'whose settings were swept' if source.swept else 'measured last'}: the verdict over all seeds.",
        "answer": _answer(source, every, stack),
        "elsewhere": _elsewhere(source, every, stack),
        "stack": stack,
        "migration": migration.is_there(source),
        "measured": measured(source),
        "rows": shown,
        "left_out": len(every) - len(shown),
        "changes": changes[:_MOST_CHANGES],
        "changed": len(changes),
        "unchanged": _unchanged(changed),
        "chance": words.by_chance(source.records),
        "filters": filters,
        "meanings": {
            shown: site.DEFINITIONS[name]
            for shown, name in (
                ("ESS/s (1/s)", "ess_per_s"),
                ("wall (s)", "wall_s"),
                ("R-hat", "rhat_max"),
                ("divergences", "divergences"),
                ("tree depth", "tree_depth_mean"),
                ("against the reference posterior, |z| (MCSE)", "z"),
            )
        },
        "glossary": words.GLOSSARY,
        "verdicts": {name: words.meaning(name) for name in verdicts.VERDICTS},
    }


def _answer(source: Source, rows: Sequence[Row], stack: str) -> List[Dict[str, Any]]:
    """Return the models that the page opens with by their verdicts over seeds, the worst first."""
    groups: Dict[str, List[Row]] = {}
    for row in rows:
        first = row.newest
        if (first["stack"], data.machine(first)) == (stack, source.main) and source.is_tutorial(first):
            groups.setdefault(row.verdict, []).append(row)
    return [
        {
            "verdict": verdict,
            "over": _over(own),
            "models": [row.newest["model"] for row in own],
            "meaning": words.meaning(verdict),
        }
        for verdict, own in groups.items()
    ]


def _over(rows: Sequence[Row]) -> str:
    """Say over how many seeds some rows are judged."""
    each = [len(row.records) for row in rows]
    low, high = min(each), max(each)
    return f"over {counted(low, 'seed')}" if low == high else f"over {low} to {high} seeds"


def _elsewhere(source: Source, rows: Sequence[Row], stack: str) -> List[Dict[str, Any]]:
    """Return which models have another verdict on other stacks, beyond chance, on one machine."""
    found: Dict[str, Dict[str, Row]] = {}
    for row in rows:
        if data.machine(row.newest) == source.main and source.is_tutorial(row.newest):
            found.setdefault(str(row.newest["stack"]), {})[row.newest["model"]] = row
    own = found.get(stack, {})
    told = []
    for other, theirs in found.items():
        both = [name for name in theirs if name in own]
        if other == stack or not both:
            continue
        changes = {
            name: since.another(own[name].records, theirs[name].records, since.LEVEL / len(both))
            for name in both
        }
        differing = {name: change for name, change in changes.items() if change is not None}
        told.append(
            {
                "stack": other,
                "same": len(both),
                "models": [
                    {"name": name, "now": theirs[name], "own": own[name]}
                    for name, change in differing.items()
                    if change.beyond
                ],
                "within": [name for name, change in differing.items() if not change.beyond],
                "level": f"{100 * since.LEVEL:g} %",
            }
        )
    return told


def _unchanged(changed: Since) -> str:
    """Say what the lack of changes rests on, and how many differences are not shown."""
    if not changed.rows:
        return "What changed since the run before: no cell has been measured twice yet; --fresh does it."
    nothing = "" if changed.changes else "Changed since the run before: nothing beyond chance. "
    return f"{nothing}{changed.rule} {counted(changed.within, 'difference')} within chance, not shown."


def measured(source: Source) -> List[str]:
    """Say which stacks and machines the records are of."""
    stacks = {record["stack"]: data.stack_text(record) for record in source.records}
    lines = [f"Stacks: {'; '.join(sorted(stacks.values()))}."] if stacks else []
    machines = [f"{source.machine_name(name)}: {count} records" for name, count in source.machines.items()]
    return [*lines, f"Machine: {'; '.join(machines)}."] if machines else lines


def _filter(name: str, label: str, values: Sequence[str], chosen: str = "") -> Dict[str, Any]:
    return {"name": name, "label": label, "options": sorted(set(values)), "chosen": chosen}


def _row(source: Source, row: Row, advice: Mapping[Tuple[str, str], str], changed: Since) -> Dict[str, Any]:
    first = row.newest
    scores = [verdicts.worst_z(record) for record in row.records]
    # Of chains that have not mixed it is no distance from anything.
    z = max((score for score in scores if score is not None), default=None) if row.mixed else None
    place = first["model"], first["stack"]
    asked = source.is_tutorial(first) and data.machine(first) == source.main
    return {
        "model": first["model"],
        "advice": advice.get(place, "") if asked else "",
        "stack": first["stack"],
        # A cell that another profile had measured is not measured again: the settings tell what it is.
        "profile": "tutorial" if source.is_tutorial(first) else first["profile"],
        "machine": source.machine_name(data.machine(first)),
        "cell": first["id"][:12] if first["stack"] != source.main_stack else "",
        "elsewhere": data.machine(first) != source.main,
        "seeds": len(row.records),
        "verdict": row.verdict,
        "over": row.over,
        "singles": row.singles,
        "why": words.why_over_seeds(row),
        "remedy": words.remedy(row),
        "since": "; ".join(changed.changes.get(since.key(first), [])),
        "ess_per_s": _figure(row.median("ess_per_s") if row.mixed else None),
        "ess_span": _span(row.values("ess_per_s")) if row.mixed else "",
        "wall_s": _figure(row.median("wall_s")),
        "wall_span": _span(row.values("wall_s")),
        "rhat": _figure(max(row.values("rhat_max"), default=None), ".3f"),
        "divergences": _figure(max(row.values("divergences"), default=None), ".0f"),
        "depth": _figure(row.median("tree_depth_mean"), ".1f"),
        "z": _figure(z, ".1f"),
        "accuracy": row.accuracy or "-",
        "limit": (row.example.get("accuracy") or {}).get("threshold"),
        "phases": row.phases(),
        "settings": source.settings_words(first),
    }


def _span(values: Sequence[float]) -> str:
    """Return the smallest and the largest of several seeds; empty of one."""
    return f"{number(min(values))} to {number(max(values))}" if len(values) > 1 else ""


def _figure(value: Optional[float], form: str = "") -> Dict[str, Any]:
    if value is None:
        return {"value": "", "text": "-"}
    return {"value": value, "text": format(value, form) if form else number(value)}
