"""The overview: every model in one look, the worst first."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from harness.report import data, site, sweep, verdicts, words
from harness.report.data import Source
from harness.report.site import Page, ids
from harness.report.verdicts import Row
from harness.table import counted, number

#: A page holds so many rows, the worst; all records are on the page of cells.
_MOST_ROWS = 400
_MOST_CHANGES = 40


def page(source: Source) -> Page:
    """Return the overview's page."""
    known = {name: spec.settings.to_dict() for name, spec in source.specs.items()}
    inputs = [ids(source.records), sorted(source.earlier), known, source.main]
    return Page("index.html", "overview.html", inputs, lambda: _variables(source))


def _variables(source: Source) -> Dict[str, Any]:
    every = verdicts.rows(source.records)
    # The tutorial's settings are what the page opens with, so they are not what is left out.
    kept = sorted(every, key=lambda row: not source.is_tutorial(row.newest))[:_MOST_ROWS]
    advice = sweep.advice(source)
    shown = [
        {**_row(source, row, advice), "order": place}
        for place, row in enumerate(sorted(kept, key=lambda row: row.badness))
    ]
    changes = [
        {"model": record["model"], "stack": record["stack"], "text": text}
        for record in reversed(source.records)
        for text in [words.since(record, source.earlier.get(record["id"]))]
        if text
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
        f" {'whose settings were swept' if source.swept else 'measured last'}.",
        "answer": _answer(source, every, stack),
        "elsewhere": _elsewhere(source, every, stack),
        "measured": measured(source),
        "rows": shown,
        "left_out": len(every) - len(shown),
        "changes": changes[:_MOST_CHANGES],
        "changed": len(changes),
        "unchanged": _unchanged(source),
        "filters": filters,
        "meanings": {
            shown: site.DEFINITIONS[name]
            for shown, name in (
                ("ESS/s", "ess_per_s"),
                ("wall", "wall_s"),
                ("R-hat", "rhat_max"),
                ("divergences", "divergences"),
                ("tree depth", "tree_depth_mean"),
                ("accuracy, |z|", "z"),
            )
        },
        "glossary": words.GLOSSARY,
        "verdicts": {name: words.meaning(name) for name in verdicts.VERDICTS},
    }


def _answer(source: Source, rows: Sequence[Row], stack: str) -> List[Dict[str, Any]]:
    """Return the models that the page opens with by their verdicts, the worst first."""
    groups: Dict[Tuple[str, str], List[Row]] = {}
    for row in rows:
        first = row.newest
        if (first["stack"], data.machine(first)) == (stack, source.main) and source.is_tutorial(first):
            groups.setdefault((row.verdict, _extent(row)), []).append(row)
    explained: Set[str] = set()
    found = []
    for (verdict, extent), own in groups.items():
        meaning = "" if verdict in explained else words.meaning(verdict)
        if own[0].verdict == "good" and own[0].worse:
            meaning = "one seed or another is not: chance, or settings that only just suffice"
        else:
            explained.add(verdict)
        names = [row.newest["model"] for row in own]
        found.append({"verdict": verdict, "extent": extent, "models": names, "meaning": meaning})
    return found


def _extent(row: Row) -> str:
    """Say with how many of its seeds a row has its verdict."""
    if len(row.records) == 1:
        return ""
    if row.always:
        return "with every seed"
    if row.verdict in ("failed", "inaccurate"):
        return "with some seeds"
    if row.verdict == "good":
        return "with most seeds"
    return "with some seeds, worse with others" if row.worse else "with half of the seeds or more"


def _elsewhere(source: Source, rows: Sequence[Row], stack: str) -> List[Dict[str, Any]]:
    """Return which models have another verdict on other stacks, with their own settings, on one machine."""
    found: Dict[str, Dict[str, Row]] = {}
    for row in rows:
        if data.machine(row.newest) == source.main and source.is_tutorial(row.newest):
            found.setdefault(str(row.newest["stack"]), {})[row.newest["model"]] = row
    own = found.get(stack, {})
    return [
        {
            "stack": other,
            "same": len(set(own) & set(theirs)),
            "models": [
                {"name": name, "now": row.verdict, "extent": row.extent, "own": own[name].verdict}
                for name, row in theirs.items()
                if name in own and own[name].verdict != row.verdict
            ],
        }
        for other, theirs in found.items()
        if other != stack
    ]


def _unchanged(source: Source) -> str:
    """Say what the lack of changes rests on."""
    if not source.earlier:
        return "What changed since the run before: no cell has been measured twice yet; --fresh does it."
    return (
        f"What changed since the run before: nothing in {counted(len(source.earlier), 'cell')} that"
        " had been measured before: neither a verdict, nor a time per effective sample by a half."
    )


def measured(source: Source) -> List[str]:
    """Say which stacks and machines the records are of."""
    stacks = {record["stack"]: data.stack_text(record) for record in source.records}
    lines = [f"Stacks: {'; '.join(sorted(stacks.values()))}."] if stacks else []
    machines = [f"{source.machine_name(name)}: {count} records" for name, count in source.machines.items()]
    return [*lines, f"Machine: {'; '.join(machines)}."] if machines else lines


def _filter(name: str, label: str, values: Sequence[str], chosen: str = "") -> Dict[str, Any]:
    return {"name": name, "label": label, "options": sorted(set(values)), "chosen": chosen}


def _row(source: Source, row: Row, advice: Mapping[Tuple[str, str], str]) -> Dict[str, Any]:
    first = row.newest
    scores = [verdicts.worst_z(record) for record in row.records]
    z = max((score for score in scores if score is not None), default=None)
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
        "extent": row.extent,
        "why": words.why_over_seeds(row),
        "since": words.since(first, source.earlier.get(first["id"])),
        "ess_per_s": _figure(row.median("ess_per_s")),
        "wall_s": _figure(row.median("wall_s")),
        "rhat": _figure(max(row.values("rhat_max"), default=None), ".3f"),
        "divergences": _figure(max(row.values("divergences"), default=None), ".0f"),
        "depth": _figure(row.median("tree_depth_mean"), ".1f"),
        "z": _figure(z, ".1f"),
        "accuracy": (row.example.get("accuracy") or {}).get("verdict", "-"),
        "limit": (row.example.get("accuracy") or {}).get("threshold"),
        "phases": row.phases(),
        "settings": source.settings_words(first),
    }


def _figure(value: Optional[float], form: str = "") -> Dict[str, Any]:
    if value is None:
        return {"value": "", "text": "-"}
    return {"value": value, "text": format(value, form) if form else number(value)}
