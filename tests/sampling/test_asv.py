"""asv over real commits: a clone, its stacks, a changed prior, and PyMC3's own history."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nutsbench.base.paths import stacks_dir
from nutsbench.stacks import stack
from tests.conftest import ROOT, copy_of_project

ASV = Path(sys.executable).parent / "asv"
BENCH = "quick.addition.track_(pace_s|divergences)"


def git(folder: Any, *arguments: Any) -> Any:
    people = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    done = subprocess.run(["git", *people, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A clone of this project as it lies here, changes included, as one commit more."""
    folder = tmp_path_factory.mktemp("clone") / "project"
    git(ROOT, "clone", "--quiet", str(ROOT), str(folder))
    copy_of_project(folder)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "as it lies here")
    return folder


@pytest.fixture(scope="module")
def asv(clone: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("home")

    def run(*arguments: Any, folder: Any = clone, **variables: Any) -> Any:
        environment = {**os.environ, "HOME": str(home), "NUTSBENCH_STACKS": str(stacks_dir()), **variables}
        # The clone's plugin, not that of the project that this environment was made for.
        environment["PYTHONPATH"] = str(clone / "src")
        return subprocess.run(
            [str(ASV), *arguments], cwd=folder, env=environment, capture_output=True, text=True
        )

    assert run("machine", "--yes", "--machine", "test").returncode == 0
    return run


def results(folder: Any, commit: Any) -> Any:
    (path,) = (folder / "results" / "asv" / "test").glob(f"{commit[:8]}-*.json")
    content = json.loads(path.read_text())
    columns = content["result_columns"]
    return {name: dict(zip(columns, row)) for name, row in content["results"].items()}


def benchmarks(folder: Any) -> Any:
    """Return what asv knows of all benchmarks, measured or not."""
    found = json.loads((folder / "results" / "asv" / "benchmarks.json").read_text())
    return {name: row for name, row in found.items() if name != "version"}


def test_a_commit_is_measured_in_its_stack_and_published(asv: Any, clone: Any) -> None:
    assert "No problems found" in asv("check").stdout
    done = asv("run", "--machine", "test", "-E", "pymc3-3.8", "--show-stderr", "-b", BENCH, "HEAD^!")
    assert done.returncode == 0, done.stdout
    found = results(clone, git(clone, "rev-parse", "HEAD"))
    pace = found["quick.addition.track_pace_s"]
    assert pace["stats_repeat"] == [7]
    assert pace["result"][0] > 0
    assert found["quick.addition.track_divergences"]["result"] == [0]
    assert asv("publish").returncode == 0
    assert (clone / "results" / "asv-html" / "index.html").is_file()


# By day the versions of benchmarks are compared without asv (tests/harness/track).
@pytest.mark.nightly
def test_a_changed_prior_starts_its_model_anew_and_no_other(asv: Any, clone: Any) -> None:
    one = "quick.addition.track_divergences"
    before = git(clone, "rev-parse", "HEAD")
    done = asv("run", "--machine", "test", "-E", "pymc3-3.8", "--show-stderr", "-b", one, "HEAD^!")
    assert done.returncode == 0, done.stdout
    versions = {name: row["version"] for name, row in benchmarks(clone).items()}
    path = clone / "models" / "tutorial" / "probabilistic_programming.py"
    text = path.read_text()
    assert text.count('pm.Normal("a", 2, 0.5)') == 1
    path.write_text(text.replace('pm.Normal("a", 2, 0.5)', 'pm.Normal("a", 2, 0.6)'))
    git(clone, "commit", "-qam", "another prior")
    after = git(clone, "rev-parse", "HEAD")

    # Both at once: the older commit's model is not the newest's, so it is not stored as such.
    done = asv("run", "--machine", "test", "-E", "pymc3-3.8", "--show-stderr", "-b", one, "HEAD~2..HEAD")
    assert "skipped: at this commit model, reference posterior or settings are others" in done.stdout
    assert results(clone, after)[one]["result"] == [0]
    assert results(clone, before)[one]["result"] != [0]
    for name, row in benchmarks(clone).items():
        assert (row["version"] == versions[name]) is (".addition." not in name), name


@pytest.mark.nightly
def test_the_environment_that_is_active_can_be_measured(asv: Any, clone: Any) -> None:
    done = asv(
        "run", "--machine", "test", "--python=same", "--show-stderr", "-b", "core.addition.time_gradient"
    )
    assert done.returncode == 0, done.stdout
    assert "core.addition.time_gradient" in done.stdout


def test_an_unknown_profile_ends_the_run_with_the_choices(asv: Any) -> None:
    done = asv("run", "--machine", "test", "-E", "pymc3-3.8", "-b", "quick", NUTSBENCH_PROFILE="quik")
    assert done.returncode != 0
    assert "Did you mean 'quick'? Choices: quick, tutorial" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def pymc3_history(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A git repository of PyMC3, made from the source archives of two releases."""
    folder = tmp_path_factory.mktemp("pymc3")
    repository = folder / "pymc3"
    repository.mkdir()
    git(repository, "init", "--quiet")
    for version in ("3.11.4", "3.11.5"):
        target = folder / version
        # An environment of uv's has no pip; the interpreter that it was made from has.
        base = Path(sys.base_prefix, "bin", "python3")
        command = [str(base), "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        command += [f"pymc3=={version}", "-d", str(target)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("the archives of PyMC3 cannot be had without a network")
        (archive,) = target.iterdir()
        for path in repository.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.unpack_archive(str(archive), str(target / "unpacked"), filter="data")
        (inside,) = (target / "unpacked").iterdir()
        for path in inside.iterdir():
            shutil.move(str(path), str(repository / path.name))
        git(repository, "add", "--all", "--force")
        git(repository, "commit", "--quiet", "-m", version)
        git(repository, "tag", f"v{version}")
    return repository


@pytest.mark.nightly
def test_the_releases_configuration_takes_a_checkout_of_pymc3(
    asv: Any, clone: Any, pymc3_history: Any
) -> None:
    folder = clone / "benchmarks" / "releases"
    path = folder / "asv.conf.json"
    text = path.read_text()
    assert text.count('"../../.stacks/releases"') == 1
    path.write_text(text.replace('"../../.stacks/releases"', json.dumps(str(pymc3_history))))
    done = asv(
        "run", "--machine", "test", "--show-stderr", "v3.11.5^!", "-b", "core.addition.time_gradient",
        folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    (kept,) = (clone / "results" / "releases" / "test").glob("*-release.json")
    content = json.loads(kept.read_text())
    assert content["results"]["core.addition.time_gradient"][0][0] > 0
    assert content["commit_hash"] == git(pymc3_history, "rev-parse", "v3.11.5")
    installed = stack.of_commit(pymc3_history, "release")
    assert installed.requirements.name == "release-3.11.5.txt"
