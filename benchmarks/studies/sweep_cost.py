"""What a sweep of settings costs, against a loop of ``pm.sample`` in one bare process, side by side.

``python -m benchmarks.studies.sweep_cost --stack pymc3-3.8`` samples a model with five numbers of draws, and
with five mixed settings: by ``nutsbench run``, and by a script as a user writes it. Both are whole commands,
from their start to their end, with the same warm cache of compiled modules. Which is first changes from
round to round. The draws of both are compared, bit for bit.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from nutsbench import models
from nutsbench.base import lock
from nutsbench.base.paths import ROOT, importable
from nutsbench.records import draws, grid
from nutsbench.records.store import Store
from nutsbench.stacks import environment, stack

#: By its name what is varied, crossed with each other: what one run holds; some of both; what none does.
SWEEPS: Mapping[str, Mapping[str, Tuple[Any, ...]]] = {
    "draws": {"draws": (200, 400, 600, 800, 1000)},
    "mixed": {"draws": (250, 500, 1000), "target_accept": (0.8, 0.9)},
    "target_accept": {"target_accept": (0.8, 0.85, 0.9, 0.95, 0.99)},
}
SEED = 2019
MODELS = ("simple_regression", "categorical")

BARE = """
import json, sys
import numpy as np
import pymc3 as pm
from nutsbench import models
name, seed, folder, *cells = sys.argv[1:]
for number, text in enumerate(cells):
    spec = models.get(name)
    with spec.build(spec.data()):
        trace = pm.sample(random_seed=int(seed), progressbar=False, **json.loads(text))
        pm.summary(trace)
    names = [one for one in trace.varnames if not one.endswith("__")]
    values = {name: np.stack(trace.get_values(name, combine=False, squeeze=False)) for name in names}
    np.savez(f"{folder}/{number}.npz", **values)
"""


def cells(model: str, sweep: str) -> List[grid.Cell]:
    """Return a sweep's cells, in the order in which the script samples them."""
    return grid.expand(grid.Grid((model,), "tutorial", SWEEPS[sweep], (SEED,)))


def arguments(cell: grid.Cell) -> Dict[str, Any]:
    """Return what the script calls ``pm.sample`` with."""
    settings = cell.settings.to_dict()
    return {name: settings[name] for name in models.SamplerSettings.names()[:5]}


def bare(one: stack.Stack, model: str, sweep: str, folder: Path) -> float:
    """Sample in one process, and return the wall seconds of all of it."""
    asked = [json.dumps(arguments(cell)) for cell in cells(model, sweep)]
    variables = environment.worker_variables(one.compiledir, one.has_theano_pymc, threads=1)
    return _wall_s(
        [str(one.python), "-c", BARE, model, str(SEED), str(folder), *asked], variables, importable()
    )


def harness(one: stack.Stack, model: str, sweep: str, folder: Path) -> float:
    """Sample by this project's command, and return the wall seconds of all of it."""
    varied = [
        word
        for name, values in SWEEPS[sweep].items()
        for word in (f"--{name.replace('_', '-')}", ",".join(map(str, values)))
    ]
    command = [sys.executable, "-m", "nutsbench", "run", model, "--stack", one.name, "--seed", str(SEED)]
    command += ["--profile", "tutorial", "--keep-draws", "--results", str(folder), *varied]
    return _wall_s(command, dict(os.environ), ROOT)


def _wall_s(command: Sequence[str], variables: Mapping[str, str], folder: Path) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, env=dict(variables), cwd=folder, capture_output=True, text=True)
    took = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"{' '.join(command[:6])} has failed:\n{done.stderr[-2000:]}")
    return took


def same_draws(model: str, sweep: str, ours: Path, theirs: Path) -> bool:
    """Return whether both have the same draws of every cell, bit for bit."""
    files = {
        json.dumps(arguments(grid.Cell.from_dict(record))): record["details"]["draws_file"]
        for record in Store(ours).load().records
    }
    for number, cell in enumerate(cells(model, sweep)):
        kept = draws.read(ours / "draws" / files[json.dumps(arguments(cell))])["posterior"]
        with np.load(theirs / f"{number}.npz") as plain:
            if not all(np.array_equal(kept[name], plain[name]) for name in kept):
                return False
    return True


def compare(one: stack.Stack, model: str, sweep: str, rounds: int) -> Dict[str, Any]:
    """Run both in turns, and return the wall seconds of each, their ratio, and whether draws agree."""
    took: Dict[str, List[float]] = {"bare": [], "harness": []}
    same = True
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
            arms = {"bare": (bare, Path(theirs)), "harness": (harness, Path(ours))}
            for name in sorted(arms, reverse=bool(number % 2)):
                run, folder = arms[name]
                took[name].append(run(one, model, sweep, folder))
            same = same and same_draws(model, sweep, Path(ours), Path(theirs))
    ratios = [ours / theirs for ours, theirs in zip(took["harness"], took["bare"])]
    return {
        "model": model,
        "sweep": sweep,
        "cells": len(cells(model, sweep)),
        **{f"{name}_s": round(statistics.median(seconds), 2) for name, seconds in took.items()},
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "same_draws": same,
    }


def main() -> None:
    """Measure every sweep of some models on one stack, a line of JSON each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--stack", default=stack.DEFAULT)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    one = stack.resolve(options.stack)
    with lock.machine("benchmarks.studies.sweep_cost", lambda text: print(text, flush=True)):
        for model in options.models or MODELS:
            for sweep in SWEEPS:
                row = compare(one, model, sweep, options.rounds)
                print(json.dumps({"stack": one.name, **row}), flush=True)


if __name__ == "__main__":
    main()
