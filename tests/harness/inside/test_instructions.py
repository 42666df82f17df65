"""Counting instructions: in which order CPython numbers its types."""

from nutsbench.inside import instructions


def test_types_come_in_the_same_order_and_each_once() -> None:
    found = instructions._types()
    assert found == sorted(found, key=lambda one: (str(one.__module__), one.__qualname__))
    assert len({id(one) for one in found}) == len(found) > 50
