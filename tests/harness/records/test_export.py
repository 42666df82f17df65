"""Records for other tools: each format as its reader wants it."""

import json
import math
import subprocess
from pathlib import Path
from typing import Any, Callable

import jsonschema
import pandas as pd
import pytest

from nutsbench import models
from nutsbench.judge.metrics import METRICS
from nutsbench.records import columns, export
from nutsbench.records.record import Record
from nutsbench.track import cells
from tests.conftest import ROOT

#: As Bencher publishes it (bmf.json, draft-07).
BENCHER_SCHEMA = {
    "type": "object",
    "patternProperties": {
        ".+": {
            "type": "object",
            "patternProperties": {
                ".+": {
                    "type": "object",
                    "properties": {
                        "value": {"type": "number"},
                        "lower_value": {"type": "number"},
                        "upper_value": {"type": "number"},
                    },
                    "required": ["value"],
                }
            },
        }
    },
}


@pytest.fixture
def records(make_record: Callable[..., Record]) -> Any:
    def one(seed: Any, **metrics: Any) -> Any:
        values = {"ess_per_s": 100.0 + seed, "wall_s": 2.0, "leapfrogs": 30, "rhat_max": None, **metrics}
        return make_record(seed=seed, metrics=values).to_dict()

    return [one(1), one(2), one(3)]


def test_bencher_gets_a_value_and_its_range_for_every_measure(records: Any) -> None:
    content = json.loads(json.dumps(export.bencher(records), allow_nan=False))
    jsonschema.validate(content, BENCHER_SCHEMA)
    (measures,) = content.values()
    assert measures["ess-per-s"] == {"value": 102.0, "lower_value": 101.0, "upper_value": 103.0}
    assert "rhat-max" not in measures
    # Longer ones Bencher refuses.
    assert all(len(measure) <= 64 for measure in measures)


def test_github_action_benchmark_gets_a_file_for_each_direction(records: Any) -> None:
    smaller, larger = export.github_action_benchmark(records)
    assert [entry["name"].split(": ")[1] for entry in smaller] == ["wall_s"]
    assert [entry["name"].split(": ")[1] for entry in larger] == ["ess_per_s"]
    for entry in (*smaller, *larger):
        assert {"name", "unit", "value"} <= set(entry) <= {"name", "unit", "value", "range", "extra"}
        assert math.isfinite(entry["value"])
        assert all(isinstance(entry[key], str) for key in ("name", "unit", "range", "extra"))
    assert larger[0]["range"] == "101 to 103"


def test_records_that_failed_are_in_no_file_that_has_no_word_for_them(
    records: Any, make_record: Callable[..., Record]
) -> None:
    failed: Any = {**make_record(seed=9).to_dict(), "status": "failed"}
    assert export.bencher([*records, failed]) == export.bencher(records)
    assert export.github_action_benchmark([*records, failed]) == export.github_action_benchmark(records)


def test_tables_are_read_back_as_they_were(records: Any, tmp_path: Path) -> None:
    table = columns.frame(records)
    table.to_parquet(tmp_path / "records.parquet", index=False)
    table.to_csv(tmp_path / "records.csv", index=False)
    for again in (pd.read_parquet(tmp_path / "records.parquet"), pd.read_csv(tmp_path / "records.csv")):
        assert list(again.columns) == list(table.columns)
        assert list(again["metrics.ess_per_s"]) == [101.0, 102.0, 103.0]
        assert list(again["seed"]) == [1, 2, 3]


@pytest.fixture
def head() -> Any:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def tracked(make_record: Callable[..., Record], head: Any) -> Any:
    """A record of each tracked seed, as ``nutsbench run --profile quick`` would leave it."""
    spec = models.get("addition")
    (settings,) = cells.settings(spec, "quick").values()
    phases = {
        name: {"wall_s": 0.5, "cpu_s": 0.5} for name in ("build", "compile", "tune", "draw", "diagnose")
    }

    def one(seed: Any, dirty: Any = False) -> Any:
        metrics = dict.fromkeys(METRICS, 1.0)
        return make_record(
            seed=seed,
            settings=settings,
            model_digest=models.model_digest(spec),
            phases=phases,
            metrics={**metrics, "divergences": 2, "ess_bulk_min": 100.0 + seed - cells.SEEDS[0]},
            accuracy={"worst": {"z": -2.0}},
            environment={"commit": head, "dirty": dirty},
            started_at="2026-11-22T10:00:00+00:00",
        ).to_dict()

    return one


@pytest.fixture
def known_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    machine = pytest.importorskip("asv.machine")
    monkeypatch.setenv("HOME", str(tmp_path))
    facts = {"machine": "test", "os": "", "arch": "", "cpu": "", "num_cpu": "2", "ram": ""}
    machine.MachineCollection.save("test", facts)
    return "test"


def test_asv_reads_what_was_exported_as_if_it_had_run_it(
    tracked: Any, head: Any, known_machine: Any, tmp_path: Path
) -> None:
    from asv.results import iter_results

    from nutsbench.track import asv_results

    folder = tmp_path / "asv"
    files, left_out = asv_results.write([tracked(seed) for seed in cells.SEEDS], folder, known_machine)
    assert left_out == []
    assert [path.name for path in files] == [f"{head[:8]}-pymc3-3.8.json"]
    (found,) = list(iter_results(str(folder)))
    assert found.commit_hash == head
    name = "quick.addition.track_pace_s"
    params = found.get_result_params(name)
    samples = found.get_result_samples(name, params)
    assert len(samples[0]) == len(cells.SEEDS)
    assert found.get_result_value("quick.addition.track_divergences", params) == [14.0]
    spec = models.get("addition")
    by_label = cells.settings(spec, "quick")
    assert found.benchmark_version[name] == cells.version(spec, by_label, cells.SEEDS, "pace_s")


def test_what_asv_could_not_place_is_left_out_and_named(
    tracked: Any, known_machine: Any, tmp_path: Path
) -> None:
    from nutsbench.track import asv_results

    folder = tmp_path / "asv"
    files, left_out = asv_results.write(
        [tracked(seed, dirty=True) for seed in cells.SEEDS], folder, known_machine
    )
    assert files == []
    assert "changes that no commit holds" in left_out[0]
    files, left_out = asv_results.write([tracked(seed) for seed in cells.SEEDS[:-2]], folder, known_machine)
    assert files == []
    assert left_out == [f"addition, quick: seeds {list(cells.SEEDS[-2:])} are missing"]


def test_exporting_twice_keeps_what_else_asv_has(tracked: Any, known_machine: Any, tmp_path: Path) -> None:
    from nutsbench.track import asv_results

    folder = tmp_path / "asv"
    records = [tracked(seed) for seed in cells.SEEDS]
    (path,), _ = asv_results.write(records, folder, known_machine)
    content = json.loads(path.read_text())
    content["results"]["core.addition.time_gradient"] = [[1e-5], [], "v"]
    path.write_text(json.dumps(content))
    asv_results.write(records, folder, known_machine)
    assert "core.addition.time_gradient" in json.loads(path.read_text())["results"]


def test_a_file_that_is_not_asvs_is_refused_and_left_alone(
    tracked: Any, known_machine: Any, tmp_path: Path
) -> None:
    from nutsbench.base.errors import UserError
    from nutsbench.track import asv_results

    folder = tmp_path / "asv"
    records = [tracked(seed) for seed in cells.SEEDS]
    (path,), _ = asv_results.write(records, folder, known_machine)
    other = json.dumps({"version": 99})
    path.write_text(other)
    with pytest.raises(UserError, match="is not this asv's"):
        asv_results.write(records, folder, known_machine)
    assert path.read_text() == other
