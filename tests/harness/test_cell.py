"""A cell's outcome: what fails after sampling takes nothing from what was measured."""

import contextlib

import numpy as np
import pytest

import models
from harness import cell, clock, compile_cache, sampling
from harness.cell import Common, Task
from harness.grid import Cell
from models.spec import SamplerSettings

SETTINGS = SamplerSettings(draws=20, tune=10, chains=2)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a cell whose sampler hands out random numbers."""
    monkeypatch.setattr(compile_cache, "cached_modules", lambda: 0)
    monkeypatch.setattr(compile_cache, "loaded_modules", set)
    monkeypatch.setattr(compile_cache, "remove_unversioned", lambda _: 0)

    def sample(_spec, _settings, _seed, timer, *_):
        for phase in ("build", "compile", "tune", "draw", "diagnose"):
            timer.enter(phase)
        random = np.random.RandomState(1)
        draws = {name: random.normal(size=(2, 20)) for name in "abc"}
        stats = {"diverging": np.zeros((2, 20), bool), "tree_size": np.ones((2, 20), int)}
        return sampling.Sampled(draws, stats, stats, ("a", "b"), 1.0, 20.0, "NUTS")

    monkeypatch.setattr(sampling, "sample", sample)
    draws = tmp_path / "draws" / "a.nc"

    def outcome():
        digest = models.model_digest(models.get("addition"))
        task = Task(Cell("addition", SETTINGS, 1), digest, [], "", "", str(tmp_path), str(draws), 0)
        return cell.run_cell(task, Common(clock.PhaseTime(0.0, 0.0)), lambda _: None)

    return outcome


def failing(*_args, **_kwargs):
    raise ZeroDivisionError("a fault of ours")


def test_a_cell_that_goes_well_has_no_warnings(run):
    found = run()
    assert found["status"] == "ok"
    assert found["warnings"] == []
    assert found["details"]["draws_file"] == "a.nc"


@pytest.mark.parametrize(
    ("module", "function", "said"),
    [
        ("diagnostics", "diagnose", "the draws could not be diagnosed"),
        ("metrics", "compute", "no metrics"),
        ("quality", "judge", "no verdict on quality"),
        ("claims", "of_draws", "no claims"),
        ("sampling", "write_draws", "the draws could not be kept"),
    ],
)
def test_what_fails_after_sampling_is_a_warning_beside_the_times(run, monkeypatch, module, function, said):
    monkeypatch.setattr(getattr(cell, module), function, failing)
    found = run()
    assert found["status"] == "ok"
    assert set(found["phases"]) >= {"build", "compile", "tune", "draw", "diagnose"}
    (warning,) = found["warnings"]
    assert warning.startswith(said)
    assert "a fault of ours" in warning
    assert (found["quality"]["verdict"] == "unknown") or module not in ("diagnostics", "quality")


def test_draws_that_cannot_be_diagnosed_are_kept_and_timed_all_the_same(run, monkeypatch):
    monkeypatch.setattr(cell.diagnostics, "diagnose", failing)
    found = run()
    assert found["details"]["draws_file"] == "a.nc"
    assert found["metrics"]["wall_s"] > 0
    assert found["metrics"]["ess_per_s"] is None
    assert "could not be diagnosed" in found["quality"]["reasons"][0]


def test_a_model_that_ends_the_program_is_a_failed_cell(run, monkeypatch):
    def leave(*_):
        raise SystemExit(3)

    monkeypatch.setattr(sampling, "sample", leave)
    found = run()
    assert found["status"] == "failed"
    assert "sys.exit(3)" in found["reason"]
    with contextlib.suppress(KeyError):
        assert not found["metrics"]
