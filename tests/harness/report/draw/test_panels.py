"""Small multiples: axes that can be read."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from nutsbench.report.draw.panels import log_ticks


@given(low=st.floats(1e-6, 1e6), reach=st.floats(1.01, 1e6))
@example(low=2.01, reach=6.0)
def test_at_least_two_ticks_lie_on_a_logarithmic_axis(low: Any, reach: Any) -> None:
    ticks = log_ticks(low, low * reach)
    assert sum(low <= tick <= low * reach for tick in ticks) >= 2
    assert len(ticks) <= 24
    assert ticks == sorted(ticks)
