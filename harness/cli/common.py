"""What several commands share: their options, and what they say in the same words."""

import contextlib
import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Sequence, TextIO, Tuple

import click
from rich.console import Console

from nutsbench import models
from nutsbench.base import descendants, lock, paths
from nutsbench.base.errors import UserError, unknown
from nutsbench.stacks import install, stack

#: Of an interruption of which the user has been told what there is to tell.
SAID = "said"


class Several(click.ParamType[Any]):
    """A comma-separated list of numbers.

    Parameters
    ----------
    kind : callable
        ``int`` or ``float``.
    """

    def __init__(self, kind: Callable[[str], Any]) -> None:
        self.name = f"{kind.__name__},..."
        self._kind = kind

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> Tuple[Any, ...]:
        """Return the numbers, in order and each once."""
        if isinstance(value, tuple):
            return value
        numbers = []
        for word in str(value).split(","):
            try:
                numbers.append(self._kind(word.strip()))
            except ValueError:
                kind = "a whole number" if self._kind is int else "a number"
                self.fail(f"{word.strip()!r} is not {kind}", param, ctx)
        return tuple(dict.fromkeys(numbers))


def duration(_: click.Context, __: click.Parameter, text: Optional[str]) -> Optional[float]:
    """Return the seconds of a time such as ``90s``, ``10m`` or ``2h``, None of none.

    Raises
    ------
    click.BadParameter
        If it is none, or not above 0.
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if found is None or float(found[1]) == 0:
        raise click.BadParameter(f"{text!r} is not a time above 0: write 90s, 10m or 2h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def memory_size(_: click.Context, __: click.Parameter, value: Optional[str]) -> int:
    """Read a size such as ``4G`` or ``500M``, and return it in bytes; 0 for none."""
    if value is None:
        return 0
    units = {"M": 2**20, "G": 2**30}
    number, unit = value[:-1], value[-1:].upper()
    if unit not in units or not number.replace(".", "", 1).isdigit():
        raise click.BadParameter(f"{value!r} is not a size: write 500M or 4G")
    return int(float(number) * units[unit])


models_option = click.option(
    "--models",
    "models_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A Python file with models of your own; can be given more than once.",
)
results_option = click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=paths.results_dir,
    show_default="the project's results",
    help="Folder of results.",
)
#: Under which a command's context keeps the standard output that it was started with.
_OUTPUT = "harness.output"


def _only_json(context: click.Context, _: click.Parameter, value: bool) -> bool:
    """Keep standard output for JSON, whatever models print while they are loaded, or their data made."""
    if not value:
        return value
    before = sys.stdout
    own: TextIO = before
    with contextlib.suppress(OSError, ValueError):
        if before.fileno() == 1:
            # What compiled code and other processes print does not pass through Python's sys.stdout.
            before.flush()
            own = os.fdopen(os.dup(1), "w", encoding=before.encoding, errors=before.errors)
            os.dup2(2, 1)
    context.meta[_OUTPUT] = own
    sys.stdout = sys.stderr

    def restore() -> None:
        own.flush()
        if own is not before:
            os.dup2(own.fileno(), 1)
            own.close()
        sys.stdout = before

    context.call_on_close(restore)
    return value


def print_json(content: Any) -> None:
    """Print JSON on the standard output that a command with ``--json`` was started with.

    Parameters
    ----------
    content : object
        Whatever JSON can hold.
    """
    output = click.get_current_context().meta[_OUTPUT]
    click.echo(json.dumps(content, indent=1, allow_nan=False), file=output)


json_option = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=_only_json, help="Print JSON."
)
no_wait_option = click.option(
    "--no-wait", is_flag=True, help="Exit with code 2 while something else is measured on this machine."
)


def load_models(files: Sequence[Path]) -> None:
    """Register the user's own models, or say what is wrong with their file."""
    try:
        for file in files:
            models.load_file(file)
    except models.ModelError as error:
        raise UserError(f"{error}.") from error


def make_ready(stacks: Sequence[stack.Stack]) -> None:
    """Make the environments of those stacks that are missing or out of date."""
    for one in stacks:
        if not one.ready:
            moved = one.holds_all and one.is_moved
            doing = "Putting right, after a move," if moved else "Making"
            click.echo(f"{doing} the environment of {one.name} ...", err=True)
            install.create(one)


@contextlib.contextmanager
def machine_to_oneself(no_wait: bool, kept: str) -> Iterator[None]:
    """Measure alone on this machine while the context lasts; read within it what others have measured.

    Parameters
    ----------
    no_wait : bool
        Whether it is an error that something else is measured.
    kept : str
        What an interrupted user is told of what there is already.
    """
    command = shlex.join(["nutsbench", *sys.argv[1:]])

    def say(text: str) -> None:
        click.echo(text, err=True)

    try:
        with lock.machine(command, say, wait=not no_wait), descendants.none_left():
            yield
    except KeyboardInterrupt as error:
        click.echo(f"Interrupted. {kept}", err=True)
        error.args = (SAID,)
        raise


def console() -> Any:
    """Return where tables are printed."""
    # A pipe has no width of its own; a table cut to 80 columns helps nobody.
    return Console() if sys.stdout.isatty() else Console(width=200)


def say_problems(problems: Sequence[str]) -> None:
    """Warn of what could not be read."""
    for problem in problems:
        click.echo(f"Warning: {problem}.", err=True)


def check_choice(kind: str, given: Sequence[str], choices: Any) -> None:
    """Raise the error for the first value that is not among the choices."""
    for value in given:
        if value not in choices:
            raise unknown(kind, value, choices)
