"""Whether models that were changed as ``nutsbench migrate --diff`` says are the same models on another PyMC.

    PYTHONPATH=src:. .venv/bin/python -m benchmarks.studies.migrated_models --python PYTHON

PYTHON has PyMC 6.4 and its packages, nothing else. It takes two minutes, and samples next to nothing. It
prints, for each model of the tutorial, by how much the log-probability in the unconstrained space differs
from that of PyMC3 at three points, and how much of that is a constant; then for each example of the tests
whether it runs.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from nutsbench.base.paths import ROOT
from nutsbench.dialect import changes, names
from nutsbench.stacks import environment, stack

#: Builds each model and evaluates it; the points are chosen by the older of both.
SCRIPT = """
import json, sys
import numpy as np
from nutsbench import models
try:
    import pymc3
except ImportError:
    pymc3 = None
points = json.load(open(sys.argv[1])) if pymc3 is None else {}
found = {}
for name in models.names():
    spec = models.get(name)
    try:
        model = spec.build(spec.data())
        if pymc3 is not None:
            random = np.random.RandomState(3)
            points[name] = [
                {k: (v + 0.1 * random.normal(size=np.shape(v))).tolist() for k, v in model.test_point.items()}
                for _ in range(3)
            ]
            evaluate = model.fastfn(model.logpt)
        else:
            evaluate = model.compile_logp()
        asked = [{k: np.asarray(v) for k, v in point.items()} for point in points[name]]
        found[name] = [float(evaluate(point)) for point in asked]
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
if pymc3 is not None:
    json.dump(points, open(sys.argv[1], "w"))
print(json.dumps(found))
"""
#: Runs an example as far as a few draws.
EXAMPLE = """
import runpy, sys
import numpy as np
import pymc as pm
found = runpy.run_path(sys.argv[1])
model = found["model"] if "model" in found else found["build"]()
assert np.isfinite(model.compile_logp()(model.initial_point()))
with model:
    pm.sample(20, tune=20, chains=1, cores=1, progressbar=False)
if "draws" in found:
    assert len(found["draws"](model)) == 20
print("runs")
"""


def changed(path: Path, target: names.Names) -> int:
    """Change a file as it is said to be needed, and return how many changes are left to a person."""
    found = changes.check(path, target)
    path.write_text(found.after, encoding="utf-8")
    return sum(one.by_hand for one in found.changes)


def run(command: List[str], variables: Dict[str, str], folder: Path) -> str:
    """Return the last line that a command prints, or what it broke with."""
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return lines[-1] if lines else ""


def compared(folder: Path, python: str, target: names.Names) -> List[Dict[str, Any]]:
    """Return by how much each model's log-probability differs between PyMC3 and a PyMC."""
    for name in ("harness", "models", "src"):
        shutil.copytree(
            ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    for path in (folder / "models" / "tutorial").glob("*.py"):
        changed(path, target)
    one = stack.named("pymc3-3.11")
    points = str(folder / "points.json")
    old = run(
        [str(one.python), "-c", SCRIPT, points],
        environment.worker_variables(one.compiledir, one.has_theano_pymc, 1),
        ROOT,
    )
    plain = {**os.environ, "PYTHONPATH": str(folder / "src")}
    new = run([python, "-c", SCRIPT, points], plain, folder)
    before, after = json.loads(old), json.loads(new)
    rows = []
    for name, values in before.items():
        if isinstance(after[name], str):
            rows.append({"model": name, "problem": after[name]})
            continue
        apart = [b - a for a, b in zip(values, after[name])]
        constant = sum(apart) / len(apart)
        scale = max(map(abs, values))
        rows.append(
            {
                "model": name,
                "difference": max(map(abs, apart)) / scale,
                "beyond_constant": max(abs(one - constant) for one in apart) / scale,
                "constant": constant,
            }
        )
    return rows


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", required=True, help="A Python with PyMC 6.4.")
    given = parser.parse_args()
    python = os.path.abspath(given.python)
    target = names.load("pymc-6.4")
    with tempfile.TemporaryDirectory(prefix="nutsbench-") as name:
        folder = Path(name)
        for row in compared(folder / "tree", python, target):
            if "problem" in row:
                print(f"{row['model']:28} {row['problem']}")
                continue
            constant = row["constant"] if math.fabs(row["constant"]) > 1e-6 else 0.0
            print(
                f"{row['model']:28} relative {row['difference']:.0e}, beyond a constant"
                f" {row['beyond_constant']:.0e}, constant {constant:.6g}"
            )
        for path in sorted((ROOT / "tests" / "harness" / "dialect" / "cases").glob("*.py")):
            target_path = folder / path.name
            shutil.copyfile(path, target_path)
            left = changed(target_path, target)
            said = run([python, "-c", EXAMPLE, str(target_path)], dict(os.environ), folder)
            print(f"{path.name:28} {left} left to a person; {said}")


if __name__ == "__main__":
    main()
