"""``nutsbench check-model`` and ``check-truth``: models and truths, on each stack."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import click
import numpy as np

from nutsbench import models
from nutsbench.base import descendants
from nutsbench.base.errors import UserError
from nutsbench.base.paths import PACKAGE, importable
from nutsbench.cli.common import json_option, load_models, make_ready, models_option, print_json
from nutsbench.inside import mismatch
from nutsbench.inside.clauses import Finding, markdown
from nutsbench.inside.contract import MAX_GRADIENT_DIFFERENCE, MAX_LOGP_DIFFERENCE
from nutsbench.judge.accuracy import threshold
from nutsbench.records import grid
from nutsbench.stacks import environment, stack

#: Chance of a false alarm of the independent check, for each model and stack.
_INDEPENDENT_LEVEL = 1e-4

stacks_option = click.option(
    "--stack",
    "stacks",
    multiple=True,
    default=stack.NAMES,
    show_default=True,
    help="Stacks; `all` for every one that is pinned.",
)


@click.command("check-model")
@click.argument("what", nargs=-1, metavar="[MODEL | FILE]...")
@stacks_option
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the contract, as in docs/models.md.")
@click.option(
    "--timeout", default=120.0, show_default=True, help="Seconds that one stage of a model's check may take."
)
@json_option
def check_command(
    what: Tuple[str, ...], stacks: Tuple[str, ...], as_markdown: bool, timeout: float, as_json: bool
) -> int:
    """Check models, or those of files of your own, against the contract; without either, all.

    What a model must provide, should and may stands in docs/models.md. Each model is
    checked in a process of its own, so that one that crashes or never ends keeps none of the
    others from being checked. Exits with 1 if something is missing that it must provide.
    """
    if as_markdown:
        click.echo(markdown())
        return 0
    if timeout <= 0:
        raise UserError(f"timeout has to be above 0, not {timeout:g}.")
    names: List[str] = []
    for word in what:
        names += _names_of(word)
    names = list(dict.fromkeys(names)) or models.names()
    rows: List[Dict[str, Any]] = []
    for one in [stack.of_pymc3(text) for text in dict.fromkeys(stacks)]:
        make_ready([one])
        for line in _run_in(one, "nutsbench.inside.contract", names, ["--timeout", str(timeout)]):
            row = {"stack": one.name, **line}
            row["findings"] = [*row["findings"], *_differences(row, rows)]
            row["keeps"] = not any(found["level"] == "must" for found in row["findings"])
            rows.append(row)
            if not as_json:
                click.echo(
                    f"{one.name}  {row['model']}  {'keeps' if row['keeps'] else 'breaks'} the contract"
                )
                for found in row["findings"]:
                    click.echo(f"    {found['level']}: {found['text']}")
    if as_json:
        print_json(rows)
    return 0 if all(row["keeps"] for row in rows) else 1


def _differences(row: Dict[str, Any], before: Sequence[Dict[str, Any]]) -> List[Dict[str, str]]:
    """Return a finding if a model's data are others on this stack than on the first that has them."""
    first = next((one for one in before if one["model"] == row["model"] and one["data"]), None)
    if first is None or not row["data"]:
        return []
    # What differs from call to call is a finding of its own.
    said = [found for one in (first, row) for found in one["findings"] if found["clause"] == "data"]
    apart = mismatch.differing(first["data"], row["data"])
    if not apart or said:
        return []
    text = mismatch.between(row["model"], apart, row["stack"], first["stack"])
    return [Finding("both", text).to_dict()]


@click.command("check-truth")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@stacks_option
@click.option("--independent", is_flag=True, help="Also by importance sampling: some seconds a model.")
@json_option
@models_option
def check_truth_command(
    names: Tuple[str, ...],
    stacks: Tuple[str, ...],
    independent: bool,
    as_json: bool,
    models_files: Tuple[Path, ...],
) -> int:
    """Check the exact posteriors against PyMC3's own log densities and gradients, on each stack.

    Exits with 1 if one is not that of its model, or if the stacks disagree.
    """
    load_models(models_files)
    chosen = [stack.resolve(text) for text in _named(stacks)]
    make_ready(chosen)
    wanted = [spec.name for spec in grid.select(names)]
    extra = ["--independent"] if independent else []
    found = {one.name: _run_in(one, "nutsbench.inside.density", wanted, extra) for one in chosen}
    rows: List[Dict[str, Any]] = []
    for place, name in enumerate(wanted):
        of_stacks = [(label, lines[place]) for label, lines in found.items()]
        for label, line in of_stacks:
            row: Dict[str, Any] = {"model": name, "stack": label}
            row.update({key: line.get(key) for key in ("said", "points", "logp_difference")})
            row.update({key: line.get(key) for key in ("gradient_difference", "independent")})
            row["stacks_difference"] = _apart(of_stacks[0][1], line)
            other = row["independent"]
            limits = [
                (row["logp_difference"], MAX_LOGP_DIFFERENCE),
                (row["gradient_difference"], MAX_GRADIENT_DIFFERENCE),
                (row["stacks_difference"], MAX_LOGP_DIFFERENCE),
            ]
            if other is not None:
                limits.append((other["z"], threshold(other["compared"], _INDEPENDENT_LEVEL)))
            made = [(value, limit) for value, limit in limits if value is not None]
            # A figure that is not a number has not passed, nor has a model without a check.
            row["agrees"] = all(value <= limit for value, limit in made) if made else None
            # A truth that cannot be used is no truth, though its model's density is right.
            row["agrees"] = False if made and row["said"] else row["agrees"]
            rows.append(row)
            if not as_json:
                _print(row)
    if as_json:
        print_json(rows)
    verdicts = {row["agrees"] for row in rows}
    return 1 if False in verdicts or verdicts == {None} else 0


def _named(stacks: Sequence[str]) -> List[str]:
    """Return the stacks that are meant, each once."""
    return list(
        dict.fromkeys(name for text in stacks for name in (stack.INSTALLED if text == "all" else (text,)))
    )


def _apart(first: Dict[str, Any], other: Dict[str, Any]) -> Optional[float]:
    """Return the largest relative difference of log densities and gradients of two stacks.

    Log densities are compared less their value at the first point: a constant factor of
    the density, computed with another function of the same value, changes no draw.
    """
    if "logp" not in first or "logp" not in other:
        return None
    logps = [np.array(line["logp"]) - line["logp"][0] for line in (first, other)]
    gradients = [np.array(line["gradient"]) for line in (first, other)]
    return max(float((np.abs(a - b) / np.maximum(np.abs(a), 1.0)).max()) for a, b in (logps, gradients))


def _print(row: Dict[str, Any]) -> None:
    words = [row["said"]] if row["said"] else []
    if row["logp_difference"] is not None:
        words += [
            f"logp {row['logp_difference']:.0e}",
            f"gradient to finite differences {row['gradient_difference']:.0e}",
            f"between stacks {row['stacks_difference']:.0e}",
        ]
    other = row["independent"]
    if other is not None:
        words.append(
            f"importance sampling (ESS {other['ess']:,.0f}): largest of {other['compared']} z"
            f" {other['z']:.1f}, {other['figure']}"
        )
    verdict = {True: "agrees", False: "DOES NOT AGREE", None: "not checked"}[row["agrees"]]
    click.echo(f"{row['model']:<26} {row['stack']:<11} {verdict}: {', '.join(words)}")


def _names_of(word: str) -> List[str]:
    path = Path(word)
    if path.suffix != ".py":
        return [spec.name for spec in grid.select([word])]
    if (PACKAGE / "models").resolve() in path.resolve().parents:
        return [name for name in models.names() if models.get(name).source == path.name]
    load_models([path])
    return [name for name in models.names() if models.get(name).source == path.name]


@descendants.none_left()
def _run_in(
    one: stack.Stack, module: str, names: Sequence[str], extra: Sequence[str] = ()
) -> List[Dict[str, Any]]:
    """Run a module that prints a JSON line a model, in a stack's own process."""
    # Started in the project, so that no folder of the user's is taken for one of its packages.
    command = [str(one.python), "-m", module, *names, *extra, "--folder", os.getcwd()]
    for file in models.loaded_files():
        command += ["--models", str(file)]
    variables = environment.variables_of(one, threads=1)
    done = subprocess.run(
        command,
        cwd=importable(),
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UserError(f"{one.name} could not check:\n{done.stderr.strip()[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
