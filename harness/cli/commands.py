"""The commands, in the order of the work.

Each lists its steps in order and leaves them to the modules that do them.
"""

from typing import Any, List

import click

from harness.cli.asv_compare import asv_compare_command
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
from harness.errors import unknown


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
