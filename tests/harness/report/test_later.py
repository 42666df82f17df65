"""The history past PyMC3: later releases on one axis of days."""

from typing import Any, Callable, Dict, List

import pytest

from nutsbench.stacks import stack
from tests.harness.report.conftest import figures_of, moved

pytestmark = pytest.mark.whole


def _history(write: Callable[..., Any], build: Callable[..., Any], records: List[Any]) -> str:
    return str((build(write(records), "history.html")[0] / "history.html").read_text())


def test_each_pymc_is_a_line_of_its_own_at_its_day(
    write: Callable[..., Any], build: Callable[..., Any], published: List[Any]
) -> None:
    faster: Dict[str, float] = {
        "pymc3-3.8": 1.0, "pymc3-3.11": 1.25, "pymc-4.0.1": 0.8, "pymc-5.28": 2.0, "pymc-6.4": 4.0,
        "pymc-6.4+nutpie": 8.0,
    }  # fmt: skip
    records = [one for name, times in faster.items() for one in moved(published, name, times)]
    text = _history(write, build, records)
    assert "Speed past PyMC3" in text
    (line, *_) = figures_of(text)["past-sampling-alone"]["data"]
    # No line is drawn from one program to another.
    assert line["text"] == ["pymc3-3.8", "pymc3-3.11", "", "pymc-4.0.1", "", "pymc-5.28", "", "pymc-6.4"]
    assert [one for one in line["y"] if one is not None] == pytest.approx([1, 0.8, 1.25, 0.5, 0.25])
    days = {row.name: row.released for row in stack.TABLE}
    assert [one for one in line["x"] if one is not None] == [days[one] for one in line["text"] if one]
    assert "pymc-6.4+nutpie" not in str(line)
    assert "pymc-6.4 0.25 (2)" in text
    whole = figures_of(text)["past-sampling-alone"]["data"][-1]
    assert whole["name"] == "geometric mean of all models"
    assert whole["y"] == pytest.approx(line["y"])


def test_where_nothing_later_was_measured_there_is_no_such_part(
    write: Callable[..., Any], build: Callable[..., Any], published: List[Any]
) -> None:
    assert "Speed past PyMC3" not in _history(write, build, moved(published, "pymc3-3.8", 1.0))


def test_pymcs_own_releases_are_in_their_order() -> None:
    rows = [row for row in stack.TABLE if row.released]
    assert [row.name for row in rows if "+" in row.name] == []
    assert all("+" in row.name for row in stack.TABLE if not row.released)
    later = [row.released for row in rows if row.name in stack.LATER]
    assert later == sorted(later)
