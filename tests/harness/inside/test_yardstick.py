"""The yardstick: work that is the same every time."""

import pytest

from nutsbench.inside import yardstick


def test_the_work_is_the_same_every_time() -> None:
    assert yardstick.work() == yardstick.work()
    assert yardstick.plain_work() == yardstick.plain_work()


def test_leapfrogs_keep_the_energy_of_their_gaussian() -> None:
    start = 0.5 * (sum((-1 + 2 * i / 7) ** 2 for i in range(8)) + yardstick._PRECISION.sum())
    assert yardstick.work() == pytest.approx(start, rel=0.02)
