"""The history of releases: the same commits everywhere, a lock and a tag each."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nutsbench.base.errors import UserError
from nutsbench.cli import releases as command
from nutsbench.stacks import releases
from tests.conftest import ROOT


def git(folder: Path, *arguments: Any) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_release_has_a_lock_with_hashes_that_names_it() -> None:
    every = releases.releases()
    assert [one.version for one in every] == [
        "3.8", "3.9.0", "3.9.1", "3.9.2", "3.9.3", "3.10.0",
        "3.11.0", "3.11.1", "3.11.2", "3.11.3", "3.11.4", "3.11.5", "3.11.6",
    ]  # fmt: skip
    for one in every:
        text = one.lock.read_text()
        assert f"\npymc3=={one.version} \\" in text
        assert "://" not in text
        pins = re.findall(r"^[\w.-]+==", text, re.MULTILINE)
        assert len(pins) <= text.count("--hash=sha256:")
        assert one.released <= one.packages_of


def test_the_history_is_dated_tagged_and_the_same_wherever_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = releases.make_history(tmp_path / "one")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    second = releases.make_history(tmp_path / "two")
    assert first == second
    assert releases.make_history(tmp_path / "one") == first
    tags = git(tmp_path / "one", "log", "--reverse", "--format=%D|%as").splitlines()
    assert tags[0] == "tag: v3.8|2019-11-29"
    assert len(tags) == len(first)
    assert tags[-1].endswith("tag: v3.11.6|2024-05-31")
    kept = git(tmp_path / "one", "show", "v3.10.0:requirements.txt")
    assert kept == releases.select(["3.10.0"])[0].lock.read_text().strip()


def test_the_dates_only_go_up() -> None:
    dates = [one.released for one in releases.releases()]
    assert dates == sorted(dates)


def test_an_unknown_release_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"'3\.12\.0'.*Choices: 3\.8, "):
        releases.select(["3.12.0"])
    assert [one.version for one in releases.select(["v3.9.3"])] == ["3.9.3"]


def test_a_history_with_another_lock_is_refused(tmp_path: Path) -> None:
    releases.make_history(tmp_path)
    (tmp_path / "requirements.txt").write_text("pymc3==0\n")
    git(tmp_path, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qam", "x")
    git(tmp_path, "tag", "-f", "v3.11.6")
    with pytest.raises(UserError, match=r"another lock of 3\.11\.6"):
        releases.make_history(tmp_path)


def test_published_results_are_of_commits_of_the_history(tmp_path: Path) -> None:
    commits = set(releases.make_history(tmp_path).values())
    for path in (ROOT / "results" / "releases").glob("*/*-release.json"):
        content = json.loads(path.read_text())
        assert content["commit_hash"] in commits, path.name


def test_results_of_another_kind_of_machine_are_not_mixed_with_the_published_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = pytest.importorskip("asv.machine").Machine
    here = {"arch": "x86_64", "cpu": "A", "num_cpu": "2", "ram": str(24 * 2**20)}
    monkeypatch.setattr(machine, "get_defaults", staticmethod(lambda: here))
    monkeypatch.setattr(command, "results_dir", lambda: tmp_path)
    assert command._default_machine() == "reference"  # There are none yet.
    (tmp_path / "reference").mkdir()
    for changed, name in (
        ({"ram": str(24 * 2**20 - 9)}, "reference"),
        ({"cpu": "B"}, "own"),
        ({"ram": "1"}, "own"),
    ):
        (tmp_path / "reference" / "machine.json").write_text(json.dumps({**here, **changed}))
        assert command._default_machine() == name
    assert command._to_read("own") == "reference"
    (tmp_path / "own").mkdir()
    assert command._to_read("own") == "own"
