"""The commands, in the order of the work.

Each lists its steps in order and leaves them to the modules that do them.
"""

from pathlib import Path
from typing import Any, List

import click

from nutsbench.base.errors import unknown
from nutsbench.cli import settings
from nutsbench.cli.asv_compare import asv_compare_command
from nutsbench.cli.calibrate import calibrate_command
from nutsbench.cli.check import check_command, check_truth_command
from nutsbench.cli.compare import compare_command
from nutsbench.cli.export import export_command
from nutsbench.cli.guard import guard_command
from nutsbench.cli.info import doctor_command, metrics_command, models_command, stacks_command
from nutsbench.cli.power import power_command
from nutsbench.cli.reference import reference_command
from nutsbench.cli.releases import releases_command
from nutsbench.cli.report import report_command
from nutsbench.cli.run import run_command
from nutsbench.cli.show import show_command
from nutsbench.cli.truth import truth_command


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
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Benchmark and diagnose PyMC3's NUTS, as compiled by Theano.

    The models are those of a Bayesian regression tutorial, and your own. Start with
    `nutsbench doctor`, then `nutsbench run`, then `nutsbench show`.

    A project's own settings stand in its `nutsbench.toml`, or in the table `tool.nutsbench` of its
    `pyproject.toml`: `stack = "your-lock.txt"` for all commands, `[guard]` and `baseline = "..."` for one.
    """
    assert isinstance(ctx.command, click.Group)
    ctx.default_map = settings.defaults(ctx.command.commands, Path.cwd())


for _command in (
    run_command,
    show_command,
    compare_command,
    asv_compare_command,
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
