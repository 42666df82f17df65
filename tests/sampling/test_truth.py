"""Truths against PyMC3 itself, verdicts on records, and reference draws, from the command on."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nutsbench import models
from nutsbench.models import truths
from nutsbench.stacks import stack
from tests.conftest import ROOT, Run
from tests.sampling.conftest import Records

#: The least and the most: one scale, and four numbers integrated over. Those of all models are compared where
#: they keep the contract.
KINDS = ("simple_regression", "heterogenous")

LINE = '''
"""A line through the origin, with its exact posterior."""
import numpy as np
from nutsbench import SamplerSettings, exact, model
from nutsbench.models.claims import claim, near


def line():
    x = np.linspace(-1, 1, 20)
    return {"x": x, "y": 2 * x + 0.3 * np.cos(9 * x)}


def posterior(data):
    return exact.Regression({"slope": (data["x"], PRIOR_SD)}, data["y"], "scale")


@model(
    data=line,
    notation="slope ~ Normal(0, 1); scale ~ Exponential(1); y ~ Normal(slope x, scale)",
    teaches="A slope.",
    settings=SamplerSettings(draws=400, tune=400),
    EXACT
    claims=(claim("The slope is found again.", near("slope", 2, within=0.5)),),
)
def a_line(data):
    import pymc3 as pm

    with pm.Model() as built:
        slope = pm.Normal("slope", 0, 1)
        scale = pm.Exponential("scale", 1)
        pm.Normal("y", slope * data["x"], scale, observed=data["y"])
    return built
'''


@pytest.fixture
def line_file(tmp_path: Path) -> Any:
    def write(prior_sd: Any = "1.0", exact: Any = "exact=posterior,") -> Any:
        path = tmp_path / "line.py"
        path.write_text(LINE.replace("PRIOR_SD", prior_sd).replace("EXACT", exact))
        return path

    return write


def test_closed_forms_are_pymc3s_on_both_stacks(nutsbench: Run) -> None:
    done = nutsbench("check-truth", *KINDS, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == len(KINDS) * len(stack.NAMES)
    for row in rows:
        assert row["logp_difference"] < 1e-8
        assert row["gradient_difference"] < 1e-4
        assert row["stacks_difference"] < 1e-8


def test_importance_sampling_gives_the_same_figures(nutsbench: Run) -> None:
    done = nutsbench("check-truth", "simple_regression", "--independent", "--json", "--stack", "pymc3-3.8")
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads(done.stdout)
    assert row["independent"]["ess"] > 10_000
    assert row["independent"]["z"] < 4.5


def test_a_closed_form_of_another_model_is_found_out(nutsbench: Run, line_file: Any) -> None:
    done = nutsbench("check-model", str(line_file(prior_sd="1.3")), "--stack", "pymc3-3.8")
    assert done.returncode == 1
    assert "its exact posterior is not that of the model" in done.stdout


def test_a_model_with_an_exact_posterior_is_judged_by_it(
    nutsbench: Run, records: Records, line_file: Any
) -> None:
    path = line_file()
    before = nutsbench("run", "a_line", "--models", str(path))
    assert before.returncode == 0, before.stderr
    (record,) = records()
    assert record["accuracy"]["verdict"] == "inconclusive"
    assert "nutsbench truth a_line --write" in record["accuracy"]["reasons"][0]

    written = nutsbench("truth", "a_line", "--write", "--models", str(path))
    assert written.returncode == 0, written.stderr
    assert (path.parent / "truth" / "a_line.json").is_file()
    assert nutsbench("check-model", str(path), "--stack", "pymc3-3.8").returncode == 0

    # The truth is new, so the cell is not done yet.
    assert nutsbench("run", "a_line", "--models", str(path)).returncode == 0
    record = records()[-1]
    assert record["accuracy"]["verdict"] == "accurate", record["accuracy"]
    assert record["claims"][0]["holds"] is True
    assert "not run again: 1 cell" in nutsbench("run", "a_line", "--models", str(path)).stdout
    assert "The slope is found again." in nutsbench("show", "--claims").stdout
    assert len(json.loads(nutsbench("show", "--json", "--accuracy", "accurate").stdout)) == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[:200], "it is no JSON"),
        (
            lambda text: text.replace('"model_digest": "', '"model_digest": "f'),
            "another version of the model",
        ),
    ],
)
def test_a_truth_that_cannot_be_used_is_never_accurate(
    nutsbench: Run, records: Records, line_file: Any, spoil: Any, said: Any
) -> None:
    path = line_file()
    assert nutsbench("truth", "a_line", "--write", "--models", str(path)).returncode == 0
    kept = path.parent / "truth" / "a_line.json"
    kept.write_text(spoil(kept.read_text()))
    done = nutsbench("run", "a_line", "--draws", "200", "--models", str(path))
    assert done.returncode == 0
    assert said in done.stdout
    (record,) = records()
    assert record["accuracy"]["verdict"] == "inconclusive"
    assert said in record["accuracy"]["reasons"][0]
    again = nutsbench("truth", "a_line", "--models", str(path))
    assert again.returncode == 1
    assert said in again.stdout


def test_half_of_the_data_is_caught_and_all_of_it_is_not(nutsbench: Run, results: Path) -> None:
    arguments = ("calibrate", "simple_regression", "--sampler", "right", "--sampler", "half_data")
    done = nutsbench(*arguments, "--records", "1", "--json")
    assert done.returncode == 0, done.stderr
    rates = {row["sampler"]: row for row in json.loads(done.stdout)["rates"]}
    assert rates["right"]["verdicts"]["accurate"] == 1
    assert rates["half_data"]["verdicts"]["inaccurate"] == rates["half_data"]["found"] == 1
    before = (results / "calibration" / "pymc3-3.8.jsonl").read_text()
    assert nutsbench(*arguments, "--records", "1").returncode == 0
    assert (results / "calibration" / "pymc3-3.8.jsonl").read_text() == before


def test_reference_draws_become_a_truth_and_others_are_refused(
    nutsbench: Run, records: Records, line_file: Any
) -> None:
    path = line_file(exact="")
    few = nutsbench("reference", "a_line", "--ess", "50000", "--max-draws", "2500", "--models", str(path))
    assert few.returncode == 1
    assert "Refused: the smallest ESS is" in few.stderr
    assert not (path.parent / "truth").exists()

    enough = nutsbench("reference", "a_line", "--ess", "2000", "--models", str(path))
    assert enough.returncode == 0, enough.stderr
    kept = json.loads((path.parent / "truth" / "a_line.json").read_text())
    assert kept["kind"] == "reference"
    assert kept["details"]["ess_min"] >= 2000
    assert kept["details"]["rhat_max"] < 1.01
    assert kept["details"]["divergences"] == 0
    assert kept["quantities"]["slope"]["mcse_mean"] > 0
    assert nutsbench("run", "a_line", "--models", str(path), "--seed", "7").returncode == 0
    record = records()[-1]
    assert record["accuracy"]["truth"]["kind"] == "reference"
    assert record["accuracy"]["verdict"] == "accurate", record["accuracy"]


def test_what_is_kept_does_not_change_by_being_checked(nutsbench: Run) -> None:
    before = truths.truth_file(models.get("coin_toss")).read_text()
    done = nutsbench("truth", "coin_toss", "--write")
    assert done.returncode == 0
    assert "agrees" in done.stdout
    assert (ROOT / "models" / "truth" / "coin_toss.json").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("truth", "coin_tos"), "Did you mean 'coin_toss'?"),
        (("reference", "coin_tos"), "Did you mean 'coin_toss'?"),
        (("reference", "coin_toss", "--ess", "5"), "ess has to be at least 100, not 5"),
        (("reference", "coin_toss", "--max-draws", "5"), "max-draws has to be at least 2500, not 5"),
        (("calibrate", "--sampler", "wrong"), "There is no sampler 'wrong'"),
        (("calibrate", "--records", "0"), "records has to be at least 1, not 0"),
        (("check-truth", "coin_toss", "--stack", "pymc3-3.9"), "There is no stack 'pymc3-3.9'"),
        (("show", "--accuracy", "acurate"), "Did you mean 'accurate'?"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sampled(
    nutsbench: Run, results: Path, arguments: Any, said: Any
) -> None:
    done = nutsbench(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not results.exists()
    shutil.rmtree(results, ignore_errors=True)


def test_a_truth_of_a_wrong_exact_posterior_is_found_out_once_it_is_right(
    nutsbench: Run, line_file: Any
) -> None:
    path = line_file(prior_sd="0.05")
    assert nutsbench("truth", "a_line", "--write", "--models", str(path)).returncode == 0
    line_file(prior_sd="1.0")
    done = nutsbench("check-model", str(path), "--stack", "pymc3-3.8")
    assert done.returncode == 1
    assert "the file of its posterior is not of its exact posterior" in done.stdout
    assert nutsbench("truth", "a_line", "--models", str(path)).returncode == 1
    assert nutsbench("truth", "a_line", "--write", "--models", str(path)).returncode == 0
    assert nutsbench("check-model", str(path), "--stack", "pymc3-3.8").returncode == 0


def test_a_reference_model_has_no_closed_form_to_check(nutsbench: Run, line_file: Any) -> None:
    done = nutsbench("check-truth", "a_line", "--models", str(line_file(exact="")), "--stack", "pymc3-3.8")
    assert done.returncode == 1
    assert "not checked" in done.stdout
