"""What ``nutsbench releases --changes`` prints: which release changed what, and whether it was noise."""

import json
import math
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import click

from harness.cli.common import console

#: Machine's name in asv of a second run over some of the releases, which the noise is read off.
REPEAT = "{}-again"

_NOTE = (
    "Each figure over that of the release before, geometric mean of the models that both have; smaller is"
    " better. * is beyond the noise: twice the largest difference of a release that was measured twice (2 %"
    " at least, and for gradient, leapfrog and transitions the largest of the three); for leapfrogs per"
    " effective sample three standard errors over seeds, for pace both."
)

Rows = List[List[str]]


def print_changes(folder: Path, machine: str, commits: Mapping[str, str], form: str) -> int:
    """Print the steps of every figure from release to release, and how each release sampled.

    Parameters
    ----------
    folder : Path
        The folder of asv's results of the releases.
    machine : str
        Whose.
    commits : dict of str
        The history's commit of each version, oldest first.
    form : str
        ``text``, ``markdown`` or ``json``.
    """
    from harness import history
    from harness.record import newest, place_anywhere
    from harness.store import Store
    from harness.table import markdown

    measured = history.read(folder / machine, commits)
    known = history.noise(measured, history.read(folder / REPEAT.format(machine), commits))
    steps = history.steps(measured, known)
    counts = history.accuracy(list(newest(Store(folder).load().records, place_anywhere).values()))
    if form == "json":
        content = {
            "steps": [step.to_dict() for step in steps],
            "noise": {figure: vars(one) for figure, one in known.items()},
            "accuracy": json.loads(counts.to_json(orient="index")),
        }
        click.echo(json.dumps(content, indent=1))
        return 0
    if not steps:
        click.echo("No two releases have been measured yet: nutsbench releases --run measures them.")
        return 0
    tables = {
        "Steps from release to release": step_rows(steps, history.overall(measured, known), known),
        "How the records of each release sampled": accuracy_rows(counts, list(commits)),
    }
    apart = standing_out(steps, known)
    if form == "markdown":
        for title, rows in tables.items():
            click.echo(f"**{title}**\n\n{markdown(rows)}\n")
        click.echo(_NOTE + "\n\n" + "\n".join(f"- {line}" for line in apart))
        return 0
    screen = console()
    for title, rows in tables.items():
        screen.print(_rich(title, rows))
        screen.print()
    screen.print(_NOTE, highlight=False)
    if apart:
        screen.print("\nModels that stand out of their release's step:")
    for line in apart:
        screen.print(line, highlight=False)
    return 0


def step_rows(steps: Sequence[Any], overall: Sequence[Any], known: Mapping[str, Any]) -> Rows:
    """Return a header and a row a release; then first to last, and the repeats."""
    figures = list(dict.fromkeys(step.figure for step in steps))
    table: Dict[str, Dict[str, Any]] = {}
    for step in steps:
        table.setdefault(step.release, {})[step.figure] = step
    # A figure that an earlier release lacks must not put a later one first.
    releases = sorted(table, key=lambda version: [int(part) for part in version.split(".")])
    rows = [["release", *figures]]
    rows += [[release, *(_text(table[release].get(figure)) for figure in figures)] for release in releases]
    whole = {step.figure: step for step in overall}
    first, last = overall[0].before, overall[0].release
    rows.append([f"{last} / {first}", *(_text(whole.get(figure)) for figure in figures)])
    for release in dict.fromkeys(release for one in known.values() for release in one.repeats):
        again = [known[f].repeats.get(release) if f in known else None for f in figures]
        rows.append([f"{release} again", *("-" if ratio is None else f"{ratio:.3f}" for ratio in again)])
    return rows


def _text(step: Optional[Any]) -> str:
    return "-" if step is None else f"{step.ratio:.3f}{'*' if step.beyond_noise else ''}"


def accuracy_rows(counts: Any, versions: Sequence[str]) -> Rows:
    """Return a header and a row for each release that has records."""
    rows = [["release", *counts.columns]]
    for version in versions:
        if f"release-{version}" in counts.index:
            rows.append([version, *map(str, counts.loc[f"release-{version}"])])
    return rows


def standing_out(steps: Sequence[Any], known: Mapping[str, Any]) -> List[str]:
    """Say which single models' times went another way than their release's, beyond the noise."""
    lines = []
    for step in steps:
        noise = known.get(step.figure)
        if noise is None or len(step.ratios) < 2 or not step.of_time:
            continue
        # 10 % at least, since the noise of single models rests on few repeats.
        limit = max(4 * noise.one_model, math.log(1.1))
        out = [
            f"{name} {ratio:.2f}"
            for name, ratio in sorted(step.ratios.items(), key=lambda row: -abs(math.log(row[1])))
            if abs(math.log(ratio / step.ratio)) > limit
        ]
        if out:
            lines.append(f"{step.release}, {step.figure} ({step.ratio:.2f} over all): {', '.join(out)}")
    return lines


def _rich(title: str, rows: Rows) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, box=None, header_style="bold", pad_edge=False)
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if number and not name.endswith(" in") else "left")
    for row in rows[1:]:
        table.add_row(*(Text(cell, style=_style(cell)) for cell in row))
    return table


def _style(cell: str) -> str:
    if not cell.endswith("*"):
        return ""
    return "red" if float(cell[:-1]) > 1 else "green"
