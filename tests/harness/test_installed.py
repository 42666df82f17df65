"""The program without its checkout: a wheel, in an environment of its own, in a user's repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest

from nutsbench.base.paths import stacks_dir
from tests.conftest import ROOT, Run, copy_of_project

MODEL = """
import nutsbench
import models
from models.numbers import DATA
from nutsbench import SamplerSettings, model

@model(
    data=lambda: {"y": DATA}, notation="m ~ Normal(0, 1)", teaches="A package of one's own.",
    settings=SamplerSettings(draws=200, tune=200, chains=2, cores=2),
)
def of_this_repository(data):
    import pymc3 as pm

    with pm.Model() as built:
        m = pm.Normal("m", 0, models.SCALE)
        pm.Normal("y", m, 1, observed=data["y"])
    return built
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the project as it lies here."""
    folder = tmp_path_factory.mktemp("wheel")
    copy_of_project(folder / "project")
    script = "from setuptools import build_meta; print(build_meta.build_wheel('../dist'))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder / "project", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = (folder / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel, and the packages of the host without its way to the checkout."""
    env = tmp_path_factory.mktemp("installed") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)
    (site,) = env.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(site)
    (packages,) = {path for path in sys.path if path.endswith("site-packages")}
    (site / "host.pth").write_text(f"{packages}\n")
    return env / "bin" / "python"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of a user's, whose packages are called like folders of this project."""
    for name in ("models", "harness"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("SCALE = 2.0\n")
    (tmp_path / "models" / "numbers.py").write_text("import numpy as np\nDATA = np.array([0.5, 1.5, 1.0])\n")
    (tmp_path / "bench.py").write_text(MODEL)
    return tmp_path


@pytest.fixture
def nutsbench(python: Path, repository: Path) -> Callable[..., Any]:
    """Run the installed command in the user's repository."""

    def run(*arguments: Any, **variables: Any) -> "subprocess.CompletedProcess[str]":
        dropped = ("NUTSBENCH_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        given = {**kept, "PYTHONPATH": ".", "XDG_CACHE_HOME": str(repository / "cache"), **variables}
        words = [str(python), "-m", "nutsbench", *arguments]
        return subprocess.run(words, cwd=repository, env=given, capture_output=True, text=True)

    return run


def test_a_wheel_has_all_that_is_in_the_folders(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        there = set(content.namelist())
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "harness", "models"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    if not listed:
        pytest.skip("this is no git checkout")
    for name in listed:
        top, _, rest = name.partition("/")
        if (ROOT / name).is_file():
            assert ("nutsbench/models/" if top == "models" else "nutsbench/") + rest in there
    for name in ("conftest.py", "pytest.ini", "test_cells.py", "test_core.py", "releases/releases.json"):
        assert f"nutsbench/benchmarks/{name}" in there
    assert {name.split("/")[0].split("-")[0] for name in there} == {"nutsbench"}


def test_packages_of_the_users_are_left_alone(nutsbench: Run, repository: Path) -> None:
    done = nutsbench("models")
    assert done.returncode == 0, done.stderr
    assert "simple_regression" in done.stdout
    done = nutsbench("models", "--models", "bench.py", "--json")
    assert '"of_this_repository"' in done.stdout, done.stderr
    assert not (repository / "results").exists()


def test_environments_lie_in_the_users_cache_and_settings_in_the_users_folder(
    nutsbench: Run, repository: Path
) -> None:
    done = nutsbench("stacks")
    assert "pymc3-3.8 (default)" in done.stdout, done.stderr
    assert "not made yet" in done.stdout
    (repository / "nutsbench.toml").write_text('stack = "pymc3-3.9"\n')
    done = nutsbench("run", "addition")
    assert done.returncode == 2
    assert "'pymc3-3.9'" in done.stderr


@pytest.mark.sampling
def test_a_model_of_the_users_repository_is_sampled(nutsbench: Run, repository: Any) -> None:
    variables = {"NUTSBENCH_STACKS": str(stacks_dir())}
    (repository / "nutsbench.toml").write_text('models = "bench.py"\n')
    done = nutsbench("run", "of_this_repository", "addition", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 records" in done.stdout
    assert len(list((repository / "results" / "runs").glob("*.jsonl"))) == 1
    assert "of_this_repository" in nutsbench("show", **variables).stdout
