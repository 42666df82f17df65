"""A run from the command to the table, and the same command again."""

import csv
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Callable, List, Mapping, Set, Tuple

import pytest

from nutsbench import models
from nutsbench.records.store import Store
from nutsbench.stacks import environment, stack
from tests.conftest import ROOT, Run
from tests.sampling.conftest import EITHER, Records

SHORT = ("--draws", "40", "--tune", "60")
KEYS = {
    "model", "settings", "seed", "stack", "status", "reason", "phases", "metrics", "quality", "quantities",
    "environment", "started_at",
}  # fmt: skip


def test_a_crossed_grid_becomes_records_once(nutsbench: Run, records: Records) -> None:
    arguments = ("run", "addition", "coin_toss", "--draws", "30,40", "--tune", "50", "--chains", "1,2")
    first = nutsbench(*arguments)
    assert first.returncode == 0, first.stderr
    assert len(records()) == 8
    for record in records():
        assert set(record) >= KEYS
        assert record["status"] == "ok"
        assert set(record["phases"]) == {"import", "build", "compile", "tune", "draw", "diagnose"}
        # What building and compiling took counts in each cell that shares it, and was waited for once.
        assert record["details"]["shared"]
        shared = sum(record["phases"][phase]["wall_s"] for phase in ("build", "compile"))
        if record["settings"]["draws"] == 40:
            assert record["metrics"]["wall_s"] - shared <= record["elapsed_s"] + 1e-3
        else:
            # Its draws are the first of the longer run's, which took the time.
            assert record["details"]["prefix_of"] == 40
            assert record["metrics"]["wall_s"] - shared > 0
        assert record["metrics"]["leapfrogs"] > 0
        assert 0 < record["metrics"]["gradient_share"] < 2
    assert "coin_toss" in first.stdout
    assert "\n8 records: " in first.stdout

    again = nutsbench(*arguments)
    assert "not run again: 8 cell" in again.stdout
    assert len(records()) == 8

    more = nutsbench("run", "addition", *arguments[3:], "--fresh")
    assert more.returncode == 0
    assert len(records()) == 12


def test_a_record_can_be_shared(nutsbench: Run, records: Records, results: Path) -> None:
    assert nutsbench("run", "addition", *SHORT).returncode == 0
    (file,) = (results / "runs").glob("*.jsonl")
    text = file.read_text()
    assert str(ROOT) not in text
    assert not re.search(r'[ "]/(home|root|usr|tmp|work)/', text)
    environment = records()[0]["environment"]
    assert environment["packages"]["pymc3"] == "3.8"
    assert environment["packages"]["Theano"] == "1.0.4"
    assert environment["threads"] == 1
    assert environment["blas"]
    assert all(pool["num_threads"] == 1 for pool in environment["blas"])


def test_cpu_time_fits_into_the_cores(nutsbench: Run, records: Records) -> None:
    assert nutsbench("run", "simple_regression", "--draws", "1500", "--tune", "500").returncode == 0
    for phase, took in records()[0]["phases"].items():
        # A tick of the clock a process, and the parent beside two chains.
        assert took["cpu_s"] <= 2.2 * took["wall_s"] + 0.1, phase


def test_a_data_function_that_fails_is_a_record(
    nutsbench: Run, records: Records, models_file: Callable[..., Path]
) -> None:
    text = models_file("mine").read_text().replace("return {", "raise OSError('no such table')\n    return {")
    done = nutsbench("run", "mine", "addition", "--models", str(models_file("mine", text)), *SHORT)
    assert done.returncode == 1, done.stderr
    failed, fine = records()
    assert (failed["status"], fine["status"]) == ("failed", "ok")
    assert "no such table" in failed["reason"]


def test_draws_that_cannot_be_kept_lose_no_measurement(
    nutsbench: Run, records: Records, results: Path
) -> None:
    results.mkdir()
    (results / "draws").write_text("in the way")
    assert nutsbench("run", "addition", *SHORT, "--keep-draws").returncode == 0
    (record,) = records()
    assert record["status"] == "ok"
    # Tests run side by side, which is another warning.
    assert any("the draws could not be kept" in warning for warning in record["warnings"])


def test_cells_side_by_side_have_the_same_draws_and_no_times(nutsbench: Run, records: Records) -> None:
    asked = ("run", "addition", *SHORT, "--cores", "1", "--seed", "1,2")
    done = nutsbench(*asked, "--untimed")
    assert done.returncode == 0, done.stderr
    untimed = {one["seed"]: one for one in records()}
    assert len(untimed) == 2
    for one in untimed.values():
        assert one["phases"] == {}
        assert "ess_per_s" not in one["metrics"]
        assert one["details"]["untimed"]["phases"]["draw"]["wall_s"] > 0
    # It answers who wants no times, and nobody else.
    assert "not run again: 2 cells" in nutsbench(*asked, "--untimed").stdout
    assert nutsbench(*asked).returncode == 0
    assert len(records()) == 4
    for one in records()[2:]:
        before = untimed[one["seed"]]
        assert one["metrics"]["ess_per_s"] > 0
        assert one["quantities"] == before["quantities"]
    assert nutsbench("report").returncode == 0


def test_both_stacks_from_the_same_parent(nutsbench: Run, records: Records) -> None:
    both = [word for name in stack.NAMES for word in ("--stack", name)]
    done = nutsbench("run", "addition", *SHORT, *both)
    assert done.returncode == 0, done.stderr
    versions = {record["stack"]: record["environment"]["packages"]["pymc3"] for record in records()}
    assert versions == {"pymc3-3.8": "3.8", "pymc3-3.11": "3.11.6"}
    # What no cache keeps is compiled by the first of all processes; these are not.
    again = nutsbench("run", "addition", *SHORT, *both, "--seed", "1")
    assert again.returncode == 0, again.stderr
    for record in records()[2:]:
        used = record["details"]["compile_cache"]
        assert (used["state"], used["modules_compiled"]) == ("warm", 0)
        assert used["modules_from_store"] == used["modules_unversioned"] > 0


def test_show_filters_and_formats(nutsbench: Run) -> None:
    assert nutsbench("run", "addition", "coin_toss", *SHORT, "--chains", "1").returncode == 0
    only = json.loads(nutsbench("show", "--json", "coin_toss").stdout)
    assert [record["model"] for record in only] == ["coin_toss"]
    assert json.loads(nutsbench("show", "--json", "--status", "failed").stdout) == []
    rows = list(csv.DictReader(io.StringIO(nutsbench("show", "--csv").stdout)))
    assert [row["model"] for row in rows] == ["addition", "coin_toss"]
    assert float(rows[0]["metrics.ess_per_s"]) > 0


def test_one_chain_cannot_be_called_good(nutsbench: Run, records: Records) -> None:
    assert nutsbench("run", "addition", "--draws", "500", "--chains", "1").returncode == 0
    quality = records()[0]["quality"]
    assert (quality["verdict"], quality["reasons"]) == ("unknown", ["R-hat needs two chains"])
    assert quality["remedy"]["settings"] == {"chains": 2}


def test_a_model_of_ones_own(nutsbench: Run, records: Records, models_file: Callable[..., Path]) -> None:
    done = nutsbench("run", "mine", "--models", str(models_file("mine")), *SHORT)
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout
    assert list(records()[0]["quantities"]) == ["mu"]


def test_draws_that_were_not_kept_are_sampled_again(nutsbench: Run, records: Records) -> None:
    assert nutsbench("run", "addition", *SHORT).returncode == 0
    assert nutsbench("run", "addition", *SHORT, "--keep-draws").returncode == 0
    assert ["draws_file" in record["details"] for record in records()] == [False, True]
    assert "Done already" in nutsbench("run", "addition", *SHORT, "--keep-draws").stdout


@pytest.mark.parametrize("stack_name", EITHER)
def test_leapfrogs_are_what_the_integrator_did(tmp_path: Path, stack_name: str) -> None:
    """``tree_size`` is NUTS's own count; here the integrator's steps are counted from outside."""
    script = """
import dataclasses, pymc3 as pm
from nutsbench import models
from pymc3.step_methods.hmc.integration import CpuLeapfrogIntegrator as Integrator
from nutsbench.inside import clock, sampling

count = 0
step = Integrator.step

def counted(*arguments, **keywords):
    global count
    count += 1
    return step(*arguments, **keywords)

Integrator.step = counted
spec = models.get("addition")
settings = dataclasses.replace(spec.settings, draws=50, tune=50, chains=1, cores=1)
quiet = lambda _: None
found = sampling.sample(spec, settings, 1, clock.PhaseTimer(quiet), quiet)
print(int(found.stats["tree_size"].sum() + found.tune_stats["tree_size"].sum()), count)
"""
    one = stack.named(stack_name)
    variables = environment.worker_variables(one.compiledir, one.has_theano_pymc, threads=1)
    done = subprocess.run(
        [str(one.python), "-c", script], cwd=ROOT, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said, counted = map(int, done.stdout.split()[-2:])
    assert said == counted > 50


#: By day, of the kinds of posterior: conjugate, one scale, and four numbers integrated over; on the second
#: stack one that other tests compile there too.
KINDS = {
    "pymc3-3.8": ("count_heterogenous", "simple_regression", "heterogenous"),
    "pymc3-3.11": ("simple_regression",),
}


def published_on(name: str) -> Set[Tuple[str, str]]:
    """Return the models, with their digests, of published records that ended well with a stack's packages."""
    lines = stack.named(name).requirements.read_text().splitlines()
    locked = dict(line.split(" ")[0].split("==") for line in lines if "==" in line and line[0].isalpha())

    def has_these(packages: Mapping[str, str]) -> bool:
        there = {re.sub(r"[-_.]+", "-", one).lower(): version for one, version in packages.items()}
        return all(there.get(one) == version for one, version in locked.items())

    return {
        (record["model"], record["model_digest"])
        for record in Store(ROOT / "results").load().records
        if (record["stack"], record["status"]) == (name, "ok")
        and has_these(record["environment"].get("packages", {}))
    }


@pytest.mark.parametrize("stack_name", stack.NAMES)
def test_a_model_of_each_kind_and_what_has_changed_keep_the_contract(nutsbench: Run, stack_name: str) -> None:
    there = published_on(stack_name)
    keep_the_contract(
        nutsbench,
        stack_name,
        [
            name
            for name in models.names()
            # What has changed since its records there were published has not been seen to work.
            if name in KINDS[stack_name] or (name, models.model_digest(models.get(name))) not in there
        ],
    )


@pytest.mark.nightly
@pytest.mark.parametrize("stack_name", stack.NAMES)
def test_every_model_keeps_the_contract(nutsbench: Run, stack_name: str) -> None:
    keep_the_contract(nutsbench, stack_name, models.names())


def keep_the_contract(nutsbench: Run, stack_name: str, chosen: List[str]) -> None:
    done = nutsbench("check-model", *chosen, "--stack", stack_name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("keeps the contract") == len(chosen)


def test_a_model_that_breaks_the_contract_is_told_how(
    nutsbench: Run, models_file: Callable[..., Path]
) -> None:
    text = models_file("mine").read_text()
    text = text.replace("np.array([0.5, 1.5, 2.0, 0.0])", "np.random.normal(size=4)").replace("~", "=")
    done = nutsbench("check-model", str(models_file("mine", text)), "--stack", "pymc3-3.8")
    assert done.returncode == 1
    assert "the data of mine differ from call to call" in done.stdout
    assert "numpy's global random state" in done.stdout
    assert "`notation` has no `~`" in done.stdout
