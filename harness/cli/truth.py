"""``nutsbench truth``: the exact posteriors, made again and compared with what is kept."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import click

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.cli.common import json_option, load_models, models_option, print_json
from nutsbench.models import truths
from nutsbench.records import grid
from nutsbench.truths import truth


@click.command("truth")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option("--write", "do_write", is_flag=True, help="Write the files that are missing or do not agree.")
@click.option("--kept", "only_kept", is_flag=True, help="Compute nothing; show what is kept.")
@json_option
@models_option
def truth_command(
    names: Tuple[str, ...], do_write: bool, only_kept: bool, as_json: bool, models_files: Tuple[Path, ...]
) -> int:
    """Integrate the models' exact posteriors again, and compare them with the files that are kept.

    Two minutes for heterogenous, seconds for the others. Exits with 1 if a file is
    missing, damaged, of another version of its model, or does not agree.
    """
    load_models(models_files)
    rows = []
    for spec in grid.select(names):
        row = _row(spec, do_write, only_kept)
        rows.append(row)
        if not as_json:
            _print(row)
    if as_json:
        print_json(rows)
    return 0 if all(row["agrees"] for row in rows) else 1


def _row(spec: models.ModelSpec, do_write: bool, only_kept: bool) -> Dict[str, Any]:

    kept, why = truths.find(spec.name)
    row: Dict[str, Any] = {"model": spec.name, "kept": kept.to_dict() if kept else None, "said": why}
    row["agrees"] = kept is not None
    shown = kept
    if spec.exact is not None and not only_kept:
        try:
            made = truths.compute(spec)
        except truths.TruthError as error:
            raise UserError(f"{error}.") from error
        shown = made
        if kept is not None:
            row.update(_compared(made, kept))
        if do_write and not row["agrees"]:
            _write(spec, made)
            row.update(agrees=True, kept=made.to_dict(), said="written")
    if shown is not None:
        row["method"], row["scalars"] = shown.method, len(shown.quantities)
        row["error_sds"] = shown.error_sds
    return row


def _compared(made: Any, kept: Any) -> Dict[str, Any]:

    if kept.kind != "exact":
        return {"agrees": False, "said": f"what is kept is no exact posterior but {kept.method}"}
    try:
        apart = truth.compare(made, kept)
    except truths.TruthError as error:
        return {"agrees": False, "said": f"what is kept does not fit: {error}"}
    agrees = apart.in_errors <= 1
    said = "" if agrees else f"does not agree: {apart.scalar} (--write replaces it)"
    return {"difference_sds": apart.in_sds, "agrees": agrees, "said": said}


def _write(spec: models.ModelSpec, made: Any) -> None:

    path = truths.truth_file(spec)
    try:
        truth.write(made, path)
    except OSError as error:
        raise UserError(f"The reference posterior cannot be written ({error.strerror}): {path}.") from error


def _print(row: Dict[str, Any]) -> None:
    if "method" not in row:
        click.echo(f"{row['model']:<26} {row['said']}")
        return
    away: Optional[float] = row.get("difference_sds")
    words: List[str] = [f"{row['scalars']:>2} scalars", f"error at most {row['error_sds']:.0e} sds"]
    words += [f"differs by {away:.0e} sds from what is kept"] if away is not None else []
    words += [row["said"]] if row["said"] else ["agrees"] if away is not None else []
    click.echo(f"{row['model']:<26} {', '.join(words)}; {row['method']}")
