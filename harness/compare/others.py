"""asv and pytest-benchmark on the same slowdowns, each run whole, as its users would."""

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from harness.compare import slowdown
from harness.paths import ROOT, stacks_dir
from harness.stack import Stack

#: asv and pytest-benchmark are asked for slowdowns beyond 10 %.
TEN_PERCENT = 1.1
_PEOPLE = ("-c", "user.name=nutsbench", "-c", "user.email=nutsbench@example.invalid")
_CONFIG = ROOT / "benchmarks" / "releases" / "asv.conf.json"


def pytest_benchmark(made: Stack, model: str, place: str, times: float) -> Dict[str, Any]:
    """Run a benchmark of transitions without and with the slowdown, one process each.

    Parameters
    ----------
    made : Stack
        Of :func:`harness.compare.slowdown.make`.
    model, place : str
        Model, and what is slowed down.
    times : float
        As in :func:`harness.compare.slowdown.arm`.

    Returns
    -------
    dict
        The log ratio of the median, the mean and the smallest time, and whether
        ``--benchmark-compare-fail=mean:10%`` would have failed.
    """
    before, after = (_timed(made, model, slowdown.variables(place, many)) for many in (0.0, times))
    logs = {name: math.log(after[name] / before[name]) for name in ("median", "mean", "min")}
    return {
        "log_ratio": logs["median"],
        "log_ratio_mean": logs["mean"],
        "log_ratio_min": logs["min"],
        "slower": logs["mean"] > math.log(TEN_PERCENT),
    }


def _timed(made: Stack, model: str, variables: Any) -> Dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="nutsbench-") as folder:
        target = Path(folder, "found.json")
        command = [str(made.python), "-m", "pytest", str(ROOT / "benchmarks" / "test_core.py"), "-q"]
        command += ["-c", str(ROOT / "benchmarks" / "pytest.ini"), f"--benchmark-json={target}"]
        command += ["-k", f"{model} and transitions"]
        given = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT), **variables}
        done = subprocess.run(command, env=given, cwd=ROOT, capture_output=True, text=True)
        if not target.exists():
            raise RuntimeError(f"pytest ended with code {done.returncode}: {done.stdout[-500:]}")
        (row,) = json.loads(target.read_text())["benchmarks"]
        return dict(row["stats"])


def asv_continuous(model: str, place: str, times: float) -> Dict[str, Any]:
    """Run ``asv continuous`` with its defaults over two commits, without and with the slowdown.

    Parameters
    ----------
    model, place : str
        Model, and what is slowed down.
    times : float
        As in :func:`harness.compare.slowdown.arm`.

    Returns
    -------
    dict
        The log ratio of the times, and whether asv says that performance has decreased.
    """
    with tempfile.TemporaryDirectory(prefix="nutsbench-") as name:
        folder = Path(name)
        commits = [_commit(folder / "repo", f"{place}:{many!r}") for many in (0.0, times)]
        config = _config(folder)
        given = {**os.environ, "HOME": name, "PYTHONPATH": str(ROOT), "ASV_PYTHONPATH": str(ROOT)}
        asv = [sys.executable, "-m", "asv"]
        subprocess.run(
            [*asv, "machine", "--yes", "--machine", "here"], env=given, check=True, capture_output=True
        )
        bench = f"^core\\.{model}\\.time_transitions$"
        command = [*asv, "continuous", "--config", str(config), "--machine", "here", "--bench", bench]
        done = subprocess.run([*command, *commits], env=given, capture_output=True, text=True)
        values = [_value(folder / "results" / "here", commit) for commit in commits]
    if done.returncode not in (0, 1) or None in values:
        raise RuntimeError(f"asv ended with code {done.returncode}: {done.stdout[-800:]}")
    before, after = (float(value or math.nan) for value in values)
    return {"log_ratio": math.log(after / before), "slower": done.returncode == 1}


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *_PEOPLE, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _commit(repository: Path, default: str) -> str:
    """Commit a lock with a patch beside it, and return the commit."""
    if not repository.is_dir():
        repository.mkdir()
        _git(repository, "init", "--quiet")
    slowdown.write(repository, default)
    _git(repository, "add", "--all")
    _git(repository, "commit", "--quiet", "--allow-empty", "-m", default)
    return _git(repository, "rev-parse", "HEAD")


def _config(folder: Path) -> Path:
    text = _CONFIG.read_text()
    for old, new in (
        ('"../../.stacks/releases"', folder / "repo"),
        ('"../suite"', ROOT / "benchmarks" / "suite"),
        ('"../../.stacks/asv-releases"', stacks_dir() / "asv-power"),
        ('"../../results/releases"', folder / "results"),
        ('"../../results/releases-html"', folder / "html"),
    ):
        text = text.replace(old, json.dumps(str(new)))
    path = folder / "asv.conf.json"
    path.write_text(text)
    shutil.rmtree(stacks_dir() / "asv-power", ignore_errors=True)
    return path


def _value(folder: Path, commit: str) -> Any:
    found: List[Any] = []
    for path in folder.glob(f"{commit[:8]}-*.json"):
        content = json.loads(path.read_text())
        column = content["result_columns"].index("result")
        found += [row[column][0] for row in content["results"].values() if row[column]]
    return found[0] if found else None
