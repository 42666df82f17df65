"""asv and pytest-benchmark on the same slowdowns, each run whole, as its users would.

asv is run in three ways: the core suite's times, its instructions, and a plain benchmark with asv's defaults.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from nutsbench.audit import slowdown
from nutsbench.base.paths import BENCHMARKS, CHECKOUT, importable
from nutsbench.stacks import install, stack
from nutsbench.stacks.stack import Stack
from nutsbench.track import flagged

#: By piece the ends of the names of benchmarks that do it, first the one that does little else.
_TOUCHED = {
    "gradient": ("_gradient", "_leapfrog", "_transitions"),
    "leapfrog": ("_leapfrog", "_transitions"),
    "compile": ("track_compile_warm",),
}
#: pytest-benchmark is asked for slowdowns beyond 10 %, which is what asv's defaults are.
TEN_PERCENT = 1.1
_PEOPLE = ("-c", "user.name=nutsbench", "-c", "user.email=nutsbench@example.invalid")
_CONFIG = BENCHMARKS / "releases" / "asv.conf.json"


def pytest_benchmark(made: Stack, model: str, place: str, times: float) -> Dict[str, Any]:
    """Run a benchmark of transitions without and with the slowdown, one process each.

    Parameters
    ----------
    made : Stack
        Of :func:`nutsbench.audit.slowdown.make`.
    model, place : str
        Model, and what is slowed down.
    times : float
        As in :func:`nutsbench.audit.slowdown.arm`.

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
        command = [sys.executable, "-m", "pytest", str(BENCHMARKS / "test_core.py"), "-q"]
        command += ["-c", str(BENCHMARKS / "pytest.ini"), f"--benchmark-json={target}"]
        command += ["-k", f"{model} and transitions"]
        given = {**os.environ, "PYTHONPATH": str(importable()), stack.VARIABLE: made.to_text(), **variables}
        done = subprocess.run(command, env=given, cwd=CHECKOUT, capture_output=True, text=True)
        if not target.exists():
            raise RuntimeError(f"pytest ended with code {done.returncode}: {done.stdout[-500:]}")
        (row,) = json.loads(target.read_text())["benchmarks"]
        return dict(row["stats"])


def asv_bare(model: str, place: str, times: float) -> Dict[str, Any]:
    """Run ``asv continuous`` with its defaults over two commits, on a benchmark that leaves all to asv.

    Parameters
    ----------
    model, place : str
        Model, and what is slowed down.
    times : float
        As in :func:`nutsbench.audit.slowdown.arm`.

    Returns
    -------
    dict
        The log ratio of the times, and whether asv says that performance has decreased.
    """
    options = ["--no-interleave-rounds", "--bench", "time_transitions"]
    code, rows, _ = _continuous(
        BENCHMARKS / "bare", options, place, times, NUTSBENCH_BARE=model, NUTSBENCH_IN_STACK="1"
    )
    return {"log_ratio": math.log(_ratio(rows[0])), "slower": code == 1}


def asv_suite(names: Sequence[str], word: str, place: str, times: float) -> Dict[str, Any]:
    """Run ``asv continuous`` over two commits on the core suite of some models.

    Parameters
    ----------
    names : sequence of str
        Models.
    word : str
        ``time`` or ``instructions``: which benchmarks.
    place : str
        What is slowed down.
    times : float
        As in :func:`nutsbench.audit.slowdown.arm`.

    Returns
    -------
    dict
        ``log_ratio`` of the benchmark that does what is slowed down and little else; ``slower``: whether one
        that does it is called so, ``flags``: what is called changed, either way, of ``benchmarks``.
        ``ratios``: by benchmark the ratio, and whether asv's test calls it more than chance; ``base``: its
        value without the slowdown, of a time in pieces of reference work. ``code``: asv's exit code, at the
        factor that it was asked for.
    """
    wanted = "track_instructions_" if word == "instructions" else "(time_|track_compile_warm)"
    options = ["--bench", f"^core\\.({'|'.join(names)})\\.{wanted}"]
    if word == "instructions":
        options += ["--factor", "1.01"]
    code, rows, usual_s = _continuous(BENCHMARKS / "suite", options, place, times)
    if any(row.ratio is None for row in rows):
        raise RuntimeError(f"asv has no value of {[row.benchmark for row in rows if row.ratio is None]}")
    itself, *others = _TOUCHED[place]
    logs = [math.log(_ratio(row)) for row in rows if row.benchmark.endswith(itself)]
    slower = [row.benchmark for row in rows if row.change == "slower"]
    return {
        "log_ratio": float(np.median(logs)),
        "slower": any(name.endswith((itself, *others)) for name in slower),
        "flags": [row.benchmark for row in rows if row.change],
        "benchmarks": len(rows),
        "base": {row.benchmark: _in_units(row, usual_s) for row in rows},
        "ratios": {row.benchmark: [round(_ratio(row), 5), row.is_beyond_chance] for row in rows},
        "code": code,
    }


def _ratio(row: Any) -> float:
    return float(row.ratio or math.nan)


def _in_units(row: Any, usual_s: float) -> float:
    value = row.base / usual_s if row.unit == "seconds" else row.base
    return float(f"{value:.6g}")


def _continuous(
    suite: Path, options: Sequence[str], place: str, times: float, **variables: str
) -> Tuple[int, List[Any], float]:
    """Run ``asv continuous`` on two commits; return its code, what it has, and seconds of reference work."""
    with tempfile.TemporaryDirectory(prefix="nutsbench-") as name:
        folder = Path(name)
        commits = [_commit(folder / "repo", f"{place}:{many!r}") for many in (0.0, times)]
        config = _config(folder, suite)
        given = {
            **os.environ,
            "HOME": name,
            "PYTHONPATH": str(importable()),
            "ASV_PYTHONPATH": str(importable()),
            **variables,
        }
        asv = [sys.executable, "-m", "asv"]
        subprocess.run(
            [*asv, "machine", "--yes", "--machine", "here"], env=given, check=True, capture_output=True
        )
        command = [*asv, "continuous", "--config", str(config), "--machine", "here", *options, *commits]
        done = subprocess.run(command, env=given, cwd=CHECKOUT, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"asv ended with code {done.returncode}: {done.stdout[-800:]}")
        results = folder / "results"
        listed = [name for name in json.loads((results / "benchmarks.json").read_text()) if "." in name]
        rows = flagged.rows(results, commits[0], commits[1], "release", listed)
        if not rows:
            raise RuntimeError(f"asv has no results: {done.stdout[-800:]}{done.stderr[-800:]}")
        speed = results / "speed.jsonl"
        usual_s = json.loads(speed.read_text())["reference_work_s"] if speed.exists() else math.nan
    return done.returncode, rows, usual_s


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
    _prepare(repository)
    return _git(repository, "rev-parse", "HEAD")


def _prepare(repository: Path) -> None:
    """Make the stack of what is checked out, with the modules of the default one: they are the same."""
    found = stack.of_commit(repository, "release")
    install.create(found)
    if not found.compiledir.exists():
        skipped = shutil.ignore_patterns("lock_dir")
        shutil.copytree(stack.named(stack.DEFAULT).compiledir, found.compiledir, ignore=skipped)


def _config(folder: Path, suite: Path) -> Path:
    text = _CONFIG.read_text()
    for old, new in (
        ('"../../.stacks/releases"', folder / "repo"),
        ('"../suite"', suite),
        ('"../../.stacks/asv-releases"', folder / "environments"),
        ('"../../results/releases"', folder / "results"),
        ('"../../results/releases-html"', folder / "html"),
    ):
        text = text.replace(old, json.dumps(str(new)))
    path = folder / "asv.conf.json"
    path.write_text(text)
    return path
