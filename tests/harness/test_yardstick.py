"""The yardstick: fixed work, and ratios that a busy machine leaves alone."""

import statistics
import timeit

import pytest

from harness import yardstick


def test_the_work_is_the_same_every_time():
    assert yardstick.work() == yardstick.work()
    assert yardstick.plain_work() == yardstick.plain_work()


def test_leapfrogs_keep_the_energy_of_their_gaussian():
    start = 0.5 * (sum((-1 + 2 * i / 7) ** 2 for i in range(8)) + yardstick._PRECISION.sum())
    assert yardstick.work() == pytest.approx(start, rel=0.02)


def test_twice_the_work_is_about_two_yardsticks():
    def twice():
        yardstick.work()
        yardstick.work()

    # Wide: no test fails because the machine was busy.
    assert 1.2 < statistics.median(yardstick.ratios(twice, rounds=9, burst_s=0.004)) < 3.3


def test_there_is_a_ratio_for_each_turn():
    assert len(yardstick.ratios(lambda: None, rounds=4, burst_s=0.001)) == 4


def test_a_slow_machine_does_not_lengthen_a_steady_time(monkeypatch):
    instants = iter([10.0, 13.0, 20.0, 22.0])
    pieces = iter([1e-4, 1e-4, 1e-4, 3e-4])
    monkeypatch.setattr(yardstick, "piece_s", lambda: next(pieces))
    monkeypatch.setattr(yardstick.time, "process_time", lambda: next(instants))
    timer = yardstick.SteadyTimer(lambda: 1e-4)
    assert -timer() + timer() == pytest.approx(3.0)
    assert -timer() + timer() == pytest.approx(1.0)


def test_a_steady_time_of_plain_work_is_its_usual_one():
    timer = timeit.Timer(yardstick.plain_work, timer=yardstick.SteadyTimer(lambda: 0.5))
    # Wide: no test fails because the machine was busy.
    assert 0.3 < statistics.median(timer.repeat(5, 100)) / 100 < 0.8
