"""Steps from release to release: what they are ratios of, and when they are beyond the noise."""

import json
import math
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

from nutsbench.base.errors import UserError
from nutsbench.records.record import Record, newest, place_anywhere
from nutsbench.track import gaps, history
from nutsbench.track.gaps import Gap
from tests.conftest import Run

COMMITS = {"3.8": "a" * 40, "3.9.0": "b" * 40, "3.10.0": "c" * 40}
COLUMNS = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b",
           "stats_q_25", "stats_q_75", "stats_number", "stats_repeat", "samples", "profile"]  # fmt: skip
QUICK = ("track_us_per_leapfrog", "track_leapfrogs_per_ess", "track_pace_s")


def row(value: float, samples: Optional[List[Any]] = None) -> List[Any]:
    return [[value], [], "1", 0, 0.0, *([None] * 6), [samples]]


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., Any]:
    def store(version: str, results: Path, machine: str = "reference") -> Path:
        folder = tmp_path / machine
        folder.mkdir(exist_ok=True)
        known = {name: {"version": "1"} for name in core(a=0, b=0, c=0, d=0)}
        known.update({f"quick.a.{name}": {"version": "1"} for name in QUICK})
        known["core.a.time_leapfrog"] = {"version": "1"}
        (tmp_path / "benchmarks.json").write_text(json.dumps({**known, "version": 2}))
        content = {"result_columns": COLUMNS, "results": results}
        (folder / f"{COMMITS[version][:8]}-release.json").write_text(json.dumps(content))
        return folder

    return store


def core(**times: Any) -> Dict[str, Any]:
    return {f"core.{model}.time_gradient": row(value) for model, value in times.items()}


def test_a_step_is_the_geometric_mean_of_the_models_that_both_have(stored: Callable[..., Any]) -> None:
    stored("3.8", core(a=1.0, b=1.0, c=5.0))
    folder = stored("3.10.0", core(a=2.0, b=8.0, d=1.0))
    measured = history.read(folder, COMMITS)
    assert list(measured.values.index) == ["3.8", "3.10.0"]
    (step,) = history.steps(measured, {})
    assert (step.before, step.release, step.figure) == ("3.8", "3.10.0", "gradient")
    assert step.ratios == {"a": pytest.approx(2.0), "b": pytest.approx(8.0)}
    assert step.ratio == pytest.approx(4.0)
    assert step.beyond_noise is None


def test_a_failed_or_skipped_benchmark_is_left_out(stored: Callable[..., Any]) -> None:
    stored("3.8", core(a=1.0, b=1.0))
    stored("3.9.0", {"core.a.time_gradient": [None, [], "1"], "core.b.time_gradient": row(float("nan"))})
    folder = stored("3.10.0", core(a=3.0, b=3.0))
    steps = history.steps(history.read(folder, COMMITS), {})
    assert [(step.before, step.release, step.ratio) for step in steps] == [
        ("3.8", "3.10.0", pytest.approx(3.0))
    ]


@pytest.mark.parametrize(("again", "limit"), [(1.03, 1.03**2), (0.95, 0.95**-2), (1.001, math.exp(0.02))])
def test_noise_is_what_a_repeat_differs_by(stored: Callable[..., Any], again: float, limit: float) -> None:
    stored("3.8", core(a=1.0, b=1.0))
    folder = stored("3.9.0", core(a=1.06, b=1.06))
    repeat = stored("3.8", core(a=again * 1.02, b=again / 1.02), "reference-again")
    measured = history.read(folder, COMMITS)
    known = history.noise(measured, history.read(repeat, COMMITS))
    assert known["gradient"].repeats == {"3.8": pytest.approx(again)}
    assert known["gradient"].one_model == pytest.approx(math.sqrt(2) * math.log(1.02))
    (step,) = history.steps(measured, known)
    assert step.limit == pytest.approx(limit)
    assert step.beyond_noise is (limit < 1.06)


def test_times_of_the_core_share_the_noise_of_the_noisiest(stored: Callable[..., Any]) -> None:
    def both(gradient: float, leapfrog: float) -> Dict[str, Any]:
        return {**core(a=gradient), "core.a.time_leapfrog": row(leapfrog)}

    stored("3.8", both(1.0, 1.0))
    folder = stored("3.9.0", both(1.05, 1.05))
    repeat = stored("3.8", both(1.001, 1.03), "reference-again")
    measured = history.read(folder, COMMITS)
    steps = history.steps(measured, history.noise(measured, history.read(repeat, COMMITS)))
    assert [(step.figure, step.limit) for step in steps] == [
        ("gradient", pytest.approx(1.03**2)),
        ("leapfrog", pytest.approx(1.03**2)),
    ]


def test_draws_have_the_noise_of_their_seeds_and_pace_has_both(stored: Callable[..., Any]) -> None:
    def quick(time: float, efficiency: float, spread: float) -> Dict[str, Any]:
        samples = [efficiency * math.exp(spread * k) for k in (-1, 0, 1)]
        return {
            "quick.a.track_us_per_leapfrog": row(time),
            "quick.a.track_leapfrogs_per_ess": row(efficiency, samples),
            "quick.a.track_pace_s": row(time * efficiency),
        }

    stored("3.8", quick(1.0, 10.0, 0.1))
    folder = stored("3.9.0", quick(1.0, 13.0, 0.1))
    repeat = stored("3.8", quick(1.02, 10.0, 0.1), "reference-again")
    measured = history.read(folder, COMMITS)
    known = history.noise(measured, history.read(repeat, COMMITS))
    found: Dict[str, Any] = {step.figure: step for step in history.steps(measured, known)}
    # Three samples with a standard deviation of 0.1 on either side, three standard errors.
    by_draws, by_time = 3 * 0.1 * math.sqrt(2 / 3), 2 * math.log(1.02)
    assert math.log(found["leapfrogs / ESS"].limit) == pytest.approx(by_draws)
    assert math.log(found["time / ESS"].limit) == pytest.approx(math.hypot(by_draws, by_time))
    assert math.log(found["time / leapfrog"].limit) == pytest.approx(by_time)
    assert found["leapfrogs / ESS"].beyond_noise
    assert not found["time / leapfrog"].beyond_noise


def test_without_samples_the_quartiles_tell_the_error(stored: Callable[..., Any]) -> None:
    quartiles = [[10.0], [], "1", 0, 0.0, [8.0], [12.0], [9.5], [10.5], [1], [7]]
    folder = stored("3.8", {"quick.a.track_leapfrogs_per_ess": quartiles})
    error = history.read(folder, COMMITS).errors.loc["3.8", ("quick", "track_leapfrogs_per_ess", "a")]
    assert error == pytest.approx(math.log(10.5 / 9.5) / 1.349 / math.sqrt(7))


def test_the_overall_step_is_from_first_to_last(stored: Callable[..., Any]) -> None:
    stored("3.8", core(a=1.0))
    stored("3.9.0", core(a=9.0))
    folder = stored("3.10.0", core(a=2.0))
    (step,) = history.overall(history.read(folder, COMMITS), {})
    assert (step.before, step.release, step.ratio) == ("3.8", "3.10.0", pytest.approx(2.0))


def test_results_of_another_version_of_a_benchmark_are_left_out(stored: Callable[..., Any]) -> None:
    stored("3.8", core(a=1.0, b=1.0))
    other = core(a=1.0, b=3.0)
    other["core.a.time_gradient"][2] = "0"
    folder = stored("3.9.0", other)
    (step,) = history.steps(history.read(folder, COMMITS), {})
    assert step.ratios == {"b": pytest.approx(3.0)}


def test_what_is_no_result_of_asv_is_named(stored: Callable[..., Any]) -> None:
    folder = stored("3.8", {})
    (folder / f"{COMMITS['3.9.0'][:8]}-release.json").write_text("[]")
    with pytest.raises(UserError, match=r"bbbbbbbb-release\.json is no result of asv's"):
        history.read(folder, COMMITS)


def test_nothing_measured_is_no_step(tmp_path: Path) -> None:
    measured = history.read(tmp_path, COMMITS)
    assert history.steps(measured, {}) == []
    assert history.noise(measured, measured) == {}


def quick(value: float) -> Dict[str, Any]:
    return {"quick.a.track_pace_s": row(value), "quick.a.track_us_per_leapfrog": row(value)}


def test_where_chains_have_not_mixed_there_is_no_time_per_effective_sample_and_no_change_of_it(
    stored: Callable[..., Any],
) -> None:
    for version, value in (("3.8", 1.0), ("3.9.0", 5.0), ("3.10.0", 2.0)):
        folder = stored(version, quick(value))
    measured = history.read(folder, COMMITS).without([Gap("3.9.0", "a", "not converged", 2.3, 7, 7)])
    found = [(step.figure, step.before, step.release) for step in history.steps(measured, {})]
    assert ("time / leapfrog", "3.8", "3.9.0") in found
    assert [one for one in found if one[0] == "time / ESS"] == [("time / ESS", "3.8", "3.10.0")]
    assert [gap.place for gap in measured.gaps_of(("quick", "track_pace_s"))] == ["3.9.0"]
    assert measured.gaps_of(("quick", "track_us_per_leapfrog")) == ()


def test_without_records_the_r_hat_that_asv_stored_tells_what_has_not_mixed(
    stored: Callable[..., Any], tmp_path: Path
) -> None:
    folder = stored("3.8", {**quick(1.0), "quick.a.track_rhat_max": row(1.3)})
    listed = json.loads((tmp_path / "benchmarks.json").read_text())
    listed["quick.a.track_rhat_max"] = {"version": "1"}
    (tmp_path / "benchmarks.json").write_text(json.dumps(listed))
    measured = history.read(folder, COMMITS)
    assert [(gap.place, gap.model) for gap in gaps.by_asv(measured.values, set())] == [("3.8", "a")]
    assert gaps.by_asv(measured.values, {("3.8", "a")}) == []


def test_an_own_record_of_a_release_replaces_the_published_one(make_record: Callable[..., Record]) -> None:
    published: Any = {**make_record(stack="release-3.8").to_dict(), "origin": "elsewhere"}
    own: Any = {**published, "id": "2", "origin": "here"}
    assert list(newest([published, own], place_anywhere).values()) == [own]
    later: Any = {**own, "stack": "release-3.9.0"}
    assert len(newest([published, later], place_anywhere)) == 2


def test_the_command_prints_steps_and_json(nutsbench: Run) -> None:
    done = nutsbench("releases", "--changes")
    assert done.returncode == 0, done.stderr
    assert "Steps from release to release" in done.stdout
    assert nutsbench("releases", "--markdown").returncode == 2
    assert "| release | gradient |" in nutsbench("releases", "--changes", "--markdown").stdout
    content = json.loads(nutsbench("releases", "--changes", "--json").stdout)
    assert {"steps", "noise", "gaps", "accuracy"} == set(content)
    assert any(step["figure"] == "transitions" for step in content["steps"])
    assert content["noise"]["machine"]["one_model"] is None
    unmixed = {(gap["model"], gap["place"]) for gap in content["gaps"]}
    assert unmixed
    for step in content["steps"]:
        if step["figure"] in ("time / ESS", "leapfrogs / ESS"):
            places = (step["before"], step["release"])
            assert not {(model, place) for model in step["ratios"] for place in places} & unmixed
