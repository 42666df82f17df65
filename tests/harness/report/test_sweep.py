"""Which settings are fastest to an ESS of 400: what is counted, and what cannot be told apart."""

import math
from pathlib import Path
from typing import Any

import pytest

from nutsbench import models
from nutsbench.report import data, sweep, verdicts
from nutsbench.report.draw import panels
from tests.harness.report.conftest import changed, judged, unmixed


@pytest.fixture(scope="module")
def good(published: Any) -> Any:
    return next(one for one in published if verdicts.verdict(one) == "good" and one["model"] == "addition")


@pytest.fixture
def timed(good: Any) -> Any:
    """What makes records of given settings: a seed for each pair of tune seconds and ESS, drawn in 1 s."""

    def made(seeds: Any, verdict: Any = "good", **settings: Any) -> Any:
        found = []
        for seed, (tune, ess) in enumerate(seeds, start=1):
            phases = {
                name: {"wall_s": seconds, "cpu_s": seconds}
                for name, seconds in (("build", 0.5), ("compile", 1.5), ("tune", tune), ("draw", 1.0))
            }
            one = judged(good, verdict, settings=settings, seed=seed, id=f"{seed:016x}{len(settings):016x}")
            one = changed(one, metrics={"ess_bulk_min": 2.0 * ess, "ess_tail_min": ess})
            found.append({**one, "phases": phases})
        return found

    return made


def test_the_expected_time_is_compile_and_tune_and_the_draws_that_are_needed(timed: Any) -> None:
    (tried,) = sweep.ranking(timed([(3.0, 200.0), (3.0, 200.0)]))
    # 0.5 + 1.5 + 3 + 400 x 1 / 200: the smaller of bulk and tail ESS.
    assert tried.times == [7.0, 7.0]
    assert tried.draws == 2 * tried.row.newest["settings"]["draws"]


def test_the_interval_is_over_seeds_and_one_seed_has_none(timed: Any) -> None:
    (tried,) = sweep.ranking(timed([(2.0, 400.0), (8.0, 400.0)]))
    assert tried.interval.ratio == pytest.approx(math.sqrt(5.0 * 11.0))
    # Of two logarithms, a Student's t of one degree of freedom: 12.7 standard errors.
    half = 12.706 * abs(math.log(11 / 5)) / 2
    assert tried.interval.upper == pytest.approx(math.sqrt(55) * math.exp(half), rel=1e-3)
    (single,) = sweep.ranking(timed([(2.0, 400.0)]))
    assert single.text == "5 s (1 seed: no interval)"


def test_the_fastest_is_told_from_what_is_slower_beyond_chance_alone(timed: Any) -> None:
    fast = timed([(1.0, 400.0), (1.01, 400.0), (1.02, 400.0)], tune=111)
    near = timed([(1.0, 390.0), (1.2, 390.0), (1.1, 390.0)], tune=222)
    slow = timed([(9.0, 400.0), (9.1, 400.0), (9.2, 400.0)], tune=333)
    found = sweep.best([*slow, *near, *fast])
    assert found.first.row.newest["settings"]["tune"] == 111
    assert [one.row.newest["settings"]["tune"] for one in found.tied] == [222]
    assert [one.row.newest["settings"]["tune"] for one in found.slower] == [333]


def test_settings_of_one_seed_are_never_the_fastest(timed: Any) -> None:
    alone, others = timed([(0.1, 9000.0)], tune=111), timed([(1.0, 400.0), (1.1, 400.0)], tune=222)
    assert sweep.best([*alone, *others]).first.row.newest["settings"]["tune"] == 222
    assert sweep.best(alone) is None


def test_too_few_draws_are_made_up_for_and_divergences_are_not(timed: Any) -> None:
    short = timed([(1.0, 100.0), (1.0, 100.0)], "too few draws", tune=111)
    divergent = timed([(0.1, 900.0), (0.1, 900.0)], "divergent", tune=222)
    found = sweep.best([*short, *divergent])
    assert found.first.row.newest["settings"]["tune"] == 111
    assert (found.first.row.verdict, found.first.lasting) == ("too few draws", "good")
    assert found.passes
    assert sweep.best(divergent) is None


def test_where_all_are_treedepth_limited_these_are_compared_and_it_is_said(timed: Any) -> None:
    limited = timed([(1.0, 400.0), (1.0, 400.0)], "treedepth limited", tune=111)
    assert not sweep.best(limited).passes
    passing = timed([(9.0, 400.0), (9.0, 400.0)], tune=222)
    assert sweep.best([*limited, *passing]).first.row.newest["settings"]["tune"] == 222


def test_what_has_not_mixed_has_no_expected_time(timed: Any) -> None:
    (tried,) = sweep.ranking([unmixed(one) for one in timed([(1.0, 400.0), (1.0, 400.0)])])
    assert (tried.times, tried.interval, tried.text) == ([], None, "-")
    assert panels.value_of(tried.row.newest, "ess_per_s") is None


def test_of_settings_that_differ_in_draws_the_longest_tells(timed: Any) -> None:
    short = timed([(1.0, 800.0), (1.0, 800.0)], draws=100)
    long = timed([(1.0, 400.0), (1.0, 400.0)], draws=9000)
    found = sweep.best([*short, *long])
    assert found.first.row.newest["settings"]["draws"] == 9000
    assert (found.tied, found.slower) == ([], [])


def test_advice_is_given_where_the_own_settings_are_not_good(timed: Any) -> None:
    specs = {name: models.get(name) for name in models.names()}

    def said(*records: Any) -> Any:
        return list(sweep.advice(data.Source(Path(), list(records), {}, [], specs)).values())

    good, short = timed([(1.0, 400.0)] * 2), timed([(1.0, 100.0)] * 2, "too few draws")
    longer = timed([(0.5, 400.0)] * 2, tune=9000)
    assert said(*good, *longer) == []
    (text,) = said(*short, *longer)
    assert text.startswith("Fastest to ESS 400 of 2 settings tried: tune 9000, ")
    divergent = timed([(1.0, 400.0)] * 2, "divergent")
    worse = timed([(0.5, 400.0)] * 2, "divergent", tune=9000)
    assert said(*divergent, *worse) == ["None of 2 settings tried passes all checks."]
