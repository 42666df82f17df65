"""The harness samples what ``pm.sample`` would: bit for bit the draws of a bare script."""

import subprocess
from pathlib import Path
from typing import Any, Callable, Tuple

import numpy as np
import pytest

from nutsbench.judge.metrics import METRICS
from nutsbench.records import draws
from nutsbench.stacks import environment, stack
from tests.conftest import Run
from tests.sampling.conftest import EITHER, Records

#: The models as the tutorial's reader would write them, apart from this project's own.
SCRIPTS = {
    "simple_regression": """
np.random.seed(2019)
x1 = np.random.normal(loc=10, scale=3, size=100)
noise = np.random.normal(loc=0, scale=0.1, size=100)
y1 = 5 * x1 + noise
x1 = x1 - x1.mean()
with pm.Model() as model:
    x1 = pm.Data("x1", x1)
    y1 = pm.Data("y1", y1)
    alpha = pm.Normal("intercept", 0, 10)
    beta = pm.Normal("coeff", 0, 10)
    sigma = pm.Exponential("error", lam=1)
    mu = alpha + beta * x1
    y_hat = pm.Normal("y_hat", mu, sigma, observed=y1)
""",
    "no_heterogenous": """
np.random.seed(2025)
beta3 = np.array([[2, 1], [-2.5, 2], [-3, 3]])
d1 = np.random.choice(3, size=100)
d2 = np.random.choice(2, size=100)
d3 = beta3[d1, d2] + np.random.normal(loc=0, scale=0.1, size=100)
with pm.Model() as model:
    x1 = theano.shared(d1)
    x2 = theano.shared(d2)
    y1 = pm.Data("y1", d3)
    cat_x1 = pm.Normal("cat_x1", 0, 1, shape=3)
    cat_x2 = pm.Normal("cat_x2", 0, 1, shape=2)
    sigma = pm.Exponential("error", lam=1)
    mu = cat_x1[x1] + cat_x2[x2]
    y_hat = pm.Normal("y_hat", mu, sigma, observed=y1)
""",
}
#: draws, tune, chains, cores, target_accept, seed of each.
SETTINGS = {
    "simple_regression": (60, 120, 2, 2, 0.8, 2019),
    "no_heterogenous": (60, 120, 3, 2, 0.95, 11),
}


def bare_draws(one: Any, name: Any, path: Any) -> Any:
    """Sample in a bare script with the stack's interpreter; nothing of this project is imported."""
    draws, tune, chains, cores, target_accept, seed = SETTINGS[name]
    script = f"""
import numpy as np, pymc3 as pm, theano
{SCRIPTS[name]}
if __name__ == "__main__":
    with model:
        trace = pm.sample(draws={draws}, tune={tune}, chains={chains}, cores={cores},
                          target_accept={target_accept}, random_seed={seed})
    names = [name for name in trace.varnames if not name.endswith("__")]
    values = {{n: np.stack(trace.get_values(n, combine=False, squeeze=False)) for n in names}}
    np.savez({str(path)!r}, **values)
"""
    variables = environment.worker_variables(one.compiledir, one.has_theano_pymc, threads=1)
    del variables["PYTHONHASHSEED"], variables["PYTHONPATH"]
    subprocess.run(
        [str(one.python), "-c", script], env=variables, check=True, capture_output=True, cwd=path.parent
    )
    with np.load(path) as values:
        return dict(values)


@pytest.mark.parametrize(
    ("name", "stack_name"),
    [
        pytest.param(name, one, marks=[pytest.mark.nightly] if number and one != stack.DEFAULT else [])
        for number, name in enumerate(SCRIPTS)
        for one in stack.NAMES
    ],
)
def test_draws_are_those_of_a_bare_script(
    nutsbench: Run, records: Records, results: Path, tmp_path: Path, name: Any, stack_name: str
) -> None:
    import arviz as az

    count, tune, chains, cores, target_accept, seed = SETTINGS[name]
    done = nutsbench(
        *("run", name, "--stack", stack_name, "--keep-draws", "--draws", str(count), "--tune", str(tune)),
        *("--chains", str(chains), "--cores", str(cores), "--target-accept", str(target_accept)),
        *("--seed", str(seed)),
    )
    assert done.returncode == 0, done.stderr
    (record,) = records()
    kept = az.from_netcdf(str(results / "draws" / record["details"]["draws_file"])).posterior
    bare = bare_draws(stack.named(stack_name), name, tmp_path / "bare.npz")
    assert set(kept.data_vars) == set(bare)
    for variable, values in bare.items():
        assert values.shape[:2] == (chains, count)
        assert np.array_equal(kept[variable].values, values), variable


@pytest.mark.parametrize("stack_name", EITHER)
def test_cells_that_share_a_model_have_the_draws_of_their_own(
    nutsbench: Run, records: Records, results: Path, stack_name: str
) -> None:
    cell = ("run", "no_heterogenous", "--stack", stack_name, "--keep-draws", "--draws", "30", "--tune", "40")
    done = nutsbench(*cell, "--seed", "3,4", "--target-accept", "0.8,0.9")
    assert done.returncode == 0, done.stderr
    for seed, accept in ((3, "0.8"), (4, "0.9")):
        assert nutsbench(*cell, "--seed", str(seed), "--target-accept", accept, "--fresh").returncode == 0
    shared, alone = records()[:4], records()[4:]
    assert [record["details"].get("shared") for record in shared] == [True] * 4
    assert [record["details"].get("shared") for record in alone] == [None] * 2
    # What the one compilation took counts in each of them.
    (once,) = {tuple(record["details"]["compile_s"]) for record in shared}
    assert len(once) == 1
    assert all(record["phases"]["compile"]["wall_s"] > once[0] for record in shared)
    for one in alone:
        (other,) = (
            record
            for record in shared
            if (record["seed"], record["settings"]) == (one["seed"], one["settings"])
        )
        assert_same_draws(results, one, other)


def assert_same_draws(results: Path, one: Any, other: Any) -> None:
    first, second = (
        draws.read(results / "draws" / record["details"]["draws_file"]) for record in (one, other)
    )
    for group in ("posterior", "sample_stats", "warmup_sample_stats"):
        assert set(first[group]) == set(second[group])
        for name, values in first[group].items():
            if "time" not in name and not name.startswith("perf_counter"):
                assert np.array_equal(values, second[group][name]), name


#: NUTS and Metropolis together.
CHANGE = """
import numpy as np
from nutsbench import model

@model(
    data=lambda: {"y": np.array([3, 4, 2, 5, 3, 1, 0, 1, 1, 0]), "t": np.arange(10)},
    notation="y ~ Poisson(before or after)", teaches="A change.",
)
def NAME(d):
    import pymc3 as pm
    with pm.Model() as m:
        when = pm.DiscreteUniform("when", 0, 9)
        before = pm.Exponential("before", 1.0)
        after = pm.Exponential("after", 1.0)
        pm.Poisson("y", pm.math.switch(when >= d["t"], before, after), observed=d["y"])
    return m
"""
#: More chains than cores, of a process each; several step methods; chains of one process.
SHORTER = [
    ("no_heterogenous", ("--chains", "3", "--cores", "2")),
    ("change", ()),
    pytest.param("addition", ("--chains", "2", "--cores", "1"), marks=pytest.mark.nightly),
]


@pytest.mark.parametrize("stack_name", EITHER)
@pytest.mark.parametrize(("model", "settings"), SHORTER)
def test_the_first_draws_of_a_longer_run_are_those_of_a_shorter_one(
    nutsbench: Run,
    records: Records,
    results: Path,
    models_file: Callable[..., Path],
    model: str,
    settings: Tuple[str, ...],
    stack_name: str,
) -> None:
    file = models_file("change", CHANGE)
    cell = ("run", model, "--models", str(file), "--stack", stack_name, "--keep-draws", *settings)
    assert nutsbench(*cell, "--draws", "20,50", "--tune", "40").returncode == 0
    assert nutsbench(*cell, "--draws", "20", "--tune", "40", "--fresh", "--apart").returncode == 0
    longer, one, other = records()
    assert [record["settings"]["draws"] for record in (longer, one, other)] == [50, 20, 20]
    assert [record["details"].get("prefix_of") for record in (longer, one, other)] == [None, 50, None]
    assert_same_draws(results, one, other)
    assert one["quantities"] == other["quantities"]
    unlike = {name for name, value in one["metrics"].items() if value != other["metrics"][name]}
    # What is measured, and nothing that is counted.
    counted = {name for name in unlike if METRICS[name].unit not in ("s", "us", "ms", "1/s", "B")}
    assert counted <= {"gradient_share", "cpu_per_wall"}, counted
    assert one["metrics"]["peak_rss_bytes"] is None
    sampled = [sum(record["phases"][name]["wall_s"] for name in ("tune", "draw")) for record in (longer, one)]
    assert sampled[0] > sampled[1] > 0


def test_sampling_until_an_ess_gives_the_draws_of_one_run_of_that_length(
    nutsbench: Run, records: Records, results: Path
) -> None:
    cell = ("run", "addition", "--chains", "2", "--tune", "100", "--keep-draws")
    done = nutsbench(*cell, "--draws", "50", "--until-ess", "120")
    assert done.returncode == 0, done.stderr
    first, *_, last = records()
    assert first["settings"]["draws"] == 50
    assert first["details"]["until"]["reached"] is None
    reached = last["settings"]["draws"]
    assert last["details"]["until"] == {"ess": 120, "rhat": None, "block": 50, "reached": reached}
    assert reached % 50 == 0
    assert min(last["metrics"][name] for name in ("ess_bulk_min", "ess_tail_min")) >= 120
    # It is asked for by how it began, and known by what it has reached.
    again = nutsbench(*cell, "--draws", "50", "--until-ess", "120")
    assert "not run again: 1 cell" in again.stdout
    assert f"{last['metrics']['ess_bulk_min']:,.0f}" in again.stdout
    assert nutsbench(*cell, "--draws", str(reached), "--fresh", "--apart").returncode == 0
    assert_same_draws(results, last, records()[-1])
