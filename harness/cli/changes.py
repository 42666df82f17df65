"""What ``nutsbench releases --changes`` prints: which release changed what, and whether it was noise."""

import json
import math
import statistics
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import click
from rich.table import Table
from rich.text import Text

from nutsbench.cli.common import console, print_json
from nutsbench.records.record import newest, place_anywhere
from nutsbench.records.store import Store
from nutsbench.records.table import markdown
from nutsbench.track import gaps, history

#: Machine's name in asv of a second run over some of the releases, which the noise is read off.
REPEAT = "{}-again"

_NOTE = (
    "Each metric over that of the release before, geometric mean of the models that both have: as many as the"
    " first row says, or as stand in brackets; smaller is better. * is beyond the noise: twice the largest"
    " difference of a release that was measured twice (2 % at least, and for gradient, leapfrog and"
    " transitions the largest of the three); for leapfrogs / ESS (per effective sample) three standard errors"
    " over seeds, for time / ESS (seconds of tune and draw per effective sample) both. A model whose chains"
    " have not mixed has no ESS, and is left out of these two."
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
    records = list(newest(Store(folder).load().records, place_anywhere).values())
    # Those of another machine tell as well whether chains mix, if there are none of this one.
    own = gaps.of_machine(records, folder / machine) or records
    raw = history.read(folder / machine, commits)
    missing = [*gaps.find(own, gaps.release), *gaps.by_asv(raw.values, gaps.judged(own, gaps.release))]
    measured = raw.without(missing)
    again = history.read(folder / REPEAT.format(machine), commits).without(missing)
    known = history.noise(measured, again)
    steps = history.steps(measured, known)
    counts = gaps.counts(records)
    said = gaps.sentences(measured.gaps, list(map(str, measured.values.index)), "releases")
    if form == "json":
        content = {
            "steps": [step.to_dict() for step in steps],
            "noise": {figure: one.to_dict() for figure, one in known.items()},
            "gaps": [gap.to_dict() for gap in measured.gaps],
            "accuracy": json.loads(counts.to_json(orient="index")),
        }
        print_json(content)
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
        click.echo(_NOTE + "\n\n" + "\n".join(f"- {line}" for line in [*said, *apart]))
        return 0
    screen = console()
    for title, rows in tables.items():
        screen.print(_rich(title, rows))
        screen.print()
    for line in (_NOTE, *said):
        screen.print(line, highlight=False)
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
    usual = {figure: _usual(steps, figure) for figure in figures}
    whole = {step.figure: step for step in overall}
    rows = [["release", *figures], ["models", *(str(usual[figure]) for figure in figures)]]
    rows += [
        [release, *(_text(table[release].get(figure), usual[figure]) for figure in figures)]
        for release in releases
    ]
    first, last = overall[0].before, overall[0].release
    rows.append([f"{last} / {first}", *(_text(whole.get(figure), usual[figure]) for figure in figures)])
    for release in dict.fromkeys(release for one in known.values() for release in one.repeats):
        again = [known[f].repeats.get(release) if f in known else None for f in figures]
        rows.append([f"{release} again", *("-" if ratio is None else f"{ratio:.3f}" for ratio in again)])
    return rows


def _usual(steps: Sequence[Any], figure: str) -> int:
    """Return how many models a figure's steps are the mean of, most often."""
    return int(statistics.mode([step.models for step in steps if step.figure == figure]))


def _text(step: Optional[Any], usual: int) -> str:
    if step is None:
        return "-"
    models = "" if step.models == usual else f" ({step.models})"
    return f"{step.ratio:.3f}{'*' if step.beyond_noise else ''}{models}"


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

    table = Table(title=title, box=None, header_style="bold", pad_edge=False)
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if number and not name.endswith(" in") else "left")
    for row in rows[1:]:
        table.add_row(*(Text(cell, style=_style(cell)) for cell in row))
    return table


def _style(cell: str) -> str:
    ratio, star, _ = cell.partition("*")
    if not star:
        return ""
    return "red" if float(ratio) > 1 else "green"
