"""Results of different kinds of machines: said, not compared in silence."""

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from nutsbench.track import asv_results

HERE = {"cpu": "AMD EPYC", "num_cpu": "2", "arch": "x86_64", "ram": "1"}
THERE = {**HERE, "cpu": "Intel Xeon"}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    def measured(commit: str, machine: str, params: Dict[str, Any]) -> None:
        folder = tmp_path / machine
        folder.mkdir(exist_ok=True)
        (folder / f"{commit[:8]}-pymc3-3.8.json").write_text(json.dumps({"params": params}))

    measured("a" * 40, "runner", HERE)
    measured("b" * 40, "runner", HERE)
    measured("c" * 40, "runner", THERE)
    measured("a" * 40, "laptop", THERE)
    return tmp_path


def test_a_name_may_stand_for_several_kinds_of_machines(results: Path) -> None:
    base, same, other = (asv_results.machines(results, letter * 40, "runner") for letter in "abc")
    assert asv_results.other_machines(base, same) == ""
    said = asv_results.other_machines(base, other)
    assert "AMD EPYC, 2 CPUs, x86_64, and then Intel Xeon" in said
    assert "asv continuous" in said


def test_without_a_name_all_machines_of_a_commit_count(results: Path) -> None:
    assert len(asv_results.machines(results, "a" * 40)) == 2


def test_what_was_not_measured_is_not_on_another_machine(results: Path) -> None:
    assert asv_results.machines(results, "d" * 40) == set()
    assert asv_results.other_machines(set(), {"x"}) == ""


def test_a_broken_file_is_left_to_asv(results: Path) -> None:
    (results / "runner" / f"{'b' * 8}-pymc3-3.8.json").write_text("{")
    assert asv_results.machines(results, "b" * 40, "runner") == set()
