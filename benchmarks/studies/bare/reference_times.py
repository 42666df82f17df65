"""Times the core beside two reference workloads, inside a stack.

``python -m benchmarks.studies.bare.reference_times MODEL PROCESSES`` compiles a model and times it in as
many forks. The last line that it prints is JSON: a list of
``{"cpu": int, "times": {workload: [seconds, ...]}}``,
CPU seconds of a call, one a burst. :mod:`benchmarks.studies.reference_work` starts it.
"""

import json
import os
import sys
from functools import partial
from typing import Any, Callable, Dict, List

from nutsbench import models
from nutsbench.inside import isolated, samples, yardstick
from nutsbench.inside.core import Core

_BURSTS, _BURST_S = 40, 0.002
_LONGEST_S = 600.0


def _times(core: Core, cpu: int) -> Dict[str, List[float]]:
    """Return CPU seconds of a call in each of some bursts, of all workloads, interleaved."""
    os.sched_setaffinity(0, {cpu})
    calls: Dict[str, Callable[[], object]] = {
        "gradient": core.gradient,
        "leapfrog": core.leapfrog,
        "transitions": core.transitions,
        "work": yardstick.work,
        "plain": yardstick.plain_work,
    }
    numbers = {name: samples.calls_of(call, _BURST_S) for name, call in calls.items()}
    found: Dict[str, List[float]] = {name: [] for name in calls}
    for turn in range(_BURSTS):
        for name in list(calls)[:: 1 if turn % 2 else -1]:
            found[name].append(samples.seconds_of(calls[name], numbers[name]))
    return found


def _forks(model: str, processes: int, _: isolated.Tell) -> List[Dict[str, Any]]:
    core, cpus = Core(models.get(model)), sorted(os.sched_getaffinity(0))
    return [
        {"cpu": number % len(cpus), "times": samples.in_fork(partial(_times, core, cpus[number % len(cpus)]))}
        for number in range(processes)
    ]


def main() -> None:
    """Compile, time, and print."""
    ended = isolated.call(partial(_forks, sys.argv[1], int(sys.argv[2])), _LONGEST_S)
    if ended.result is None:
        raise SystemExit(f"{sys.argv[1]}: {ended.how}")
    print(json.dumps(ended.result))


if __name__ == "__main__":
    main()
