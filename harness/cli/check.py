"""``nutsbench check-model``: whether a model keeps the contract, on each stack."""

import json
import os
import subprocess
from pathlib import Path
from typing import List, Sequence, Tuple

import click

import models
from harness import environment, stack
from harness.cli.common import make_ready
from harness.errors import UserError
from harness.paths import ROOT


@click.command("check-model")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--stack", "stacks", multiple=True, default=stack.NAMES, show_default=True, help="Stacks.")
def check_command(files: Tuple[Path, ...], stacks: Tuple[str, ...]) -> int:
    """Check the models of files of your own, or all of the registry's, against the contract."""
    names: List[str] = []
    try:
        for file in files:
            names += models.load_file(file)
    except models.ModelError as error:
        raise UserError(f"{error}.") from error
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
