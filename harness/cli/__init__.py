"""The command line: the only place that prints and exits.

Each command lists its steps in order and leaves them to the modules that do them.
Exit codes: 0 all went well, 1 some cells failed or something is slower, 2 a user's
mistake, 3 it cannot be told yet, 130 interrupted.
"""

import signal
import sys
from typing import Any, List, NoReturn, Optional, Sequence

import click

import models
from harness.cli.calibrate import calibrate_command
from harness.cli.check import check_command, check_truth_command
from harness.cli.compare import compare_command
from harness.cli.export import export_command
from harness.cli.guard import guard_command
from harness.cli.info import doctor_command, metrics_command, models_command, stacks_command
from harness.cli.power import power_command
from harness.cli.reference import reference_command
from harness.cli.releases import releases_command
from harness.cli.report import report_command
from harness.cli.run import run_command
from harness.cli.show import show_command
from harness.cli.truth import truth_command
from harness.errors import UserError, unknown


class _Commands(click.Group):
    """The commands, in the order of the work; a mistyped one is told its nearest match."""

    def list_commands(self, ctx: click.Context) -> List[str]:
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: List[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise unknown("command", args[0], self.commands)
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nutsbench")
def cli() -> None:
    """Benchmark and diagnose PyMC3's NUTS, as compiled by Theano.

    The models are those of a Bayesian regression tutorial, and your own. Start with
    `nutsbench doctor`, then `nutsbench run`, then `nutsbench show`.
    """


for _command in (
    run_command,
    show_command,
    compare_command,
    power_command,
    models_command,
    metrics_command,
    truth_command,
    check_truth_command,
    reference_command,
    calibrate_command,
    check_command,
    stacks_command,
    releases_command,
    guard_command,
    export_command,
    report_command,
    doctor_command,
):
    cli.add_command(_command)


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """Run the command line and exit with its code."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        # A scheduler's end is a user's end: the cell in flight is recorded first. What
        # nohup has told to be ignored stays ignored.
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, signal.default_int_handler)
    try:
        code = cli.main(args=arguments, prog_name="nutsbench", standalone_mode=False)
    except (UserError, models.ModelError) as error:
        click.echo(f"Error: {error}", err=True)
        code = 2
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code or 0)
