"""Which reference workload feels what a neighbour does: ``python -m benchmarks.studies.reference_work``.

Processes that are forks of one that has compiled a model time the core, beside two interleaved workloads:
plain Python, and NumPy's leapfrogs. What is left of the differences between processes, when its time is
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
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from nutsbench.base import lock, paths
from nutsbench.cli.power import read
from nutsbench.stacks import environment, stack

#: What is kept busy meanwhile.
NEIGHBOURS = {
    "none": "",
    "python": "while True: sum(range(10000))",
    "numpy": "import numpy; a = numpy.ones((700, 700))\nwhile True: a.dot(a)",
}
#: What the core's time is divided by.
REFERENCES = {"": "nothing", "plain": "plain Python", "work": "NumPy's leapfrogs"}


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


def _parent(one: stack.Stack, model: str, processes: int) -> List[Dict[str, Any]]:
    """Have a process of the stack compile a model, and time it in forks."""
    variables = environment.worker_variables(one.compiledir, one.has_theano_pymc, 1)
    command = [
        str(one.python),
        "-W",
        "ignore",
        "-m",
        "benchmarks.studies.bare.reference_times",
        model,
        str(processes),
    ]
    done = subprocess.run(command, env=variables, cwd=paths.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    found: List[Dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(options: argparse.Namespace, target: Path) -> None:
    one = stack.named(options.stack)
    target.parent.mkdir(parents=True, exist_ok=True)
    about = {**environment.here(), **environment.commit(paths.ROOT)}
    for number in range(options.parents):
        for neighbour in options.neighbour or NEIGHBOURS:
            for model in options.model or ["simple_regression", "count_heterogenous"]:
                with _neighbour(neighbour):
                    rows = _parent(one, model, options.processes)
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
    parser.add_argument("--stack", default=stack.DEFAULT, choices=stack.NAMES)
    options = parser.parse_args()
    target = paths.results_dir() / "power" / "reference_work.jsonl"
    if options.parents:
        with lock.machine("benchmarks.studies.reference_work", lambda text: print(text, flush=True)):
            _measure(options, target)
    print(table(list(read(target.parent, target.name))))


if __name__ == "__main__":
    main()
