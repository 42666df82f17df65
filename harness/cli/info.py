"""``nutsbench models``, ``stacks`` and ``doctor``: what there is, before anything is sampled."""

from pathlib import Path
from typing import Any, Dict, Tuple

import click

from nutsbench import models
from nutsbench.cli.common import json_option, load_models, make_ready, models_option, print_json
from nutsbench.judge import metrics
from nutsbench.models import truths
from nutsbench.records import grid
from nutsbench.records.table import settings_text
from nutsbench.stacks import doctor, stack


@click.command("models")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@json_option
@models_option
def models_command(names: Tuple[str, ...], as_json: bool, models_files: Tuple[Path, ...]) -> int:
    """List the models; of those named, all that is known."""
    load_models(models_files)
    specs = grid.select(names)
    if as_json:
        print_json([spec.describe() for spec in specs])
        return 0
    if names:
        for spec in specs:
            _print_model(spec)
        return 0
    width = max(len(spec.name) for spec in specs)
    for spec in specs:
        settings = spec.settings
        sampled = f"{settings.draws:>5} draws {settings.tune:>5} tune {settings.chains} chains"
        click.echo(f"{spec.name:<{width}}  {sampled} {settings.target_accept:>5}  {', '.join(spec.tags)}")
    return 0


def _print_model(spec: models.ModelSpec) -> None:

    title = f"{spec.name} ({spec.tutorial_name}, in {spec.section!r})" if spec.section else spec.name
    click.secho(title, bold=True)
    click.echo(f"{spec.teaches}\n")
    click.echo("\n".join(f"    {line}" for line in spec.notation.splitlines()))
    click.echo(f"\nsampled with {settings_text(spec.settings.to_dict(), spec.settings.names())}\n")
    for claim in spec.claims:
        click.echo(f"claim: {claim.says}")
        for part in claim.parts:
            click.echo(f"    {part.text}")
    known, why_none = truths.find(spec.name)
    if known is not None:
        click.echo(f"truth: {known.method}; error at most {known.error_sds:.0e} sds\n")
    else:
        click.echo(f"{why_none}\n")


@click.command("metrics")
@json_option
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the README's table.")
def metrics_command(as_json: bool, as_markdown: bool) -> int:
    """List the metrics of a record: unit, direction and definition."""
    rows = list(metrics.METRICS.values())
    if as_json:
        fields = ("name", "unit", "direction", "definition")
        print_json([{field: getattr(row, field) for field in fields} for row in rows])
    elif as_markdown:
        click.echo(metrics.markdown())
    else:
        for row in rows:
            better = "" if row.direction == "none" else f", {row.direction} is better"
            click.echo(f"{row.name} [{row.unit}{better}]\n    {row.definition}")
    return 0


@click.command("stacks")
@click.argument("names", nargs=-1, metavar="[STACK]...")
@click.option("--install", "more", multiple=True, metavar="STACK", help="The same as to name it.")
@json_option
def stacks_command(names: Tuple[str, ...], more: Tuple[str, ...], as_json: bool) -> int:
    """List the stacks, whether they are ready, and what they take; make those that are named.

    What one that is ready takes on the disk is without its compile cache; how long it took to make, with
    what the installer's own cache had at that time.
    """
    chosen = [stack.resolve(name) for name in dict.fromkeys((*names, *more))]
    make_ready(chosen)
    if as_json:
        print_json(stack.describe())
        return 0
    for row in stack.describe():
        versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        ready = _ready(row) if row["ready"] else f"not made yet: nutsbench stacks {row['name']}"
        default = " (default)" if row["name"] == stack.DEFAULT else ""
        click.echo(f"{row['name']}{default}: {versions}; {ready}")
    for one in chosen:
        if one.name not in stack.PINNED:
            click.echo(f"{one.name}: ready")
    if not chosen:
        first, *_, last = stack.releases()
        click.echo(f"{first} to {last}: PyMC3's releases with the packages of their day; nutsbench releases")
    return 0


def _ready(row: Dict[str, Any]) -> str:
    parts = [f"{row['bytes'] / 1e6:,.0f} MB"] if row["bytes"] else []
    parts += [f"made in {row['made_s']:.0f} s"] if row["made_s"] else []
    return f"ready ({', '.join(parts)})" if parts else "ready"


@click.command("doctor")
@json_option
def doctor_command(as_json: bool) -> int:
    """Say whether this machine can be trusted for timing, and what to do."""
    findings = doctor.examine()
    if as_json:
        print_json([vars(finding) for finding in findings])
    else:
        styles = {"good": "green", "warn": "yellow", "bad": "red"}
        for finding in findings:
            click.secho(f"{finding.verdict:<5}", fg=styles[finding.verdict], nl=False)
            click.echo(
                f"{finding.subject}: {finding.found}" + (f"; {finding.advice}" if finding.advice else "")
            )
    return 1 if any(finding.verdict == "bad" for finding in findings) else 0
