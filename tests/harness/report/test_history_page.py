"""The page of history: times, with accuracy and divergences on the same axis."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, Callable, List

import pytest

from nutsbench.report.site import slug
from tests.conftest import ROOT
from tests.harness.report.conftest import changed, figures_of


def test_the_history_of_releases_has_accuracy_beside_speed(whole: Path, build: Callable[..., Any]) -> None:
    text = (build(whole, "history.html")[0] / "history.html").read_text()
    assert "Speed and cost, over PyMC3&#39;s releases" in text
    (pace,) = (one for name, one in figures_of(text).items() if name.endswith(slug("time / ESS")))
    under = {line["name"]: line for line in pace["data"] if line.get("yaxis")}
    assert {"accurate", "not judged", "divergences"} <= set(under)
    # One axis of releases for all of them, the oldest first.
    assert {line.get("xaxis", "x") for line in pace["data"]} == {"x"}
    versions = pace["layout"]["xaxis"]["categoryarray"]
    assert (versions[0], versions[-1]) == ("3.8", "3.11.6")
    assert all(line["x"] == versions for line in pace["data"] if line["name"] != "chains have not mixed")
    assert sum(under["divergences"]["y"]) > 0


def test_the_history_of_releases_says_what_the_last_is_against_the_first(
    whole: Path, build: Callable[..., Any]
) -> None:
    text = (build(whole, "history.html")[0] / "history.html").read_text()
    (answer, *_) = re.findall(r'<p class="answer">([^<]*)</p>', text)
    assert answer.startswith("3.11.6 against 3.8: ")
    assert "leapfrogs / ESS -13" in answer
    assert "(13 models)" in answer
    assert "machine" not in answer
    assert re.search(r"A record here is one run of one model with one seed: \d+ to \d+ draws", text)


def test_a_model_that_has_not_mixed_is_a_gap_with_its_reason(whole: Path, build: Callable[..., Any]) -> None:
    text = (build(whole, "history.html")[0] / "history.html").read_text()
    (pace,) = (one for name, one in figures_of(text).items() if name.endswith(slug("time / ESS")))
    (crosses,) = (line for line in pace["data"] if line["name"] == "chains have not mixed")
    assert {"fork", "pipe_confound", "combined_exclude_collider"} <= set(crosses["y"])
    assert all(re.match(r"(not converged|stuck), R-hat up to \d", reason) for reason in crosses["text"])
    # No line of theirs, and no change that they are part of.
    assert not {"fork", "pipe_confound"} & {line["name"] for line in pace["data"]}
    assert "chains have not mixed at any of 13 releases" in text
    (leapfrog,) = (one for name, one in figures_of(text).items() if name.endswith(slug("time / leapfrog")))
    assert "fork" in {line["name"] for line in leapfrog["data"]}


def test_accuracy_of_a_machine_without_times_is_a_table(
    whole: Path, build: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    machine = folder / "releases" / "reference" / "machine.json"
    machine.write_text(json.dumps({**json.loads(machine.read_text()), "cpu": "another"}))
    text = (build(folder, "history.html")[0] / "history.html").read_text()
    assert "asv has no times of this machine" in text
    (pace,) = (one for name, one in figures_of(text).items() if name.endswith(slug("time / ESS")))
    assert "divergences" not in {line["name"] for line in pace["data"]}


def test_the_history_of_commits_has_accuracy_beside_speed(
    published: List[Any], write: Callable[..., Any], build: Callable[..., Any]
) -> None:
    records = [one for one in published if one["stack"] == "pymc3-3.8"][:3]
    folder = write(records)
    facts = records[0]["environment"]
    commits = ("a" * 40, "b" * 40)
    runs = folder / "asv" / "runs"
    runs.mkdir(parents=True)
    lines = [
        changed(one, environment={"commit": commit, "dirty": False}, id=f"{number}{commit[:9]}")
        for number, one in enumerate(records)
        for commit in commits
    ]
    lines[-1]["metrics"]["divergences"] = 7
    (runs / "some.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    stored = folder / "asv" / "here"
    stored.mkdir()
    kind = {"cpu": facts["processor"], "num_cpu": str(facts["cores"])}
    (stored / "machine.json").write_text(json.dumps(kind))
    (folder / "asv" / "benchmarks.json").write_text(json.dumps({"quick.a.track_pace_s": {"version": "1"}}))
    for day, commit in enumerate(commits):
        content = {
            "commit_hash": commit,
            "env_name": "pymc3-3.8",
            "date": day,
            "result_columns": ["result", "version"],
            "results": {"quick.a.track_pace_s": [[1.0 + day], "1"]},
        }
        (stored / f"{commit[:8]}-pymc3-3.8.json").write_text(json.dumps(content))
    text = (build(folder, "history.html")[0] / "history.html").read_text()
    (pace,) = (one for name, one in figures_of(text).items() if name.endswith(slug("time / ESS")))
    (line,) = (line for line in pace["data"] if line["name"] == "divergences")
    assert line["x"] == ["aaaaaaaa", "bbbbbbbb"]
    assert line["y"][1] - line["y"][0] == 7 - records[-1]["metrics"]["divergences"]


def test_a_damaged_result_of_asv_is_named_and_the_rest_is_shown(
    whole: Path, build: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    next(path for path in (folder / "releases" / "reference").glob("*-release.json")).write_text("{")
    text = (build(folder, "history.html")[0] / "history.html").read_text()
    assert "are left out" in text
    assert "Accuracy and divergences" in text


def test_the_history_cannot_be_made_without_git_and_the_rest_is_shown(
    published: List[Any],
    write: Callable[..., Any],
    build: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from nutsbench.base.errors import UserError
    from nutsbench.stacks import releases

    def no_git() -> None:
        raise UserError("git is missing")

    monkeypatch.setattr(releases, "make_history", no_git)
    folder = write(published[:1])
    shutil.copytree(ROOT / "results" / "releases", folder / "releases")
    output, _, told = build(folder)
    assert "git is missing" in (output / "history.html").read_text()
    assert "cells.html" in told
