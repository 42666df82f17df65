"""What one ArviZ for all stacks changes: ``python -m benchmarks.studies.arviz_versions``.

Samples every model once (profile quick), and has ESS, R-hat and MCSE of each scalar computed by the host's
ArviZ and by that of each pinned stack, as nutsbench did when it ran there. Draws that are hard to judge are
made beside them. Three minutes; prints the tables of docs/decisions/0029-what-arviz-1-changes.md.
"""

import argparse
import json
import math
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np

from nutsbench import models
from nutsbench.base import lock, paths
from nutsbench.judge import diagnostics, estimators
from nutsbench.records import draws
from nutsbench.stacks import environment, stack

STATISTICS = ("ess_bulk", "ess_tail", "ess_q05", "ess_q95", "rhat", "mcse_mean")
#: Relative difference up to which two are called equal: their sums are taken in another order.
ROUNDING = 1e-9
Found = Dict[str, Dict[str, Optional[float]]]


def _sampled(folder: Path, chosen: List[str]) -> Iterator[Tuple[str, np.ndarray]]:
    """Sample the models, and yield the draws of each scalar."""
    command = [
        ".venv/bin/python",
        "-m",
        "nutsbench",
        "run",
        *chosen,
        "--keep-draws",
        "--results",
        str(folder),
    ]
    subprocess.run(command, cwd=paths.ROOT, check=True, stdout=subprocess.DEVNULL)
    for path in sorted(folder.glob("draws/*.nc")):
        model = path.stem.rpartition("-")[0]
        for _, scalar, values in diagnostics.scalars(draws.read(path)["posterior"]):
            yield f"{model}: {scalar}", values


def hard_draws() -> Dict[str, np.ndarray]:
    """Return draws that are hard to judge, by what is hard about them, each of shape (chain, draw)."""
    random = np.random.default_rng(2026)
    noise = random.normal(size=(4, 500))
    walk = np.cumsum(noise, axis=1)
    stuck = noise.copy()
    stuck[2, 100:] = stuck[2, 100]
    swinging = np.empty_like(noise)
    swinging[:, 0] = noise[:, 0]
    for index in range(1, noise.shape[1]):
        swinging[:, index] = -0.9 * swinging[:, index - 1] + noise[:, index]
    return {
        "independent": noise,
        "a random walk": walk,
        "one chain stuck": stuck,
        "one chain elsewhere": noise + np.array([0, 0, 0, 3.0])[:, None],
        "all equal": np.ones((4, 500)),
        "constant chains that differ": np.repeat([[0.0], [1.0], [2.0], [3.0]], 500, axis=1),
        "zero and one": (noise > 1).astype(float),
        "antithetic": swinging,
        "Cauchy": random.standard_cauchy(size=(4, 500)),
        "in units of 1e-20": 1e-20 * noise,
        "about 1e12": 1e12 + noise,
        "one chain": noise[:1],
        "an odd number": noise[:, :499],
        "four draws": noise[:, :4],
        "three draws": noise[:, :3],
        "not a number": np.where(noise > 3, np.nan, noise),
    }


def _here(arrays: Mapping[str, np.ndarray]) -> Found:
    """Return the host's statistics, by what diagnostics asks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: _of(values) for name, values in arrays.items()}


def _of(values: np.ndarray) -> Dict[str, Optional[float]]:
    return {
        "ess_bulk": diagnostics.finite(estimators.ess(values, "bulk")),
        "ess_tail": diagnostics.finite(estimators.ess(values, "tail")),
        "ess_q05": diagnostics.finite(estimators.ess(values, "quantile", 0.05)),
        "ess_q95": diagnostics.finite(estimators.ess(values, "quantile", 0.95)),
        "rhat": diagnostics.finite(estimators.rhat(values)) if len(values) > 1 else None,
        "mcse_mean": diagnostics.finite(estimators.mcse_mean(values)),
    }


def _there(one: stack.Stack, file: Path) -> Tuple[str, Found]:
    """Return the version of a stack's ArviZ, and its statistics."""
    variables = environment.worker_variables(one.compiledir, one.has_theano_pymc, 1)
    command = [str(one.python), "-m", "benchmarks.studies.bare.arviz_statistics", str(file)]
    done = subprocess.run(command, env=variables, cwd=paths.ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["version"], told["statistics"]


def difference(one: Optional[float], other: Optional[float]) -> float:
    """Return the relative difference of two values, infinite if only one of them is there."""
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    return abs(one - other) / max(abs(one), abs(other), 1e-300)


def table(here: Found, theirs: Mapping[str, Found], names: List[str]) -> str:
    """Return how many values differ, and by how much at most, for each ArviZ and statistic.

    Parameters
    ----------
    here : dict
        Statistics of each array, by the host's ArviZ.
    theirs : dict
        The same of other versions.
    names : list of str
        Arrays that count.
    """
    lines = [
        "| ArviZ | statistic | values | differ | largest difference | of |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for version, found in theirs.items():
        for statistic in STATISTICS:
            apart = {name: difference(here[name][statistic], found[name][statistic]) for name in names}
            differ = {name: size for name, size in apart.items() if size > ROUNDING}
            most = max(differ, key=lambda name: differ[name], default="")
            size = f"{differ[most]:.2g}" if most else ""
            lines.append(f"| {version} | {statistic} | {len(names)} | {len(differ)} | {size} | {most} |")
    return "\n".join(lines)


def each(here: Found, theirs: Mapping[str, Found], names: List[str]) -> str:
    """Return every value that differs, as a table.

    Parameters
    ----------
    here : dict
        Statistics of each array, by the host's ArviZ.
    theirs : dict
        The same of other versions.
    names : list of str
        Arrays that count.
    """
    lines = [
        f"| draws | statistic | here | {' | '.join(theirs)} |",
        f"| --- | --- |{' ---: |' * (1 + len(theirs))}",
    ]
    for name in names:
        for statistic in STATISTICS:
            values = [here[name][statistic], *(found[name][statistic] for found in theirs.values())]
            if any(difference(values[0], value) > ROUNDING for value in values[1:]):
                shown = " | ".join("none" if value is None else f"{value:.6g}" for value in values)
                lines.append(f"| {name} | {statistic} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    """Sample, compute, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=models.names())
    options = parser.parse_args()
    hard = hard_draws()
    with lock.machine("benchmarks.studies.arviz_versions", print), tempfile.TemporaryDirectory() as folder:
        arrays = {**dict(_sampled(Path(folder), options.models)), **hard}
        file = Path(folder, "arrays.npz")
        np.savez(file, allow_pickle=False, **arrays)
        theirs = dict(_there(stack.named(name), file) for name in stack.NAMES)
    here, sampled = _here(arrays), [name for name in arrays if name not in hard]
    print(table(here, theirs, sampled))
    print("\n" + each(here, theirs, [*sampled, *hard]))


if __name__ == "__main__":
    main()
