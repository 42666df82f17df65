"""The verdict on accuracy: of draws whose truth is known because they were made so."""

from typing import Any

import numpy as np
import pytest

from nutsbench.judge import accuracy
from nutsbench.judge.diagnostics import summarise
from nutsbench.models.truths import Truth

#: Standard normal.
NORMAL = {"mean": 0.0, "sd": 1.0, "q05": -1.6448536, "q50": 0.0, "q95": 1.6448536, "error": 1e-7}


def a_truth(**quantities: Any) -> Truth:
    return Truth("m", "d", "exact", "by hand", "none", {}, quantities or {"x": dict(NORMAL)})


def judged(truth: Any = None, **draws: Any) -> Any:
    truth = truth or a_truth(**{name: dict(NORMAL) for name in draws})
    quantities = {name: summarise(values).to_dict() for name, values in draws.items()}
    return accuracy.judge(quantities, accuracy.shares_below(draws, truth), truth)


def normal(seed: Any = 0, shape: Any = (2, 500)) -> Any:
    return np.random.RandomState(seed).normal(size=shape)


def test_right_draws_are_accurate() -> None:
    found = judged(x=normal(1), y=normal(2))
    assert found.verdict == "accurate"
    assert found.reasons == ()
    assert found.compared == 8
    assert set(found.scores["x"]) == {"mean", "sd", "q05", "q95"}


@pytest.mark.parametrize(
    ("spoil", "statistic"),
    [(lambda x: x + 0.3, "mean"), (lambda x: 1.3 * x, "sd"), (lambda x: 0.75 * x, "sd")],
)
def test_wrong_draws_are_inaccurate_and_the_worst_figure_is_named(spoil: Any, statistic: Any) -> None:
    found = judged(x=normal(1), y=spoil(normal(2)))
    assert found.verdict == "inaccurate"
    assert (found.worst.scalar, found.worst.statistic) == ("y", statistic)
    assert abs(found.worst.z) > found.threshold
    assert f"{statistic} of y" in found.reasons[0]
    assert "posterior sds" in found.reasons[0]


def test_a_tail_that_is_wrong_is_seen_though_mean_and_sd_are_right() -> None:
    rng = np.random.RandomState(3)
    # Two points at -1 and 1, with a little noise: mean 0, sd 1, no tails.
    x = np.sign(rng.normal(size=(2, 1000))) * 0.995 + 0.1 * rng.normal(size=(2, 1000))
    found = judged(x=x)
    assert found.verdict == "inaccurate"
    assert found.worst.statistic in ("q05", "q95")
    # Too few draws lie below the true 5 % quantile, so the draws' lower tail is too high.
    assert found.scores["x"]["q05"][0] > 0 > found.scores["x"]["q95"][0]


def test_a_tail_is_compared_by_the_share_of_draws_below_the_true_quantile() -> None:
    x = normal(4)
    quantity = summarise(x)
    share = float((x <= NORMAL["q05"]).mean())
    expected = -(share - 0.05) / np.hypot(np.sqrt(0.05 * 0.95 / quantity.ess_q05), 1e-7)
    assert judged(x=x).scores["x"]["q05"][0] == pytest.approx(expected, abs=1e-4)


def test_the_truths_own_error_counts() -> None:
    x = normal(5) + 0.3
    rough = {**NORMAL, "error": 0.3, "mcse_mean": 0.3, "mcse_sd": 0.3, "ess_q05": 5.0, "ess_q95": 5.0}
    assert judged(x=x).verdict == "inaccurate"
    assert judged(a_truth(x=rough), x=x).verdict == "accurate"


def test_too_few_effective_draws_is_inconclusive() -> None:
    # Each draw ten times over: 200 draws are worth 20.
    found = judged(x=np.repeat(normal(6, (2, 10)), 10, axis=1) + 1e-9 * normal(7, (2, 100)))
    assert found.verdict == "inconclusive"
    assert any("ESS" in reason for reason in found.reasons)


def test_draws_of_chains_that_have_not_mixed_are_not_judged() -> None:
    wrong = normal(8) + 3
    quantities, draws = {"x": summarise(wrong).to_dict()}, {"x": wrong}
    shares = accuracy.shares_below(draws, a_truth())
    assert accuracy.judge(quantities, shares, a_truth()).verdict == "inaccurate"
    found = accuracy.judge(quantities, shares, a_truth(), not_mixed="R-hat 2.1 of x")
    assert (found.verdict, found.reasons) == ("not judged", ("chains have not mixed: R-hat 2.1 of x",))
    # What was found stands all the same.
    assert abs(found.worst.z) > found.threshold


def test_what_was_stored_is_judged_as_today() -> None:
    stored = judged(x=normal(1), y=normal(2) + 0.3).to_dict()
    assert accuracy.present(stored, "")["verdict"] == "inaccurate"
    assert accuracy.present({**stored, "verdict": "accurate"}, "")["reasons"][0].startswith("mean of y is")
    assert accuracy.present(stored, "R-hat 2.1 of x")["verdict"] == "not judged"
    right = judged(x=normal(1)).to_dict()
    # Of a chain that stood still, as it was judged once.
    assert (
        accuracy.present({**right, "verdict": "inaccurate", "reasons": ["still"]}, "")["verdict"]
        == "accurate"
    )
    doubted = {**right, "verdict": "can't tell", "reasons": ["bulk ESS 60 of x is below 100"]}
    assert accuracy.present(doubted, "")["verdict"] == "inconclusive"
    assert accuracy.present(doubted, "")["reasons"] == doubted["reasons"]
    assert accuracy.present({}, "R-hat") == {}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda x: np.where(x == x[0, 0], np.nan, x), "not finite"),
        (lambda x: np.full_like(x, 1.0), "constant"),
        (lambda x: x[:, :3], "too few"),
    ],
)
def test_draws_without_a_monte_carlo_error_are_never_accurate(spoil: Any, said: Any) -> None:
    found = judged(x=spoil(normal(12)))
    assert found.verdict != "accurate"
    assert any(said in reason for reason in found.reasons) or found.verdict == "inaccurate"


def test_a_scalar_that_only_one_side_has_is_inconclusive() -> None:
    found = judged(a_truth(), x=normal(13), y=normal(14))
    assert found.verdict == "inconclusive"
    assert "only one of draws and reference posterior has y" in found.reasons


def test_without_a_truth_nothing_is_accurate() -> None:
    quantities = {"x": summarise(normal(15)).to_dict()}
    found = accuracy.judge(quantities, {}, None, "the truth of m cannot be read: it is no JSON")
    assert (found.verdict, found.reasons) == (
        "inconclusive",
        ("the truth of m cannot be read: it is no JSON",),
    )


def test_the_threshold_grows_with_the_number_of_comparisons() -> None:
    # The largest of 40 standard normals exceeds it once in a hundred times.
    limit = accuracy.threshold(40, level=0.01)
    largest = np.abs(np.random.RandomState(0).normal(size=(40_000, 40))).max(axis=1)
    assert (largest > limit).mean() == pytest.approx(0.01, abs=0.002)
    assert accuracy.threshold(1, level=0.05) == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.whole
def test_right_draws_are_rarely_called_inaccurate() -> None:
    verdicts = [judged(x=normal(s), y=normal(1000 + s)).verdict for s in range(150)]
    assert verdicts.count("inaccurate") <= 1


def test_one_chain_alone_is_inconclusive() -> None:
    found = judged(x=normal(16, (1, 1000)))
    assert found.verdict == "inconclusive"
    assert found.reasons == ("x cannot be judged: R-hat needs two chains",)


def test_a_constant_deterministic_needs_no_truth() -> None:
    x = normal(17)
    quantities = {"x": summarise(x).to_dict(), "one": summarise(np.ones_like(x), free=False).to_dict()}
    found = accuracy.judge(quantities, accuracy.shares_below({"x": x}, a_truth()), a_truth())
    assert found.verdict == "accurate"
