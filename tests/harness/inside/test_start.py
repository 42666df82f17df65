"""A chain that could not begin: which part is at fault, at which starts, and what helps."""

from typing import Any

import pytest

from nutsbench.inside import start
from nutsbench.inside.start import Seen

FINE = Seen({})
INF = float("inf")


def test_jittered_starts_alone_are_at_fault() -> None:
    said = start.words(FINE, [Seen({"cost": -INF}, ("b0", "b1")), FINE], is_jittered=True)
    assert "the log-probability of cost is -inf at 1 of 2 jittered starts, not at the test point" in said
    assert "the gradient with respect to b0, b1 is not finite at 1 of 2 jittered starts" in said
    assert 'init="adapt_diag"' in said
    assert "testval" not in said


def test_the_test_point_is_at_fault() -> None:
    said = start.words(Seen({"y": -INF}), [Seen({"y": float("nan")})] * 2, is_jittered=True)
    assert "the log-probability of y is -inf/nan at the test point and at 2 of 2 jittered starts" in said
    assert "testval=" in said
    assert "adapt_diag" not in said


def test_a_gradient_of_zero_is_named() -> None:
    said = start.words(Seen({}, (), ("a",)), [], is_jittered=False)
    assert said.startswith("the gradient with respect to a is zero at the test point.")


def test_what_broke_later_is_not_blamed_on_the_start() -> None:
    assert "broke on the way" in start.words(FINE, [FINE], is_jittered=True)


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (ValueError("Mass matrix contains zeros on the diagonal. \nThe derivative of RV `a`"), True),
        (RuntimeError("Bad initial energy"), True),
        (type("SamplingError", (Exception,), {})("anything"), True),
        (ValueError("Unused step method arguments"), False),
    ],
)
def test_errors_of_a_start_are_known_on_every_release(error: Any, is_one: Any) -> None:
    assert start.is_bad_start(error) is is_one
