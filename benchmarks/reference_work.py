"""Which reference workload feels what a neighbour does: ``python -m benchmarks.reference_work``.

Processes that are forks of one that has compiled a model time the core, beside two workloads in turns: plain
Python, and NumPy's leapfrogs. What is left of the differences between processes, when the core's time is
divided by either, is what a benchmark would show of nothing. Some 15 s a parent; writes
``results/power/reference_work.jsonl``, and prints a table.
"""

import argparse
import contextlib
import json
import math
import os
import signal
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

from harness import environment, lock, paths
from harness.cli.power import read
from harness.inside import isolated

#: What is kept busy meanwhile.
NEIGHBOURS = {
    "none": "",
    "python": "while True: sum(range(10000))",
    "numpy": "import numpy; a = numpy.ones((700, 700))\nwhile True: a.dot(a)",
}
#: What the core's time is divided by.
REFERENCES = {"": "nothing", "plain": "plain Python", "work": "NumPy's leapfrogs"}
_BURSTS, _BURST_S = 40, 0.002
_LONGEST_S = 600.0


@contextlib.contextmanager
def _neighbour(kind: str) -> Iterator[None]:
    """Keep the first CPU busy while the context lasts."""
    if not NEIGHBOURS[kind]:
        yield
        return
    cpu = min(os.sched_getaffinity(0))
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOURS[kind]])
    os.sched_setaffinity(process.pid, {cpu})
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _times(core: Any, cpu: int) -> Dict[str, List[float]]:
    """Return CPU seconds of a call in each of some bursts, of all workloads in turns."""
    from harness.inside import samples, yardstick

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


def _parent(model: str, processes: int) -> List[Dict[str, Any]]:
    """Compile a model in a fork, and time it in forks of that."""
    import models
    from harness.inside import core, samples

    def compiled(_: isolated.Tell) -> List[Dict[str, Any]]:
        one = core.Core(models.get(model))
        cpus = sorted(os.sched_getaffinity(0))
        return [
            {
                "cpu": number % len(cpus),
                "times": samples.in_fork(partial(_times, one, cpus[number % len(cpus)])),
            }
            for number in range(processes)
        ]

    ended = isolated.call(compiled, _LONGEST_S)
    if ended.result is None:
        raise SystemExit(f"{model}: {ended.how}")
    found: List[Dict[str, Any]] = ended.result
    return found


def _measure(options: argparse.Namespace, target: Path) -> None:
    environment.prepare_this_process()
    import pymc3  # noqa: F401 (forks have it from here)

    target.parent.mkdir(parents=True, exist_ok=True)
    about = {**environment.here(), **environment.commit(paths.ROOT)}
    for number in range(options.parents):
        for neighbour in options.neighbour or NEIGHBOURS:
            for model in options.model or ["simple_regression", "count_heterogenous"]:
                with _neighbour(neighbour):
                    rows = _parent(model, options.processes)
                with target.open("a") as file:
                    for row in rows:
                        known = {"model": model, "neighbour": neighbour, "parent": number, **about, **row}
                        file.write(json.dumps(known) + "\n")


def _value(row: Mapping[str, Any], workload: str, reference: str) -> float:
    times = row["times"]
    if not reference:
        return math.log(statistics.median(times[workload]))
    return math.log(statistics.median(a / b for a, b in zip(times[workload], times[reference])))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the spread of a process's value, and how far it lies from that without a neighbour.

    Parameters
    ----------
    rows : sequence of dict
        What :func:`main` wrote.
    """
    lines = [
        "| model | workload | neighbour | processes | divided by | sd of a process | beside none |",
        "| --- | --- | --- | ---: | --- | ---: | ---: |",
    ]
    for model in dict.fromkeys(row["model"] for row in rows):
        for workload in ("gradient", "leapfrog", "transitions"):
            for neighbour in NEIGHBOURS:
                for reference, name in REFERENCES.items():
                    sets = [
                        [
                            _value(row, workload, reference)
                            for row in rows
                            if (row["model"], row["neighbour"]) == (model, which)
                        ]
                        for which in ("none", neighbour)
                    ]
                    if min(map(len, sets)) < 2:
                        continue
                    moved = statistics.mean(sets[1]) - statistics.mean(sets[0])
                    shown = "" if neighbour == "none" else f"{100 * moved:+.1f} %"
                    lines.append(
                        f"| {model} | {workload} | {neighbour} | {len(sets[1])} | {name} |"
                        f" {100 * statistics.stdev(sets[1]):.1f} % | {shown} |"
                    )
    return "\n".join(lines)


def main() -> None:
    """Run the study, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parents", type=int, default=5, help="of each kind; 0 prints what is known")
    parser.add_argument("--processes", type=int, default=4, help="forks of each parent")
    parser.add_argument("--model", action="append", help="only these")
    parser.add_argument("--neighbour", action="append", choices=list(NEIGHBOURS), help="only these")
    options = parser.parse_args()
    target = paths.results_dir() / "power" / "reference_work.jsonl"
    if options.parents:
        with lock.machine("benchmarks.reference_work", lambda text: print(text, flush=True)):
            _measure(options, target)
    print(table(list(read(target.parent, target.name))))


if __name__ == "__main__":
    main()
