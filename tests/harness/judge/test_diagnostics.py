"""Figures of the draws, against closed forms and frozen values from elsewhere."""

from typing import Any

import numpy as np
import pytest

from nutsbench.judge import diagnostics
from nutsbench.judge.diagnostics import diagnose, ebfmi, scalars, summarise


def ar1(rho: Any, shape: Any, seed: Any = 3) -> Any:
    """Draw chains of x[t] = rho x[t-1] + e[t], stationary, with variance 1."""
    rng = np.random.RandomState(seed)
    x = rng.normal(size=shape)
    for t in range(1, shape[1]):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * x[:, t]
    return x


def test_scalars_are_named_by_their_index() -> None:
    draws = {"coeff": np.zeros((2, 5)), "ab": np.arange(2 * 5 * 6).reshape(2, 5, 3, 2)}
    found = {label: values for _, label, values in scalars(draws)}
    assert list(found) == ["coeff", "ab[0,0]", "ab[0,1]", "ab[1,0]", "ab[1,1]", "ab[2,0]", "ab[2,1]"]
    assert np.array_equal(found["ab[2,1]"], draws["ab"][:, :, 2, 1])


def test_moments_and_quantiles_are_those_of_all_draws() -> None:
    values = np.random.RandomState(0).normal(3, 2, size=(2, 500))
    quantity = summarise(values)
    assert quantity.mean == pytest.approx(values.ravel().mean())
    assert quantity.sd == pytest.approx(values.ravel().std(ddof=1))
    assert (quantity.q05, quantity.q50, quantity.q95) == pytest.approx(
        tuple(np.percentile(values.ravel(), [5, 50, 95]))
    )


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_ess_and_mcse_are_those_of_an_autoregression(rho: Any) -> None:
    # Of an AR(1) the effective sample size is n (1 - rho) / (1 + rho).
    values = ar1(rho, (4, 20000))
    expected = values.size * (1 - rho) / (1 + rho)
    quantity = summarise(values)
    assert quantity.ess_bulk == pytest.approx(expected, rel=0.12)
    assert quantity.mcse_mean == pytest.approx(1 / np.sqrt(expected), rel=0.12)


def test_rhat_of_chains_that_disagree() -> None:
    apart = ar1(0.3, (2, 1000))
    apart[1] += 2
    assert summarise(apart).rhat > 1.3
    assert summarise(ar1(0.3, (2, 1000))).rhat < 1.01


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda v: np.full_like(v, 2.5), "constant: all 20 draws are 2.5"),
        (lambda v: np.where([[True], [False]], v, 1.0), "constant within chain 1"),
        (lambda v: np.where(v == v[0, 3], np.nan, v), "1 of 20 draws are not finite"),
        (lambda v: np.where(v == v[0, 3], np.inf, v), "1 of 20 draws are not finite"),
        (lambda v: v[:, :3], "3 draws a chain are too few"),
        (lambda v: v[:1], "R-hat needs two chains"),
    ],
)
def test_odd_draws_are_said_and_give_no_infinity(spoil: Any, said: Any) -> None:
    quantity = summarise(spoil(np.random.RandomState(1).normal(size=(2, 10))))
    assert said in quantity.note
    figures = [value for value in quantity.to_dict().values() if isinstance(value, float)]
    assert np.isfinite(figures).all()
    assert quantity.rhat is None


def test_ebfmi_is_its_definition() -> None:
    energy = ar1(0.6, (2, 400))
    for chain, found in zip(energy, ebfmi(energy)):
        expected = np.square(np.diff(chain)).mean() / chain.var()
        assert found == pytest.approx(expected, rel=0.01)  # ArviZ's releases differ in one count.


def test_energy_that_stands_still_has_no_ebfmi() -> None:
    energy = np.vstack([np.ones(50), ar1(0.1, (1, 50))])
    assert len(ebfmi(energy)) == 1
    assert ebfmi(np.ones((2, 50))) == ()


def test_transitions_are_counted() -> None:
    stats = {
        "diverging": np.array([[True, False], [False, True]]),
        "tree_size": np.array([[3.0, 5.0], [15.0, 1.0]]),
        # Two trajectories reached the largest depth; one of them turned back before its end.
        "depth": np.array([[2, 4], [4, 1]]),
        "mean_tree_accept": np.array([[0.5, 0.7], [0.9, 0.9]]),
        "step_size": np.array([[0.1, 0.1], [0.3, 0.3]]),
    }
    found = diagnose({}, stats, {"diverging": np.ones((2, 3), bool)}, (), max_treedepth=4)
    assert (found.divergences, found.tune_divergences) == (2, 6)
    assert (found.leapfrogs, found.tune_leapfrogs) == (24, None)
    assert found.tree_depth_mean == 2.75
    assert found.tree_depth_max_share == 0.25
    assert found.accept_mean == pytest.approx(0.75)
    assert found.step_size == pytest.approx(0.2)


def test_a_sampler_without_statistics_has_none() -> None:
    found = diagnose({"x": np.random.RandomState(0).normal(size=(2, 20))}, {}, {}, ("x",), 10)
    assert found.divergences is found.leapfrogs is found.tree_depth_mean is None
    assert found.ebfmi == ()
    assert found.quantities["x"].free


def test_finite() -> None:
    assert diagnostics.finite(1) == 1.0
    assert diagnostics.finite(np.inf) is diagnostics.finite(np.nan) is None


def test_a_deterministic_that_varies_by_rounding_alone_is_constant() -> None:
    # A correlation matrix: its diagonal is 1 but for rounding.
    noise = 1 + 2.2e-16 * np.random.RandomState(1).randint(-2, 3, size=(2, 400))
    free = np.random.RandomState(2).uniform(-0.5, 0.5, size=(2, 400))
    matrix = np.stack([np.stack([noise, free], 2), np.stack([free, noise], 2)], 3)
    found = diagnose({"x": free, "corr": matrix}, {}, {}, ("x",), 10).quantities
    assert [found[f"corr[{i},{i}]"].state for i in (0, 1)] == ["constant", "constant"]
    assert "constant but for rounding" in found["corr[0,0]"].note
    assert found["corr[0,1]"].state == "ok"
    # A sum that is zero but for rounding is small beside the other elements of its variable.
    sums = np.stack([free, 1e-17 * free], axis=2)
    assert diagnose({"x": free, "sums": sums}, {}, {}, ("x",), 10).quantities["sums[1]"].state == "constant"
    # A free variable that varies so little is taken at its word, and so is a small Deterministic.
    assert summarise(noise, free=True).state == "ok"
    assert summarise(1e-15 * free, free=False).state == "ok"


def test_a_variable_with_the_name_of_anothers_element_is_told_apart() -> None:
    draws = {"level": np.zeros((2, 5, 2)), "level[0]": np.ones((2, 5)), "other": np.ones((2, 5))}
    assert [label for _, label, _ in scalars(draws)] == ["level[0]", "level[1]", "'level[0]'", "other"]
