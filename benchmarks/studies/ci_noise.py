"""How often the guard goes red on an unchanged tree.

``python -m benchmarks.studies.ci_noise --runs 20 [--load]``

Each run is a whole ``nutsbench guard`` against one baseline, as CI would do it; those of docs/ci.md
are published under ``results/ci/published``. One JSON
line a run is appended to the output, so that a study can go on where it was stopped.
"""

import argparse
import contextlib
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator

from nutsbench.base import paths
from nutsbench.stacks import environment
from nutsbench.track import guard


@contextlib.contextmanager
def _load(wanted: bool) -> Iterator[None]:
    """Keep one core busy, as another job of CI would."""
    if not wanted:
        yield
        return
    other = subprocess.Popen([sys.executable, "-c", "while True: sum(i * i for i in range(100000))"])
    try:
        yield
    finally:
        other.kill()
        other.wait()


def _run(folder: Path, only: str) -> Dict[str, Any]:
    command = [sys.executable, "-m", "nutsbench", "guard", "--json", "--output", str(folder)]
    command += ["-k", only] if only else []
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=paths.ROOT)
    if done.returncode not in (0, 1):
        raise SystemExit(f"the guard ended with code {done.returncode}")
    now, base = guard.read(folder / "current.json"), guard.read(folder / "baseline.json")
    logs = guard.log_ratios(now, base)
    calls = sorted({call for _, call in logs})
    return {
        **json.loads(done.stdout),
        "suspected_at_first": [finding.text for finding in guard.judge_time(now, base)],
        "geometric_mean": {
            call: math.exp(statistics.mean(log for key, log in logs.items() if key[1] == call))
            for call in calls
        },
        "largest_ratio": math.exp(max(logs.values())),
        "smallest_ratio": math.exp(min(logs.values())),
        "seconds": time.monotonic() - began,
    }


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--load", action="store_true", help="keep the other core busy meanwhile")
    parser.add_argument("--only", default="", help="pytest's -k, test_core for times alone")
    parser.add_argument("--output", type=Path, default=paths.results_dir() / "ci")
    options = parser.parse_args()
    if not (options.output / "baseline.json").is_file():
        raise SystemExit("there is no baseline: `nutsbench guard --save-baseline` makes one")
    red = 0
    for number in range(options.runs):
        with _load(options.load):
            found = _run(options.output, options.only)
        red += found["verdict"] == "red"
        line = {"load": options.load, "only": options.only, **environment.commit(paths.ROOT), **found}
        with (options.output / "noise.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        means = ", ".join(f"{call} {mean:.3f}" for call, mean in found["geometric_mean"].items())
        print(
            f"{number + 1}/{options.runs}: {found['verdict']}; {means}; {found['seconds']:.0f} s", flush=True
        )
    print(f"{red} of {options.runs} red")


if __name__ == "__main__":
    main()
