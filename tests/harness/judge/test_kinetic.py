"""The kinetic energy at the draws, against what it is by construction."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, norm

from nutsbench.judge import accuracy
from nutsbench.judge.diagnostics import summarise
from nutsbench.judge.kinetic import Kinetic, deviate, kinetic
from tests.harness.judge.test_accuracy import a_truth, normal


def statistics(seed: Any, dimensions: Any, loud: Any = 1.0, shape: Any = (4, 1000)) -> Any:
    """Return what NUTS keeps of draws whose momenta are so many times too large."""
    rng = np.random.RandomState(seed)
    logp = -rng.chisquare(dimensions, size=shape) / 2
    momentum = loud * rng.normal(size=(*shape, dimensions))
    return {"model_logp": logp, "energy": (momentum**2).sum(axis=-1) / 2 - logp}


def test_it_is_energy_less_potential_energy() -> None:
    found = kinetic(statistics(1, 3), 3)
    assert found.dimensions == 3
    assert found.mean == pytest.approx(3, abs=0.15)
    assert 3000 < found.ess <= 4000


@pytest.mark.parametrize("dimensions", [1, 3, 40])
@pytest.mark.parametrize("ess", [100, 4000])
@pytest.mark.parametrize("probability", [1e-4, 0.3, 0.99, 1 - 1e-5])
def test_the_deviate_has_the_probability_of_a_chi_squared_sum(
    dimensions: Any, ess: Any, probability: Any
) -> None:
    free = dimensions * ess
    found = deviate(chi2.ppf(probability, free) / free, free)
    assert found == pytest.approx(norm.ppf(probability), abs=0.02)


@pytest.mark.parametrize(("ratio", "beyond"), [(1.0, 0), (1.019, 0), (0.981, 0), (1.05, 0.03), (0.93, -0.05)])
def test_what_pymc3s_own_u_turns_do_is_within_the_tolerance(ratio: Any, beyond: Any) -> None:
    found = Kinetic(3 * ratio, 1e6, 3)
    assert found.z == pytest.approx(deviate(1 + beyond, 3e6) if beyond else 0.0)
    assert found.size == pytest.approx(3 * (ratio - 1) / np.sqrt(6))


@pytest.mark.parametrize("dimensions", [1, 2, 9])
def test_a_momentum_too_large_by_8_percent_is_inaccurate_and_a_right_one_is_not(dimensions: Any) -> None:
    quantities = {"x": summarise(normal(1)).to_dict()}
    shares = accuracy.shares_below({"x": normal(1)}, a_truth())

    def judged(loud: Any, seed: Any) -> Any:
        found = kinetic(statistics(seed, dimensions, loud), dimensions)
        return accuracy.judge(quantities, shares, a_truth(), kinetic=found)

    loud, right = judged(1.08, 2), [judged(1.0, seed).verdict for seed in range(20)]
    assert loud.verdict == "inaccurate"
    assert loud.reasons[0].startswith("the kinetic energy at the draws is too large for any model")
    assert right == ["accurate"] * 20


def test_it_needs_no_truth_and_is_found_again_in_what_was_stored() -> None:
    quantities = {"x": summarise(normal(1)).to_dict()}
    why = "there is no reference posterior"
    loud = kinetic(statistics(3, 2, 1.08), 2)
    found = accuracy.judge(quantities, {}, None, why, kinetic=loud)
    assert found.verdict == "inaccurate"
    assert accuracy.present(found.to_dict(), "")["verdict"] == "inaccurate"
    assert accuracy.present(found.to_dict(), "R-hat 2")["verdict"] == "not judged"
    right = accuracy.judge(quantities, {}, None, why, kinetic=kinetic(statistics(3, 2), 2))
    assert (right.verdict, right.reasons) == ("inconclusive", (why,))
    assert accuracy.present(right.to_dict(), "")["reasons"] == [why]


@pytest.mark.parametrize(
    ("spoil", "dimensions"),
    [
        (lambda stats: {"energy": stats["energy"]}, 2),
        (lambda _: {}, 2),
        (lambda stats: stats, None),
        (lambda stats: {**stats, "energy": np.full_like(stats["energy"], np.inf)}, 2),
        (lambda stats: {name: values[:, :2] for name, values in stats.items()}, 2),
        (lambda stats: {name: np.zeros_like(values) for name, values in stats.items()}, 2),
    ],
)
def test_where_it_is_not_known_nothing_is_said(spoil: Any, dimensions: Any) -> None:
    assert kinetic(spoil(statistics(4, 2)), dimensions) is None
