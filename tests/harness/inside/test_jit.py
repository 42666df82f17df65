"""When JAX compiled: each moment once, and only between the instants that are asked about."""

from nutsbench.inside.jit import Compiling


def test_what_overlaps_counts_once_and_what_is_outside_not_at_all() -> None:
    found = Compiling(on=False)
    found._spans = [(0.0, 1.0), (2.0, 6.0), (3.0, 4.0), (5.0, 7.0), (9.0, 12.0)]
    assert found.seconds(0.5, 10.0) == 0.5 + 5.0 + 1.0
    assert found.seconds(7.0, 9.0) == 0.0
    assert found.seconds(3.0, 4.0) == 1.0


def test_only_compiling_is_heard() -> None:
    found = Compiling(on=False)
    with found:
        found._heard("/jax/core/compile/backend_compile_duration", 0.25)
        found._heard("/jax/checkpoint/write/durations", 100.0)
    assert len(found._spans) == 1
    ((begin, end),) = found._spans
    assert found.seconds(begin, end) == end - begin
