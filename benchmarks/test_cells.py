"""One short cell of every model, under pytest-benchmark: what it records is in extra_info."""

import pytest

from nutsbench import models
from nutsbench.track.measured import Reader

CLOCK = Reader()


@pytest.mark.benchmark(timer=CLOCK, disable_gc=False)
@pytest.mark.parametrize("model", models.names())
def test_cell(benchmark, next_record, model):
    """Sample a cell once, in a fork of a worker that all of these benchmarks share."""
    benchmark.group = "cell: quick"
    record = next_record(model)
    # What pytest-benchmark shows are the seconds of its phases, not those of this process that waits for it.
    wall_s = sum(phase["wall_s"] for name, phase in record["phases"].items() if name != "import")
    benchmark.pedantic(lambda: CLOCK.add(wall_s), rounds=1)
    kept = ("model", "model_digest", "settings", "seed", "stack", "stack_digest", "status", "reason")
    benchmark.extra_info.update(
        kind="cell",
        **{name: record[name] for name in kept},
        quality=record["quality"],
        accuracy=record["accuracy"].get("verdict", "inconclusive"),
        reasons=list(record["accuracy"].get("reasons", [])),
        metrics=record["metrics"],
    )
