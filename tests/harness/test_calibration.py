"""Counting verdicts, and faults that change what they say."""

import numpy as np
import pytest

import models
from harness import accuracy, calibration
from harness.diagnostics import summarise
from harness.faults import FAULTS
from tests.harness.test_accuracy import NORMAL, a_truth


def row(values, sampler="right", truth=None):
    truth = truth or a_truth()
    draws = {"x": values}
    shares = {"": accuracy.shares_below(draws, truth)}
    for kind in calibration.KINDS:
        for bias in calibration.BIASES:
            moved = calibration.moved(truth, kind, bias)
            shares[f"{kind} {bias:g}"] = accuracy.shares_below(draws, moved)
    quantities = {"x": calibration._kept(summarise(values))}
    return {"model": "m", "sampler": sampler, "failed": "", "quantities": quantities, "shares": shares}


def normal(seed, shape=(2, 500)):
    return np.random.RandomState(seed).normal(size=shape)


def test_verdicts_are_counted_by_model_and_sampler():
    rows = [row(normal(s)) for s in range(10)]
    rows += [row(normal(s) + 1, "shifted") for s in range(4)]
    rows += [{**row(normal(0), "shifted"), "failed": "ValueError: no"}]
    right, wrong = calibration.rates(rows, {"m": a_truth()}, accuracy.LEVEL)
    assert (right.records, right.accurate, right.inaccurate) == (10, 1.0, 0.0)
    assert (wrong.records, wrong.inaccurate, wrong.failed) == (5, 0.8, 0.2)


def test_a_larger_bias_is_caught_more_often():
    rows = [row(normal(s)) for s in range(10)]
    found = list(calibration.power(rows, a_truth(), accuracy.LEVEL))
    for kind in calibration.KINDS:
        caught = [share for what, _, share, _ in found if what == kind]
        assert caught == sorted(caught)
        assert caught[0] < 0.5
        assert caught[-1] == 1.0


def test_a_moved_truth_is_moved_by_posterior_sds():
    shifted = calibration.moved(a_truth(), "location", 0.5).quantities["x"]
    assert (shifted["mean"], shifted["sd"]) == (0.5, 1.0)
    assert shifted["q05"] == pytest.approx(NORMAL["q05"] + 0.5)
    spread = calibration.moved(a_truth(), "scale", 0.5).quantities["x"]
    assert (spread["mean"], spread["sd"]) == (0.0, 1.5)
    assert spread["q95"] == pytest.approx(1.5 * NORMAL["q95"])


def test_half_of_the_data_is_half_of_the_data():
    half = FAULTS["half_data"].spec(models.get("simple_regression")).data()
    assert np.array_equal(half["x1"], models.get("simple_regression").data()["x1"][::2])
    tosses = FAULTS["half_data"].spec(models.get("coin_toss")).data()
    assert (int(tosses["heads"]), int(tosses["tosses"])) == (4, 5)


def test_frozen_chains_stand_still_from_their_middle_on():
    frozen = FAULTS["frozen"].draws(normal(1))
    assert np.array_equal(frozen[:, :250], normal(1)[:, :250])
    assert (frozen[:, 250:] == frozen[:, 250:251]).all()


@pytest.mark.parametrize(
    ("name", "fault", "applies"),
    [
        ("addition", "half_data", False),
        ("addition", "changed_prior", False),
        ("simple_regression", "changed_prior", True),
        ("coin_toss", "half_data", True),
    ],
)
def test_a_fault_applies_only_where_there_is_something_to_spoil(name, fault, applies):
    assert FAULTS[fault].applies(models.get(name)) is applies
