"""Where sampling stops: at the first look at which every scalar has reached the goal, and never before."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nutsbench.judge.goal import Goal, limiting_ess, stopped


def draws(seed: Any = 0, count: Any = 400, **scales: Any) -> Any:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(2, count)) * scale for name, scale in (scales or {"x": 1.0}).items()}


def test_it_stops_at_the_first_look_that_all_scalars_pass() -> None:
    slow = np.cumsum(np.random.default_rng(1).normal(size=(2, 400)), axis=1)
    quick = draws(count=400)
    goal = Goal(200, None, 50, 1000)
    at = goal.reached(quick)
    assert at is not None
    assert limiting_ess(quick["x"][:, :at]) >= 200 > limiting_ess(quick["x"][:, : at - 50])
    assert goal.reached({**quick, "slow": slow}) is None


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 100), st.sampled_from([20, 50, 130]), st.sampled_from([50.0, 150.0]))
def test_more_draws_do_not_change_where_it_stops(seed: Any, block: Any, ess: Any) -> None:
    # So it does not depend on which runs were tried.
    values = draws(seed, 600)["x"]
    goal = Goal(ess, None, block, 1000)
    whole = goal.reached({"x": values})
    if whole is not None and whole % block == 0:
        assert goal.reached({"x": values[:, :whole]}) == whole
        longer = np.concatenate([values, values], axis=1)
        assert goal.reached({"x": longer}) == whole


def test_rhat_is_asked_for_too() -> None:
    apart = draws(count=200)
    apart["x"][1] += 3
    assert Goal(None, 1.05, 50, 1000).reached(apart) is None
    assert Goal(None, 1.05, 50, 1000).reached(draws(count=200)) is not None


def test_constants_ask_for_nothing_and_a_chain_that_stands_still_for_more() -> None:
    known = {**draws(count=200), "constant": np.ones((2, 200))}
    assert Goal(50, None, 50, 1000).reached(known) == Goal(50, None, 50, 1000).reached(draws(count=200))
    stuck = {"x": np.vstack([np.zeros(200), np.random.default_rng(1).normal(size=200)])}
    assert Goal(1, None, 50, 1000).reached(stuck) is None
    assert Goal(1, None, 50, 1000).reached({"constant": np.ones((2, 200))}) is None


def test_the_next_run_is_as_long_as_the_ess_asks_for_within_bounds() -> None:
    few = draws(count=100)
    assert Goal(100_000, None, 50, 10**6).more(few) == 800
    assert Goal(1, None, 50, 10**6).more(few) == 150
    assert Goal(None, 1.01, 50, 10**6).more(few) == 200
    known = limiting_ess(few["x"])
    assert Goal(3 * known, None, 50, 10**6).more(few) == pytest.approx(360, abs=50)


def test_where_it_stopped_and_on_what() -> None:
    values = draws(count=400)["x"]
    found = stopped(values, 200, 50)
    assert found is not None
    count, ess = found
    assert ess == limiting_ess(values[:, :count]) >= 200
    assert stopped(values, 10_000, 50) is None
