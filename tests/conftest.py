"""Fixtures that several tests share, and the parts that records are made of."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from nutsbench.judge.diagnostics import Quantity
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.record import Record, Status
from tests.forked import Server

#: Folders and files of tests that are marked as ``whole``.
WHOLE = (
    "tests/browser/",
    "tests/harness/report/test_site.py",
    "tests/harness/report/test_history_page.py",
    "tests/harness/report/test_command.py",
    "tests/harness/report/test_notebook.py",
    "tests/harness/track/test_history.py",
    "tests/harness/test_docs.py",
    "tests/harness/test_recipes.py",
    "tests/models/test_published.py",
)
#: Files in the order in which they are handed out, those that take longest first: what takes long and begins
#: last is waited for by all other processes. The first ones compile what others need.
LONG = (
    "tests/sampling/test_run.py",
    "tests/sampling/test_truth.py",
    "tests/browser/",
    "tests/sampling/test_same_draws.py",
    "tests/sampling/test_compare.py",
    "tests/sampling/test_later.py",
    "tests/sampling/test_user_models.py",
    "tests/sampling/test_failures.py",
    "tests/sampling/",
    "tests/harness/report/test_site.py",
    "tests/models/test_identity.py",
    "tests/harness/base/test_terminal.py",
    "tests/harness/records/test_index.py",
    "tests/harness/test_installed.py",
    "tests/harness/report/test_command.py",
)
ROOT = Path(__file__).resolve().parent.parent
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_collection_modifyitems(items: List[Any]) -> None:
    for item in items:
        if item.nodeid.startswith(WHOLE):
            item.add_marker(pytest.mark.whole)
    items.sort(
        key=lambda item: next((n for n, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))
    )


@pytest.fixture(scope="session", autouse=True)
def lock_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let tests wait neither for what else is measured on this machine nor for each other."""
    os.environ["NUTSBENCH_LOCK"] = str(tmp_path_factory.mktemp("lock") / "nutsbench.base.lock")


def copy_of_project(folder: Path) -> None:
    """Copy what git knows of the project, and what it would take, as it lies here."""
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("this is no git checkout")
    for name in done.stdout.splitlines():
        source, target = ROOT / name, folder / name
        if not os.path.lexists(source):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() and not os.path.lexists(target):
            target.symlink_to(os.readlink(source))
        elif source.is_file():
            shutil.copyfile(source, target)


def answer_signals() -> None:
    """Undo what nohup, or a shell's ``&``, has the tests ignore: a child inherits it."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


MODEL_FILE = '''
"""A model of one's own."""
import numpy as np
from nutsbench import SamplerSettings, model


def numbers():
    return {"y": np.array([0.5, 1.5, 2.0, 0.0])}


@model(
    data=numbers,
    notation="mu ~ Normal(0, 1); y ~ Normal(mu, 1)",
    teaches="The mean of four numbers.",
    settings=SamplerSettings(draws=100, tune=100),
)
def NAME(data):
    import pymc3 as pm

    with pm.Model() as built:
        mu = pm.Normal("mu", 0, 1)
        pm.Normal("y", mu, 1, observed=data["y"])
    return built
'''


#: What draws give that pass all checks, so that a record of them is judged good whenever it is read.
GOOD_SCALAR: Dict[str, Any] = {
    "mean": 0.0, "sd": 1.0, "ess_bulk": 400.0, "ess_tail": 400.0, "rhat": 1.001, "rhat_p": 0.5,
    "ess_within": 410.0, "draws_per_chain": 500,
}  # fmt: skip
GOOD_METRICS: Dict[str, Any] = {
    "ess_per_s": 100.0, "ess_bulk_min": 200.0, "ess_tail_min": 200.0, "rhat_max": 1.001, "divergences": 0,
    "ebfmi_min": 0.9, "tree_depth_max_share": 0.0,
}  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def command(results: Path) -> List[str]:
    """How the command line is started in a process of its own."""
    return [sys.executable, "-m", "nutsbench"]


@pytest.fixture(scope="session")
def forks() -> Iterator[Server]:
    """Forks of a process that has imported what the command line needs."""
    server = Server()
    yield server
    server.close()


@pytest.fixture
def nutsbench(command: List[str], results: Path, forks: Server) -> Run:
    """Run the command line with a results folder of the test's own.

    What is asked for with variables of its own gets a process that begins with them.
    """

    def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "NUTSBENCH_RESULTS": str(results), "COLUMNS": "200", **variables}
        if not variables:
            return forks.run(arguments, environment)
        return subprocess.run(
            [*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
        )

    return run


@pytest.fixture
def models_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a file with a model of one's own."""

    def write(name: str = "four_numbers", text: Optional[str] = None) -> Path:
        path = tmp_path / f"{name}_file.py"
        path.write_text((text if text is not None else MODEL_FILE).replace("NAME", name))
        return path

    return write


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Make a record of a cell that went well, with some fields replaced."""

    def make(**changes: Any) -> Record:
        values: Dict[str, Any] = {
            "model": "addition",
            "model_digest": "0" * 16,
            "settings": SamplerSettings(),
            "seed": 1,
            "stack": "pymc3-3.8",
            "stack_digest": "1" * 16,
            "status": Status.OK,
            "reason": "",
            "phases": {
                p: {"wall_s": 1.0, "cpu_s": 1.0} for p in ("build", "compile", "tune", "draw", "diagnose")
            },
            "metrics": dict(GOOD_METRICS),
            "worst": {"ess_bulk": "a", "ess_tail": "a", "rhat": "a"},
            "quality": {"verdict": "good", "reasons": []},
            "quantities": {"a": Quantity(**GOOD_SCALAR).to_dict()},
            "accuracy": {
                "verdict": "accurate",
                "reasons": [],
                "threshold": 4.0,
                "worst": {"scalar": "a", "statistic": "sd", "z": -1.94, "size": 0.04},
                "truth": {"kind": "exact", "digest": "2" * 16},
            },
            "claims": [{"says": "it is so", "holds": True, "parts": []}],
            "environment": {"machine": "m"},
            "started_at": "2026-01-01T00:00:00+00:00",
            "elapsed_s": 5.0,
            "profile": "quick",
            "origin": "here",
        }
        return Record(**{**values, **changes})

    return make
