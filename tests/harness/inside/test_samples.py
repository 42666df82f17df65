"""Times beside reference work: ratios, processes, and what becomes of one that fails."""

import os
import signal
import statistics
from typing import Any

import pytest

from nutsbench.inside import samples, yardstick


def test_twice_the_work_takes_about_twice_as_long() -> None:
    def twice() -> None:
        yardstick.work()
        yardstick.work()

    # Wide: no test fails because the machine was busy.
    assert 1.2 < statistics.median(samples.ratios(twice, bursts=9)) < 3.3


def test_there_is_a_ratio_for_each_burst() -> None:
    assert len(samples.ratios(lambda: None, bursts=4, burst_s=0.0005)) == 4


def test_what_takes_long_is_timed_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_WORKLOAD_S", 0.0)
    assert len(samples.ratios(yardstick.work, bursts=1000, burst_s=0.0005)) == samples._FEWEST_BURSTS


def test_a_slow_spell_lengthens_both_and_so_no_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = {"factor": 1.0, "turn": 0}

    def seconds_of(call: Any, calls: Any) -> Any:
        del calls
        speed["turn"] += 1
        # From the middle on all takes twice as long.
        factor = 1.0 if speed["turn"] < 20 else 2.0
        return factor * (3e-4 if call is not yardstick.work else 1e-4)

    monkeypatch.setattr(samples, "calls_of", lambda *_: 1)
    monkeypatch.setattr(samples, "seconds_of", seconds_of)
    found = samples.ratios(lambda: None, bursts=20)
    assert statistics.median(found) == pytest.approx(3.0)
    assert sum(ratio != pytest.approx(3.0) for ratio in found) <= 1


def test_a_function_answers_from_a_fork() -> None:
    own = os.getpid()
    found = samples.in_fork(lambda: {"pid": os.getpid(), "value": [1.5]})
    assert found["value"] == [1.5]
    assert found["pid"] != own


def test_forks_nest() -> None:
    assert samples.in_fork(lambda: [samples.in_fork(lambda: 1), samples.in_fork(lambda: 2)]) == [1, 2]


def test_what_is_raised_in_a_fork_is_raised_here() -> None:
    def fail() -> None:
        raise KeyError("sigma")

    with pytest.raises(RuntimeError, match="KeyError: 'sigma'"):
        samples.in_fork(fail)


def test_a_fork_that_is_killed_is_told() -> None:
    with pytest.raises(RuntimeError, match="SIGKILL"):
        samples.in_fork(lambda: os.kill(os.getpid(), signal.SIGKILL))
