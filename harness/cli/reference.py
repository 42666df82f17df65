"""``nutsbench reference``: a truth from a long run of NUTS."""

import dataclasses
import math
from pathlib import Path
from typing import Any, Tuple

import click

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.cli.common import (
    load_models,
    machine_to_oneself,
    make_ready,
    models_option,
    no_wait_option,
    results_option,
)
from nutsbench.models import truths
from nutsbench.records import grid, table
from nutsbench.records.record import Record
from nutsbench.records.store import Store, utc_now
from nutsbench.records.stored import Stored
from nutsbench.run import plan, runner
from nutsbench.run.options import Options
from nutsbench.stacks import environment, stack
from nutsbench.truths import reference, truth

#: What an interrupted user is told.
_KEPT = "What was tried is among the records; no reference was written."


@click.command("reference")
@click.argument("name", metavar="MODEL")
@click.option("--ess", default=10_000.0, show_default=True, help="Effective draws of every scalar.")
@click.option("--max-draws", default=200_000, show_default=True, help="Largest number of draws of a chain.")
@click.option("--target-accept", type=float, help="Acceptance rate to tune for.")
@click.option("--seed", default=grid.DEFAULT_SEED, show_default=True, help="Seed.")
@click.option("--stack", "stack_name", default=stack.DEFAULT, show_default=True, help="Stack.")
@click.option("--timeout", default=7200.0, show_default=True, help="Wall seconds that a try may take.")
@no_wait_option
@models_option
@results_option
def reference_command(
    name: str,
    ess: float,
    max_draws: int,
    target_accept: float,
    seed: int,
    stack_name: str,
    timeout: float,
    no_wait: bool,
    models_files: Tuple[Path, ...],
    results: Path,
) -> int:
    """Sample a model until it has so many effective draws, and keep them as its reference posterior.

    Refused, with exit code 1, are draws with divergences, with an R-hat of 1.01 or more,
    or that do not reach the ESS. Of a model with an exact posterior nothing is written:
    the draws are compared with it.
    """
    load_models(models_files)
    if not 100 <= ess < math.inf:
        raise UserError(f"ess has to be at least 100, not {ess:g}: its own errors would not be known.")
    if not timeout > 0:
        raise UserError(f"timeout has to be above 0, not {timeout:g}.")
    if max_draws < reference.FIRST_DRAWS:
        raise UserError(f"max-draws has to be at least {reference.FIRST_DRAWS}, not {max_draws}.")
    (spec,) = grid.select([name])
    if spec.variant_of:
        raise UserError(
            f"{name} is a variant of {spec.variant_of}, and is judged by its posterior:"
            f" nutsbench reference {spec.variant_of}."
        )
    one = stack.of_pymc3(stack_name)
    settings = reference.first_settings(spec, environment.usable_cores())
    if target_accept is not None:
        settings = dataclasses.replace(settings, target_accept=target_accept)
    grid.check(settings)
    with machine_to_oneself(no_wait, _KEPT):
        make_ready([one])
        while True:
            click.echo(f"{settings.chains} chains of {settings.draws} draws ...", err=True)
            cell = grid.Cell(spec.name, grid.check(settings), grid.check_seed(seed))
            tried: Record = _sample(cell, one, timeout, results)
            record = tried.to_dict()
            end = reference.final(record)
            missing = [] if end else reference.lacking(record, ess)
            if not end and not missing:
                break
            draws = 0 if end else reference.more_draws(record, ess, max_draws)
            if not draws:
                limit = "" if end else f" (--max-draws {max_draws})"
                click.echo(f"Refused: {end or '; '.join(missing)}{limit}.", err=True)
                return 1
            settings = dataclasses.replace(settings, draws=draws)
    command = f"nutsbench reference {name} --ess {ess:g} --seed {seed} --stack {one.name}"
    command += f" --target-accept {target_accept:g}" if target_accept is not None else ""
    return _keep(spec, record, command + "".join(f" --models {path.name}" for path in models_files))


def _sample(cell: grid.Cell, one: stack.Stack, timeout: float, results: Path) -> Any:
    """Run one cell as ``nutsbench run`` would; its record is kept with all others."""
    store = Store(results)
    run_file = store.begin("reference", utc_now())
    options = Options(
        profile="reference",
        timeout_s=timeout,
        memory_bytes=0,
        threads=1,
        models_files=tuple(models.loaded_files()),
        store=True,
    )
    (job,) = plan.jobs([cell], [one], options.threads)
    (record,) = runner.run([job], options, store.origin(), run_file, lambda *_: None)
    return record


def _keep(spec: models.ModelSpec, record: Stored, command: str) -> int:

    made = reference.truth_of(spec, record, command)
    details = made.details
    click.echo(
        f"ESS {details['ess_min']:,.0f}, R-hat {details['rhat_max']:.4f}, no divergences;"
        f" largest MCSE {made.error_sds:.1e} sds."
    )
    if spec.exact is not None:
        click.echo(f"{spec.name} has an exact posterior, and the draws are {table.accuracy(record)} by it.")
        return 0 if record["accuracy"]["verdict"] == "accurate" else 1
    path = truths.truth_file(spec)
    try:
        truth.write(made, path)
    except OSError as error:
        raise UserError(f"The reference posterior cannot be written ({error.strerror}): {path}.") from error
    click.echo(f"Written: {path.parent.name}/{path.name}, beside {spec.source}.")
    return 0
