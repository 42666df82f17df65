"""What the command line takes for BASE and HEAD, and what it says where it cannot."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, List, Tuple, Union

import pytest

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.compare import arms
from nutsbench.stacks import stack
from tests.conftest import ROOT, Run


def head() -> str:
    done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip()


def test_a_stacks_name_is_its_stack() -> None:
    arm = arms.resolve("BASE", "pymc3-3.11", "pymc3-3.8")
    assert (arm.label, arm.stack.name) == ("BASE (pymc3-3.11)", "pymc3-3.11")
    assert arm.what == "PyMC3 3.11.6, Theano 1.1.2"


def test_a_revision_is_the_stack_that_it_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUTSBENCH_STACKS", str(tmp_path))
    arm = arms.resolve("HEAD", head(), "pymc3-3.11")
    assert arm.stack.versions()["pymc3"] == "3.11.6"
    assert (arm.source / "models").is_dir()


def test_a_model_that_a_revision_defines_in_another_way_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUTSBENCH_STACKS", str(tmp_path))
    arm = arms.resolve("HEAD", head(), "pymc3-3.8")
    shutil.copytree(ROOT / "models", arm.source / "models", dirs_exist_ok=True)
    digests = {name: models.model_digest(models.get(name)) for name in models.names()}
    assert arms.other_models(arm, models.names(), digests) == []
    file = arm.source / "models" / "tutorial" / "probabilistic_programming.py"
    text = file.read_text()
    assert 'pm.Beta("a", 1, 1)' in text
    file.write_text(text.replace('pm.Beta("a", 1, 1)', 'pm.Beta("a", 1, 2)'))
    assert arms.other_models(arm, ["addition", "coin_toss"], digests) == ["coin_toss"]


def test_a_model_of_the_users_own_is_no_part_of_a_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models_file: Callable[..., Path]
) -> None:
    monkeypatch.setenv("NUTSBENCH_STACKS", str(tmp_path / "stacks"))
    models.names()
    for name in ("_registered", "_loaded"):
        monkeypatch.setattr(models.registry, name, dict(getattr(models.registry, name)))
    models.load_file(models_file("of_my_own"))
    arm = arms.resolve("HEAD", head(), "pymc3-3.8")
    assert arms.other_models(arm, ["of_my_own"], {"of_my_own": "a" * 16}) == []


def test_only_a_path_is_shortened(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("")
    named = stack.named(stack.DEFAULT)
    assert arms.Arm("HEAD", str(tmp_path / "lock.txt"), named).name == "lock.txt"
    assert arms.Arm("HEAD", "origin/main", named).name == "origin/main"
    assert arms.Arm("HEAD", ".", named).name not in (".", "")


@pytest.mark.parametrize("text", ["pymc3-3.9", "no-such-branch", "-x", "~nosuchuser/x", "x" * 5000])
def test_what_is_nothing_is_told_the_choices(text: str) -> None:
    with pytest.raises(UserError, match=r"There is no stack, path or revision .*Choices: pymc3-3.8"):
        arms.resolve("BASE", text, "pymc3-3.8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pymc3-3.8", "pymc3-3.11", "-m", "forc"], "Did you mean 'fork'"),
        (["pymc3-3.8", "pymc3-3.11", "--counter", "perf"], "Choices: time, callgrind"),
        (["pymc3-3.8", "pymc3-3.11", "--threshold", "0"], "threshold has to be above 0"),
        (["pymc3-3.8", "pymc3-3.11", "--budget", "-1"], "budget has to be above 0"),
        (["pymc3-3.8", "pymc3-3.11", "--json", "--markdown"], "exclude each other"),
        (["pymc3-3.8", "records.jsonl"], "One of the two is records"),
        (["pymc3-3.8", "pymc3-3.12"], "Did you mean 'pymc3-3.11'"),
    ],
)
def test_mistakes_are_said_before_anything_is_measured(
    nutsbench: Run, arguments: List[Any], said: str
) -> None:
    done = nutsbench("compare", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def repository(folder: Path, files: Union[List[Any], Tuple[Any, ...]] = ("harness/x.py",)) -> None:
    """Make a git repository with one commit of some files."""
    people = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"]
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    for words in (["init", "-q"], ["add", "-A"], [*people, "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("a tarball", "this is no git checkout of nutsbench"),
        ("a tarball within another repository", "this is no git checkout of nutsbench"),
        ("no git", "git is not installed"),
        ("no commits", "git cannot read this checkout"),
    ],
)
def test_a_revision_where_there_are_none_is_told_why_and_what_else_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, why: str
) -> None:
    project = tmp_path / "outer" / "project"
    project.mkdir(parents=True)
    if "within" in place:
        repository(project.parent)
    if place == "no commits":
        repository(project)
        (project / ".git" / "HEAD").write_text("nonsense")
    if place == "no git":
        monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(arms, "CHECKOUT", project)
    with pytest.raises(UserError) as caught:
        arms.resolve("BASE", "HEAD~1", "pymc3-3.8")
    said = str(caught.value)
    assert f"no path 'HEAD~1', and it cannot be a revision: {why}" in said
    assert "stacks (pymc3-3.8, pymc3-3.11, release-3.8 to release-3.11.6)" in said
    assert "requirements files" in said


def test_a_clone_of_the_last_commit_alone_is_told_how_to_get_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(tmp_path / "whole")
    repository(tmp_path / "whole", ["harness/y.py"])
    clone = ["git", "clone", "-q", "--depth=1", f"file://{tmp_path / 'whole'}", str(tmp_path / "clone")]
    subprocess.run(clone, check=True)
    monkeypatch.setattr(arms, "CHECKOUT", tmp_path / "clone")
    with pytest.raises(UserError, match="git fetch --unshallow"):
        arms.resolve("BASE", "HEAD~1", "pymc3-3.8")


def test_a_name_that_is_nearly_a_stacks_is_guessed_without_git_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(arms, "CHECKOUT", tmp_path)
    with pytest.raises(UserError, match=r"Did you mean 'pymc3-3\.11'"):
        arms.resolve("BASE", "pymc3-3.1", "pymc3-3.8")
