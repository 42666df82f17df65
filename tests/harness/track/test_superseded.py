"""asv writes over results of an older definition; a copy is kept."""

import gzip
import json
from pathlib import Path

import pytest

pytest.importorskip("asv")
from nutsbench.track import asv_results

COMMIT = "a" * 40


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    content = {
        "result_columns": ["result", "params", "version"],
        "results": {"core.m.time_x": [[1.0], [], "old"]},
    }
    path = tmp_path / "machine" / f"{COMMIT[:8]}-pymc3-3.8.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))
    return path


def benchmarks(folder: Path, version: str) -> None:
    (folder / "benchmarks.json").write_text(json.dumps({"core.m.time_x": {"version": version}, "version": 2}))


def test_results_of_another_version_are_kept_once(stored: Path, tmp_path: Path) -> None:
    benchmarks(tmp_path, "new")
    (copy,) = asv_results.keep_superseded(tmp_path, COMMIT, "pymc3-3.8")
    assert gzip.decompress(copy.read_bytes()) == stored.read_bytes()
    assert copy.parent.name == "superseded"
    assert copy.name.startswith("aaaaaaaa-pymc3-3.8-")
    assert asv_results.keep_superseded(tmp_path, COMMIT, "pymc3-3.8") == []


def test_results_of_the_same_version_need_no_copy(stored: Path, tmp_path: Path) -> None:
    benchmarks(tmp_path, "old")
    assert asv_results.keep_superseded(tmp_path, COMMIT, "pymc3-3.8") == []
    benchmarks(tmp_path, "new")
    assert asv_results.keep_superseded(tmp_path, COMMIT, "pymc3-3.11") == []
    assert not (tmp_path / "superseded").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"result_columns": ["version"], "results": {"a": null}}'])
def test_files_that_are_not_asvs_are_left_to_asv(stored: Path, tmp_path: Path, text: str) -> None:
    benchmarks(tmp_path, "new")
    stored.write_text(text)
    assert asv_results.keep_superseded(tmp_path, COMMIT, "pymc3-3.8") == []
    assert stored.read_text() == text
