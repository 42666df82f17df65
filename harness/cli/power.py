"""``nutsbench power``: how often comparisons err, and how small a slowdown they find."""

import json
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import click
from rich.progress import Progress
from rich.table import Table

from nutsbench.audit import power, rates, slowdown
from nutsbench.base import paths
from nutsbench.base.errors import UserError
from nutsbench.cli.common import (
    check_choice,
    console,
    json_option,
    machine_to_oneself,
    no_wait_option,
    print_json,
)
from nutsbench.compare import callgrind
from nutsbench.compare.pair import ArmError
from nutsbench.records.lines import content
from nutsbench.records.table import markdown as as_markdown
from nutsbench.stacks import environment

_FILE = "trials.jsonl"
_ABOUT = ("machine", "machine_before", "processor")


#: What an interrupted user is told.
_KEPT = "What was measured is kept; the same command goes on from here."


@click.command("power")
@click.option("--minutes", type=float, help="Measure for so long; all that is missing if not given.")
@click.option("--report", is_flag=True, help="Measure nothing: print what is known.")
@click.option(
    "--tool",
    help="Measure only one tool: pair, callgrind, pytest-benchmark, asv times, asv instructions, asv bare.",
)
@click.option("--model", help="Measure only this model's slowdowns.")
@click.option("--load/--no-load", default=None, help="Measure only beside a busy core, or only without one.")
@click.option("--size", type=float, help="Measure only slowdowns by this part: 0.1, or 0 for none.")
@click.option("--place", help="Slow down only the gradient, the leapfrog or the compile step.")
@click.option("--markdown", is_flag=True, help="Print the table in Markdown.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=lambda: paths.results_dir() / "power",
    show_default="results/power",
    help="Folder of the trials.",
)
@no_wait_option
@json_option
def power_command(
    minutes: Optional[float],
    report: bool,
    tool: Optional[str],
    model: Optional[str],
    load: Optional[bool],
    size: Optional[float],
    place: Optional[str],
    markdown: bool,
    output: Path,
    no_wait: bool,
    as_json: bool,
) -> int:
    """Measure the comparison's error rates: hours, in parts if need be; what is done is not done again.

    Unchanged arms and arms that are slower by a known part are compared, with and without load.
    The table says how often each tool says slower, and how long it takes.
    """
    named = {"tool": tool, "model": model, "place": place}
    only = {**named, "load": load, "size": size}
    models = sorted({trial.model for trial in power.plan()})
    sizes = sorted({trial.size for trial in power.plan()} - {power.CALIBRATION})
    if size is not None and size not in sizes:
        raise UserError(f"size has to be one of {', '.join(f'{one:g}' for one in sizes)}, not {size:g}.")
    choices = {"tool": power.TOOLS, "model": models, "place": slowdown.PLACES}
    for name, value in named.items():
        check_choice(name, [value] if value else [], choices[name])
    if minutes is not None and minutes <= 0:
        raise UserError(f"minutes has to be above 0, not {minutes:g}.")
    rows = read(output)
    if not report:
        with machine_to_oneself(no_wait, _KEPT):
            rows = read(output)
            _measure(output, rows, minutes, only)
    if not rows:
        raise UserError(f"Nothing has been measured in {output.name}: leave --report out.")
    _print(rows, as_json, markdown)
    return 0


def read(folder: Path, name: str = _FILE) -> List[Dict[str, Any]]:
    """Return the trials of a folder and those that were published, in the order of measuring."""
    lines: List[bytes] = []
    for path in sorted((folder / "published").glob(f"{name}*")):
        lines += content(path).split(b"\n")
    own = folder / name
    lines += own.read_bytes().split(b"\n") if own.is_file() else []
    # What was copied to be published is still one trial.
    rows = [json.loads(line) for line in dict.fromkeys(line for line in lines if line.strip())]
    known = environment.kinds(rows)
    return [
        {**row, "machine": known.get(row["machine"], row["machine"])} if "machine" in row else row
        for row in rows
    ]


def _measure(
    output: Path, rows: List[Dict[str, Any]], minutes: Optional[float], only: Mapping[str, Any]
) -> None:

    if only["tool"] == "callgrind":
        callgrind.check()
    busy = environment.busy_cores()
    if environment.is_busy(busy):
        click.echo(f"Warning: others use {busy:.1f} cores; their load is not in what is measured.", err=True)
    made = slowdown.make()
    until = float("inf") if minutes is None else time.monotonic() + 60 * minutes
    about = environment.machine(1)
    facts = {**environment.commit(paths.CHECKOUT), **{name: about[name] for name in _ABOUT}}
    # What a piece of the sampler is a share of, and how times spread, is another on another machine.
    here = [row for row in rows if environment.same_kind(row, facts)]
    trials = power.chosen(power.todo(here), only)
    if not callgrind.is_installed():
        click.echo("Warning: valgrind is not installed; its trials are left out.", err=True)
        trials = [trial for trial in trials if trial.tool != "callgrind"]
    output.mkdir(parents=True, exist_ok=True)
    with Progress(disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("measuring", total=len(trials))
        for trial in trials:
            if time.monotonic() > until:
                return
            bars.update(task, description=f"{trial.tool} {trial.model} {trial.place} {trial.size:+.0%}")
            try:
                row = {**power.run(trial, made, here, number=len(here) + 1), **facts}
            except ArmError as error:
                raise UserError(f"{error}; what was measured is kept.") from error
            here.append(row)
            rows.append(row)
            with (output / _FILE).open("a") as file:
                file.write(json.dumps(row) + "\n")
            bars.advance(task)


def _print(rows: Sequence[Mapping[str, Any]], as_json: bool, markdown: bool) -> None:

    of_asv, others = rates.split(rows)
    tables = {
        "Each tool": rates.table(others),
        "asv over two commits": rates.asv_table(of_asv),
        "Comparisons of sixteen models": rates.whole_table(rows),
    }
    if as_json:
        print_json(tables)
        return
    for title, table in tables.items():
        if table:
            _print_table(title, table, markdown)


def _print_table(title: str, table: Sequence[Mapping[str, Any]], markdown: bool) -> None:

    names = list(table[0])
    text = [[_cell(row[name]) for name in names] for row in table]
    if markdown:
        click.echo(f"**{title}**\n\n{as_markdown([names, *text])}\n")
        return
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in names:
        shown.add_column(name)
    for row in text:
        shown.add_row(*row)
    console().print(shown)


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
