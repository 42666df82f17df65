"""The NUTS core of every model at work that does not change, under pytest-benchmark."""

import pytest

import models
from harness.inside import samples

#: Forks that time a call, for the guard.
PROCESSES = 4
CALLS = ("gradient", "leapfrog", "transitions")


# One model after the other, so that each is compiled once.
@pytest.mark.parametrize(("model", "call"), [(model, call) for model in models.names() for call in CALLS])
def test_core(benchmark, core, model, call):
    """Time a call of the core, for pytest-benchmark and beside reference work in processes of its own."""
    function = getattr(core(model), call)
    benchmark.group = f"core: {call}"
    benchmark.extra_info.update(
        kind="core",
        model=model,
        model_digest=models.model_digest(models.get(model)),
        call=call,
        ratios=samples.in_processes({call: function}, PROCESSES)[call],
    )
    benchmark(function)
