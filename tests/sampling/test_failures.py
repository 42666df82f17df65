"""Whatever happens to a cell, it becomes a record, and the run goes on."""

import signal
import time
from pathlib import Path
from typing import Any, Callable

import psutil
import pytest

from tests.conftest import Run
from tests.sampling.conftest import Records, Running

#: Enough draws of a quick model that it is drawing whenever the test looks.
LONG = ("run", "addition", "--draws", "300000", "--tune", "50", "--seed", "1")
SHORT = ("run", "addition", "--draws", "20", "--tune", "20")

FAILING = """
import numpy as np
from nutsbench import model

def nothing():
    return {}

def define(function):
    return model(data=nothing, notation="x ~ Normal(0, 1)", teaches="How a cell fails.")(function)

@define
def nan_at_start(_data):
    import pymc3 as pm
    with pm.Model() as built:
        x = pm.Normal("x", 0, 1)
        pm.Normal("y", x, 1, observed=np.array([np.nan, 1.0]))
        pm.Potential("bad", x * np.nan)
    return built

@define
def hungry(_data):
    import pymc3 as pm
    kept = [np.empty(2**27) for _ in range(64)]
    with pm.Model() as built:
        pm.Normal("x", len(kept), 1)
    return built

@define
def dies(_data):
    import ctypes
    ctypes.string_at(0)

@define
def wrong(_data):
    raise ValueError("the data are not what they should be")
"""


def test_a_cell_that_fails_is_recorded_with_its_reason_and_the_run_goes_on(
    nutsbench: Run, records: Records, models_file: Callable[..., Path]
) -> None:
    path = str(models_file("failing", FAILING))
    names = ("wrong", "nan_at_start", "dies", "hungry")
    done = nutsbench(*SHORT, *names, "--models", path, "--memory-limit", "6G")
    assert done.returncode == 1, done.stderr
    found = {record["model"]: record for record in records()}
    assert {name: found[name]["status"] for name in found} == {
        "addition": "ok",
        "wrong": "failed",
        "nan_at_start": "failed",
        "dies": "crashed",
        "hungry": "failed",
    }
    assert found["wrong"]["reason"] == "ValueError in build: the data are not what they should be"
    assert "not finite" in found["nan_at_start"]["reason"]
    assert "bad" in found["nan_at_start"]["reason"]
    assert "killed by SIGSEGV in build" in found["dies"]["reason"]
    assert "out of memory in build" in found["hungry"]["reason"]
    assert any("raise ValueError" in line for line in found["wrong"]["log_tail"])
    for record in found.values():
        assert str(path) not in str(record)
        assert record["status"] == "ok" or record["quality"]["verdict"] == "unknown"


def test_cells_that_would_share_a_model_that_fails_each_say_so(
    nutsbench: Run, records: Records, models_file: Callable[..., Path]
) -> None:
    path = str(models_file("failing", FAILING))
    names = ("dies", "wrong", "nan_at_start", "addition")
    done = nutsbench("run", *names, "--models", path, "--seed", "1,2", "--draws", "20", "--tune", "20")
    assert done.returncode == 1, done.stderr
    found = [(record["model"], record["status"]) for record in records()]
    ends = {"dies": "crashed", "wrong": "failed", "nan_at_start": "failed", "addition": "ok"}
    assert found == [(name, ends[name]) for name in names for _ in range(2)]
    reasons = {record["model"]: record["reason"] for record in records()}
    assert "killed by SIGSEGV in build" in reasons["dies"]
    assert "ValueError in build" in reasons["wrong"]
    assert "not finite" in reasons["nan_at_start"]


def test_a_stack_that_cannot_be_imported_fails_its_cells(nutsbench: Run, records: Records) -> None:
    done = nutsbench(*SHORT, THEANO_FLAGS="device=nonsense")
    assert done.returncode == 1
    (record,) = records()
    assert record["status"] == "failed"
    assert "importing the stack failed" in record["reason"]


def test_past_its_time_limit(nutsbench: Run, records: Records) -> None:
    done = nutsbench(*LONG, "--timeout", "6")
    assert done.returncode == 1
    (record,) = records()
    assert record["status"] == "timeout"
    assert "not done after 6 s, in " in record["reason"]


def test_a_worker_killed_in_mid_draw(start: Callable[..., Running], records: Records) -> None:
    run = start(*LONG)
    (first, _) = run.chains(2)
    first.parent().kill()
    done = run.end()
    assert done.returncode == 1, done.stderr
    (record,) = records()
    assert record["status"] == "crashed"
    assert "killed by SIGKILL in " in record["reason"]
    assert "draws" in record["reason"]
    assert not first.is_running() or first.status() == psutil.STATUS_ZOMBIE


def test_a_chain_killed_in_mid_draw(start: Callable[..., Running], records: Records) -> None:
    run = start(*LONG)
    run.chains(2)[0].kill()
    done = run.end()
    assert done.returncode == 1, done.stderr
    (record,) = records()
    assert record["status"] in ("crashed", "failed")
    assert record["reason"]


@pytest.mark.parametrize(
    "number",
    # One handler serves all three.
    [
        signal.SIGINT,
        *(pytest.param(one, marks=pytest.mark.nightly) for one in (signal.SIGTERM, signal.SIGHUP)),
    ],
)
def test_interrupted(start: Callable[..., Running], records: Records, nutsbench: Run, number: Any) -> None:
    assert nutsbench(*SHORT).returncode == 0
    run = start(*LONG[:2], "coin_toss", *LONG[2:])
    chains = run.chains(2)
    run.send(number)
    done = run.end()
    assert done.returncode == 130, done.stderr
    assert "Interrupted" in done.stderr
    assert [record["status"] for record in records()] == ["ok", "interrupted"]
    _, alive = psutil.wait_procs(chains, timeout=10)
    assert not alive, "chains outlived the run"


def test_the_parent_killed_and_started_again(
    start: Callable[..., Running], records: Records, nutsbench: Run
) -> None:
    # By themselves: one run would hold both, and end with the longer one.
    arguments = ("run", "addition", "--apart", "--draws", "20,300000", "--tune", "50")
    run = start(*arguments)
    # The short cell is over when the long one draws.
    deadline = time.monotonic() + 240
    while not records() and time.monotonic() < deadline:
        time.sleep(0.5)
    chains = run.chains(2)
    run.send(signal.SIGKILL)
    run.end()
    before = records()
    assert [record["status"] for record in before] == ["ok"]
    _, alive = psutil.wait_procs(chains, timeout=10)
    assert not alive, "chains outlived the run"

    again = nutsbench("run", "addition", "--draws", "20,60", "--tune", "50")
    assert again.returncode == 0, again.stderr
    assert "not run again: 1 cell" in again.stdout
    assert [record["settings"]["draws"] for record in records()] == [20, 60]
    assert records()[0] == before[0]


def test_two_runs_at_once_sample_each_cell_once(start: Callable[..., Running], records: Records) -> None:
    arguments = ("run", "addition", "--draws", "20", "--tune", "20", "--seed")
    runs = [start(*arguments, seeds) for seeds in ("1,2", "2,1,3")]
    ended = [run.end() for run in runs]
    assert [run.returncode for run in ended] == [0, 0]
    assert sorted(record["seed"] for record in records()) == [1, 2, 3]
    (second,) = [run for run in ended if "Waiting for process" in run.stderr]
    assert "not run again: 2 cells" in second.stdout
