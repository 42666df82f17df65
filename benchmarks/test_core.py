"""The NUTS core of every model at work that does not change, under pytest-benchmark.

The stack's process times each call in bursts, beside reference work, in forks of its own; pytest-benchmark
reads the seconds of the bursts off a clock that tells just these.
"""

from typing import Any, Callable, Dict

import pytest

from nutsbench import models
from nutsbench.track.measured import Reader

#: Forks that time a call.
PROCESSES = 4
CALLS = ("gradient", "leapfrog", "transitions")
CLOCK = Reader()


# One model after the other, so that its modules are at hand.
@pytest.mark.benchmark(timer=CLOCK, disable_gc=False)
@pytest.mark.parametrize(("model", "call"), [(model, call) for model in models.names() for call in CALLS])
def test_core(benchmark: Any, measured: Callable[..., Dict[str, Any]], model: str, call: str) -> None:
    """Time a call of the core."""
    found = measured(model=model, processes=PROCESSES, call=call)
    benchmark.group = f"core: {call}"
    benchmark.extra_info.update(
        kind="core",
        model=model,
        model_digest=models.model_digest(models.get(model)),
        call=call,
        ratios=found["values"][call],
    )
    seconds = iter(found["seconds"])
    benchmark.pedantic(lambda: CLOCK.add(next(seconds)), rounds=len(found["seconds"]))
