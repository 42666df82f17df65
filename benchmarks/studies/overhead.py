"""What the harness costs: its wall time against a bare script's, side by side.

``python -m benchmarks.studies.overhead --stack pymc3-3.8`` samples the tutorial's models with
the tutorial's settings twice: through the harness, a fresh process each, and in one
bare process that calls ``pm.sample`` and ``az.summary``. The two take turns, model by
model, so that a drift of the machine meets both. The harness's records are kept like
any others.
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Any, Dict, List

from nutsbench.base import lock
from nutsbench.base.paths import ROOT, results_dir
from nutsbench.records import grid
from nutsbench.records.record import Status
from nutsbench.records.store import Store, utc_now
from nutsbench.run import plan, runner
from nutsbench.run.options import Options
from nutsbench.stacks import environment, stack

#: The bare script; it waits for its turn before each model.
BARE = """
import json, sys, time
import arviz as az, pymc3 as pm
from nutsbench import models
print(json.dumps({"imported": True}), flush=True)
for line in sys.stdin:
    name, settings, seed = json.loads(line)
    begin = time.perf_counter()
    spec = models.get(name)
    with spec.build(spec.data()) as model:
        keep = {k: settings[k] for k in ("draws", "tune", "chains", "cores", "target_accept")}
        trace = pm.sample(**keep, random_seed=seed, progressbar=False)
        sampled = time.perf_counter() - begin
        az.summary(trace)
    took = time.perf_counter() - begin
    print(json.dumps({"wall_s": took, "summary_s": took - sampled}), flush=True)
"""


class Bare:
    """The bare process, which runs one model at a time when it is told to."""

    def __init__(self, one: stack.Stack) -> None:
        variables = environment.worker_variables(one.compiledir, one.has_theano_pymc, threads=1)
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            [str(one.python), "-c", BARE],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._answer()  # It has imported the stack.
        self.start_s = time.perf_counter() - begin

    def _answer(self) -> Dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("the bare script has failed: run it by hand to see why")
        return dict(json.loads(line))

    def run(self, cell: grid.Cell) -> Dict[str, float]:
        """Sample a cell, and return the wall seconds that it took."""
        assert self._process.stdin is not None
        task = [cell.model, cell.settings.to_dict(), cell.seed]
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> float:
        """End the process, and return the seconds that this took."""
        begin = time.perf_counter()
        self._process.communicate()
        return time.perf_counter() - begin


def compare(one: stack.Stack, profile: str, seed: int) -> List[Dict[str, Any]]:
    """Run every cell in both arms, and return one row a model and one for all else."""
    store = Store(results_dir())
    options = Options(profile, timeout_s=3600, memory_bytes=0, threads=1)
    jobs = plan.jobs(grid.expand(grid.Grid((), profile, {}, (seed,))), [one], 1)
    run_file = store.begin(profile, utc_now())
    harness = runner.run(jobs, options, store.origin(), run_file, lambda *_: None)
    rows = []
    bare = Bare(one)
    for number, job in enumerate(jobs):
        turns = ["bare", "harness"] if number % 2 else ["harness", "bare"]
        row: Dict[str, Any] = {"model": job.cell.model}
        for turn in turns:
            begin = time.perf_counter()
            if turn == "bare":
                answer = bare.run(job.cell)
                row["bare_s"], row["bare_summary_s"] = answer["wall_s"], answer["summary_s"]
            else:
                record = next(harness)
                row["harness_s"] = time.perf_counter() - begin
                if record.status is not Status.OK:
                    sys.exit(f"{job.cell.model} is {record.status.value}: {record.reason}")
                row.update({f"{p}_s": t["wall_s"] for p, t in record.phases.items()})
                row["other_s"] = row["harness_s"] - sum(
                    t["wall_s"] for p, t in record.phases.items() if p != "import"
                )
        rows.append(row)
        print(
            f"{job.cell.model:28} harness {row['harness_s']:7.2f} s   bare {row['bare_s']:7.2f} s", flush=True
        )
    begin = time.perf_counter()
    list(harness)
    ending_s = time.perf_counter() - begin
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "nutsbench", "models"], cwd=ROOT, check=True, capture_output=True)
    command_s = time.perf_counter() - begin
    ends = {"harness_s": ending_s + command_s, "bare_s": bare.start_s + bare.close()}
    return [*rows, {"model": "(start and end)", **ends}]


def main() -> None:
    """Compare the two on one stack, and print the table and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", default=stack.DEFAULT)
    parser.add_argument("--profile", default="tutorial")
    parser.add_argument("--seed", type=int, default=grid.DEFAULT_SEED)
    options = parser.parse_args()
    one = stack.resolve(options.stack)
    machine = environment.machine(1)  # The commit that is measured, not one made meanwhile.
    with lock.machine("benchmarks.studies.overhead", lambda text: print(text, flush=True)):
        rows = compare(one, options.profile, options.seed)
    harness_s, bare_s = (sum(row[name] for row in rows) for name in ("harness_s", "bare_s"))
    summary = {
        "stack": one.name,
        "profile": options.profile,
        "seed": options.seed,
        "measured_at": utc_now().isoformat(timespec="seconds"),
        "machine": machine,
        "harness_s": harness_s,
        "bare_s": bare_s,
        "ratio": harness_s / bare_s,
        "rows": rows,
    }
    folder = results_dir() / "overhead"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{utc_now():%Y%m%dT%H%M%SZ}-{options.profile}-{one.name}.json"
    path.write_text(json.dumps(summary, indent=1) + "\n")
    print(f"all: harness {harness_s:.1f} s, bare {bare_s:.1f} s, ratio {harness_s / bare_s:.3f}")


if __name__ == "__main__":
    main()
