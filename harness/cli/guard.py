"""``nutsbench guard``: runs the pytest-benchmark suites, and says red or green."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, List, Optional, Sequence

import click

from harness import guard, paths
from harness.cli.common import json_option
from harness.errors import UserError


@click.command("guard")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    show_default="baseline.json in the output folder, if there is one",
    help="JSON of an earlier run to compare with.",
)
@click.option("--save-baseline", is_flag=True, help="Keep this run as the baseline, if nothing is wrong.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=lambda: paths.results_dir() / "ci",
    show_default="results/ci",
    help="Folder for the JSON of the run.",
)
@click.option("--judge", type=click.Path(path_type=Path), help="Judge this JSON; run nothing.")
@click.option("-k", "only", metavar="EXPRESSION", help="Run only these benchmarks, as pytest's -k.")
@json_option
def guard_command(
    baseline: Optional[Path],
    save_baseline: bool,
    output: Path,
    judge: Optional[Path],
    only: Optional[str],
    as_json: bool,
) -> int:
    """Run the benchmarks for CI, and judge them: exit code 1 says that something is wrong.

    Red are failed and inaccurate cells, and against a baseline new divergences, an R-hat that
    has become bad, other leapfrogs from the same seed and stack, and slowdowns that are beyond
    the noise and show again when they are measured again.
    """
    output.mkdir(parents=True, exist_ok=True)
    kept = baseline or output / "baseline.json"
    if baseline is not None and not baseline.is_file():
        raise UserError(f"There is no baseline {baseline}: `nutsbench guard --save-baseline` makes one.")
    base = guard.read(kept) if kept.is_file() else None
    current = judge or output / "current.json"
    if judge is None:
        _measure(current, only, output)
    now = guard.read(current)
    findings = guard.judge_cells(now, base, whole=only is None)
    if base is not None:
        findings += _confirmed(now, base, output, again=judge is None)
    code = 1 if any(finding.verdict == "red" for finding in findings) else 0
    _say(findings, now, base, as_json)
    if save_baseline and code == 0:
        _keep(current, output / "baseline.json")
        click.echo(f"Kept as the baseline: {output / 'baseline.json'}", err=True)
    return code


def _keep(current: Path, baseline: Path) -> None:
    """Write a baseline: the run's JSON without each single round, which makes up most of it."""
    content = json.loads(current.read_text())
    for row in content["benchmarks"]:
        row.get("stats", {}).pop("data", None)
    part = baseline.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n")
    part.replace(baseline)


def _measure(target: Path, only: Optional[str], output: Path) -> None:
    """Run the suites into a JSON file.

    Raises
    ------
    UserError
        If pytest could not run them.
    """
    if target.exists():
        target.unlink()
    command = [sys.executable, "-m", "pytest", str(paths.ROOT / "benchmarks"), "-q", "--no-header"]
    command += ["-c", str(paths.ROOT / "benchmarks" / "pytest.ini"), f"--benchmark-json={target}"]
    command += ["-k", only] if only else []
    variables = {**os.environ, "NUTSBENCH_ASV": str(output), "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=variables, stdout=sys.stderr, check=False, cwd=paths.ROOT)
    if not target.exists() or done.returncode not in (0, 1):
        raise UserError(f"pytest ended with code {done.returncode}; its output says why.")


def _confirmed(now: guard.Suite, base: guard.Suite, output: Path, again: bool) -> List[guard.Finding]:
    """Measure suspected slowdowns again, in new processes, and return those that stay."""
    suites = [now]
    suspected = guard.judge_time(now, base)
    for _ in range(guard.CONFIRMATIONS if again else 0):
        keys = {key for finding in suspected for key in finding.keys}
        if not keys:
            break
        click.echo("Some times look longer: measuring them again ...", err=True)
        expression = " or ".join(sorted({f"test_core and {model} and {call}" for model, call in keys}))
        _measure(output / "again.json", expression, output)
        suites.append(guard.read(output / "again.json"))
        suspected = guard.judge_time(guard.fastest(suites), base)
    return suspected


def _say(
    findings: Sequence[guard.Finding], now: guard.Suite, base: Optional[guard.Suite], as_json: bool
) -> None:
    red = sum(finding.verdict == "red" for finding in findings)
    if as_json:
        rows: List[Any] = [
            {name: getattr(one, name) for name in ("verdict", "subject", "text")} for one in findings
        ]
        click.echo(json.dumps({"verdict": "red" if red else "green", "findings": rows}, indent=1))
        return
    colours = {"red": "red", "note": "yellow"}
    for finding in findings:
        click.secho(f"{finding.verdict:<5}", fg=colours[finding.verdict], nl=False)
        click.echo(f"{finding.subject}: {finding.text}")
    judged = [f"{len(now.cells)} cells", f"{len(now.cores)} times"]
    if base is None:
        judged[1] += ", not compared for want of a baseline (--save-baseline keeps one)"
    click.secho("RED" if red else "GREEN", fg="red" if red else "green", bold=True, nl=False)
    click.echo(f": {' and '.join(judged)}; {red or 'nothing'} {'things are' if red > 1 else 'is'} wrong.")
