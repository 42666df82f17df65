"""Counting calls: Python's functions and C's, by name, the same each time."""

from typing import Any, Callable

import numpy as np
import pytest

from nutsbench.inside.calls import Calls


def _twice(values: Any) -> Any:
    return [_once(values), _once(values)]


def _once(values: Any) -> Any:
    return len(values), values.copy(), sorted(values)


def _counted(call: Callable[..., Any], *arguments: Any) -> Any:
    with Calls() as counted:
        call(*arguments)
    return counted.counts


def test_calls_are_counted_by_name() -> None:
    found = _counted(_twice, np.arange(3))
    here = __name__
    assert found == {
        f"{here}._twice": 1,
        f"{here}._once": 2,
        "len": 2,
        "ndarray.copy": 2,
        "sorted": 2,
    }


def test_methods_of_several_objects_are_one_function() -> None:
    found = _counted(lambda: [text.upper() for text in ("a", "b", "c")])
    assert found["str.upper"] == 3


def test_the_same_work_gives_the_same_counts() -> None:
    assert _counted(_twice, np.arange(5)) == _counted(_twice, np.arange(5))


def test_what_follows_is_not_counted() -> None:
    with Calls() as counted:
        len([])
    sorted([3, 1])
    assert counted.counts == {"len": 1}


def test_an_error_ends_the_counting() -> None:
    counted = Calls()
    with pytest.raises(IndexError), counted:
        [].pop()
    abs(-1)
    assert counted.counts == {"list.pop": 1}
