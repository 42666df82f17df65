"""Sampling's wall time is split between tuning and drawing, and nothing is lost."""

from typing import Any, List

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nutsbench.inside.clock import DrawClock, PhaseTime, PhaseTimer, Progress, tuning_share
from nutsbench.models.spec import SamplerSettings


def test_one_chain_is_plain_division() -> None:
    assert tuning_share([(0.0, 3.0, 4.0)]) == pytest.approx(0.75)


def test_chains_one_after_the_other_add_up() -> None:
    assert tuning_share([(0.0, 3.0, 4.0), (4.0, 5.0, 8.0)]) == pytest.approx(4 / 8)


def test_chains_at_the_same_time_share_the_moment() -> None:
    # 0-2 both tune, 2-4 one of two tunes, 4-6 both draw.
    assert tuning_share([(0.0, 2.0, 6.0), (0.0, 4.0, 6.0)]) == pytest.approx((2 + 1) / 6)


def test_without_tuning_nothing_is_tuning() -> None:
    assert tuning_share([(0.0, 0.0, 4.0)]) == 0
    assert tuning_share([]) == 0


@given(st.lists(st.tuples(*[st.floats(0, 100)] * 3).map(lambda t: tuple(sorted(t))), max_size=6))
def test_a_share_is_a_share(spans: Any) -> None:
    assert 0 <= tuning_share(spans) <= 1 + 1e-12


def test_phases_follow_each_other() -> None:
    heard: List[Any] = []
    timer = PhaseTimer(heard.append)
    timer.enter("build")
    timer.enter("tune")
    timer.stop()
    assert [progress.phase for progress in heard] == ["build", "tune"]
    assert set(timer.phases) == {"build", "tune"}


def clock_of(chains: Any, cores: Any, prefixes: Any = ()) -> Any:
    settings = SamplerSettings(draws=2, tune=1, chains=chains, cores=cores)
    heard: List[Any] = []
    clock = DrawClock(settings, PhaseTimer(lambda _: None), heard.append, prefixes)
    return clock, heard


def told(clock: Any, chains: Any) -> None:
    """Tell a clock when each chain's first draw, last tuning draw and later draws came, seconds."""
    for chain in range(len(chains)):
        clock.set_up(chain)
    for chain, (first, tuned, *ends) in enumerate(chains):
        state = clock.chains[chain]
        state.first, state.tuned = clock.started + first, clock.started + tuned
        state.cpu_before, state.cpu_tuned = 0.0, 1.0
        counts = range(3 - len(ends), 3)
        state.ends = {draws: (clock.started + end, 1.0 + draws) for draws, end in zip(counts, ends)}


def test_chains_wait_for_a_core_to_be_free() -> None:
    clock, _ = clock_of(chains=3, cores=2)
    told(clock, [(1, 1, 5), (1, 1, 7), (6, 6, 9)])
    assert np.array(clock.spans()) == pytest.approx(np.array([(0, 1, 5), (0, 1, 7), (5, 6, 9)]))


def test_chains_in_one_process_follow_each_other_whatever_cores_says() -> None:
    clock, _ = clock_of(chains=2, cores=2)
    told(clock, [(1, 1, 3), (4, 4, 6)])
    assert np.array(clock.spans()) == pytest.approx(np.array([(0, 1, 3), (3, 4, 6)]))


def test_the_later_chains_of_a_shorter_run_begin_sooner() -> None:
    clock, _ = clock_of(chains=3, cores=2, prefixes=(1,))
    told(clock, [(1, 1, 2, 5), (1, 1, 4, 7), (6, 6, 8, 9)])
    shorter = [(0, 1, 2), (0, 1, 4), (2, 3, 5)]
    assert np.array(clock.spans(1)) == pytest.approx(np.array(shorter))
    assert np.array(clock.spans(2)) == pytest.approx(np.array(clock.spans()))


def test_a_shorter_run_of_one_process_leaves_out_its_later_draws() -> None:
    clock, _ = clock_of(chains=2, cores=1, prefixes=(1,))
    told(clock, [(1, 1, 2, 3), (4, 4, 5, 6)])
    whole = clock.part(PhaseTime(wall_s=6.5, cpu_s=6.0))
    assert (whole.tune.wall_s, whole.draw.wall_s) == pytest.approx((6.5 * 2 / 6, 6.5 * 4 / 6))
    assert (whole.tune.cpu_s, whole.draw.cpu_s) == pytest.approx((6 * 2 / 6, 6 * 4 / 6))
    assert whole.chain_draw_s == pytest.approx(4)
    # Two draws of a second each are left out; the half second after the last one is not.
    shorter = clock.part(PhaseTime(wall_s=6.5, cpu_s=6.0), 1)
    assert (shorter.tune.wall_s, shorter.draw.wall_s) == pytest.approx((4.5 / 2, 4.5 / 2))
    assert (shorter.tune.cpu_s, shorter.draw.cpu_s) == pytest.approx((4 / 2, 4 / 2))
    assert shorter.chain_draw_s == pytest.approx(2)


def test_a_shorter_run_of_chains_with_processes_leaves_out_what_these_used_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, _ = clock_of(chains=2, cores=2, prefixes=(1,))
    told(clock, [(1, 1, 2, 4), (1, 1, 2, 4)])
    clock._in_process = False
    monkeypatch.setattr(clock, "_collecting_s", lambda: 0.4)
    whole, shorter = (clock.part(PhaseTime(wall_s=4.0, cpu_s=8.4), draws) for draws in (None, 1))
    assert whole.tune.cpu_s + whole.draw.cpu_s == pytest.approx(8.4)
    # Of 8 seconds of the chains 2 each until their first draw, and half of what collecting took.
    assert shorter.tune.cpu_s + shorter.draw.cpu_s == pytest.approx(4.2)
    assert shorter.tune.cpu_s == pytest.approx(whole.tune.cpu_s)
    assert shorter.tune.wall_s == pytest.approx(whole.tune.wall_s)


@given(
    st.integers(1, 4),
    st.lists(st.lists(st.floats(0.01, 10), min_size=4, max_size=4), min_size=1, max_size=5),
)
def test_a_shorter_run_takes_no_longer_and_tunes_as_long(cores: Any, steps: Any) -> None:
    chains, free = [], [0.0] * cores
    for first, tune, *draws in steps:
        begin = min(free)
        times = np.cumsum([begin + first, tune, *draws])
        free[free.index(begin)] = times[-1]
        chains.append(tuple(times))
    clock, _ = clock_of(len(chains), cores, prefixes=(1,))
    told(clock, chains)
    sampling = PhaseTime(max(free) + 0.1, 10.0 * len(chains))
    whole, shorter = clock.part(sampling), clock.part(sampling, 1)
    assert shorter.chain_draw_s <= whole.chain_draw_s + 1e-9
    assert shorter.tune.wall_s + shorter.draw.wall_s <= sampling.wall_s + 1e-9
    for (start, tuned, _), (begin, own, _) in zip(clock.spans(), clock.spans(1)):
        assert own - begin == pytest.approx(tuned - start)
        assert begin <= start + 1e-9


def test_divergences_count_after_tuning_only() -> None:
    clock, heard = clock_of(chains=1, cores=1)
    clock.set_up(0)
    for diverging in (True, True, False):
        clock._reported = 0.0  # Report every draw.
        clock.recorded(0, [{"diverging": diverging}])
    assert heard == [Progress("tune", 1, 3, 0), Progress("draw", 2, 3, 1), Progress("draw", 3, 3, 1)]
