"""No two configurations share a name, none is lost, and a name is no longer than it has to be."""

import itertools
import json
import random
from typing import Any, Callable

import pytest

from nutsbench.models.spec import SamplerSettings
from nutsbench.records import columns, configuration, export
from nutsbench.records.record import Record

#: What can differ between two records that are called the same in short, and two values of each.
DIFFERENCES = {
    "max_treedepth": (10, 3),
    "init": ("auto", "adapt_diag"),
    "threads": (1, 2),
    "cache": ("warm", "cold"),
    "profile": ("quick", "tutorial"),
    "definition": ("a" * 16, "b" * 16),
    "machine": ("m" * 12, "n" * 12),
    "floatX": ("float64", "float32"),
    "blas": ("openblas", "mkl"),
    "sampler": ("NUTS", "CompoundStep"),
    "packages": ("1" * 16, "2" * 16),
    "schema": (2, 1),
    "origin": ("here", "elsewhere"),
}
DEFAULT = {name: values[0] for name, values in DIFFERENCES.items()}


@pytest.fixture
def record(make_record: Callable[..., Record]) -> Any:
    numbers = itertools.count()

    def make(seed: Any = 1, **changes: Any) -> Any:
        given = {**DEFAULT, **changes}
        number = next(numbers)
        made = make_record(
            seed=seed,
            settings=SamplerSettings(max_treedepth=given["max_treedepth"], init=given["init"]),
            environment={
                "threads": given["threads"],
                "machine": given["machine"],
                "theano_flags": {"floatX": given["floatX"], "device": "cpu"},
                "blas": [{"internal_api": given["blas"]}],
            },
            details={"compile_cache": {"state": given["cache"]}, "sampler": given["sampler"]},
            profile=given["profile"],
            model_digest=given["definition"],
            stack_digest=given["packages"],
            origin=given["origin"],
            started_at=f"2026-01-01T00:00:00+00:00.{number:06d}",
            metrics={"ess_per_s": float(number), "wall_s": 1.0},
        ).to_dict()
        return {**made, "schema": given["schema"]}

    return make


def plain(record: Any) -> Any:
    values = [f"{record['settings'][name]}" for name in ("draws", "tune", "chains", "cores", "target_accept")]
    return "addition (draws {}, tune {}, chains {}, cores {}, accept {}; pymc3-3.8)".format(*values)


def test_repeats_have_the_short_name_that_they_always_had(record: Any) -> None:
    rows = [record(seed=seed) for seed in (1, 2, 3)]
    assert {name: len(group) for name, group in configuration.groups(rows).items()} == {plain(rows[0]): 3}


@pytest.mark.parametrize("what", DIFFERENCES)
def test_whatever_differs_makes_two_names(record: Any, what: Any) -> None:
    first, second = (record(**{what: value}) for value in DIFFERENCES[what])
    found = configuration.groups([first, second])
    assert sorted(len(group) for group in found.values()) == [1, 1]
    words = " ".join(found)
    if what == "max_treedepth":
        assert "depth 10" in words
        assert "depth 3" in words
    elif what not in ("packages", "schema"):
        assert plain(first) not in found, "one of two has the name that stood for both"


def test_of_two_versions_the_newer_one_keeps_the_name(record: Any) -> None:
    old, new = record(packages="1" * 16), record(packages="2" * 16)
    found = configuration.groups([new, old])
    assert found[plain(new)] == [new]
    assert [name for name in found if "packages 111111" in name]


def test_over_many_combinations_each_configuration_has_one_name_of_its_own(record: Any) -> None:
    chance = random.Random(1)
    for _ in range(40):
        varying = chance.sample(list(DIFFERENCES), 5)
        rows = []
        for values in itertools.product(*(DIFFERENCES[name] for name in varying)):
            if chance.random() < 0.7:
                given = dict(zip(varying, values))
                rows += [record(seed=seed, **given) for seed in range(chance.choice((1, 2)))]
        chance.shuffle(rows)
        found = configuration.groups(rows)
        assert sorted(row["id"] for group in found.values() for row in group) == sorted(r["id"] for r in rows)
        for group in found.values():
            alike = {json.dumps([one["settings"], one["environment"], one["details"]]) for one in group}
            assert len(alike) == 1
            for name in ("profile", "model_digest", "stack_digest", "schema"):
                assert len({one[name] for one in group}) == 1
            assert len({one["seed"] for one in group}) == len(group)
        bencher = export.bencher(rows)
        assert len(bencher) == len(found)
        exported = {one["value"] for measures in bencher.values() for name, one in measures.items()}
        assert len(exported) == len(found) + 1, "every wall_s is 1, every ess_per_s another"


def test_names_do_not_depend_on_the_order_of_records(record: Any) -> None:
    rows = [record(seed=s, threads=t, max_treedepth=d) for s in (1, 2) for t in (1, 2) for d in (3, 10)]
    assert set(configuration.groups(rows)) == set(configuration.groups(rows[::-1]))


def test_a_failure_replaces_what_the_cell_gave_before(record: Any) -> None:
    before: Any = record()
    failed: Any = {**record(cache="unknown"), "status": "failed"}
    assert configuration.current([before, failed])[0] == [failed]
    interrupted: Any = {**record(), "status": "interrupted"}
    assert configuration.current([before, interrupted])[0] == [before]


def test_the_newest_of_a_cell_is_exported_once_for_each_configuration(record: Any) -> None:
    rows = [record(threads=1), record(threads=2), record(threads=1), record(cache="cold"), record()]
    chosen, left_out = configuration.current(rows)
    assert [row["id"] for row in chosen] == [rows[1]["id"], rows[3]["id"], rows[4]["id"]]
    assert left_out == []


def test_what_a_stack_was_before_is_left_out_with_a_word(record: Any) -> None:
    rows = [record(seed=1, packages="1" * 16), record(seed=2, packages="1" * 16), record(packages="2" * 16)]
    chosen, left_out = configuration.current(rows)
    assert [row["stack_digest"] for row in chosen] == ["2" * 16]
    assert left_out == ["1 record of what pymc3-3.8 or the metrics' definitions were before"]


def test_two_models_of_one_name_are_told_apart_by_their_files(record: Any) -> None:
    rows = [record(definition=letter * 16) for letter in "ab"]
    for row, name in zip(rows, ("one.py", "other.py")):
        row["details"]["source"] = name
    assert all("one.py" in name or "other.py" in name for name in configuration.groups(rows))


def test_digests_that_begin_alike_still_make_two_names(record: Any) -> None:
    rows = [record(definition="a" * 15 + letter) for letter in "ab"]
    assert len(configuration.groups(rows)) == 2


@pytest.mark.parametrize("what", [name for name in DIFFERENCES if name != "blas"])
def test_two_rows_of_a_table_differ_in_a_column(record: Any, what: Any) -> None:
    table = columns.frame([record(**{what: value}) for value in DIFFERENCES[what]])
    told = table.drop(columns=["id", "started_at", "metrics.ess_per_s"])
    assert len(told.drop_duplicates()) == 2
