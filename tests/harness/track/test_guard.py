"""What CI calls red: what is wrong, and slowdowns that stay; and what it does not."""

import copy
import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, Union

import pytest

from nutsbench.base.errors import UserError
from nutsbench.stacks import stack
from nutsbench.track import guard
from nutsbench.track.guard import Suite
from tests.conftest import Run


def cell(**changes: Any) -> Dict[str, Any]:
    metrics = {"rhat_max": 1.003, "divergences": 0, "leapfrogs": 1000, "tune_leapfrogs": 2000}
    metrics.update(changes.pop("metrics", {}))
    return {
        "kind": "cell",
        "model": "addition",
        "model_digest": "m",
        "settings": {"draws": 1},
        "seed": 1,
        "stack": "pymc3-3.8",
        "stack_digest": "s",
        "status": "ok",
        "reason": "",
        "accuracy": "accurate",
        "reasons": [],
        "quality": {"verdict": "good", "reasons": []},
        "metrics": metrics,
        **changes,
    }


def suite(cores: Optional[Dict[Any, float]] = None, machine: str = "here", **cells: Any) -> Suite:
    return guard.Suite(cores or {}, cells or {"addition": cell()}, machine, {"addition": "m", "fork": "m"})


def verdicts(now: Suite, base: Optional[Suite] = None) -> List[Any]:
    return [(finding.verdict, finding.text) for finding in guard.judge_cells(now, base)]


def test_nothing_changed_is_green() -> None:
    assert verdicts(suite(), suite()) == []
    assert verdicts(suite()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "failed", "reason": "out of memory in build"}, "failed: out of memory in build"),
        ({"accuracy": "inaccurate", "reasons": ["mean of a is 9 errors off"]}, "inaccurate: mean of a"),
        ({"metrics": {"divergences": 3}}, "3 divergences, none in the baseline"),
        (
            {"quality": {"verdict": "not converged", "reasons": ["R-hat 1.2 of a"]}},
            "not converged, and not in the baseline: R-hat 1.2 of a",
        ),
        ({"metrics": {"leapfrogs": 1001}}, "same seed and stack: leapfrogs 1000 -> 1001"),
    ],
)
def test_what_repeats_exactly_and_is_wrong_is_red(changes: Dict[str, Any], said: str) -> None:
    ((verdict, text),) = verdicts(suite(addition=cell(**changes)), suite())
    assert verdict == "red"
    assert said in text


def test_a_cell_that_was_not_run_is_red() -> None:
    base = suite(addition=cell(), fork=cell(model="fork"))
    assert verdicts(suite(), base) == [("red", "has a baseline and was not run")]


def test_other_leapfrogs_with_another_stack_are_only_noted() -> None:
    changed = cell(stack_digest="t", metrics={"leapfrogs": 1001})
    ((verdict, _),) = verdicts(suite(addition=changed), suite())
    assert verdict == "note"


def test_a_cell_whose_chains_never_mixed_is_not_red_and_is_said_not_to_be_guarded() -> None:
    stuck = {"verdict": "not converged", "reasons": ["R-hat 1.9 of a"]}
    bad = cell(accuracy="not judged", reasons=["chains have not mixed: R-hat 1.9 of a"], quality=stuck)
    assert verdicts(suite(addition=bad)) == []
    assert verdicts(suite(addition=bad), suite(addition=bad)) == []
    assert guard.not_guarded(suite(addition=bad)) == {"addition": "chains have not mixed: R-hat 1.9 of a"}
    assert guard.not_guarded(suite()) == {}


def test_against_an_earlier_baseline_mixing_is_compared_by_its_rhat() -> None:
    now = cell(quality={"verdict": "not converged", "reasons": ["R-hat 1.2 of a"]})
    for rhat, red in ((1.003, True), (1.2, False)):
        base = {name: value for name, value in cell(metrics={"rhat_max": rhat}).items() if name != "quality"}
        assert bool(verdicts(suite(addition=now), suite(addition=base))) is red


def test_a_baseline_with_an_inaccurate_cell_is_refused_unless_it_is_accepted() -> None:
    base = suite(addition=cell(accuracy="inaccurate", reasons=["far off"]))
    with pytest.raises(UserError, match=r"inaccurate cells.*addition.*--accept addition"):
        guard.check_baseline(base, [])
    guard.check_baseline(base, ["addition"])
    ((verdict, text),) = [(f.verdict, f.text) for f in guard.judge_cells(base, base, accepted=["addition"])]
    assert verdict == "note"
    assert "accepted" in text
    assert [verdict for verdict, _ in verdicts(base, base)] == ["red"]


def test_a_converged_and_inaccurate_cell_is_red_without_a_baseline() -> None:
    bad = cell(accuracy="inaccurate", reasons=["far off"])
    assert [verdict for verdict, _ in verdicts(suite(addition=bad))] == ["red"]


def times(factor: float, noise: float = 0.0) -> Dict[Any, float]:
    calls = ("gradient", "leapfrog")
    return {
        (model, call): factor * (1 + noise * (-1) ** i)
        for i, (model, call) in enumerate((m, c) for m in ("addition", "fork") for c in calls)
    }


def test_a_slowdown_of_all_models_is_seen_where_one_alone_would_be_noise() -> None:
    found = guard.judge_time(suite(times(1.3)), suite(times(1.0)))
    assert {finding.subject for finding in found} == {"all models", "addition", "fork"}
    found = guard.judge_time(suite(times(1.15)), suite(times(1.0)))
    assert {finding.subject for finding in found} == {"all models"}
    assert "slower by 15 %" in found[0].text
    assert guard.judge_time(suite(times(1.0, noise=0.04)), suite(times(1.0))) == []
    assert guard.judge_time(suite(times(0.5)), suite(times(1.0))) == []


def test_a_slowdown_has_to_show_again() -> None:
    slow, fine, base = suite(times(1.3)), suite(times(1.01)), suite(times(1.0))
    assert guard.judge_time(guard.fastest([slow, fine]), base) == []
    assert guard.judge_time(guard.fastest([slow, slow]), base) != []


def test_times_of_another_machine_or_model_are_not_judged() -> None:
    (finding,) = guard.judge_time(suite(times(9.0), machine="there"), suite(times(1.0)))
    assert finding.verdict == "note"
    other = guard.Suite(times(9.0), {}, "here", {"addition": "another", "fork": "another"})
    assert guard.log_ratios(other, suite(times(1.0))) == {}


def written(tmp_path: Path, content: Union[Dict[str, Any], List[Any]]) -> Path:
    path = tmp_path / "current.json"
    path.write_text(json.dumps(content))
    return path


def test_pytest_benchmarks_json_is_read(tmp_path: Path) -> None:
    core = {"kind": "core", "model": "addition", "call": "gradient", "model_digest": "m", "ratios": [1, 5, 2]}
    content = {
        "machine_info": {"nutsbench": {"machine": "here"}},
        "benchmarks": [{"extra_info": core}, {"extra_info": cell()}],
    }
    read = guard.read(written(tmp_path, content))
    assert read.cores == {("addition", "gradient"): 2}
    assert read.cells["addition"]["seed"] == 1
    assert read.machine == "here"
    assert math.isclose(guard.log_ratios(read, read)[("addition", "gradient")], 0.0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([1], "is not pytest-benchmark's JSON"),
        ({"benchmarks": [{}]}, "is not pytest-benchmark's JSON"),
        ({"benchmarks": [{"extra_info": {}}]}, "holds no benchmark of these suites"),
    ],
)
def test_other_json_is_refused_with_a_message(
    tmp_path: Path, content: Union[Dict[str, Any], List[Any]], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        guard.read(written(tmp_path, content))
    with pytest.raises(UserError, match="cannot be read"):
        guard.read(tmp_path / "missing.json")


def test_the_baseline_is_left_as_it_is() -> None:
    base = suite(times(1.0))
    before = copy.deepcopy(base)
    guard.judge_time(suite(times(1.3)), base)
    assert base == before


OTHER = {"name": "pymc3-3.8", "requirements": "pymc3==3.7\n", "patch": None, "locked": True}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Say which models were measured in turns, and with what, or whether all was measured again."""
    from nutsbench.cli import guard as cli

    done: List[Any] = []
    decided = [True]
    here = stack.current()
    monkeypatch.setattr(stack, "current", lambda: here)
    monkeypatch.setenv("NUTSBENCH_STACKS", str(tmp_path))

    def in_turns(base: Suite, models: Iterable[str], _: object) -> Tuple[List[Any], Any]:
        done.append((base.stack, list(models)))
        return [], decided[0]

    def confirmed(*_: object) -> List[Any]:
        done.append("again")
        return []

    monkeypatch.setattr(
        cli,
        "_in_turns",
        in_turns,
    )
    monkeypatch.setattr(cli, "_confirmed", confirmed)

    def judge(now: Suite, base: Suite, tells: bool = True) -> List[Any]:
        decided[0] = tells
        cli._time(now, base, tmp_path, 30.0)
        return done

    return judge


def test_with_other_packages_what_looks_slower_is_measured_in_turns(measured: Callable[..., Any]) -> None:
    base = dataclasses.replace(suite(times(1.0)), stack=OTHER)
    assert measured(suite(times(1.0)), base) == []
    slow = {**times(1.0), ("addition", "gradient"): 1.101}
    ((made, models),) = measured(suite(slow), base)
    assert models == ["addition"]
    assert made.versions() == {"pymc3": "3.7"}


def test_what_cannot_be_told_in_turns_is_measured_again(measured: Callable[..., Any]) -> None:
    base = dataclasses.replace(suite(times(1.0)), stack=OTHER)
    slow = {**times(1.0), ("addition", "gradient"): 1.101}
    assert measured(suite(slow), base, tells=False)[1:] == ["again"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--against", "pymc3-3.9"], "Did you mean 'pymc3-3.8'"),
        (["--judge", "x.json", "--against", "pymc3-3.8"], "give one of them"),
        (["--budget", "0"], "budget has to be above 0, not 0"),
    ],
)
def test_a_mistake_is_said_before_anything_is_run(
    nutsbench: Run, tmp_path: Path, arguments: List[Any], said: str
) -> None:
    done = nutsbench("guard", "--output", str(tmp_path / "ci"), *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "ci").exists()


def test_on_another_machine_all_models_are_measured_in_turns(measured: Callable[..., Any]) -> None:
    base = dataclasses.replace(suite(times(1.0), machine="there"), stack=OTHER)
    ((_, models),) = measured(suite(times(1.0)), base)
    assert models == ["addition", "fork"]


def test_with_the_same_packages_or_unknown_ones_it_is_measured_again(measured: Callable[..., Any]) -> None:
    same = dataclasses.replace(suite(times(1.0)), stack=stack.pack(stack.current()))
    assert measured(suite(times(1.0)), same) == ["again"]
    assert measured(suite(times(1.0)), suite(times(1.0))) == ["again", "again"]


def test_a_baseline_of_before_is_of_this_machine_if_its_name_cores_and_memory_are() -> None:
    now = guard.Suite({}, {}, "new", machine_before="old")
    assert now.is_on_kind_of(guard.Suite({}, {}, "old"))
    assert guard.Suite({}, {}, "old").is_on_kind_of(now)
    assert now.is_on_kind_of(now)
    assert not now.is_on_kind_of(guard.Suite({}, {}, "newer", machine_before="old"))
    assert not now.is_on_kind_of(guard.Suite({}, {}, "else"))
