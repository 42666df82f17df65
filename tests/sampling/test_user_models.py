"""What users' models do: each works, or is refused in a line that says what to write instead."""

import json
import subprocess
from pathlib import Path
from typing import Any, Callable, Tuple

import numpy as np
import pytest

from nutsbench.records import draws
from nutsbench.stacks import environment, stack
from tests.conftest import Run
from tests.sampling.conftest import EITHER, Records

MODELS = """
import numpy as np
import pandas as pd
from nutsbench import model

print("a file that prints")


def numbers():
    print("data that print")
    return {"y": np.arange(8.0)}


def define(data=numbers):
    return model(data=data, notation="a ~ Normal(0, 1)", teaches="What users do.")


@define(lambda: {"y": np.array([3, 4, 2, 5, 3, 1, 0, 1, 1, 0]), "t": np.arange(10)})
def change(d):
    import pymc3 as pm
    with pm.Model() as m:
        when = pm.DiscreteUniform("when", 0, 9)
        before = pm.Exponential("before", 1.0)
        after = pm.Exponential("after", 1.0)
        pm.Poisson("y", pm.math.switch(when >= d["t"], before, after), observed=d["y"])
    return m


@define()
def only_discrete(d):
    import pymc3 as pm
    with pm.Model() as m:
        k = pm.Poisson("k", 3.0)
        pm.Normal("y", k, 1.0, observed=d["y"])
    return m


@define()
def odd_names(d):
    import pymc3 as pm
    print("building")
    with pm.Model() as m:
        total = sum(pm.Normal(name, 0, 1) for name in ("a/b", "draw", "chain"))
        pm.Normal("y", total, 1, observed=d["y"])
    return m


@define()
def bad_start(d):
    import pymc3 as pm
    with pm.Model() as m:
        rate = pm.Uniform("rate", -50000.0, 50000.0, shape=8)
        pm.Gamma("cost", alpha=1.0, beta=pm.math.exp(rate), observed=d["y"] + 1)
    return m


@define()
def minibatch(d):
    import pymc3 as pm
    with pm.Model() as m:
        a = pm.Normal("a", 0, 1)
        pm.Normal("y", a, 1, observed=pm.Minibatch(d["y"], batch_size=4), total_size=8)
    return m


@define()
def returns_nothing(d):
    import pymc3 as pm
    with pm.Model():
        pm.Normal("a", 0, 1)


@define(lambda: {"y": pd.Series([1.0, np.nan, 2.0, 3.0])})
def missing(d):
    import pymc3 as pm
    with pm.Model() as m:
        a = pm.Normal("a", 0, 1)
        pm.Normal("y", a, 1, observed=d["y"])
    return m


@define(lambda: {"y": np.arange(4.0) + int(np.__version__.split(".")[1])})
def of_stack(d):
    return missing(d)


@define()
def flat(d):
    import pymc3 as pm
    with pm.Model() as m:
        a, b = pm.Flat("a"), pm.Flat("b")
        pm.Normal("y", a - b, 1, observed=d["y"])
    return m


@define()
def crashes(d):
    import ctypes
    ctypes.string_at(0)


@define()
def leaves(d):
    import os
    os._exit(0)
"""
ENDLESS = """
from nutsbench import model


def loop():
    while True:
        pass


@model(data=loop, notation="a ~ Normal(0, 1)", teaches="What never ends.")
def endless(d):
    raise AssertionError
"""

#: ``change`` as a user would sample it with the settings of the run below.
SCRIPT = """
import numpy as np, pymc3 as pm
y, t = np.array([3, 4, 2, 5, 3, 1, 0, 1, 1, 0]), np.arange(10)
with pm.Model() as m:
    when = pm.DiscreteUniform("when", 0, 9)
    before = pm.Exponential("before", 1.0)
    after = pm.Exponential("after", 1.0)
    pm.Poisson("y", pm.math.switch(when >= t, before, after), observed=y)
if __name__ == "__main__":
    with m:
        trace = pm.sample(draws=30, tune=40, chains=2, cores=2, random_seed=2019,
                          nuts={"target_accept": 0.8, "max_treedepth": 10})
    names = [name for name in trace.varnames if not name.endswith("__")]
    np.savez(PATH, **{n: np.stack(trace.get_values(n, combine=False, squeeze=False)) for n in names})
"""


@pytest.mark.parametrize("stack_name", EITHER)
def test_each_is_sampled_or_refused_with_a_reason(
    nutsbench: Run,
    records: Records,
    results: Path,
    models_file: Callable[..., Path],
    tmp_path: Path,
    stack_name: str,
) -> None:
    names = ("change", "only_discrete", "odd_names", "bad_start", "minibatch", "returns_nothing", "missing")
    file = models_file("users", MODELS)
    done = nutsbench(
        *("run", *names, "of_stack", "--models", str(file), "--stack", stack_name),
        *("--draws", "30", "--tune", "40", "--keep-draws"),
    )
    assert done.returncode == 1, done.stderr
    found = {record["model"]: record for record in records()}
    ok = {"change", "odd_names", "missing"}
    assert {name for name, record in found.items() if record["status"] == "ok"} == ok

    mixed = found["change"]
    assert mixed["details"]["samplers"] == {"when": "Metropolis", "before": "NUTS", "after": "NUTS"}
    assert any("when by Metropolis, not by NUTS" in warning for warning in mixed["warnings"])
    assert mixed["metrics"]["leapfrogs"] > 0
    assert mixed["metrics"]["gradient_us"] > 0
    kept = draws.read(results / "draws" / mixed["details"]["draws_file"])["posterior"]
    bare = _bare_draws(stack.named(stack_name), tmp_path / "bare.npz")
    assert set(kept) == set(bare)
    assert all(np.array_equal(kept[name], values) for name, values in bare.items())

    odd = draws.read(results / "draws" / found["odd_names"]["details"]["draws_file"])["posterior"]
    assert set(odd) == set(found["odd_names"]["quantities"]) == {"a/b", "draw", "chain"}
    assert "y_missing" in str(list(found["missing"]["quantities"]))

    assert "nothing for NUTS" in found["only_discrete"]["reason"]
    assert nutsbench("run", "only_discrete", "--models", str(file), "--stack", stack_name).returncode == 2
    assert "minibatches" in found["minibatch"]["reason"]
    assert "end it with `return model`" in found["returns_nothing"]["reason"]
    assert "log-probability of cost is" in found["bad_start"]["reason"]
    assert "jittered starts, not at the test point" in found["bad_start"]["reason"]
    assert 'init="adapt_diag"' in found["bad_start"]["reason"]
    assert f"(y) are others on {stack_name} than on this program's own Python" in found["of_stack"]["reason"]


def _bare_draws(one: Any, path: Any) -> Any:
    variables = environment.worker_variables(one.compiledir, one.has_theano_pymc, threads=1)
    del variables["PYTHONHASHSEED"], variables["PYTHONPATH"]
    script = SCRIPT.replace("PATH", repr(str(path)))
    subprocess.run(
        [str(one.python), "-c", script], env=variables, check=True, capture_output=True, cwd=path.parent
    )
    with np.load(path) as values:
        return dict(values)


def test_cells_of_few_draws_and_no_tuning_are_records(nutsbench: Run, records: Records) -> None:
    both = [word for name in stack.NAMES for word in ("--stack", name)]
    done = nutsbench(
        *("run", "addition", "--draws", "1,30", "--tune", "0", "--chains", "1", "--cores", "4", *both),
        "--keep-draws",
    )
    assert done.returncode == 0, done.stderr
    found = records()
    assert [record["status"] for record in found] == ["ok"] * 4
    assert all(any("tune=0" in warning for warning in record["warnings"]) for record in found)
    assert all(record["metrics"]["tune_leapfrogs"] == 0 < record["metrics"]["leapfrogs"] for record in found)
    assert all(record["details"]["draws_file"] for record in found)


@pytest.mark.parametrize(
    "names", [(stack.DEFAULT,), pytest.param(tuple(stack.NAMES), marks=pytest.mark.nightly)]
)
def test_check_model_judges_each_one_whatever_it_does(
    nutsbench: Run, models_file: Callable[..., Path], names: Tuple[str, ...]
) -> None:
    path = str(models_file("users", MODELS))
    done = nutsbench("check-model", path, "--json", *(word for name in names for word in ("--stack", name)))
    assert done.returncode == 1, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == len(names) * MODELS.count("@define")
    said = {
        (row["stack"], row["model"]): {found["clause"]: found["text"] for found in row["findings"]}
        for row in rows
    }
    for name in names:
        assert "mixed" in said[name, "change"]
        assert "nothing for NUTS" in said[name, "only_discrete"]["continuous"]
        assert "minibatches" in said[name, "minibatch"]["builds"]
        assert "in the direction of a + b" in said[name, "flat"]["proper"]
        assert "SIGSEGV" in said[name, "crashes"]["builds"]
        assert "with code 0" in said[name, "leaves"]["builds"]
        assert "y (1 of 4)" in said[name, "missing"]["missing"]
        assert "'building'" in said[name, "odd_names"]["quiet"]
        assert "cost" in said[name, "bad_start"]["jitter"]
    assert "both" not in said["pymc3-3.8", "of_stack"]
    keeping = {row["model"] for row in rows if row["keeps"] and row["stack"] == names[-1]}
    if len(names) == 1:
        assert keeping == {"change", "odd_names", "bad_start", "missing", "of_stack"}
        return
    assert "(y) are others on pymc3-3.11 than on pymc3-3.8" in said["pymc3-3.11", "of_stack"]["both"]
    assert keeping == {"change", "odd_names", "bad_start", "missing"}


def test_check_model_ends_a_loop_that_does_not_end(nutsbench: Run, models_file: Callable[..., Path]) -> None:
    path = str(models_file("endless", ENDLESS))
    done = nutsbench("check-model", path, "--stack", stack.DEFAULT, "--timeout", "5")
    assert done.returncode == 1, done.stderr
    assert "must: its data function was called: it was not done after 5 s" in done.stdout


VARIANT = """
from nutsbench import model
from nutsbench.models import get


@model(
    data=get("addition").data,
    notation="z ~ Normal(0, 1); a = 2 + z / 2; b ~ Normal(3, 0.2); c = a + b",
    teaches="The sum of two variables, one of them moved and scaled.",
    variant_of="addition",
    monitored=("a", "b", "c"),
)
def scaled_addition(data):
    import pymc3 as pm
    with pm.Model() as built:
        a = pm.Deterministic("a", 2 + pm.Normal("z", 0, 1) / 2)
        b = pm.Normal("b", 3, 0.2)
        pm.Deterministic("c", a + b)
    return built
"""


def test_a_variant_is_judged_as_its_model_is(nutsbench: Run, records: Records, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(VARIANT)
    done = nutsbench("run", "scaled_addition", "--models", str(path), "--draws", "1000", "--tune", "500")
    assert done.returncode == 0, done.stderr
    (record,) = records("--models", str(path))
    assert record["accuracy"]["verdict"] == "accurate"
    assert set(record["quantities"]) == {"a", "b", "c"}
    checked = nutsbench("check-model", str(path), "--stack", "pymc3-3.8")
    assert checked.returncode == 0, checked.stdout
    told = nutsbench(
        *("migrate", "addition", "scaled_addition", "--models", str(path), "--no-run", "--to", "pymc3-3.11")
    )
    assert "not measured on both" in told.stdout
