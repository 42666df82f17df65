"""Two sets of stored records: what is compared, and what it costs that they were not measured in turns."""

import json
from pathlib import Path

import pytest

from harness.compare import records
from harness.compare.result import Options
from harness.compare.statistics import Verdict
from harness.errors import UserError


@pytest.fixture
def stored(make_record, tmp_path):
    def store(name, microseconds, leapfrogs=1000, worth=0.1, **changes):
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


def compare(base, head, *names):
    return records.compare(records.read("BASE", base), records.read("HEAD", head), names, Options())


def test_the_machines_drift_is_in_the_interval(stored):
    times = [10.0, 10.1, 9.9, 10.0]
    (result,) = compare(stored("a", times), stored("b", times)).results.values()
    assert result.interval.ratio == pytest.approx(1.0)
    assert result.interval.upper > 1 + records.DRIFT
    assert result.verdict is Verdict.UNDECIDED


def test_a_large_slowdown_is_told_nevertheless(stored):
    base, head = stored("a", [10.0, 10.1, 9.9, 10.0]), stored("b", [13.0, 13.1, 12.9, 13.0])
    found = compare(base, head)
    assert found.verdict is Verdict.SLOWER
    assert found.results["addition"].same_work


def test_other_leapfrogs_are_weighed_by_what_they_are_worth(stored):
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
def test_a_model_that_cannot_be_compared_says_why(stored, changes, said):
    base, head = stored("a", [10.0, 10.1]), stored("b", [10.0, 10.1], **changes)
    (result,) = compare(base, head).results.values()
    assert said in result.problem


def test_one_seed_has_no_spread(stored):
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
def test_sets_that_cannot_be_compared_are_refused(stored, changes, said):
    with pytest.raises(UserError, match=said):
        compare(stored("a", [10.0, 10.1]), stored("b", [10.0, 10.1], **changes))


def test_records_of_two_stacks_are_no_arm(stored, tmp_path):
    one, other = stored("a", [10.0]), stored("b", [10.0], stack="pymc3-3.11")
    both = tmp_path / "both.jsonl"
    both.write_text("".join(Path(name).read_text() for name in (one, other)))
    with pytest.raises(UserError, match="2 stacks"):
        records.read("BASE", str(both))


def test_what_is_no_record_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("[1]\n")
    with pytest.raises(UserError, match=r"BASE \(a.jsonl\) holds something that is no record"):
        records.read("BASE", str(path))
    with pytest.raises(UserError, match="does not exist"):
        records.read("BASE", str(tmp_path / "none.jsonl"))


def test_the_command_compares_records(stored, nutsbench):
    base, head = stored("a", [10.0, 10.1, 9.9, 10.0]), stored("b", [13.0, 13.1, 12.9, 13.0])
    done = nutsbench("compare", base, head)
    assert done.returncode == 1, done.stderr
    assert "HEAD (b.jsonl) is slower than BASE (a.jsonl)" in done.stdout
    assert "not measured in turns" in done.stdout
    assert json.loads(nutsbench("compare", base, head, "--json").stdout)["verdict"] == "slower"
    assert nutsbench("compare", base, head, "--markdown").stdout.startswith("**slower**")


def test_only_seeds_are_repeats(stored, tmp_path):
    def both(name, other):
        path = tmp_path / f"{name}-both.jsonl"
        path.write_text("".join(Path(one).read_text() for one in (stored(name, [10.0, 10.1, 9.9]), other)))
        return str(path)

    settings = {"draws": 77, "tune": 5, "chains": 2, "cores": 2, "target_accept": 0.8}
    settings.update(init="auto", max_treedepth=10)
    base = both("a", stored("c", [90.0], settings=settings))
    head = both("b", stored("d", [90.0], settings=settings))
    (result,) = compare(base, head).results.values()
    assert result.interval.pairs == 3


def test_records_of_two_schemas_are_not_compared(stored):
    (result,) = compare(stored("a", [10.0, 10.1]), stored("b", [10.0, 10.1], schema=1)).results.values()
    assert "two schemas" in result.problem


def test_two_seeds_that_say_nothing_are_no_error(stored):
    base, head = stored("a", [10.0, 10.01]), stored("b", [10.0, 90.0])
    (result,) = compare(base, head).results.values()
    assert result.verdict is Verdict.UNDECIDED
