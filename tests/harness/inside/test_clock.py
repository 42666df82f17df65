"""Sampling's wall time is split between tuning and drawing, and nothing is lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nutsbench.inside.clock import DrawClock, PhaseTimer, Progress, tuning_share
from nutsbench.models.spec import SamplerSettings


def test_one_chain_is_plain_division():
    assert tuning_share([(0.0, 3.0, 4.0)]) == pytest.approx(0.75)


def test_chains_one_after_the_other_add_up():
    assert tuning_share([(0.0, 3.0, 4.0), (4.0, 5.0, 8.0)]) == pytest.approx(4 / 8)


def test_chains_at_the_same_time_share_the_moment():
    # 0-2 both tune, 2-4 one of two tunes, 4-6 both draw.
    assert tuning_share([(0.0, 2.0, 6.0), (0.0, 4.0, 6.0)]) == pytest.approx((2 + 1) / 6)


def test_without_tuning_nothing_is_tuning():
    assert tuning_share([(0.0, 0.0, 4.0)]) == 0
    assert tuning_share([]) == 0


@given(st.lists(st.tuples(*[st.floats(0, 100)] * 3).map(lambda t: tuple(sorted(t))), max_size=6))
def test_a_share_is_a_share(spans):
    assert 0 <= tuning_share(spans) <= 1 + 1e-12


def test_phases_follow_each_other_and_a_split_keeps_the_sum():
    heard = []
    timer = PhaseTimer(heard.append)
    timer.enter("build")
    timer.enter("tune")
    timer.stop()
    assert [progress.phase for progress in heard] == ["build", "tune"]
    whole = timer.phases["tune"]
    timer.split("tune", "draw", wall_share=0.25, cpu_share=0.5)
    assert timer.phases["tune"].wall_s == pytest.approx(whole.wall_s / 4)
    assert timer.phases["tune"].wall_s + timer.phases["draw"].wall_s == pytest.approx(whole.wall_s)
    assert timer.phases["tune"].cpu_s + timer.phases["draw"].cpu_s == pytest.approx(whole.cpu_s)


def clock_of(chains, cores):
    settings = SamplerSettings(draws=2, tune=1, chains=chains, cores=cores)
    heard = []
    clock = DrawClock(settings, PhaseTimer(lambda _: None), heard.append)
    return clock, heard


def test_chains_wait_for_a_core_to_be_free():
    clock, _ = clock_of(chains=3, cores=2)
    for chain in range(3):
        clock.set_up(chain)
    for chain, (first, tuned, last) in enumerate([(1, 1, 5), (1, 1, 7), (6, 6, 9)]):
        state = clock.chains[chain]
        state.first, state.tuned, state.last = (clock.started + at for at in (first, tuned, last))
    assert np.array(clock.spans()) == pytest.approx(np.array([(0, 1, 5), (0, 1, 7), (5, 6, 9)]))


def test_chains_in_one_process_follow_each_other_whatever_cores_says():
    clock, _ = clock_of(chains=2, cores=2)
    for chain in range(2):
        clock.set_up(chain)
    for chain, (first, tuned, last) in enumerate([(1, 1, 3), (4, 4, 6)]):
        state = clock.chains[chain]
        state.first, state.tuned, state.last = (clock.started + at for at in (first, tuned, last))
    assert np.array(clock.spans()) == pytest.approx(np.array([(0, 1, 3), (3, 4, 6)]))


def test_divergences_count_after_tuning_only():
    clock, heard = clock_of(chains=1, cores=1)
    clock.set_up(0)
    for diverging in (True, True, False):
        clock._reported = 0.0  # Report every draw.
        clock.recorded(0, [{"diverging": diverging}])
    assert heard == [Progress("tune", 1, 3, 0), Progress("draw", 2, 3, 1), Progress("draw", 3, 3, 1)]
