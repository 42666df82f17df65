"""The command line: the only place that prints and exits.

A file a command, in the order in which each needs another; it measures nothing and decides nothing by itself.

Exit codes: 0 all went well, 1 some cells failed or something is slower, 2 a user's mistake, 3 it cannot
be told yet, 70 a fault of this program, 130 interrupted, 141 nobody reads the output any more.

Files, lowest first:
settings common summary display results changes info truth reference worker calibrate check run show compare
asv_compare power releases measuring migrate guard export report commands
"""

import contextlib
import locale
import os
import signal
import sys
from typing import List, NoReturn, Optional, Sequence

from nutsbench.base import crash, terminal

#: As of a program that SIGINT has ended, and of one that SIGPIPE has.
_INTERRUPTED, _UNREAD = 130, 141
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """Run the command line and exit with its code."""
    if arguments is None:
        _read_files_as_utf8()
    terminal.adapt()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        # A scheduler's end is a user's end: the cell in flight is recorded first. What
        # nohup has told to be ignored stays ignored.
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, signal.default_int_handler)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        # Before the command has begun, or after its end.
        print("Interrupted.", file=sys.stderr)
        code = _INTERRUPTED
    except Exception as error:
        code = _failed(error)
    _end(code)


def _run(arguments: Optional[Sequence[str]]) -> int:
    # Imported here, so that what cannot be imported is a fault like any other.
    import click

    from nutsbench import models
    from nutsbench.base.errors import UserError
    from nutsbench.cli.commands import cli
    from nutsbench.cli.common import SAID

    try:
        return int(cli.main(args=arguments, prog_name="nutsbench", standalone_mode=False) or 0)
    except (UserError, models.ModelError) as error:
        click.echo(f"Error: {error}", err=True)
        return 2
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort as abort:
        if SAID not in getattr(abort.__cause__, "args", ()):
            click.echo("Interrupted.", err=True)
        return _INTERRUPTED
    except SystemExit as end:
        # click ends so where nobody reads the output, with a code that means something else here.
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        raise


def _failed(error: Exception) -> int:
    if isinstance(error, BrokenPipeError) and terminal.is_gone():
        return _UNREAD
    with contextlib.suppress(OSError):
        print(crash.line(error), file=sys.stderr, flush=True)
    return crash.EXIT_CODE


def _end(code: int) -> NoReturn:
    if code == _INTERRUPTED:
        # Python gives signals their defaults back while it ends: one more would end it with another code.
        for ending in _ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            # Python would try once more when it ends, and say so.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            code = code or _UNREAD
    sys.exit(code)


def _read_files_as_utf8() -> None:
    """Start anew in Python's UTF-8 mode where files would be read and written as ASCII.

    Which is so in the C locale when UTF-8 mode was switched off. What is printed stays in ASCII.
    """
    if locale.getpreferredencoding(False) not in ("ANSI_X3.4-1968", "US-ASCII", "646"):
        return
    program: List[str] = [sys.argv[0]]
    if os.path.basename(program[0]) == "__main__.py":
        program = ["-m", "nutsbench"]
    elif not os.path.isfile(program[0]):
        return
    variables = {**os.environ, "PYTHONUTF8": "1"}
    os.execve(sys.executable, [sys.executable, *program, *sys.argv[1:]], variables)
