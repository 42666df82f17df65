"""Two sets of stored records: what is compared, and what it costs that they were not measured interleaved."""

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

from nutsbench.base.errors import UserError
from nutsbench.compare import records
from nutsbench.compare.result import Comparison, Options
from nutsbench.compare.statistics import Verdict
from nutsbench.records.record import Record
from tests.conftest import GOOD_SCALAR, Run


@pytest.fixture
def stored(make_record: Callable[..., Record], tmp_path: Path) -> Callable[..., Any]:
    def store(
        name: str, microseconds: List[Any], leapfrogs: int = 1000, worth: float = 0.1, **changes: Any
    ) -> str:
        path = tmp_path / f"{name}.jsonl"
        lines = []
        for seed, time in enumerate(microseconds):
            metrics = {
                "us_per_leapfrog": time,
                "leapfrogs": leapfrogs,
                "ess_per_leapfrog": worth * (1 + seed / 50),
            }
            row = {**make_record(seed=seed, metrics=metrics).to_dict(), **changes}
            lines.append(json.dumps(row))
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return store


def compare(base: str, head: str, *names: Any) -> Optional[Comparison]:
    return records.compare(records.read("BASE", base), records.read("HEAD", head), names, Options())


def test_the_machines_drift_is_in_the_interval(stored: Callable[..., Any]) -> None:
    times = [10.0, 10.1, 9.9, 10.0]
    (result,) = compare(stored("a", times), stored("b", times)).results.values()
    assert result.interval.ratio == pytest.approx(1.0)
    assert result.interval.upper > 1 + records.DRIFT
    assert result.verdict is Verdict.UNDECIDED


def test_a_large_slowdown_is_told_nevertheless(stored: Callable[..., Any]) -> None:
    base, head = stored("a", [10.0, 10.1, 9.9, 10.0]), stored("b", [13.0, 13.1, 12.9, 13.0])
    found = compare(base, head)
    assert found.verdict is Verdict.SLOWER
    assert found.results["addition"].same_work


def test_what_an_effective_sample_costs_is_not_compared_where_chains_have_not_mixed(
    stored: Callable[..., Any],
) -> None:
    apart = {"a": {**GOOD_SCALAR, "rhat": 1.9, "rhat_p": 1e-9, "state": "ok", "free": True, "note": ""}}
    base = stored("a", [10.0, 10.1, 9.9, 10.0])
    head = stored("b", [10.0, 10.1, 9.9, 10.0], leapfrogs=2000, quantities=apart)
    (result,) = compare(base, head).results.values()
    assert result.problem.startswith("the chains of 4 of 4 seeds have not mixed")
    # The same leapfrogs take as long whether the chains have mixed or not.
    (result,) = compare(base, stored("c", [10.0, 10.1, 9.9, 10.0], quantities=apart)).results.values()
    assert result.interval.ratio == pytest.approx(1.0)


def test_other_leapfrogs_are_weighed_by_what_they_are_worth(stored: Callable[..., Any]) -> None:
    base = stored("a", [10.0, 10.1, 9.9, 10.0])
    head = stored("b", [10.0, 10.1, 9.9, 10.0], leapfrogs=2000, worth=0.05)
    (result,) = compare(base, head).results.values()
    assert not result.same_work
    assert result.cost.ratio == pytest.approx(2.0)
    assert result.verdict is Verdict.SLOWER


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_digest": "f" * 16}, "two definitions of the model"),
        ({"metrics": {"us_per_leapfrog": None}}, "a record lacks us_per_leapfrog"),
    ],
)
def test_a_model_that_cannot_be_compared_says_why(
    stored: Callable[..., Any], changes: Dict[str, Any], said: str
) -> None:
    base, head = stored("a", [10.0, 10.1]), stored("b", [10.0, 10.1], **changes)
    (result,) = compare(base, head).results.values()
    assert said in result.problem


def test_one_seed_has_no_spread(stored: Callable[..., Any]) -> None:
    (result,) = compare(stored("a", [10.0]), stored("b", [10.0])).results.values()
    assert "one seed alone" in result.problem


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"environment": {"machine": "other"}}, "machines of 2 kinds"),
        ({"model": "fork"}, "no cell in common"),
        ({"status": "failed"}, "no record of a cell that ended well"),
    ],
)
def test_sets_that_cannot_be_compared_are_refused(
    stored: Callable[..., Any], changes: Dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        compare(stored("a", [10.0, 10.1]), stored("b", [10.0, 10.1], **changes))


def test_records_of_two_stacks_are_no_arm(stored: Callable[..., Any], tmp_path: Path) -> None:
    one, other = stored("a", [10.0]), stored("b", [10.0], stack="pymc3-3.11")
    both = tmp_path / "both.jsonl"
    both.write_text("".join(Path(name).read_text() for name in (one, other)))
    with pytest.raises(UserError, match="2 stacks"):
        records.read("BASE", str(both))


def test_what_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("[1]\n")
    with pytest.raises(UserError, match=r"BASE \(a.jsonl\) holds something that is no record"):
        records.read("BASE", str(path))
    with pytest.raises(UserError, match="does not exist"):
        records.read("BASE", str(tmp_path / "none.jsonl"))


@pytest.mark.whole
def test_the_command_compares_records(stored: Callable[..., Any], nutsbench: Run) -> None:
    base, head = stored("a", [10.0, 10.1, 9.9, 10.0]), stored("b", [13.0, 13.1, 12.9, 13.0])
    done = nutsbench("compare", base, head)
    assert done.returncode == 1, done.stderr
    assert "HEAD (b.jsonl) is slower than BASE (a.jsonl)" in done.stdout
    assert "not measured interleaved" in done.stdout
    assert json.loads(nutsbench("compare", base, head, "--json").stdout)["verdict"] == "slower"
    assert nutsbench("compare", base, head, "--markdown").stdout.startswith("**slower**")


def test_only_seeds_are_repeats(stored: Callable[..., Any], tmp_path: Path) -> None:
    def both(name: str, other: str) -> str:
        path = tmp_path / f"{name}-both.jsonl"
        path.write_text("".join(Path(one).read_text() for one in (stored(name, [10.0, 10.1, 9.9]), other)))
        return str(path)

    settings: Dict[str, Any] = {"draws": 77, "tune": 5, "chains": 2, "cores": 2, "target_accept": 0.8}
    settings.update(init="auto", max_treedepth=10)
    base = both("a", stored("c", [90.0], settings=settings))
    head = both("b", stored("d", [90.0], settings=settings))
    (result,) = compare(base, head).results.values()
    assert result.interval.pairs == 3


def test_records_of_two_schemas_are_not_compared(stored: Callable[..., Any]) -> None:
    (result,) = compare(stored("a", [10.0, 10.1]), stored("b", [10.0, 10.1], schema=1)).results.values()
    assert "two schemas" in result.problem


def test_two_seeds_of_other_work_are_no_error(stored: Callable[..., Any]) -> None:
    base, head = stored("a", [10.0, 10.1]), Path(stored("b", [10.0, 10.1], leapfrogs=900))
    first, second = map(json.loads, head.read_text().splitlines())
    second["metrics"]["ess_per_leapfrog"] *= 100
    head.write_text(json.dumps(first) + "\n" + json.dumps(second) + "\n")
    (result,) = compare(base, str(head)).results.values()
    assert result.cost.ratio == pytest.approx(0.1)
    assert result.cost.lower == 0.0
    assert result.verdict is Verdict.UNDECIDED


def _joined(path: Path, *names: Any) -> str:
    path.write_text("".join(Path(name).read_text() for name in names))
    return str(path)


def test_a_cell_that_only_head_failed_is_not_passed_over(stored: Callable[..., Any], tmp_path: Path) -> None:
    times, lower = [10.0, 10.1, 9.9, 10.0], [5.0, 5.1, 4.9, 5.0]
    base = _joined(tmp_path / "base.jsonl", stored("a", times), stored("b", times, model="fork"))
    broken = stored("d", times, model="fork", status="crashed", reason="killed by SIGSEGV")
    head = _joined(tmp_path / "head.jsonl", stored("c", lower), broken)
    found = compare(base, head)
    assert "seed 0, crashed: killed by SIGSEGV" in found.results["fork"].problem
    assert found.results["addition"].verdict is Verdict.FASTER
    assert found.verdict is Verdict.UNDECIDED


def test_a_model_that_is_asked_for_and_missing_is_said(stored: Callable[..., Any]) -> None:
    found = compare(stored("a", [10.0, 10.1]), stored("b", [10.0, 10.1]), "addition", "fork")
    assert "no cell of it in common" in found.results["fork"].problem


def test_the_newest_stack_is_the_one_that_was_measured_last(
    stored: Callable[..., Any], tmp_path: Path
) -> None:
    names = ("addition", "fork")
    old = [stored(f"old-{name}", [20.0, 20.1], model=name, stack_digest="1" * 16) for name in names]
    later = {"stack_digest": "2" * 16, "started_at": "2026-02-01T00:00:00+00:00"}
    new = stored("new", [10.0, 10.1], model="addition", **later)
    read = records.read("HEAD", _joined(tmp_path / "all.jsonl", *old, new))
    assert {row["stack_digest"] for row in read.rows.values()} == {"2" * 16}
    assert read.left_out == 2
    assert "2 records are of what its stack was before" in " ".join(records.notes(read, read))


def test_a_comparison_of_nothing_is_a_mistake(stored: Callable[..., Any], nutsbench: Run) -> None:
    base, head = stored("a", [10.0, 10.1]), stored("b", [10.0, 10.1], model_digest="f" * 16)
    done = nutsbench("compare", base, head)
    assert done.returncode == 2
    assert "No model could be compared: the records are of two definitions" in done.stderr
    counted = nutsbench("compare", base, base, "--counter", "callgrind")
    assert (counted.returncode, "counter callgrind is of stacks" in counted.stderr) == (2, True)


def test_records_against_themselves_are_an_a_a_check(stored: Callable[..., Any], nutsbench: Run) -> None:
    same = stored("a", [10.0, 10.1, 9.9, 10.0])
    assert "A/A check" in nutsbench("compare", same, same).stdout


def test_two_seeds_that_say_nothing_are_no_error(stored: Callable[..., Any]) -> None:
    base, head = stored("a", [10.0, 10.01]), stored("b", [10.0, 90.0])
    (result,) = compare(base, head).results.values()
    assert result.verdict is Verdict.UNDECIDED
