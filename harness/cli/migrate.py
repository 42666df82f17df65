"""``nutsbench migrate``: what moving models to another PyMC asks for."""

from pathlib import Path
from typing import List, Tuple

import click

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.base.paths import PACKAGE
from nutsbench.cli.common import json_option, print_json
from nutsbench.migrate import changes, names
from nutsbench.records.table import counted

#: What most move to.
_DEFAULT = "pymc-6.4"


@click.command("migrate")
@click.argument("what", nargs=-1, metavar="[MODEL | FILE]...")
@click.option("--check", is_flag=True, help="Say what has to be changed in the code; nothing is sampled.")
@click.option("--to", "target", default=_DEFAULT, show_default=True, help="The PyMC to move to.")
@click.option("--diff", is_flag=True, help="Print the changes as a unified diff, for git apply or patch -p1.")
@json_option
def migrate_command(what: Tuple[str, ...], check: bool, target: str, diff: bool, as_json: bool) -> int:
    """Say what files of PyMC3 models need to run on another PyMC; without any, the tutorial's.

    Each line says what is there, what to write, and why. What is safe is in --diff; what has
    another meaning or is gone is left to be done by hand. Exits with 0 if nothing has to be changed,
    else with 1.
    """
    known = names.load(target)
    if not (check or diff):
        raise UserError(
            "So far it tells what has to be changed in the code, and not what moving gives. Type: nutsbench"
            " migrate --check."
        )
    found = [changes.check(path, known) for path in _files(what)]
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


def _files(what: Tuple[str, ...]) -> List[Path]:
    """Return the files that were named, and those of the models that were named."""
    if not what:
        return sorted(_shown(path) for path in (PACKAGE / "models" / "tutorial").glob("*.py"))
    known = models.names()
    return [_shown(Path(models.get(word).file if word in known else word)) for word in what]


def _shown(path: Path) -> Path:
    """Return a path from where the command was started, where it lies below."""
    resolved = path.resolve()
    return resolved.relative_to(Path.cwd()) if Path.cwd() in resolved.parents else resolved
