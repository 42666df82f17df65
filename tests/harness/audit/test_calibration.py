"""Counting verdicts, and faults that change what they say."""

import gzip
import json
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import pytest

from nutsbench import models
from nutsbench.audit import calibration, error_rates
from nutsbench.inside.faults import FAULTS
from nutsbench.judge import accuracy
from nutsbench.judge.diagnostics import summarise
from nutsbench.models import truths
from tests.conftest import Run
from tests.harness.judge.test_accuracy import NORMAL, a_truth


def row(values: np.ndarray, sampler: str = "right", truth: Any = None) -> Dict[str, Any]:
    truth = truth or a_truth()
    draws = {"x": values}
    shares = {"": accuracy.shares_below(draws, truth)}
    for kind in error_rates.KINDS:
        for bias in error_rates.BIASES:
            moved = error_rates.moved(truth, kind, bias)
            shares[f"{kind} {bias:g}"] = accuracy.shares_below(draws, moved)
    quantities = {"x": calibration._kept(summarise(values))}
    return {"model": "m", "sampler": sampler, "failed": "", "quantities": quantities, "shares": shares}


def normal(seed: int, shape: Tuple[Any, ...] = (2, 500)) -> np.ndarray:
    return np.random.RandomState(seed).normal(size=shape)


def test_verdicts_are_counted_by_model_and_sampler() -> None:
    rows = [row(normal(s)) for s in range(10)]
    rows += [row(normal(s) + 1, "shifted") for s in range(4)]
    rows += [{**row(normal(0), "shifted"), "failed": "ValueError: no"}]
    right, wrong = error_rates.rates(rows, {"m": a_truth()}, accuracy.LEVEL)
    assert (right.records, right.verdicts["accurate"], right.found) == (10, 10, 0)
    assert (wrong.records, wrong.verdicts["inaccurate"], wrong.verdicts["failed"], wrong.found) == (
        5,
        4,
        1,
        5,
    )


def test_a_larger_bias_is_caught_more_often() -> None:
    rows = [row(normal(s)) for s in range(10)]
    found = list(error_rates.power(rows, a_truth(), accuracy.LEVEL))
    for kind in error_rates.KINDS:
        caught = [share for what, _, share, _ in found if what == kind]
        assert caught == sorted(caught)
        assert caught[0] < 0.5
        assert caught[-1] == 1.0


def test_a_moved_truth_is_moved_by_posterior_sds() -> None:
    shifted = error_rates.moved(a_truth(), "location", 0.5).quantities["x"]
    assert (shifted["mean"], shifted["sd"]) == (0.5, 1.0)
    assert shifted["q05"] == pytest.approx(NORMAL["q05"] + 0.5)
    spread = error_rates.moved(a_truth(), "scale", 0.5).quantities["x"]
    assert (spread["mean"], spread["sd"]) == (0.0, 1.5)
    assert spread["q95"] == pytest.approx(1.5 * NORMAL["q95"])


def test_half_of_the_data_is_half_of_the_data() -> None:
    half = FAULTS["half_data"].spec(models.get("simple_regression")).data()
    assert np.array_equal(half["x1"], models.get("simple_regression").data()["x1"][::2])
    tosses = FAULTS["half_data"].spec(models.get("coin_toss")).data()
    assert (int(tosses["heads"]), int(tosses["tosses"])) == (4, 5)


def test_frozen_chains_stand_still_from_their_middle_on() -> None:
    frozen = FAULTS["frozen"].draws(normal(1))
    assert np.array_equal(frozen[:, :250], normal(1)[:, :250])
    assert (frozen[:, 250:] == frozen[:, 250:251]).all()


@pytest.mark.parametrize("fault", ["one_chain_stuck", "apart"])
def test_chains_that_do_not_mix_are_found_and_no_accuracy_is_judged_of_them(fault: str) -> None:
    rows = [row(FAULTS[fault].draws(normal(s)), fault) for s in range(10)]
    (found,) = error_rates.rates(rows, {"m": a_truth()}, accuracy.LEVEL)
    assert found.found == 10
    assert found.verdicts["stuck" if fault == "one_chain_stuck" else "not converged"] == 10
    assert found.verdicts["not judged"] == 10


@pytest.mark.parametrize(
    ("count", "total", "low", "high"), [(0, 200, 0.0, 0.01828), (3, 200, 0.00310, 0.04322), (9, 9, 0.6637, 1)]
)
def test_the_interval_of_a_share_is_that_of_clopper_and_pearson(
    count: int, total: int, low: float, high: float
) -> None:
    assert error_rates.interval(count, total) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "fault", "applies"),
    [
        ("addition", "half_data", False),
        ("addition", "changed_prior", False),
        ("simple_regression", "changed_prior", True),
        ("coin_toss", "half_data", True),
    ],
)
def test_a_fault_applies_only_where_there_is_something_to_spoil(name: str, fault: str, applies: bool) -> None:
    assert FAULTS[fault].applies(models.get(name)) is applies


def of_addition(seed: int) -> Dict[str, Any]:
    """Return a row as a right sampler of ``addition`` would leave it."""
    rng = np.random.RandomState(seed)
    a, b = rng.normal(2, 0.5, size=(2, 400)), rng.normal(3, 0.2, size=(2, 400))
    draws = {"a": a, "b": b, "c": a + b}
    exact = truths.load(models.get("addition"))
    shares = {"": accuracy.shares_below(draws, exact)}
    for kind in error_rates.KINDS:
        for bias in error_rates.BIASES:
            moved = error_rates.moved(exact, kind, bias)
            shares[f"{kind} {bias:g}"] = accuracy.shares_below(draws, moved)
    return {
        "model": "addition",
        "truth_digest": exact.digest,
        "sampler": "right",
        "seed": seed,
        "failed": "",
        "quantities": {name: calibration._kept(summarise(values)) for name, values in draws.items()},
        "shares": shares,
    }


@pytest.mark.whole
def test_a_report_is_made_of_published_rows_and_own_ones_each_once(nutsbench: Run, results: Path) -> None:
    published = results / "calibration" / "published" / "pymc3-3.8.jsonl.gz"
    published.parent.mkdir(parents=True)
    lines = [json.dumps(of_addition(seed)) for seed in range(1, 9)]
    published.write_bytes(gzip.compress("\n".join(lines[:6]).encode()))
    (results / "calibration" / "pymc3-3.8.jsonl").write_text("\n".join([*lines[4:], lines[0][:90]]))
    done = nutsbench("calibrate", "--report", "--json")
    assert done.returncode == 0, done.stderr
    assert "line 5, is damaged" in done.stderr
    report = json.loads(done.stdout)
    (rates,) = report["rates"]
    assert (rates["records"], rates["verdicts"]["accurate"], rates["found"]) == (8, 8, 0)
    assert rates["found_95"] == pytest.approx([0.0, 1 - 0.025 ** (1 / 8)])
    assert report["biases"][0]["records"] == 8
    assert [row["kind"] for row in report["power"]] == list(error_rates.KINDS)
    shown = nutsbench("calibrate", "--report", "--markdown").stdout
    assert "| addition | right | 0 x 0 | 8 | 0 | 0 | 0 | 0 | 0 | 0 | 8 | 0 | 0.0 (0.0 to 36.9) % |" in shown


def test_the_average_bias_is_seen_where_no_single_record_shows_it() -> None:
    rows = [of_addition(seed) for seed in range(40)]
    exact = {"addition": truths.load(models.get("addition"))}
    (right,) = error_rates.biases(rows, exact)
    assert abs(right.variance[0]) < 4 * right.variance[1]
    for one in rows:
        one["quantities"]["a"]["sd"] *= 1.03
    (wide,) = error_rates.biases(rows, exact)
    assert wide.variance[0] == pytest.approx(0.06, abs=4 * wide.variance[1])
    assert wide.variance[0] > 4 * wide.variance[1]
    assert "inaccurate" not in error_rates.rates(rows, exact, accuracy.LEVEL)[0].verdicts


def test_records_that_are_alike_to_the_last_digit_say_nothing_of_a_bias() -> None:
    first, second = of_addition(1), of_addition(2)
    exact = {"addition": truths.load(models.get("addition"))}
    for label in first["quantities"]:
        first["quantities"][label]["sd"] = second["quantities"][label]["sd"] = 1.0
    assert error_rates.biases([first, second], exact) == []
    first["quantities"]["a"]["sd"] = 1.1
    (found,) = error_rates.biases([first, second], exact)
    assert found.variance[1] > 0
