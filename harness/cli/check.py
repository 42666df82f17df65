"""``nutsbench check-model``: whether a model keeps the contract, on each stack."""

import json
import os
import subprocess
from pathlib import Path
from typing import List, Sequence, Tuple

import click

import models
from harness import environment, grid, stack
from harness.cli.common import load_models, make_ready
from harness.errors import UserError
from harness.paths import ROOT


@click.command("check-model")
@click.argument("what", nargs=-1, metavar="[MODEL | FILE]...")
@click.option("--stack", "stacks", multiple=True, default=stack.NAMES, show_default=True, help="Stacks.")
def check_command(what: Tuple[str, ...], stacks: Tuple[str, ...]) -> int:
    """Check models, or those of files of your own, against the contract; without either, all."""
    names: List[str] = []
    for word in what:
        names += _names_of(word)
    names = names or models.names()
    failed = False
    for one in [stack.resolve(text) for text in stacks]:
        make_ready([one])
        for name, problems in _check_on(one, names):
            failed = failed or bool(problems)
            click.echo(f"{one.name}  {name}  {'keeps the contract' if not problems else ''}")
            for problem in problems:
                click.echo(f"    {problem}")
    return 1 if failed else 0


def _names_of(word: str) -> List[str]:
    path = Path(word)
    if path.suffix != ".py":
        return [spec.name for spec in grid.select([word])]
    if path.resolve().parent == ROOT / "models":
        return [name for name in models.names() if models.get(name).source == path.name]
    load_models([path])
    return [name for name in models.names() if models.get(name).source == path.name]


def _check_on(one: stack.Stack, names: Sequence[str]) -> List[Tuple[str, List[str]]]:
    # Started in the project, so that no folder of the user's is taken for one of its packages.
    command = [str(one.python), "-m", "harness.contract", *names, "--folder", os.getcwd()]
    for file in models.loaded_files():
        command += ["--models", str(file)]
    variables = environment.worker_variables(one.compiledir, one.has_theano_pymc, threads=1)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UserError(f"{one.name} could not check:\n{done.stderr.strip()[-2000:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [(row["model"], row["problems"]) for row in rows]
