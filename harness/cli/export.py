"""``nutsbench export``: records for other tools."""

import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import click

from nutsbench.base import paths
from nutsbench.base.errors import UserError
from nutsbench.cli.common import check_choice, load_models, models_option, results_option, say_problems


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
    from nutsbench.records import configuration, export, store

    check_choice("format", (target,), export.FORMATS)
    load_models(models_files)
    loaded = store.Store(results).load()
    say_problems(loaded.problems)
    check_choice("model", names, dict.fromkeys(record["model"] for record in loaded.records))
    check_choice("stack", stacks, dict.fromkeys(record["stack"] for record in loaded.records))
    chosen, before = configuration.current(loaded.records)
    records = [
        dict(record)
        for record in chosen
        if (not names or record["model"] in names) and (not stacks or record["stack"] in stacks)
    ]
    if not records:
        raise UserError("There are no records to export: `nutsbench run` makes some.")
    folder = output or paths.results_dir() / ("asv" if target == "asv" else "export")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written, left_out = _write(target, records, folder, machine)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}.") from error
    for reason in [*before, *left_out]:
        click.echo(f"Left out: {reason}.", err=True)
    for path in written:
        click.echo(str(path))
    return 0 if written else 1


def _write(
    target: str, records: List[Dict[str, Any]], folder: Path, machine: Optional[str]
) -> Tuple[List[Path], List[str]]:
    """Write records in a format, and return the files and what was left out."""
    from nutsbench.records import export, store

    if target == "asv":
        from nutsbench.track import asv_results

        return asv_results.write(records, folder, machine)
    if target in ("csv", "parquet"):
        table = store.frame(records)
        path = folder / f"records.{target}"
        if target == "csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False)
        return [path], []
    bad = [
        f"{r['model']}, seed {r['seed']}, {r['stack']}: {r['status']}" for r in records if r["status"] != "ok"
    ]
    if target == "bencher":
        return [_json(folder / "bencher.json", export.bencher(records))], bad
    smaller, larger = export.github_action_benchmark(records)
    files = [
        _json(folder / "github-action-benchmark-smaller-is-better.json", smaller),
        _json(folder / "github-action-benchmark-bigger-is-better.json", larger),
    ]
    return files, bad


def _json(path: Path, content: Any) -> Path:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    part.replace(path)
    return path
