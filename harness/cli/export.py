"""``nutsbench export``: records for other tools."""

from pathlib import Path
from typing import Optional, Tuple

import click

from nutsbench.base import paths
from nutsbench.base.errors import UserError
from nutsbench.cli.common import check_choice, load_models, models_option, results_option, say_problems
from nutsbench.records import configuration, store
from nutsbench.records.export import EXPORTERS
from nutsbench.track import asv_results  # noqa: F401  # asv's format is one of them.


@click.command("export")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option("--to", "target", required=True, help="asv, bencher, github-action-benchmark, csv or parquet.")
@click.option("--stack", "stacks", multiple=True, help="Only this stack; can be given more than once.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    show_default="results/asv for asv, else results/export",
    help="Folder to write to.",
)
@click.option("--machine", help="With --to asv: the machine's name in asv.")
@models_option
@results_option
def export_command(
    names: Tuple[str, ...],
    target: str,
    stacks: Tuple[str, ...],
    output: Optional[Path],
    machine: Optional[str],
    models_files: Tuple[Path, ...],
    results: Path,
) -> int:
    """Write the newest record of each cell for another tool to read.

    Each configuration has a name of its own, which says all in which the exported records differ.
    """
    check_choice("format", (target,), EXPORTERS)
    load_models(models_files)
    loaded = store.Store(results).load()
    say_problems(loaded.problems)
    check_choice("model", names, dict.fromkeys(record["model"] for record in loaded.records))
    check_choice("stack", stacks, dict.fromkeys(record["stack"] for record in loaded.records))
    chosen, before = configuration.current(loaded.records)
    records = [
        record
        for record in chosen
        if (not names or record["model"] in names) and (not stacks or record["stack"] in stacks)
    ]
    if not records:
        raise UserError("There are no records to export: `nutsbench run` makes some.")
    folder = output or paths.results_dir() / ("asv" if target == "asv" else "export")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written, left_out = EXPORTERS[target](records, folder, machine)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}.") from error
    for reason in [*before, *left_out]:
        click.echo(f"Left out: {reason}.", err=True)
    for path in written:
        click.echo(str(path))
    return 0 if written else 1
