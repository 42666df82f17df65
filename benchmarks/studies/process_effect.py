"""What makes one process faster than another: ``python -m benchmarks.studies.process_effect [--pairs 20]``.

Process pairs of one stack do the same work, interleaved, under several ways to start them.
What differs between pairs, and not between bursts of a pair, is the process' own.
"""

import argparse
import json
import random
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple
from unittest import mock

from nutsbench.base import lock, paths
from nutsbench.cli.power import read
from nutsbench.compare import pair, statistics
from nutsbench.compare.arms import Arm, resolve
from nutsbench.stacks import environment

#: How a process is started, in words.
WAYS = {
    "as it is": "hash seed 0, an environment of the same size in each process",
    "padded": "hash seed 0, an environment of another size in each process",
    "hash seeds": "one of four hash seeds in each process",
    "no ASLR": "hash seed 0, the same size, addresses not randomised (setarch -R)",
    "no ASLR, padded": "addresses not randomised, an environment of another size in each process",
    "padded, heap kept": "an environment of another size, and the heap never given back to the system",
}
#: glibc's: arrays live in the heap, which does not shrink when the topmost of them is freed.
_KEPT = {
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**26),
}


@contextmanager
def _started(way: str, number: int) -> Iterator[None]:
    """Let processes be started in one of the ways while the context lasts."""
    order = random.Random(number)
    begin = pair.Process.__init__

    def start(self: Any, arm: Arm, model: str, **options: Any) -> None:
        given = dict(options.pop("variables", None) or {})
        if "padded" not in way:
            given = {}
        if "heap kept" in way:
            given.update(_KEPT)
        if way == "hash seeds":
            seed = order.randrange(4)
            given["PYTHONHASHSEED"] = str(seed)
            options["compiledir"] = arm.stack.home / f"compiledir-{arm.role.lower()}-{seed}"
        prefix = ("setarch", "-R") if "ASLR" in way else ()
        begin(self, arm, model, prefix=prefix, variables=given, **options)

    with mock.patch.object(pair.Process, "__init__", start):
        yield


def main() -> None:
    """Run the study, and print a row a way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20, help="of each way; 0 prints what is known")
    parser.add_argument("--bursts", type=int, default=20)
    parser.add_argument("--model", default="simple_regression")
    parser.add_argument("--stack", default="pymc3-3.8")
    parser.add_argument("--way", action="append", choices=list(WAYS), help="only these")
    options = parser.parse_args()
    target = paths.results_dir() / "power" / "process_effect.jsonl"
    if options.pairs:
        with lock.machine("benchmarks.studies.process_effect", lambda text: print(text, flush=True)):
            _measure(options, target)
    print("| how processes are started | model | pairs | sd of a pair | of it, bursts | sd of a burst |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    found: Dict[Tuple[str, str], List[List[float]]] = {}
    for row in read(target.parent, target.name):
        found.setdefault((row["way"], row["model"]), []).append(row["log_ratios"])
    for (way, model), logs in found.items():
        spread = statistics.spread(logs)
        cells = [f"{value:.2%}" for value in (spread.pair, spread.by_bursts, spread.burst)]
        print(f"| {WAYS[way]} | {model} | {spread.pairs} | {' | '.join(cells)} |")


def _measure(options: argparse.Namespace, target: Path) -> None:
    if shutil.which("setarch") is None:
        raise SystemExit("setarch is missing (Debian: util-linux)")
    base, head = resolve("BASE", options.stack, options.stack), resolve("HEAD", options.stack, options.stack)
    target.parent.mkdir(parents=True, exist_ok=True)
    # In turns, so that the machine's moods are the same for all ways.
    for number in range(options.pairs):
        for way in options.way or WAYS:
            with _started(way, number):
                one = pair.measure(base, head, options.model, number + 1, options.bursts)
            logs = [float(log) for log in statistics.burst_ratios(*one.times())]
            row = {"way": way, "model": options.model, "stack": options.stack, "log_ratios": logs}
            with target.open("a") as file:
                file.write(json.dumps({**row, **environment.commit(paths.ROOT)}) + "\n")


if __name__ == "__main__":
    main()
