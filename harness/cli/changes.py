"""What ``nutsbench releases --changes`` prints: which release changed what, and whether it was noise."""

import json
import math
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import click

from harness.cli.common import console

#: Machine's name in asv of a second run over some of the releases, which the noise is read off.
REPEAT = "{}-again"


def print_changes(folder: Path, machine: str, commits: Mapping[str, str], as_json: bool) -> int:
    """Print the steps of every figure from release to release, and how each release sampled.

    Parameters
    ----------
    folder : Path
        The folder of asv's results of the releases.
    machine : str
        Whose.
    commits : dict of str
        The history's commit of each version, oldest first.
    as_json : bool
        Whether to print JSON.
    """
    from harness import history
    from harness.store import Store

    measured = history.read(folder / machine, commits)
    known = history.noise(measured, history.read(folder / REPEAT.format(machine), commits))
    steps = history.steps(measured, known)
    counts = history.accuracy(Store(folder).load().records)
    if as_json:
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
    overall = history.overall(measured, known)
    screen = console()
    screen.print(_steps_table(steps, overall, known))
    screen.print(
        "Each figure over that of the release before, geometric mean of the models that both have; smaller"
        "\nis better. * is beyond the noise: twice the largest difference of a release measured twice, for"
        "\nleapfrogs per effective sample three standard errors over seeds, for pace both."
    )
    for line in _single_models(steps, known):
        screen.print(line, highlight=False)
    if len(counts):
        screen.print()
        screen.print(_accuracy_table(counts, list(commits)))
    return 0


def _steps_table(steps: Sequence[Any], overall: Sequence[Any], known: Mapping[str, Any]) -> Any:
    from rich.table import Table

    figures = list(dict.fromkeys(step.figure for step in steps))
    table = Table(title="Steps from release to release", box=None, header_style="bold", pad_edge=False)
    table.add_column("release")
    for figure in figures:
        table.add_column(figure, justify="right")
    rows: Dict[str, Dict[str, Any]] = {}
    for step in steps:
        rows.setdefault(step.release, {})[step.figure] = step
    # A figure that an earlier release lacks must not put a later one first.
    for release in sorted(rows, key=lambda version: [int(part) for part in version.split(".")]):
        table.add_row(release, *(_step_text(rows[release].get(figure)) for figure in figures))
    table.add_section()
    whole = {step.figure: step for step in overall}
    first, last = overall[0].before, overall[0].release
    table.add_row(f"{last} / {first}", *(_step_text(whole.get(figure)) for figure in figures))
    for release in dict.fromkeys(release for one in known.values() for release in one.repeats):
        again = [known[f].repeats.get(release) if f in known else None for f in figures]
        table.add_row(f"{release} again", *("-" if ratio is None else f"{ratio:.3f} " for ratio in again))
    return table


def _step_text(step: Optional[Any]) -> Any:
    from rich.text import Text

    if step is None:
        return Text("- ", style="dim")
    mark = "*" if step.beyond_noise else " "
    style = ("red" if step.ratio > 1 else "green") if step.beyond_noise else ""
    return Text(f"{step.ratio:.3f}{mark}", style=style)


def _single_models(steps: Sequence[Any], known: Mapping[str, Any]) -> List[str]:
    """Tell of the core's steps of single models that stand out of their release's."""
    lines = []
    for step in steps:
        noise = known.get(step.figure)
        if noise is None or len(step.ratios) < 2 or not step.of_time:
            continue
        # 5 % at least, since the noise of single models rests on few repeats.
        limit = max(4 * noise.one_model, 0.05)
        out = [
            f"{name} {ratio:.2f}"
            for name, ratio in sorted(step.ratios.items(), key=lambda row: -abs(math.log(row[1])))
            if abs(math.log(ratio / step.ratio)) > limit
        ]
        if out:
            lines.append(f"{step.release}, {step.figure} ({step.ratio:.2f} over all): {', '.join(out)}")
    return ["", "Models that stand out of their release's step:", *lines] if lines else []


def _accuracy_table(counts: Any, versions: Sequence[str]) -> Any:
    from rich.table import Table

    title = "How the records of each release sampled"
    table = Table(title=title, box=None, header_style="bold", pad_edge=False)
    table.add_column("release")
    for name in counts.columns:
        table.add_column(name, justify="left" if name.endswith(" in") else "right")
    for version in versions:
        stack = f"release-{version}"
        if stack in counts.index:
            table.add_row(version, *map(str, counts.loc[stack]))
    return table
