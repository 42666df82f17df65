"""Counts of instructions: which functions one arm spends more on."""

from typing import Any, Dict

from nutsbench.compare import callgrind
from nutsbench.compare.callgrind import Count, Moved


def _count(per_leapfrog: float, functions: Dict[str, Any], calls: Dict[str, Any]) -> Count:
    return Count(per_leapfrog, 100, 10, [0.0], functions, calls)


def test_what_moved_most_comes_first_c_before_python() -> None:
    base = _count(1000.0, {"numpy: exp": 10.0, "python: eval": 900.0}, {"a.step": 1.0, "b.copy": 2.0})
    head = _count(1130.0, {"numpy: exp": 110.0, "python: eval": 930.0}, {"a.step": 2.0, "b.copy": 2.5})
    assert callgrind.moved(base, head) == [
        Moved("numpy: exp", 10.0, 110.0, "instructions"),
        Moved("python: eval", 900.0, 930.0, "instructions"),
        Moved("a.step", 1.0, 2.0, "calls"),
        Moved("b.copy", 2.0, 2.5, "calls"),
    ]


def test_what_only_one_arm_has_is_told() -> None:
    base = _count(1000.0, {"numpy: log": 50.0}, {"a.step": 1.0})
    head = _count(1000.0, {"numpy: exp": 50.0}, {"b.step": 1.0})
    found = {one.function: one.more for one in callgrind.moved(base, head)}
    assert found == {"numpy: exp": 50.0, "numpy: log": -50.0, "a.step": -1.0, "b.step": 1.0}


def test_counts_within_their_spread_have_not_moved() -> None:
    base = _count(100000.0, {"python: eval": 50000.0}, {"a.step": 1.0})
    head = _count(100050.0, {"python: eval": 50050.0}, {"a.step": 1.001})
    assert callgrind.moved(base, head) == []


def test_few_are_told_of_however_many_moved() -> None:
    base = _count(1000.0, {f"python: f{number}": 0.0 for number in range(50)} | {"python: x": 1.0}, {})
    head = _count(2000.0, {f"python: f{number}": 10.0 + number for number in range(50)}, {})
    found = callgrind.moved(base, head)
    assert [one.function for one in found][:2] == ["python: f49", "python: f48"]
    assert len(found) == callgrind._MOST_TOLD


def test_an_arm_whose_functions_are_not_known_has_moved_nothing() -> None:
    assert callgrind.moved(_count(1.0, {}, {}), _count(2.0, {"python: eval": 2.0}, {"a.step": 1.0})) == []
