"""A cell inside its stack: what is handed out, and what a failure says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nutsbench import models
from nutsbench.inside import arrays, cell, clock, compile_cache, sampling
from nutsbench.inside.task import Task
from nutsbench.models.spec import SamplerSettings

SETTINGS = SamplerSettings(draws=20, tune=10, chains=2)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run a cell whose sampler hands out random numbers."""
    monkeypatch.setattr(compile_cache, "cached_folders", set)
    monkeypatch.setattr(compile_cache, "loaded_modules", set)
    monkeypatch.setattr(compile_cache, "remove_unversioned", lambda _: 0)

    def outcome(draws: Any = None, ends: Any = None) -> Any:
        def sample(_spec: Any, _settings: Any, _seed: Any, timer: Any, *_: Any) -> Any:
            for phase in ("build", "compile", "tune", "draw", "diagnose"):
                timer.enter(phase)
            if ends is not None:
                raise ends
            stats = {"diverging": np.zeros((2, 20), bool)}
            found = {"a/b": np.ones((2, 20))} if draws is None else draws
            return sampling.Sampled(found, stats, stats, ("a/b",), 1.0, 20.0, "NUTS")

        monkeypatch.setattr(sampling, "sample", sample)
        digest = models.model_digest(models.get("addition"))
        return cell.sample(
            cell.Common(clock.PhaseTime(0.0, 0.0)), lambda _: None, lambda: None,
            model="addition", settings=SETTINGS.to_dict(), seed=1, digest=digest,
            draws=str(tmp_path / "1.npz"), store=False,
        )  # fmt: skip

    return outcome


def test_what_was_sampled_is_handed_out_under_its_names(run: Any, tmp_path: Path) -> None:
    found = json.loads(json.dumps(run()))
    assert found["status"] == "ok"
    assert set(found["phases"]) == {"import", "build", "compile", "tune", "draw", "diagnose"}
    groups = arrays.read(tmp_path / "1.npz", found["sampled"]["names"])
    assert groups["draws"]["a/b"].tolist() == np.ones((2, 20)).tolist()
    assert groups["stats"]["diverging"].dtype == bool


def test_draws_that_are_no_numbers_are_not_handed_out_and_the_times_are(run: Any) -> None:
    found = run({"a": np.array([[object()] * 20] * 2)})
    assert found["status"] == "ok"
    assert "the draws of a are no numbers" in found["lost"]
    assert found["sampled"]["gradient_us"] == 20.0


def test_a_model_that_ends_the_program_is_a_failed_cell(run: Any) -> None:
    found = run(ends=SystemExit(3))
    assert found["status"] == "failed"
    assert "sys.exit(3)" in found["reason"]
    assert "sampled" not in found


def test_a_request_of_another_version_is_refused() -> None:
    asked = Task("cell", {"seed": 1}, [], "", "", "", 0)
    assert Task.from_dict(json.loads(json.dumps(asked.to_dict()))) == asked
    with pytest.raises(ValueError, match=r"answers requests of version \d+, not 0"):
        Task.from_dict({"door": 0})
