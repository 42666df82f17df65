"""What has changed since the run before: an interval decides, over all comparisons together."""

from pathlib import Path
from typing import Any, Dict

import pytest

from nutsbench.report import data, since
from tests.harness.report.conftest import changed, judged, unmixed


@pytest.fixture(scope="module")
def models_of(published: Any) -> Any:
    """Good records of several models, one each."""
    chosen: Dict[str, Any] = {}
    for one in published:
        if one["stack"] == "pymc3-3.8" and one["quality"]["verdict"] == "good":
            chosen.setdefault(one["model"], one)
    return list(chosen.values())


def runs(before: Any, factors: Any, verdict: Any = "good", **parts: Any) -> Any:
    """Return a run before, and one after: a seed for each factor of time."""
    pairs = []
    for seed, factor in enumerate(factors, start=1):
        old = judged(before, seed=seed, id=f"{before['model'][:8]}{seed}a")
        new = judged(old, verdict, id=f"{before['model'][:8]}{seed}b", **parts)
        pairs.append((old, changed(new, metrics={"pace_s": old["metrics"]["pace_s"] * factor})))
    return pairs


def source(*pairs: Any) -> Any:
    every = [pair for row in pairs for pair in row]
    return data.Source(Path(), [new for _, new in every], {new["id"]: old for old, new in every}, [], {})


def test_a_change_of_time_beyond_its_interval_is_shown_with_it(models_of: Any) -> None:
    slower = runs(models_of[0], (2.0, 2.02, 1.98, 2.01))
    same = runs(models_of[1], (1.0, 1.03, 0.98, 1.01))
    found = since.since(source(slower, same))
    ((name, texts),) = found.changes.items()
    assert name[0] == models_of[0]["model"]
    assert texts[0].startswith("time per effective sample +100.2 % (+8")
    assert "4 seeds, identical trajectories" in texts[0]
    assert found.within == 1
    assert "4 comparisons together (Bonferroni" in found.rule


def test_a_difference_within_what_two_runs_differ_by_is_no_change(models_of: Any) -> None:
    found = since.since(source(*(runs(one, (1.05, 1.05, 1.05, 1.05)) for one in models_of[:2])))
    assert found.changes == {}
    assert found.within == 2


def test_a_single_pair_alone_has_no_interval(models_of: Any) -> None:
    found = since.since(source(runs(models_of[0], (3.0,))))
    assert (found.changes, found.within) == ({}, 0)


def test_single_pairs_of_many_models_are_judged_by_the_spread_between_them(models_of: Any) -> None:
    quiet = [runs(one, (1.0 + 0.01 * place,)) for place, one in enumerate(models_of[1:7])]
    found = since.since(source(runs(models_of[0], (3.0,)), *quiet))
    assert [name[0] for name in found.changes] == [models_of[0]["model"]]


def test_other_trajectories_need_a_spread_of_their_own(models_of: Any) -> None:
    steps = {"metrics": {"leapfrogs": 7}}
    assert since.since(source(runs(models_of[0], (3.0,), **steps))).changes == {}
    found = since.since(source(runs(models_of[0], (3.0, 3.01, 2.99, 3.0), **steps)))
    assert "different trajectories" in next(iter(found.changes.values()))[0]


@pytest.mark.parametrize("verdict", ["too few draws", "divergent"])
def test_another_verdict_of_a_single_record_is_within_chance(models_of: Any, verdict: Any) -> None:
    pairs = [runs(models_of[0], (1.0,), verdict), *(runs(one, (1.0,)) for one in models_of[1:7])]
    found = since.since(source(*pairs))
    assert found.changes == {}
    assert found.within >= 1


def test_one_inaccurate_record_is_beyond_the_one_of_a_thousand_unless_many_are_compared(
    models_of: Any,
) -> None:
    old, new = runs(models_of[0], (1.0,), "inaccurate")[0]
    # 5 % over 16 rows, and over 60.
    assert since.another([old], [new], 0.05 / 32).beyond
    assert not since.another([old], [new], 0.05 / 120).beyond


def test_a_failure_is_no_chance(models_of: Any) -> None:
    found = since.since(source(runs(models_of[0], (1.0,), "failed")))
    assert next(iter(found.changes.values())) == ["worse: failed (1 seed), before good (1 seed)"]


def test_a_verdict_that_all_of_many_seeds_changed_to_is_beyond_chance(models_of: Any) -> None:
    pairs = runs(models_of[0], (1.0,) * 8, "divergent")
    change = since.another([old for old, _ in pairs], [new for _, new in pairs], 0.01)
    assert change.beyond
    assert change.text == "worse: divergent (over 8 seeds), before good (over 8 seeds)"
    back = since.another([new for _, new in pairs], [old for old, _ in pairs], 0.01)
    assert back.text.startswith("better: good")
    assert since.another([new for _, new in pairs], [new for _, new in pairs], 0.01) is None


def test_two_seeds_that_do_not_converge_are_beyond_the_false_alarms_of_the_test(models_of: Any) -> None:
    old = [judged(models_of[0], seed=seed, id=f"{seed:032x}") for seed in (1, 2, 3, 4)]
    new = [unmixed(one) for one in old[:2]] + old[2:]
    assert since.another(old, new, 0.01).beyond
    assert not since.another(old[:1], new[:1], 0.001).beyond


def test_where_chains_have_not_mixed_no_time_per_effective_sample_is_compared(models_of: Any) -> None:
    pairs = [(old, unmixed(new)) for old, new in runs(models_of[0], (9.0,) * 4)]
    texts = [text for own in since.since(source(pairs)).changes.values() for text in own]
    assert not any("time per effective sample" in text for text in texts)
