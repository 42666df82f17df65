"""``nutsbench asv-compare BASE HEAD``: asv's core suite over two commits; what it flags is measured again."""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import click
from asv import util
from asv.util import human_value
from rich.table import Table

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.base.paths import ROOT
from nutsbench.cli import compare
from nutsbench.cli.common import (
    check_choice,
    console,
    json_option,
    load_models,
    machine_to_oneself,
    models_option,
    no_wait_option,
    print_json,
    results_option,
)
from nutsbench.compare import arms
from nutsbench.compare.result import THRESHOLDS, Options
from nutsbench.stacks import stack
from nutsbench.track import cells, flagged

#: Where asv.conf.json has its results go.
_ASV = ROOT / "results" / "asv"
#: Exit codes, as those of `nutsbench compare`.
_SLOWER, _UNDECIDED = 1, 3
#: Ends of the names of benchmarks of what is a part of sampling, or none.
_OF_PARTS = ("_gradient", "_leapfrog", "track_compile_warm", "track_compile_cold", "peakmem_transitions")
_ANSWERS = {"slower": "yes", "faster": "yes", "same": "no"}


@click.command("asv-compare")
@click.argument("base")
@click.argument("head")
@click.option("--model", "-m", "names", multiple=True, metavar="MODEL", help="Measure these; else all.")
@click.option("--stack", "stack_name", default=stack.DEFAULT, show_default=True, help="Stack.")
@click.option("--budget", type=float, default=60.0, show_default=True,
              help="Seconds for each model that is measured again.")  # fmt: skip
@no_wait_option
@results_option
@json_option
@models_option
def asv_compare_command(
    base: str,
    head: str,
    names: Tuple[str, ...],
    stack_name: str,
    budget: float,
    no_wait: bool,
    results: Path,
    as_json: bool,
    models_files: Tuple[Path, ...],
) -> int:
    """Run asv's core suite on two commits of this project, and confirm what it calls changed.

    What asv flags is measured once more by `nutsbench compare`. Exit code 0: nothing got slower,
    1: something did, and was confirmed, 3: it cannot be told yet.
    """
    load_models(models_files)
    check_choice("model", names, models.names())
    check_choice("stack", [stack_name], stack.NAMES)
    if not 0 < budget <= 1e6:
        raise UserError(f"budget has to be above 0 and at most 1e+06, not {budget:g}.")
    hashes = [arms.commit_of(role, text) for role, text in (("BASE", base), ("HEAD", head))]
    chosen = names or tuple(models.names())
    _run_asv(hashes, f"^core\\.({'|'.join(map(re.escape, chosen))})\\.", stack_name)
    wanted = [name for name in _benchmarks(_ASV) if name.split(".")[-2] in chosen]
    rows = flagged.rows(_ASV, hashes[0], hashes[1], stack_name, wanted)
    answers = _confirm((base, head), stack_name, rows, budget, results, no_wait)
    _measure_again(hashes, stack_name, rows, answers)
    code = _code(rows, answers)
    if as_json:
        found = [
            {**vars(row), "ratio": row.ratio, "confirmed": answers.get(row.benchmark, "")} for row in rows
        ]
        print_json({"base": hashes[0], "head": hashes[1], "benchmarks": found, "code": code})
    else:
        _print(rows, answers, base, head)
    return code


def _run_asv(hashes: Sequence[str], chosen: str, stack_name: str, *options: str) -> None:
    """Run asv on both commits, their rounds interleaved; what it says goes to standard error.

    Parameters
    ----------
    hashes : sequence of str
        The commits.
    chosen : str
        Regular expression of the benchmarks.
    stack_name : str
        The stack.
    *options : str
        More options of ``asv run``.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(hashes) + "\n")
        listed.flush()
        asv = [sys.executable, "-m", "asv"]
        subprocess.run([*asv, "machine", "--yes"], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
        command = [*asv, "run", "--record-samples", "--interleave-rounds", "--show-stderr"]
        command += ["--environment", stack_name, "--bench", chosen, *options, f"HASHFILE:{listed.name}"]
        own = os.pathsep.join(map(str, models.loaded_files()))
        variables = {**os.environ, **({cells.OWN_MODELS: own} if own else {})}
        done = subprocess.run(command, cwd=ROOT, env=variables, stdout=sys.stderr, check=False)
    if done.returncode not in (0, 2):  # 2: a benchmark failed, which the table says.
        raise UserError(f"asv ended with code {done.returncode}; what it says stands above.")


def _benchmarks(folder: Path) -> List[str]:

    try:
        known = util.load_json(str(folder / "benchmarks.json"))
    except util.UserError as error:
        raise UserError(f"asv left no list of benchmarks in {folder.name}: {error}") from None
    return sorted(name for name in known if name.startswith("core."))


def _confirm(
    arms_named: Tuple[str, str],
    stack_name: str,
    rows: Sequence[Any],
    budget: float,
    results: Path,
    no_wait: bool,
) -> Dict[str, str]:
    """Measure the models of what is flagged again, and return an answer for each flagged benchmark."""
    answers = {row.benchmark: "undecided" for row in rows if row.change}
    for counter, word in (("callgrind", "track_instructions"), ("time", ".time_")):
        asked = [row for row in rows if row.change in ("slower", "faster") and word in row.benchmark]
        names = list(dict.fromkeys(row.model for row in asked))
        if not names:
            continue
        click.echo(f"Measured again by {counter}: {', '.join(names)}.", err=True)
        options = Options(counter=counter, threshold=THRESHOLDS[counter], budget_s=budget)
        sides = [arms.resolve(role, text, stack_name) for role, text in zip(("BASE", "HEAD"), arms_named)]
        # As asv does: a commit's own code, not the working tree's.
        sides = [replace(side, code=side.source) for side in sides]
        with machine_to_oneself(no_wait, "What asv measured is kept."):
            study, notes, interrupted = compare.measure(sides, names, options)
        compare.store(study, notes, results, interrupted)
        for row in asked:
            found = study.results[row.model]
            verdict = found.verdict.value if found.is_known and not found.problem else "undecided"
            answer = _ANSWERS.get(verdict, "undecided")
            answers[row.benchmark] = "no" if answer == "yes" and verdict != row.change else answer
    # What fails is no matter of chance.
    answers.update({row.benchmark: "yes" for row in rows if row.change == "failed"})
    return answers


def _measure_again(
    hashes: Sequence[str], stack_name: str, rows: Sequence[Any], answers: Dict[str, str]
) -> None:
    """Have asv measure again what a comparison of sampling cannot tell, and put the answers in.

    A comparison times transitions, in which gradient and leapfrog are a part, made by the sampler's own
    code, and compiling none.
    """
    asked = [
        row
        for row in rows
        if row.change in ("slower", "faster")
        and answers[row.benchmark] != "yes"
        and row.benchmark.endswith(_OF_PARTS)
    ]
    if not asked:
        return
    names = [row.benchmark for row in asked]
    click.echo(f"Measured again by asv: {', '.join(names)}.", err=True)
    with tempfile.TemporaryDirectory(prefix="nutsbench-asv-") as folder:
        # Elsewhere: asv would write over what it has measured first.
        results = Path(folder, "results")
        config = Path(folder, "asv.conf.json")
        config.write_text(_configuration(results))
        chosen = f"^({'|'.join(map(re.escape, names))})$"
        _run_asv(hashes, chosen, stack_name, "--config", str(config))
        again = flagged.rows(results, hashes[0], hashes[1], stack_name, names)
    found = {row.benchmark: row.change for row in again}
    for row in asked:
        answers[row.benchmark] = "yes" if found.get(row.benchmark) == row.change else "no"


def _configuration(results: Path) -> str:
    """Return asv's configuration of this project, for another folder of results."""
    text = (ROOT / "asv.conf.json").read_text()
    for old, new in (
        ('"repo": "."', f'"repo": {json.dumps(str(ROOT))}'),
        ('"benchmarks/suite"', json.dumps(str(ROOT / "benchmarks" / "suite"))),
        ('".stacks/asv"', json.dumps(str(ROOT / ".stacks" / "asv"))),
        ('"results/asv"', json.dumps(str(results))),
    ):
        text = text.replace(old, new)
    return text


def _code(rows: Sequence[Any], answers: Dict[str, str]) -> int:
    worse = [answers[row.benchmark] for row in rows if row.change in ("slower", "failed")]
    if "yes" in worse:
        return _SLOWER
    return _UNDECIDED if "undecided" in worse else 0


def _value(value: Any, unit: str) -> str:

    return str(human_value(value, unit))


def _print(rows: Sequence[Any], answers: Dict[str, str], base: str, head: str) -> None:

    shown = [row for row in rows if row.change]
    if shown:
        table = Table(box=None, header_style="bold", pad_edge=False, title=f"{head} over {base}")
        for title in ("benchmark", base, head, "ratio", "change", "confirmed"):
            table.add_column(
                title, no_wrap=True, justify="right" if title in (base, head, "ratio") else "left"
            )
        for row in sorted(shown, key=lambda one: -(one.ratio or 0.0)):
            ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
            values = [_value(value, row.unit) for value in (row.base, row.head)]
            table.add_row(row.benchmark, *values, ratio, row.change, answers[row.benchmark])
        console().print(table)
    counts = {answer: list(answers.values()).count(answer) for answer in ("yes", "no", "undecided")}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    compared = f"{len(rows)} benchmark{'' if len(rows) == 1 else 's'} compared"
    click.echo(
        f"{compared}; {len(shown)} changed, confirmed: {said}." if shown else f"{compared}; none changed."
    )
    if counts["undecided"]:
        names = " ".join(
            f"-m {name}"
            for name in dict.fromkeys(row.model for row in shown if answers[row.benchmark] == "undecided")
        )
        click.echo(f"Next, for longer: nutsbench compare {base} {head} {names} --budget 300")
