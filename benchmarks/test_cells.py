"""One short cell of every model, under pytest-benchmark: what it records is in extra_info."""

import pytest

import models


@pytest.mark.parametrize("model", models.names())
def test_cell(benchmark, next_record, model):
    """Sample a cell once, in a fork of a worker that all of these benchmarks share."""
    benchmark.group = "cell: quick"
    record = benchmark.pedantic(next_record, args=(model,), rounds=1)
    kept = ("model", "model_digest", "settings", "seed", "stack", "stack_digest", "status", "reason")
    benchmark.extra_info.update(
        kind="cell",
        **{name: record[name] for name in kept},
        quality=record["quality"],
        accuracy=record["accuracy"].get("verdict", "inconclusive"),
        reasons=list(record["accuracy"].get("reasons", [])),
        metrics=record["metrics"],
    )
