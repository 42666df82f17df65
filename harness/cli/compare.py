"""``nutsbench compare BASE HEAD``: is HEAD slower than BASE."""

import contextlib
import json
import uuid
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence, Tuple

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.base.paths import write_whole
from nutsbench.cli.common import (
    check_choice,
    console,
    json_option,
    load_models,
    machine_to_oneself,
    make_ready,
    models_option,
    no_wait_option,
    print_json,
    results_option,
)
from nutsbench.compare import arms, callgrind, records, words
from nutsbench.compare.result import COUNTERS, THRESHOLDS, Options
from nutsbench.compare.study import Study
from nutsbench.compare.words import span
from nutsbench.records.store import utc_now
from nutsbench.stacks import environment, stack

_STYLES = {"slower": "red", "faster": "green", "same": "green", "undecided": "yellow", "not measured": "red"}


#: What an interrupted user is told.
_KEPT = "Nothing was kept: no model was decided."


@click.command("compare")
@click.argument("base")
@click.argument("head")
@click.option("--model", "-m", "names", multiple=True, metavar="MODEL", help="Compare these; else all.")
@click.option(
    "--threshold",
    type=float,
    show_default="3, of instructions 1",
    metavar="PERCENT",
    help="How far from 1 an interval may reach and still be called the same.",
)
@click.option("--level", type=float, default=1.0, show_default=True, metavar="PERCENT",
              help="Chance of any wrong verdict where there is no difference.")  # fmt: skip
@click.option("--budget", type=float, default=60.0, show_default=True, help="Seconds for each model.")
@click.option("--counter", default="time", show_default=True, help="time, or callgrind: instructions.")
@click.option("--stack", "stack_name", default=stack.DEFAULT, show_default=True,
              help="Of a git revision, which of its stacks.")  # fmt: skip
@click.option("--fail-fast", is_flag=True, help="End as soon as all together or any model is slower.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request's comment.")
@no_wait_option
@results_option
@json_option
@models_option
def compare_command(
    base: str,
    head: str,
    names: Tuple[str, ...],
    threshold: Optional[float],
    level: float,
    budget: float,
    counter: str,
    stack_name: str,
    fail_fast: bool,
    markdown: bool,
    no_wait: bool,
    results: Path,
    as_json: bool,
    models_files: Tuple[Path, ...],
) -> int:
    """Tell whether HEAD is slower than BASE, with a known chance of error.

    Each is a stack's name, a path to a PyMC3 or Theano checkout, a requirements file or a
    revision of this repository; or both are files or folders of records. Exit code 0: the same
    or faster, 1: slower, 3: it cannot be told yet.
    """
    if as_json and markdown:
        raise UserError("--json and --markdown exclude each other.")
    load_models(models_files)
    check_choice("model", names, models.names())
    check_choice("counter", [counter], COUNTERS)
    check_choice("stack", [stack_name], stack.NAMES)
    for option, value, most in (("threshold", threshold, 100), ("level", level, 50), ("budget", budget, 1e6)):
        if value is not None and not 0 < value <= most:
            raise UserError(f"{option} has to be above 0 and at most {most:g}, not {value:g}.")
    options = Options(
        counter=counter,
        threshold=THRESHOLDS[counter] if threshold is None else threshold / 100,
        level=level / 100,
        budget_s=budget,
        fail_fast=fail_fast,
    )
    if records.is_records(base) != records.is_records(head):
        raise UserError(
            "One of the two is records, the other is not: give two stacks, or two sets of records."
        )
    if records.is_records(base):
        if counter != "time":
            raise UserError(f"counter {counter} is of stacks, not of records, which hold times.")
        sets = records.read("BASE", base), records.read("HEAD", head)
        found = records.compare(*sets, names, options)
        return _answered(found, _say(found, records.notes(*sets), as_json, markdown))
    sides = [arms.resolve("BASE", base, stack_name), arms.resolve("HEAD", head, stack_name)]
    with machine_to_oneself(no_wait, _KEPT):
        study, notes, interrupted = measure(sides, names or tuple(models.names()), options)
    if any(result.is_known for result in study.results.values()):
        store(study, notes, results, interrupted)
    code = _answered(study, _say(study, notes, as_json, markdown))
    return 130 if interrupted else code


def _answered(study: Any, code: int) -> int:
    """Return the exit code, unless there is nothing that it could tell."""
    if not study.measured and not any(result.is_known for result in study.results.values()):
        raise UserError(f"No model could be compared: {next(iter(study.results.values())).problem}")
    return code


def measure(sides: Sequence[Any], names: Sequence[str], options: Any) -> Tuple[Any, List[str], bool]:
    """Return the comparison, notes on its conditions, and whether it was stopped."""
    if options.counter == "callgrind":
        callgrind.check()
    make_ready([side.stack for side in sides])
    digests = {name: models.model_digest(models.get(name)) for name in names}
    study = Study(sides[0], sides[1], names, options)
    for side in sides:
        for name in arms.other_models(side, names, digests):
            study.results[name].problem = f"{side.label} defines it in another way than the working tree"
    # Whatever else runs moves no count.
    busy = environment.busy_cores() if options.counter == "time" else None
    notes = words.notes(
        same_stack=(sides[0].stack.digest, sides[0].code) == (sides[1].stack.digest, sides[1].code),
        cores=environment.usable_cores(),
        busy=busy if busy is not None and environment.is_busy(busy) else None,
    )
    for note in notes:
        click.echo(f"Note: {note}", err=True)
    try:
        with _display(study) as listen:
            study.run(listen)
    except KeyboardInterrupt:
        click.echo("Stopped; what is known so far:", err=True)
        return study, notes, True
    return study, notes, False


def store(study: Any, notes: Sequence[str], results: Path, interrupted: bool) -> None:
    """Keep a comparison in a file of its own, for the dashboard."""
    folder = results / "compare"
    now = utc_now()
    content = {
        **study.to_dict(),
        "notes": list(notes),
        "says": words.sentences(study),
        "interrupted": interrupted,
        "ended_at": now.isoformat(timespec="seconds"),
        "environment": environment.machine(1),
    }
    path = folder / f"{now.strftime('%Y%m%dT%H%M%SZ')}-{uuid.uuid4().hex[:6]}.json"
    try:
        write_whole(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        click.echo(f"Warning: the comparison could not be kept ({error.strerror}: {folder}).", err=True)


@contextlib.contextmanager
def _display(study: Any) -> Iterator[Any]:
    """Show the table as it fills on a terminal; a line for each model's round elsewhere."""
    screen = Console(stderr=True)
    if not screen.is_terminal:
        yield _Lines()
        return
    with Live(_table(study), console=screen, transient=True, auto_refresh=False) as live:
        yield lambda known: live.update(_table(known), refresh=True)


class _Lines:
    """Prints a line when a model's verdict is there, or has changed."""

    def __init__(self) -> None:
        self._said: Any = {}

    def __call__(self, study: Any) -> None:

        for result in study.results.values():
            now = result.problem or (result.verdict.value if result.is_known else "undecided")
            if now not in ("undecided", self._said.get(result.model)):
                self._said[result.model] = now
                found = result.interval
                figures = "" if result.problem else f" {found.ratio:.3f} ({span(found)})"
                click.echo(f"{result.model}: {now}{figures}", err=True)


def _table(study: Any) -> Any:

    table = Table(title=f"{study.head.label} over {study.base.label}", box=None, pad_edge=False)
    for name in words.HEADER:
        table.add_column(name, justify="right" if name == "ratio" else "left", no_wrap=name != "measured")
    for row in words.rows(study):
        style = "bold" if row[0] == "all" else ""
        cells = [Text(cell, style=_STYLES.get(cell, "")) for cell in row]
        table.add_row(*cells, style=style)
    return table


def _say(study: Any, notes: Sequence[str], as_json: bool, markdown: bool) -> int:

    code = words.exit_code(study.verdict)
    said = words.sentences(study)
    if as_json:
        found = {**study.to_dict(), "notes": list(notes), "says": said}
        print_json(found)
        return code
    if markdown:
        click.echo(words.markdown(study, notes))
        return code
    screen = console()
    screen.print(_table(study))
    for name, ratio, interval in words.beside(study):
        screen.print(f"{name}: {ratio} ({interval})", highlight=False)
    click.echo("\n" + "\n".join([*said, *notes]))
    return code
