"""What asv calls changed, by its own classes and test."""

import datetime
import statistics
from pathlib import Path
from typing import Any, List, Optional

import pytest

from nutsbench.base.errors import UserError
from nutsbench.track import flagged

results = pytest.importorskip("asv.results")
runner = pytest.importorskip("asv.runner")
BASE, HEAD = "a" * 40, "b" * 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from asv import util

    names = ("time_leapfrog", "track_instructions_leapfrog", "track_compile_warm")
    known = {f"core.addition.{name}": {"unit": "seconds"} for name in names}
    util.write_json(str(tmp_path / "benchmarks.json"), {**known, "version": 2}, 2)
    return tmp_path


def store(folder: Path, commit: str, version: str = "1", **values: Any) -> None:
    one = results.Results({"machine": "m"}, {}, commit, 0, "3.8", "pymc3-3.8", {})
    now = datetime.datetime.now(datetime.timezone.utc)
    for name, value in values.items():
        samples = value if isinstance(value, list) else None
        found = runner.BenchmarkResult(
            [statistics.median(samples) if samples else value],
            [samples],
            [1 if samples else None],
            0,
            "",
            None,
        )
        benchmark = {"name": f"core.addition.{name}", "params": [], "version": version, "unit": "seconds"}
        one.add_result(benchmark, found, started_at=now, duration=1.0, record_samples=True)
    one.save(str(folder))


def changes(folder: Path) -> Optional[List[Any]]:
    names = [f"core.addition.{name}" for name in ("time_leapfrog", "track_instructions_leapfrog")]
    return [(row.model, row.change) for row in flagged.rows(folder, BASE, HEAD, "pymc3-3.8", names)]


def around(value: float, spread: float = 0.01) -> List[Any]:
    return [value * (1 + spread * (i - 3.5) / 3.5) for i in range(8)]


def test_times_have_to_differ_by_a_tenth_and_beyond_chance(folder: Path) -> None:
    store(folder, BASE, time_leapfrog=around(1.0))
    store(folder, HEAD, time_leapfrog=around(1.2))
    assert changes(folder) == [("addition", "slower")]
    store(folder, HEAD, time_leapfrog=around(0.8))
    assert changes(folder) == [("addition", "faster")]
    store(folder, HEAD, time_leapfrog=around(1.05))
    assert changes(folder) == [("addition", "")]
    store(folder, HEAD, time_leapfrog=around(1.2, spread=0.9))
    assert changes(folder) == [("addition", "")]


def test_instructions_have_to_differ_by_one_percent(folder: Path) -> None:
    store(folder, BASE, track_instructions_leapfrog=100_000)
    for value, change in ((100_900, ""), (101_100, "slower"), (98_900, "faster")):
        store(folder, HEAD, track_instructions_leapfrog=value)
        assert changes(folder) == [("addition", change)]


def test_shares_are_to_be_read(folder: Path) -> None:
    store(folder, BASE, track_share_python=10.0)
    store(folder, HEAD, track_share_python=90.0)
    (row,) = flagged.rows(folder, BASE, HEAD, "pymc3-3.8", ["core.addition.track_share_python"])
    assert row.change == ""


def test_two_readings_are_never_called_a_change(folder: Path) -> None:
    store(folder, BASE, track_compile_warm=[1.0, 1.01])
    store(folder, HEAD, track_compile_warm=[1.5, 1.51])
    (row,) = flagged.rows(folder, BASE, HEAD, "pymc3-3.8", ["core.addition.track_compile_warm"])
    assert row.change == ""
    assert row.ratio == pytest.approx(1.497, abs=1e-3)


def test_another_version_is_not_compared_and_a_failure_is(folder: Path) -> None:
    store(folder, BASE, time_leapfrog=around(1.0))
    store(folder, HEAD, version="2", time_leapfrog=around(2.0))
    assert changes(folder) == [("addition", "")]
    store(folder, HEAD, time_leapfrog=None)
    assert changes(folder) == [("addition", "failed")]


def test_a_commit_without_results_is_named(folder: Path) -> None:
    store(folder, BASE, time_leapfrog=around(1.0))
    with pytest.raises(UserError, match=r"no results of bbbbbbbb on pymc3-3\.8"):
        changes(folder)
