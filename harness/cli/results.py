"""How commands print records: short for a screen, one line a record for a pipe, wide where asked."""

import shutil
import sys
from typing import Any, Mapping, Sequence

import click

from nutsbench.cli import summary
from nutsbench.cli.common import console
from nutsbench.records import table
from nutsbench.records.stored import Stored

_COLOURS = {"bold": {"bold": True}, "dim": {"dim": True}}


def print_records(records: Sequence[Stored], files: Sequence[Any] = (), wide: bool = False) -> None:
    """Print records, and what to conclude from them.

    Parameters
    ----------
    records : sequence of dict
        Records, one or more.
    files : sequence of Path
        Files of models, as they were typed: commands that are offered name them again.
    wide : bool
        Whether to print all there is, however wide the screen would have to be.
    """
    print_table(records, wide)
    for sentence in summary.sentences(records, [str(file) for file in files]):
        click.echo(sentence)


def print_table(records: Sequence[Stored], wide: bool = False) -> None:
    """Print records, the worst first.

    Parameters
    ----------
    records : sequence of dict
        Records, one or more.
    wide : bool
        Whether to print all there is, however wide the screen would have to be.
    """
    if wide:
        screen = console()
        screen.print(table.results_table(summary.worst_first(records), screen.width))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for text, style in summary.table(records, width):
            colours: Mapping[str, Any] = _COLOURS.get(style, {"fg": style})
            click.secho(text, **colours)
