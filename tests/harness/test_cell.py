"""A cell that was sampled: what fails afterwards takes nothing from what was measured."""

from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest

from nutsbench.inside import arrays
from nutsbench.judge import diagnostics, metrics
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.grid import Cell
from nutsbench.run import judged

CELL = Cell("addition", SamplerSettings(draws=20, tune=10, chains=2), 1)


def failing(*_args: Any, **_kwargs: Any) -> None:
    raise ZeroDivisionError("a fault of ours")


@pytest.fixture
def complete(tmp_path: Path) -> Callable[..., Any]:
    """Judge a cell whose sampler has handed out random numbers."""
    random, path = np.random.RandomState(1), tmp_path / "1.npz"
    stats = {"diverging": np.zeros((2, 20), bool), "tree_size": np.ones((2, 20), int)}
    draws = {name: random.normal(size=(2, 20)) for name in "abc"}
    names = arrays.write({"draws": draws, "stats": stats, "tune_stats": stats}, path)
    outcome = {
        "phases": {
            phase: {"wall_s": 1.0, "cpu_s": 1.0}
            for phase in ("import", "build", "compile", "tune", "draw", "diagnose")
        },
        "details": {"sampler": "NUTS"},
        "warnings": [],
        "sampled": {
            "free": ["a", "b"], "chain_draw_s": 1.0, "gradient_us": 20.0, "dimensions": 2,
            "peak_rss_bytes": 1, "names": names,
        },
    }  # fmt: skip
    keep = tmp_path / "draws" / "a.nc"

    def made(**changes: Any) -> Dict[str, Any]:
        return judged.complete(CELL, {**outcome, **changes}, path, keep, list)

    return made


def test_a_cell_that_goes_well_has_no_warnings(complete: Callable[..., Any]) -> None:
    found = complete()
    assert found["warnings"] == []
    assert found["details"]["draws_file"] == "a.nc"
    assert set(found["quantities"]) == set("abc")


def test_to_diagnose_on_the_host_is_a_part_of_the_phase_diagnose(complete: Callable[..., Any]) -> None:
    found = complete()
    assert 1.0 < found["phases"]["diagnose"]["wall_s"] < 60.0
    assert found["phases"]["draw"] == {"wall_s": 1.0, "cpu_s": 1.0}


@pytest.mark.parametrize(
    ("module", "function", "said"),
    [
        ("diagnostics", "diagnose", "the draws could not be diagnosed"),
        ("metrics", "compute", "no metrics"),
        ("quality", "judge", "no verdict on quality"),
        ("claims", "of_draws", "no claims"),
        ("draws", "write", "the draws could not be kept"),
    ],
)
def test_what_fails_after_sampling_is_a_warning_beside_the_times(
    complete: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, module: str, function: str, said: str
) -> None:
    monkeypatch.setattr(getattr(judged, module), function, failing)
    found = complete()
    assert set(found["phases"]) >= {"build", "compile", "tune", "draw", "diagnose"}
    (warning,) = found["warnings"]
    assert warning.startswith(said)
    assert "a fault of ours" in warning
    assert (found["quality"]["verdict"] == "unknown") or module not in ("diagnostics", "quality")


def test_draws_that_cannot_be_diagnosed_are_kept_and_timed_all_the_same(
    complete: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "diagnose", failing)
    found = complete()
    assert found["details"]["draws_file"] == "a.nc"
    assert found["metrics"]["wall_s"] > 0
    assert found["metrics"]["ess_per_s"] is None
    assert "could not be diagnosed" in found["quality"]["reasons"][0]


@pytest.mark.parametrize("lost", ["no room left", ""])
def test_draws_that_were_lost_on_the_way_leave_the_times(
    complete: Callable[..., Any], tmp_path: Path, lost: str
) -> None:
    if not lost:
        (tmp_path / "1.npz").write_bytes(b"half")
    found = complete(**({"lost": f"the draws could not be handed out: {lost}"} if lost else {}))
    (warning,) = found["warnings"]
    assert warning.startswith("the draws could not be")
    assert found["quality"] == {**found["quality"], "verdict": "unknown", "reasons": [warning]}
    assert found["metrics"]["wall_s"] > 0


def test_numbers_that_json_does_not_have_are_left_out(
    complete: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "compute", lambda _: {"a": np.float64("nan"), "b": np.int64(3)})
    assert complete()["metrics"] == {"a": None, "b": 3}
