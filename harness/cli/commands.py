"""The commands, in the order of the work.

Each lists its steps in order and leaves them to the modules that do them. Its file is imported when it is
called.
"""

import ast
import importlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, MutableMapping

import click

from nutsbench.base.errors import unknown
from nutsbench.cli import settings

#: By name, the file in this folder and the command in it.
COMMANDS: Mapping[str, str] = {
    "run": "run.run_command",
    "show": "show.show_command",
    "compare": "compare.compare_command",
    "asv-compare": "asv_compare.asv_compare_command",
    "power": "power.power_command",
    "models": "info.models_command",
    "metrics": "info.metrics_command",
    "truth": "truth.truth_command",
    "check-truth": "check.check_truth_command",
    "reference": "reference.reference_command",
    "calibrate": "calibrate.calibrate_command",
    "check-model": "check.check_command",
    "stacks": "info.stacks_command",
    "releases": "releases.releases_command",
    "migrate": "migrate.migrate_command",
    "guard": "guard.guard_command",
    "export": "export.export_command",
    "report": "report.report_command",
    "doctor": "info.doctor_command",
    "worker": "worker.worker_command",
    "cluster": "worker.cluster_command",
}


class _Table(MutableMapping[str, click.Command]):
    """The commands by name, each imported when it is asked for."""

    def __init__(self) -> None:
        self._known: Dict[str, Any] = dict(COMMANDS)

    def __getitem__(self, name: str) -> click.Command:
        found = self._known[name]
        if isinstance(found, str):
            module, _, attribute = found.partition(".")
            found = getattr(importlib.import_module(f"nutsbench.cli.{module}"), attribute)
            self._known[name] = found
        assert isinstance(found, click.Command)
        return found

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._known[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class _Commands(click.Group):
    """The commands, in the order of the work; a mistyped one is told its nearest match."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.commands = _Table()

    def list_commands(self, ctx: click.Context) -> List[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl([(name, described(name).get_short_help_str(limit)) for name in COMMANDS])

    def resolve_command(self, ctx: click.Context, args: List[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise unknown("command", args[0], self.commands)
        return super().resolve_command(ctx, args)


def described(name: str) -> click.Command:
    """Return a command that has its help alone: the list of all would import every library for a line."""
    module, _, attribute = COMMANDS[name].partition(".")
    tree = ast.parse((Path(__file__).parent / f"{module}.py").read_text("utf-8"))
    (function,) = (one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == attribute)
    return click.Command(name, help=ast.get_docstring(function))


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
