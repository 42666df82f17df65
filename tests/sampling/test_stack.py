"""A checkout and a requirements file are stacks like any other."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from nutsbench.base import paths
from nutsbench.stacks import stack
from tests.conftest import Run
from tests.sampling.conftest import Records

SETUP = """
from setuptools import find_packages, setup
packages = find_packages(include=["pymc3*"])
setup(name="pymc3", version="3.11.6+mine", packages=packages, include_package_data=True)
"""


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """Make a folder for environments of the test's own, with the installer that is there already."""
    folder = tmp_path / "stacks"
    folder.mkdir()
    installer = paths.stacks_dir() / "uv"
    if installer.exists():
        (folder / "uv").symlink_to(installer)
    return folder


def fork_of_pymc3(folder: Path) -> Path:
    """Make a source tree of PyMC3 from the one that is installed."""
    (site,) = stack.named("pymc3-3.11").home.glob("env/lib/python*/site-packages")
    shutil.copytree(site / "pymc3", folder / "pymc3", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "setup.py").write_text(SETUP)
    return folder


@pytest.mark.parametrize("changes", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_a_checkout_is_built_run_and_built_again_when_it_changes(
    nutsbench: Run, records: Records, tmp_path: Path, stacks: Any, changes: bool
) -> None:
    fork = fork_of_pymc3(tmp_path / "my-fork")
    arguments = ("run", "addition", "--draws", "30", "--tune", "30", "--stack", str(fork))
    done = nutsbench(*arguments, NUTSBENCH_STACKS=str(stacks))
    assert done.returncode == 0, done.stderr
    assert "Making the environment of my-fork" in done.stderr
    (record,) = records()
    assert record["stack"].startswith("my-fork-")
    assert record["environment"]["packages"]["pymc3"] == "3.11.6+mine"
    assert record["environment"]["packages"]["Theano-PyMC"] == "1.1.2"
    assert str(tmp_path) not in str(record)

    again = nutsbench(*arguments, NUTSBENCH_STACKS=str(stacks))
    assert "not run again: 1 cell" in again.stdout
    assert "Making" not in again.stderr

    # That another text has another digest is seen in tests/harness/stacks by day.
    if not changes:
        return
    nuts = fork / "pymc3" / "step_methods" / "hmc" / "nuts.py"
    nuts.write_text(re.sub(r"\Z", "\nCHANGED = True\n", nuts.read_text()))
    changed = nutsbench(*arguments, NUTSBENCH_STACKS=str(stacks))
    assert changed.returncode == 0, changed.stderr
    assert "Making the environment of my-fork" in changed.stderr
    digests = [record["stack_digest"] for record in records()]
    assert len(set(digests)) == 2


def test_a_checkout_that_does_not_build_is_refused_with_the_builders_words(
    nutsbench: Run, results: Path, tmp_path: Path, stacks: Any
) -> None:
    fork = tmp_path / "broken-fork"
    (fork / "pymc3").mkdir(parents=True)
    (fork / "pymc3" / "__init__.py").write_text('__version__ = "3.11.6"\n')
    (fork / "setup.py").write_text("raise SystemExit('this fork cannot be built')\n")
    done = nutsbench("run", "addition", "--stack", str(fork), NUTSBENCH_STACKS=str(stacks))
    assert done.returncode == 2
    assert "Making the environment failed" in done.stderr
    assert "this fork cannot be built" in done.stderr
    assert not list(results.rglob("*.jsonl"))
