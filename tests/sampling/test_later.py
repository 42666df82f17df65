"""Later PyMCs and samplers, from the command on: the same models, unchanged, and what is wrong is found."""

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest

from nutsbench.dialect import changes, names
from nutsbench.inside.contract import MAX_GRADIENT_DIFFERENCE, MAX_LOGP_DIFFERENCE
from nutsbench.stacks import environment, install, stack
from tests.conftest import ROOT, Run
from tests.sampling.conftest import Records

CASES = sorted((ROOT / "tests" / "harness" / "dialect" / "cases").glob("*.py"))
#: Runs a file of a user's as far as a few draws: in Python, since what is compiled is PyMC's own business.
EXAMPLE = """
import runpy, sys
import numpy as np
import pymc as pm
import pytensor
pytensor.config.mode = "FAST_COMPILE"
for path in sys.argv[1:]:
    found = runpy.run_path(path)
    model = found["model"] if "model" in found else found["build"]()
    assert np.isfinite(model.compile_logp()(model.initial_point()))
    with model:
        pm.sample(10, tune=10, chains=1, cores=1, progressbar=False, nuts_sampler="pymc")
"""
#: Checks a model's density in a stack, once as it is and twice wrong on purpose.
WRONG = """
import dataclasses, json
from nutsbench import models
from nutsbench.dialect import reading
from nutsbench.inside import density, later_density
from nutsbench.models import files
reading.begin()
opened = later_density.open_model
def halved(*given):
    found = opened(*given)
    def gradient(vector):
        logp, slope = found.gradient(vector)
        return logp, slope / 2
    return dataclasses.replace(found, gradient=gradient)
rows = [density.check(models.get("simple_regression"), independently=False)]
later_density.open_model = halved
rows.append(density.check(models.get("simple_regression"), independently=False))
later_density.open_model = opened
spec = models.get("simple_regression")
import pymc as pm
normal = pm.Normal.dist
def wider(mu=0, sigma=1, **more):
    return normal(mu, 2 * sigma if isinstance(mu, int) else sigma, **more)
pm.Normal.dist = wider
rows.append(density.check(spec, independently=False))
print(json.dumps(rows))
"""


@pytest.fixture(scope="module")
def newest() -> stack.Stack:
    """Return the stack of the newest PyMC, with nutpie beside it, ready to be used."""
    found = stack.resolve("pymc-6+nutpie")
    install.create(found)
    return found


def in_stack(one: stack.Stack, script: str, *arguments: str) -> str:
    """Run a script in a stack, and return what it printed last."""
    done = subprocess.run(
        [str(one.python), "-c", script, *arguments],
        env=environment.variables_of(one, threads=1),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1] if done.stdout else ""


def test_a_registered_model_is_sampled_unchanged_by_the_sampler_that_pymc_takes(
    newest: stack.Stack, nutsbench: Run, records: Records
) -> None:
    done = nutsbench("run", "simple_regression", "--profile", "tutorial", "--stack", newest.name)
    assert done.returncode == 0, done.stderr
    (record,) = records()
    assert record["accuracy"]["verdict"] == "accurate"
    assert record["details"]["engine"]["name"] == "nutpie"
    assert [one["after"] for one in record["details"]["adaptations"]] == ["pymc"]
    assert set(record["phases"]) == {"import", "build", "compile", "tune", "draw", "diagnose"}
    assert record["metrics"]["divergences"] == 0
    assert record["metrics"]["leapfrogs"] > record["settings"]["draws"]
    # What it does not tell is not there, rather than 0.
    assert record["metrics"]["kinetic_ratio"] is None
    packages = record["environment"]["packages"]
    assert {"pymc", "nutpie"} <= set(packages)
    assert not {"pymc3", "Theano"} & set(packages)


def test_what_nutpie_cannot_take_pymc_samples_itself(
    newest: stack.Stack, nutsbench: Run, records: Records, tmp_path: Path
) -> None:
    path = tmp_path / "mixed.py"
    path.write_text(
        "from nutsbench import model\n"
        "@model(data=lambda: {'y': [1.0, 2.0, 3.0]}, notation='y', teaches='y')\n"
        "def with_a_count(data):\n"
        "    import pymc3 as pm\n"
        "    with pm.Model() as built:\n"
        "        rate = pm.Exponential('rate', 1.0)\n"
        "        count = pm.Poisson('count', 3.0)\n"
        "        pm.Normal('y', rate + count, sd=1, observed=data['y'])\n"
        "    return built\n"
    )
    done = nutsbench(
        *("run", "with_a_count", "--models", str(path), "--stack", newest.name),
        *("--draws", "50", "--tune", "50", "--chains", "2"),
    )
    assert done.returncode == 0, done.stderr
    (record,) = records("--models", str(path))
    assert record["details"]["engine"]["name"] == "pymc"
    assert record["details"]["sampler"] == "NUTS + Metropolis"
    assert record["details"]["split_source"] == "record_clock"
    assert [one["after"] for one in record["details"]["adaptations"]] == ["pymc", "sigma"]


def test_what_has_to_be_changed_by_hand_is_refused_with_its_line(
    newest: stack.Stack, nutsbench: Run, tmp_path: Path
) -> None:
    path = tmp_path / "bound.py"
    path.write_text(
        "from nutsbench import model\n"
        "@model(data=lambda: {'y': [1.0, 2.0, 3.0]}, notation='y', teaches='y')\n"
        "def bounded(data):\n"
        "    import pymc3 as pm\n"
        "    with pm.Model() as built:\n"
        "        rate = pm.Bound(pm.Normal, lower=0)('rate', 0, 1)\n"
        "        pm.Normal('y', rate, 1, observed=data['y'])\n"
        "    return built\n"
    )
    done = nutsbench("run", "bounded", "--models", str(path), "--stack", newest.name)
    assert done.returncode == 2
    assert "bound.py, line 6: pm.Bound" in done.stderr + done.stdout


def test_users_files_changed_as_is_said_run_without_the_dialect(newest: stack.Stack, tmp_path: Path) -> None:
    for path in CASES:
        found = changes.check(path, names.load("pymc-6.4"))
        assert not [one for one in found.changes if one.by_hand]
        (tmp_path / path.name).write_text(found.after)
    in_stack(newest, EXAMPLE, *(str(tmp_path / path.name) for path in CASES))


def test_a_wrong_density_is_found(newest: stack.Stack) -> None:
    rows: List[Dict[str, Any]] = json.loads(in_stack(newest, WRONG))
    right, halved, wider = rows
    assert right["logp_difference"] < MAX_LOGP_DIFFERENCE
    assert right["gradient_difference"] < MAX_GRADIENT_DIFFERENCE
    assert halved["gradient_difference"] > 0.1
    assert wider["logp_difference"] > MAX_LOGP_DIFFERENCE


@pytest.mark.nightly
def test_the_truth_is_that_of_the_first_pymc_4_too(nutsbench: Run) -> None:
    """On Python 3.8, where files are changed by another reading of where keywords stand."""
    done = nutsbench("check-truth", "addition", "--stack", "pymc-4.0.1", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["agrees"]
    assert row["logp_difference"] < 1e-10


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "how"), [("pymc-6+numpyro", "parallel"), ("pymc-6+numpyro-vectorized", "vectorized")]
)
def test_numpyro_runs_chains_as_its_stack_says(nutsbench: Run, records: Records, name: str, how: str) -> None:
    done = nutsbench("run", "addition", "--stack", name)
    assert done.returncode == 0, done.stderr
    (record,) = records()
    assert record["details"]["engine"]["name"] == "numpyro"
    assert record["details"]["engine"]["chain_method"] == how
    assert record["accuracy"]["verdict"] == "accurate"
