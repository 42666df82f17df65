"""``nutsbench migrate``: what moving models to another PyMC asks for, and what it would give."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import click
from rich.table import Table

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.base.paths import PACKAGE
from nutsbench.cli.common import (
    Several,
    console,
    duration,
    json_option,
    load_models,
    models_option,
    no_wait_option,
    print_json,
    results_option,
)
from nutsbench.cli.measuring import Measuring, wanted
from nutsbench.migrate import files, moves, words
from nutsbench.migrate.settings import BEST, DEFAULTS, HOW, SAME
from nutsbench.migrate.sides import WARM, Side
from nutsbench.records import grid, table
from nutsbench.records.stored import Stored
from nutsbench.records.table import counted
from nutsbench.stacks import rows, stack

#: What most move to.
_DEFAULT = "pymc-6.4"


@click.command("migrate")
@click.argument("what", nargs=-1, metavar="[MODEL | FILE]...")
@click.option("--from", "old", default=stack.DEFAULT, show_default=True, help="The stack to move from.")
@click.option(
    "--to", "targets", default=_DEFAULT, show_default=True, help="Stacks to move to, with commas between."
)
@click.option("--check", is_flag=True, help="Say what has to be changed in the code; nothing is sampled.")
@click.option("--diff", is_flag=True, help="Print the changes as a unified diff, for git apply or patch -p1.")
@click.option("--profile", default="tutorial", show_default=True, help="What models are sampled with.")
@click.option("--draws", type=Several(int), help="Draws of each chain, instead.")
@click.option("--tune", type=Several(int), help="Tuning draws of each chain, instead.")
@click.option("--target-accept", type=Several(float), help="Acceptance rate to tune for, instead.")
@click.option("--seed", type=Several(int), default="1,2,3", show_default=True, help="Seeds.")
@click.option(
    "--settings",
    "how",
    type=click.Choice(HOW),
    default=SAME,
    show_default=True,
    help="The profile's on both sides; what each engine takes by itself; or the best of nine for each.",
)
@click.option("--cold", is_flag=True, help="Also measure what compiling from nothing takes, with one seed.")
@click.option(
    "--within", callback=duration, metavar="TIME", help="Begin nothing that would take longer: 90s, 10m, 2h."
)
@click.option("--no-run", is_flag=True, help="Measure nothing: say what is known by now.")
@click.option("--markdown", is_flag=True, help="Print the tables in Markdown.")
@no_wait_option
@json_option
@models_option
@results_option
def migrate_command(
    what: Tuple[str, ...],
    old: str,
    targets: str,
    check: bool,
    diff: bool,
    profile: str,
    seed: Tuple[int, ...],
    how: str,
    cold: bool,
    within: Optional[float],
    no_run: bool,
    markdown: bool,
    no_wait: bool,
    as_json: bool,
    models_files: Tuple[Path, ...],
    results: Path,
    **values: Optional[Tuple[Any, ...]],
) -> int:
    """Say what moving models to another PyMC gives, and whether the answers stay right.

    Each model is sampled on both stacks with several seeds, unless that was done before. For
    each: the time to an effective sample size of 400, its ratio with an interval, memory,
    compiling, divergences, and whether the posteriors agree: with the exact one where there is
    one, else with each other. The last line is what to do. Exit code 0: the answers stay and it is
    not slower, 1: not so, 3: it cannot be told yet.

    With --check or --diff, only what has to be changed in the files, line by line; it exits with 0
    if that is nothing, else with 1.
    """
    names = [one.strip() for one in targets.split(",") if one.strip()]
    if not names:
        raise UserError("--to names no stack: give one, or several with commas between.")
    if check or diff:
        if len(names) > 1:
            raise UserError(f"--check is of one PyMC, and --to names {len(names)}: give one of them.")
        return _checked(what, names[0], diff, as_json)
    if as_json and markdown:
        raise UserError("--json and --markdown exclude each other.")
    load_models([*models_files, *(Path(word) for word in what if word.endswith(".py"))])
    sides = [stack.resolve(old), *(stack.resolve(one) for one in names)]
    if sides[0] in sides[1:]:
        raise UserError(f"--from and --to are both {sides[0].name}: there is nothing to move.")
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        if len(value) > 1:
            raise UserError(
                f"{name} has to be one value, not {len(value)}: both sides have the same settings."
            )
    # Of these it would sample with others than were asked for.
    chosen = [name for name in given if how == DEFAULTS or (how == BEST and name != "draws")]
    if chosen:
        raise UserError(f"--settings {how} and --{chosen[0].replace('_', '-')} exclude each other.")
    cells = grid.expand(grid.Grid(tuple(_models(what)), profile, given, seed))
    measuring = Measuring(sides, no_run, no_wait, profile, results, within)
    records = measuring.records(wanted(cells, sides, how, measuring), cold)
    code = _say(cells, sides, records, as_json, markdown, how)
    return 130 if measuring.is_stopped else code


def _models(what: Sequence[str]) -> List[str]:
    found: List[str] = []
    for word in what:
        if not word.endswith(".py"):
            found.append(word)
            continue
        path = Path(word).resolve()
        found += [name for name in models.names() if Path(models.get(name).file).resolve() == path]
    return found


def _say(
    cells: Sequence[grid.Cell],
    sides: Sequence[stack.Stack],
    records: Sequence[Stored],
    as_json: bool,
    markdown: bool,
    how: str,
) -> int:
    """Print what is known of the moves, and return the exit code."""
    names = list(dict.fromkeys(cell.model for cell in cells))
    of: Dict[Tuple[str, str], List[Stored]] = {}
    for record in records:
        of.setdefault((record["model"], record["stack"]), []).append(record)
    old, *targets = sides
    pairs = [
        tuple(Side(name, one.name, of.get((name, one.name), [])) for one in (old, new))
        for new in targets
        for name in names
    ]
    found = moves.moves(pairs)  # type: ignore[arg-type]
    every = {(side.model, side.stack): side for pair in pairs for side in pair}
    variants = moves.variants(list(every.values()), models.variants(names))
    if as_json:
        print_json([one.to_dict() for one in [*found, *variants]])
        return words.code(found)
    for place, new in enumerate(targets):
        part = found[place * len(names) : (place + 1) * len(names)]
        _print(words.rows(part), markdown)
        for line in [*words.reasons(part), *([] if how == SAME else words.settings(part))]:
            click.echo(line)
        if len(targets) > 1:
            click.echo(words.sentence(part, _install(new)))
    for line in words.variants(variants):
        click.echo(line)
    best = _best(found, targets, len(names))
    part = found[best * len(names) : (best + 1) * len(names)]
    for line in words.changes(part):
        click.echo(f"to change: {line}")
    click.echo(words.sentence(part, _install(targets[best])))
    return words.code(found)


def _best(found: Sequence[Any], targets: Sequence[Any], count: int) -> int:
    """Return which of several stacks to move to: what agrees, then what takes least time."""

    def worth(place: int) -> Tuple[int, float]:
        part = found[place * count : (place + 1) * count]
        ratios = [one.ratios[WARM].ratio for one in part if one.ratios[WARM] is not None]
        return (0, 3, 1).index(words.code(part)), sum(ratios) / len(ratios) if ratios else float("inf")

    return min(range(len(targets)), key=worth)


def _install(one: stack.Stack) -> str:
    """Return what pip is to install to have a stack's packages."""
    texts = [
        one.requirements.with_suffix("").with_name(f"{name}.in")
        for name in _with_its_base(one.requirements.stem)
    ]
    return words.install_of("\n".join(path.read_text() for path in texts if path.is_file())) or one.name


def _with_its_base(name: str) -> List[str]:
    return list(dict.fromkeys([name.partition("+")[0], name]))


def _print(rows: Sequence[Sequence[str]], markdown: bool) -> None:

    if markdown:
        click.echo(table.markdown(rows))
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for place, title in enumerate(rows[0]):
        shown.add_column(title, justify="left" if place < 2 else "right", overflow="fold")
    for row in rows[1:]:
        shown.add_row(*row)
    console().print(shown)


def _checked(what: Sequence[str], target: str, diff: bool, as_json: bool) -> int:
    """Print what has to be changed in files, and return the exit code."""
    known = files.target(rows.newest(target) or target)
    found = [files.check(path, known) for path in _files(what)]
    if as_json:
        print_json(
            [{"file": str(one.path), "changes": [each.to_dict() for each in one.changes]} for one in found]
        )
    elif diff:
        click.echo("".join(one.diff() for one in found), nl=False)
    else:
        for one in found:
            for change in one.changes:
                after = (
                    f"by hand{': ' * bool(change.after)}{change.after}" if change.by_hand else change.after
                )
                click.echo(f"{one.path}:{change.line}: {change.before} -> {after} ({change.why})")
    every = [change for one in found for change in one.changes]
    by_hand = sum(change.by_hand for change in every)
    said = f"{counted(len(found), 'file')}, {counted(len(every), 'change')} for PyMC {known.version}"
    click.echo(f"{said}: {len(every) - by_hand} in --diff, {by_hand} by hand.", err=True)
    return 1 if every else 0


def _files(what: Sequence[str]) -> List[Path]:
    """Return the files that were named, and those of the models that were named."""
    if not what:
        return sorted(_shown(path) for path in (PACKAGE / "models" / "tutorial").glob("*.py"))
    known = models.names()
    return [_shown(Path(models.get(word).file if word in known else word)) for word in what]


def _shown(path: Path) -> Path:
    """Return a path from where the command was started, where it lies below."""
    resolved = path.resolve()
    return resolved.relative_to(Path.cwd()) if Path.cwd() in resolved.parents else resolved
