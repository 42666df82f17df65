"""The page of history: times over releases and commits, with accuracy and divergences beside them."""

import math
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from harness.errors import UserError
from harness.report import charts, data
from harness.report.data import Source, asv_commits
from harness.report.site import Page, slug

#: What asv calls a machine that was measured again, for the noise.
_AGAIN = "{}-again"


_MEANINGS = {
    "pace": "Seconds per effective sample: the inverse of ess_per_s.",
    "leapfrogs / ESS": "Leapfrog steps that an effective sample takes: what the algorithm is worth.",
    "time / leapfrog": "Microseconds of a leapfrog step in a sampled cell: what the code is worth.",
    "transitions, leapfrog, gradient": "Fixed work of the NUTS core: five transitions, one leapfrog step,"
    " one call of the compiled log-probability and gradient.",
    "warm compile": "Building and compiling a model that Theano's cache holds already.",
    "peak memory": "Largest resident set of the process that makes the transitions.",
}


def page(source: Source, output: Path) -> Page:
    """Return the page of history.

    Parameters
    ----------
    source : Source
        Everything.
    output : Path
        Where the pages will lie.
    """
    files = sorted(f"{path.relative_to(source.folder)} {path.stat().st_mtime_ns}" for path in _files(source))
    links = _links(source, output)
    return Page("history.html", "charts.html", [files, links], lambda: _variables(source, links))


def _files(source: Source) -> Iterator[Path]:
    for name in ("releases", "asv"):
        yield from (source.folder / name).glob("*/*.json")
        yield from (source.folder / name).glob("benchmarks.json")
        yield from (source.folder / name / "runs").rglob("*.jsonl*")


def _variables(source: Source, links: List[Dict[str, str]]) -> Dict[str, Any]:
    sections = [*_releases(source), *_commits(source)]
    return {
        "title": "What changed over releases and commits",
        "charts": True,
        "lead": "A line is a model, over its own first value; bars are two standard errors over the samples"
        " of a run, and runs differ by more. A dotted line is a change of all models together that is beyond"
        " the noise of repeated runs. Smaller is better.",
        "links": links,
        "sections": sections,
        "meanings": _MEANINGS,
        "empty": "No history yet: nutsbench releases --run measures PyMC3's releases, make asv the commits.",
    }


def _links(source: Source, output: Path) -> List[Dict[str, str]]:
    """Return where asv's own pages lie, if they were published."""
    texts = {"releases-html": "asv's pages of the releases", "asv-html": "asv's pages of the commits"}
    found = []
    for folder, text in texts.items():
        index = source.folder / folder / "index.html"
        if index.is_file():
            found.append({"href": os.path.relpath(index, output).replace(os.sep, "/"), "text": text})
    return found


def _releases(source: Source) -> List[Dict[str, Any]]:
    from harness import history, releases

    folder = source.folder / "releases"
    machines = [path.parent.name for path in sorted(folder.glob("*/machine.json"))]
    if not machines:
        return []
    try:
        commits = releases.make_history()
    except (UserError, OSError) as error:
        return [_unread("PyMC3's releases", error)]
    found: List[Dict[str, Any]] = []
    for machine in machines:
        if machine.endswith(_AGAIN.format("")):
            continue
        try:
            measured = history.read(folder / machine, commits)
            again = history.read(folder / _AGAIN.format(machine), commits)
        except UserError as error:
            found.append(_unread(machine, error))
            continue
        if measured.values.dropna(how="all").shape[0] < 2:
            continue
        noise = history.noise(measured, again)
        found += _sections(
            measured,
            history.steps(measured, noise),
            f"PyMC3's releases (machine {machine})",
            slug(f"releases-{machine}"),
        )
    by_machine: Dict[str, List[Any]] = {}
    for record in source.release_records():
        by_machine.setdefault(data.machine_text(record), []).append(record)
    for name, records in by_machine.items():
        counts = history.accuracy(records)
        rows = [version for version in commits if f"release-{version}" in counts.index]
        if len(rows) > 1:
            found.append(_accuracy(counts, rows, name))
    return found


def _unread(what: str, error: Exception) -> Dict[str, Any]:
    """Return a section that says which of asv's results could not be read; the others are shown."""
    said = f"The results of {what} are left out: {error}"
    return {
        "id": slug(f"unread-{what}"),
        "title": f"Results of {what}",
        "lines": [said],
        "charts": [],
        "choices": None,
        "table": None,
    }


def _accuracy(counts: Any, versions: Sequence[str], machine: str) -> Dict[str, Any]:
    columns = {
        name: [int(counts.loc[f"release-{version}", name]) for version in versions]
        for name in ("accurate", "can't tell", "inaccurate", "failed", "divergences")
    }
    label = "Cells by verdict on accuracy, and divergences of all of them, over PyMC3's releases"
    rows = [
        [version, *(str(numbers[place]) for numbers in columns.values())]
        for place, version in enumerate(versions)
    ]
    chart = {
        "id": slug(f"accuracy-{machine}"),
        "choice": None,
        "hidden": False,
        "label": label,
        "figure": charts.accuracy(columns, versions),
        "table": {"header": ["release", *columns], "rows": rows},
    }
    return {
        "id": slug(f"accuracy-by-release-{machine}"),
        "title": "Accuracy and divergences, over PyMC3's releases",
        "lines": [f"Of the same cells in every release, on {machine}."],
        "charts": [chart],
        "choices": None,
        "table": None,
    }


def _commits(source: Source) -> List[Dict[str, Any]]:
    from harness import history

    found: List[Dict[str, Any]] = []
    for machine, environment, commits in asv_commits(source.folder / "asv"):
        try:
            measured = history.read(source.folder / "asv" / machine, commits, environment)
        except UserError as error:
            found.append(_unread(machine, error))
            continue
        if measured.values.dropna(how="all").shape[0] > 1:
            steps = history.steps(measured, {})
            found += _sections(
                measured,
                steps,
                f"commits, {environment} (machine {machine})",
                slug(f"commits-{machine}-{environment}"),
            )
    return found


def _sections(measured: Any, steps: Sequence[Any], over: str, prefix: str) -> List[Dict[str, Any]]:
    """Return one section whose chart can be switched between figures."""
    from harness import history

    order = sorted(history.FIGURES.items(), key=lambda row: row[1] != "pace")
    made = []
    for key, label in order:
        chart = _chart(measured, key, [step for step in steps if step.figure == label], label)
        if chart is not None:
            made.append((label, chart))
    if not made:
        return []
    first = made[0][0]
    options = [{"id": slug(label), "text": label} for label, _ in made]
    parts = [
        {**chart, "id": f"chart-{prefix}-{slug(label)}", "choice": slug(label), "hidden": label != first}
        for label, (chart, _) in made
    ]
    lines = [line for _, (_, told) in made for line in told]
    return [
        {
            "id": prefix,
            "title": f"Speed and cost, over {over}",
            "lines": [*lines, *_unmarked(steps, bool(lines))],
            "charts": parts,
            "choices": {"label": "Shown", "name": prefix, "options": options},
            "table": None,
        }
    ]


def _unmarked(steps: Sequence[Any], marked: bool) -> List[str]:
    """Say of which figures no change could be marked, and that there was none in the others."""
    judged = sorted({step.figure for step in steps if step.limit is not None})
    not_judged = sorted({step.figure for step in steps} - set(judged))
    said = []
    if judged and not marked:
        said.append(f"No change of all models together is beyond the noise ({', '.join(judged)}).")
    if not_judged:
        said.append(
            f"Of {', '.join(not_judged)} nothing was measured twice, so their noise is not known and no"
            " change is marked: read single steps with care."
        )
    return said


def _chart(
    measured: Any, key: Tuple[str, str], steps: Sequence[Any], label: str
) -> Optional[Tuple[Dict[str, Any], List[str]]]:
    if key not in {column[:2] for column in measured.values.columns}:
        return None
    table = measured.values[key].dropna(how="all")
    if len(table) < 2:
        return None
    values: Dict[str, List[Optional[float]]] = {}
    errors: Dict[str, List[float]] = {}
    for name in table.columns:
        known = table[name].dropna()
        if len(known):
            ratio = table[name] / known.iloc[0]
            values[str(name)] = [None if value != value else round(float(value), 5) for value in ratio]
            spread = measured.errors.loc[table.index, (*key, name)]
            # Of a ratio to the first: its own error and the first's; the first has none to itself.
            first = float(spread[known.index[0]])
            errors[str(name)] = [
                0.0 if place == known.index[0] else math.hypot(float(one), first)
                for place, one in zip(table.index, spread)
            ]
    beyond = [step for step in steps if step.beyond_noise]
    marks = [(step.release, _percent(step)) for step in beyond]
    lines = [f"{label}: {_percent(step)} in {step.release} against {step.before}." for step in beyond]
    figure = charts.history(values, errors, list(table.index), marks, f"{label} (ratio to the first)")
    rows = [
        [str(place), *("-" if line[number] is None else f"{line[number]:.3f}" for line in values.values())]
        for number, place in enumerate(table.index)
    ]
    as_table = {"header": ["", *values], "rows": rows}
    said = f"{label} of each model, over its own first value"
    return {"figure": figure, "label": said, "table": as_table}, lines


def _percent(step: Any) -> str:
    return f"{100 * (step.ratio - 1):+.0f} %"
