"""One short cell of every model, under pytest-benchmark: what it records is in extra_info."""

from typing import Any, Callable, Mapping

import pytest

from nutsbench import models
from nutsbench.records.stored import Stored
from nutsbench.track.measured import Reader

CLOCK = Reader()


@pytest.mark.benchmark(timer=CLOCK, disable_gc=False)
@pytest.mark.parametrize("model", models.names())
def test_cell(benchmark: Any, next_record: Callable[[str], Stored], model: str) -> None:
    """Sample a cell once, in a fork of a worker that all of these benchmarks share."""
    benchmark.group = "cell: quick"
    record = next_record(model)
    # What pytest-benchmark shows are the seconds of its phases, not those of this process that waits for it.
    wall_s = sum(phase["wall_s"] for name, phase in record["phases"].items() if name != "import")
    benchmark.pedantic(lambda: CLOCK.add(wall_s), rounds=1)
    kept = ("model", "model_digest", "settings", "seed", "stack", "stack_digest", "status", "reason")
    values: Mapping[str, Any] = record
    benchmark.extra_info.update(
        kind="cell",
        **{name: values[name] for name in kept},
        quality=record["quality"],
        accuracy=record["accuracy"].get("verdict", "inconclusive"),
        reasons=list(record["accuracy"].get("reasons", [])),
        metrics=record["metrics"],
    )
