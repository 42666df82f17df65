"""``nutsbench guard``: runs the pytest-benchmark suites, and says red or green."""

import json
import os
import sys
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple

import click

from nutsbench import models
from nutsbench.base import descendants, paths
from nutsbench.base.errors import UserError
from nutsbench.cli.common import (
    check_choice,
    json_option,
    load_models,
    machine_to_oneself,
    make_ready,
    models_option,
    no_wait_option,
    print_json,
)
from nutsbench.compare import arms, words
from nutsbench.compare.arms import Arm
from nutsbench.compare.result import Options
from nutsbench.compare.statistics import Verdict
from nutsbench.compare.study import Study
from nutsbench.stacks import stack
from nutsbench.track import cells, guard

#: What an interrupted user is told.
_KEPT = "Records of the cells that were done are kept; nothing was judged."


@click.command("guard")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    show_default="baseline.json in the output folder, if there is one",
    help="JSON of an earlier run to compare with; --save-baseline writes it.",
)
@click.option(
    "--stack",
    "measured",
    show_default="that of NUTSBENCH_STACK, else pymc3-3.8",
    help="What is measured: a stack's name, or the path of a checkout or of a requirements file.",
)
@models_option
@click.option(
    "--against",
    metavar="BASE",
    help="Judge time against this stack, checkout, requirements file or revision, measured interleaved now.",
)
@click.option(
    "--budget", default=60.0, show_default=True, help="Seconds for each model that is measured interleaved."
)
@click.option("--save-baseline", is_flag=True, help="Keep this run as the baseline, if nothing is wrong.")
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="MODEL",
    help="Take a baseline although this model is inaccurate in it; can be given more than once.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=lambda: paths.results_dir() / "ci",
    show_default="results/ci",
    help="Folder for the JSON of the run.",
)
@click.option("--judge", type=click.Path(path_type=Path), help="Judge this JSON; run nothing.")
@click.option("-k", "only", metavar="EXPRESSION", help="Run only these benchmarks, as pytest's -k.")
@no_wait_option
@json_option
def guard_command(
    baseline: Optional[Path],
    measured: Optional[str],
    models_files: Tuple[Path, ...],
    against: Optional[str],
    budget: float,
    save_baseline: bool,
    accepted: Tuple[str, ...],
    output: Path,
    judge: Optional[Path],
    only: Optional[str],
    no_wait: bool,
    as_json: bool,
) -> int:
    """Run the benchmarks for CI, and judge them: exit code 1 says that something is wrong.

    Red are failed and inaccurate cells, and against a baseline new divergences, an R-hat that
    has become bad, other leapfrogs from the same seed and stack, and slowdowns that are beyond
    the noise and show again when they are measured again. If the baseline was made with other
    packages, these are installed, and a suspected slowdown is measured interleaved with them.
    """
    if judge is not None and against is not None:
        raise UserError("--judge measures nothing, and --against measures interleaved: give one of them.")
    if not budget > 0:
        raise UserError(f"budget has to be above 0, not {budget:g}.")
    if measured is not None:
        os.environ[stack.VARIABLE] = stack.of_pymc3(measured).to_text()
    load_models(models_files)
    os.environ[cells.OWN_MODELS] = os.pathsep.join(map(str, models.loaded_files()))
    opponent = None if against is None else arms.resolve("BASE", against, stack.DEFAULT)
    output.mkdir(parents=True, exist_ok=True)
    kept = baseline or output / "baseline.json"
    if baseline is not None and not baseline.is_file() and not save_baseline:
        raise UserError(f"There is no baseline {baseline}: `nutsbench guard --save-baseline` makes one.")
    check_choice("model", accepted, models.names())
    base = guard.read(kept) if kept.is_file() else None
    if base is not None:
        accepted = tuple(dict.fromkeys([*base.accepted, *accepted]))
        if save_baseline and set(base.inaccurate()) - set(accepted):
            click.echo("The baseline before has inaccurate cells: nothing is compared with it.", err=True)
            base = None
        else:
            guard.check_baseline(base, accepted)
    current = judge or output / "current.json"
    if judge is None:
        with machine_to_oneself(no_wait, _KEPT):
            _measure(current, only, output)
            now = guard.read(current)
            findings = guard.judge_cells(now, base, whole=only is None, accepted=accepted)
            if opponent is not None:
                findings += _in_turns(opponent, list(now.digests), budget)[0]
            elif base is not None:
                findings += _time(now, base, output, budget)
    else:
        now = guard.read(current)
        findings = guard.judge_cells(now, base, whole=only is None, accepted=accepted)
        findings += guard.judge_time(now, base) if base is not None else []
    code = 1 if any(finding.verdict == "red" for finding in findings) else 0
    _say(findings, now, base is not None or against is not None, as_json)
    if save_baseline and code == 0:
        _keep(current, kept, [model for model in now.inaccurate() if model in accepted])
        click.echo(f"Kept as the baseline: {kept}", err=True)
    return code


def _keep(current: Path, baseline: Path, accepted: Sequence[str]) -> None:
    """Write a baseline: the run's JSON without each single round, with its stack and what was accepted."""
    content = json.loads(current.read_text())
    content[guard.ACCEPTED] = list(accepted)
    here = stack.current()
    if here.requirements.is_file():
        content[guard.STACK] = stack.pack(here)
    for row in content["benchmarks"]:
        row.get("stats", {}).pop("data", None)
    paths.write_whole(baseline, json.dumps(content, indent=1) + "\n")


def _measure(target: Path, only: Optional[str], output: Path) -> None:
    """Run the suites into a JSON file.

    Raises
    ------
    UserError
        If pytest could not run them.
    """
    if target.exists():
        target.unlink()
    command = [sys.executable, "-m", "pytest", str(paths.BENCHMARKS), "-q", "--no-header"]
    command += ["-c", str(paths.BENCHMARKS / "pytest.ini"), f"--benchmark-json={target}"]
    command += ["-k", only] if only else []
    variables = {**os.environ, "NUTSBENCH_ASV": str(output), "PYTHONHASHSEED": "0"}
    done = descendants.run(command, env=variables, stdout=sys.stderr, cwd=paths.CHECKOUT)
    if not target.exists() or done.returncode not in (0, 1):
        raise UserError(f"pytest ended with code {done.returncode}; its output says why.")


def _time(now: guard.Suite, base: guard.Suite, output: Path, budget: float) -> List[guard.Finding]:
    """Judge times: in turns with the baseline's stack if it is another one, else by measuring again."""
    if base.stack is None or stack.unpack(base.stack).digest == stack.current().digest:
        return _confirmed(now, base, output)
    if now.is_on_kind_of(base):
        suspected = guard.judge_time(now, base, guard.SUSPECT_ONE, guard.SUSPECT_ALL)
        suspects = sorted({model for finding in suspected for model, _ in finding.keys})
        why = "Some times look longer"
    else:
        suspects, why = sorted(now.digests), "The baseline is of another kind of machine"
    if not suspects:
        return []
    click.echo(f"{why}: measuring interleaved with the baseline's packages ...", err=True)
    try:
        found, decided = _in_turns(Arm("BASE", "baseline", stack.unpack(base.stack)), suspects, budget)
    except UserError as error:
        text = f"the baseline's packages cannot be installed, so times are only measured again: {error}"
        found, decided = [guard.Finding("note", "time", text)], False
    # What could not be told in turns is judged as it is where there is nothing to be in turns with.
    return found if decided else [*found, *_confirmed(now, base, output)]


def _confirmed(now: guard.Suite, base: guard.Suite, output: Path) -> List[guard.Finding]:
    """Measure suspected slowdowns again, in new processes, and return those that stay."""
    suites = [now]
    suspected = guard.judge_time(now, base)
    for _ in range(guard.CONFIRMATIONS):
        keys = {key for finding in suspected for key in finding.keys}
        if not keys:
            break
        click.echo("Some times look longer: measuring them again ...", err=True)
        expression = " or ".join(sorted({f"test_core and {model} and {call}" for model, call in keys}))
        _measure(output / "again.json", expression, output)
        suites.append(guard.read(output / "again.json"))
        suspected = guard.judge_time(guard.fastest(suites), base)
    return suspected


def _in_turns(base: "Arm", models: Sequence[str], budget: float) -> Tuple[List[guard.Finding], bool]:
    """Compare this environment with another stack, burst by burst, interleaved.

    Returns
    -------
    list of Finding, bool
        What is said, and whether that is an answer.
    """
    here = stack.current()
    head = Arm("HEAD", here.name, here)
    if base.stack.digest == here.digest:
        said = f"{base.name} is this very stack; nothing can be slower"
        return [guard.Finding("note", "time", said)], True
    make_ready([base.stack])
    study = Study(base, head, models, Options(budget_s=budget))
    study.run(lambda _: None)
    answer, *more = words.sentences(study)
    verdict = "red" if study.verdict is Verdict.SLOWER else "note"
    notes = [guard.Finding("note", "time", text) for text in more]
    return [guard.Finding(verdict, "time", answer), *notes], study.verdict is not Verdict.UNDECIDED


def _say(findings: Sequence[guard.Finding], now: guard.Suite, compared: bool, as_json: bool) -> None:
    red = sum(finding.verdict == "red" for finding in findings)
    not_guarded = guard.not_guarded(now)
    if as_json:
        rows: List[Any] = [
            {name: getattr(one, name) for name in ("verdict", "subject", "text")} for one in findings
        ]
        told = {"verdict": "red" if red else "green", "findings": rows, "not_guarded": not_guarded}
        print_json(told)
        return
    colours = {"red": "red", "note": "yellow"}
    for finding in findings:
        click.secho(f"{finding.verdict:<5}", fg=colours[finding.verdict], nl=False)
        click.echo(f"{finding.subject}: {finding.text}")
    for model, why in not_guarded.items():
        click.secho("note ", fg="yellow", nl=False)
        click.echo(f"{model}: its accuracy is not guarded: {why}")
    judged = [
        f"{len(now.cells)} cells" + (f" ({len(not_guarded)} not for accuracy)" if not_guarded else ""),
        f"{len(now.cores)} times",
    ]
    if not compared:
        judged[1] += ", not compared for want of a baseline (--save-baseline keeps one)"
    click.secho("RED" if red else "GREEN", fg="red" if red else "green", bold=True, nl=False)
    wrong = {0: "nothing is", 1: "one thing is"}.get(red, f"{red} things are")
    click.echo(f": {' and '.join(judged)}; {wrong} wrong.")
