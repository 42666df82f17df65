"""Exact posteriors against routes that share nothing with them: SciPy's adaptive quadrature."""

from typing import Any, Dict, Union

import numpy as np
import pytest
from scipy import integrate, stats

from nutsbench import models
from nutsbench.models import exact, truths
from nutsbench.models.exact.hierarchy import BivariateClasses, PooledClasses
from nutsbench.models.exact.posterior import labels, quantiles
from nutsbench.truths import truth


def normal_line() -> np.ndarray:
    """Four numbers around an unknown mean and scale."""
    return np.array([0.3, 1.9, 1.1, 2.4])


def expectations(functions: Any) -> Any:
    """Integrate over the mean and the logarithm of the scale, by Gauss and Legendre's rule."""
    y = normal_line()
    nodes, weights = np.polynomial.legendre.leggauss(600)
    mean, log_scale = np.meshgrid(12 * nodes, -2.5 + 5.5 * nodes, indexing="ij")
    scale = np.exp(log_scale)
    density = stats.norm.pdf(y[:, None, None], mean, scale).prod(axis=0)
    density *= stats.norm.pdf(mean, 0, 2) * stats.expon.pdf(scale) * scale * np.outer(weights, weights)
    return [(density * function(mean, scale)).sum() / density.sum() for function in functions]


def test_a_regression_agrees_with_a_rule_in_all_its_dimensions() -> None:
    posterior = exact.Regression({"mean": (np.ones(4), 2.0)}, normal_line(), "scale")
    solved = exact.solve(posterior, {})
    first, second, third, fourth = expectations(
        [lambda m, _: m, lambda m, _: m**2, lambda _, s: s, lambda _, s: s**2]
    )
    for name, mean, square in (("mean", first, second), ("scale", third, fourth)):
        summary = solved.summaries[name]
        assert summary["mean"] == pytest.approx(mean, rel=1e-7)
        assert summary["sd"] == pytest.approx((square - mean**2) ** 0.5, rel=1e-7)
        assert solved.errors[name] < 1e-6 * summary["sd"]


def test_quantiles_agree_with_adaptive_quadrature() -> None:
    posterior = exact.Regression({"mean": (np.ones(4), 2.0)}, normal_line(), "scale")
    summary = exact.solve(posterior, {}).summaries["scale"]
    y = normal_line()

    def density(log_scale: Any) -> Any:
        scale = np.exp(log_scale)
        # The mean integrated out in closed form: y is normal with covariance scale^2 I + 4.
        covariance = scale**2 * np.eye(4) + 4.0
        return stats.multivariate_normal.pdf(y, np.zeros(4), covariance) * stats.expon.pdf(scale) * scale

    total, _ = integrate.quad(density, -8, 4, epsabs=0, epsrel=1e-12, limit=400)
    for name, probability in exact.PROBABILITIES.items():
        below, _ = integrate.quad(density, -8, np.log(summary[name]), epsabs=0, epsrel=1e-12, limit=400)
        assert below / total == pytest.approx(probability, abs=1e-9)


def test_sums_of_normals_are_normal() -> None:
    posterior = exact.Normals({"a": (1.0, 3.0), "b": (2.0, 4.0)}, {"c": {"a": 2.0, "b": -1.0}})
    summary = exact.solve(posterior, {"d": {"c": 1.0, "b": 1.0}}).summaries
    expected = stats.norm(0.0, np.hypot(6.0, 4.0))
    assert summary["c"]["sd"] == pytest.approx(expected.std(), rel=1e-12)
    assert summary["c"]["q05"] == pytest.approx(expected.ppf(0.05), rel=1e-10)
    assert summary["d"]["sd"] == pytest.approx(6.0, rel=1e-12)


def test_a_difference_of_betas_agrees_with_its_convolution() -> None:
    posterior = exact.BetaBinomial("p", np.array([3.0, 8.0]), np.array([7.0, 4.0]), {"d": ("p[1]", "p[0]")})
    summary = exact.solve(posterior, {}).summaries
    low, high = stats.beta(4, 8), stats.beta(9, 5)
    assert summary["p[0]"]["q95"] == pytest.approx(low.ppf(0.95), rel=1e-10)
    for name, probability in exact.PROBABILITIES.items():
        x = summary["d"][name]
        below, _ = integrate.quad(lambda t, x=x: low.pdf(t) * high.cdf(t + x), 0, 1, epsabs=1e-13)
        assert below == pytest.approx(probability, abs=1e-9)
    assert summary["d"]["sd"] == pytest.approx(np.hypot(low.std(), high.std()), rel=1e-10)


class Proposal:
    """Independent normals in PyMC3's unconstrained coordinates, and their log density."""

    def __init__(self, count: int, seed: int = 5) -> None:
        self._rng = np.random.RandomState(seed)
        self._count = count
        self.log_density = np.zeros(count)

    def __call__(self, mean: Any, sd: float) -> np.ndarray:
        mean = np.asarray(mean, dtype=float)
        noise = self._rng.normal(size=(self._count, *mean.shape))
        self.log_density -= 0.5 * (noise**2).reshape(self._count, -1).sum(axis=1)
        return mean + sd * noise


def assert_means_agree(
    posterior: Union[BivariateClasses, PooledClasses],
    summary: Dict[str, Any],
    point: Dict[str, Any],
    log_proposal: np.ndarray,
) -> None:
    """Compare means with those of self-normalised importance sampling."""
    log_weights = posterior.log_density(point) - log_proposal
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    for name, values in point.items():
        columns = values.reshape(len(values), -1).T
        for label, column in zip(labels(name, values.shape[1:]), columns):
            mean = weights @ column
            error = np.sqrt(weights**2 @ (column - mean) ** 2)
            assert error < 0.1 * summary[label]["sd"]
            assert abs(mean - summary[label]["mean"]) < 4.5 * error, label


@pytest.mark.whole
def test_pooled_classes_agree_with_importance_sampling() -> None:
    first, second = np.tile([0, 1], 15), np.repeat([0, 1, 2], 10)
    noise = 0.1 * np.random.RandomState(1).normal(size=30)
    y = np.array([-2.0, 0.5, 2.5])[second] + np.array([0.3, -0.3])[first] + noise
    posterior = exact.PooledClasses(("a", first), ("b", second), y, mean="m", spread="t", scale="s")
    draw = Proposal(200_000)
    # Only sums of a and b are known well: a_0 goes one way and all of b the other.
    along, apart = draw(0.3, 0.8), draw(-0.6, 0.06)
    b = draw([-1.7, 0.8, 2.8], 0.05) - along[:, None]
    point = {
        "m": draw(0.3, 1.0),
        "a": np.stack([along, along + apart], axis=1),
        "b": b,
        "t": np.exp(draw(0.6, 0.5)),
        "s": np.exp(draw(-2.3, 0.2)),
    }
    assert_means_agree(posterior, exact.solve(posterior, {}).summaries, point, draw.log_density)


@pytest.mark.whole
def test_bivariate_classes_agree_with_importance_sampling() -> None:
    classes, treatments = np.repeat([0, 1, 2], 10), np.tile([0, 1], 15)
    effects = np.array([[2.0, 1.0], [-2.5, 2.0], [-3.0, 3.0]])
    y = effects[classes, treatments] + 0.1 * np.random.RandomState(1).normal(size=30)
    names = exact.BivariateNames("s", ("a", "b"), "e", "L", "sd", "rho")
    posterior = exact.BivariateClasses(classes, treatments, y, names, eta=2.0, prior_sd=2.0)
    draw = Proposal(200_000)
    factor = [np.exp(draw(0.8, 0.5)), draw(-0.4, 0.9), np.exp(draw(0.0, 0.7))]
    point = {
        "s": np.exp(draw(-2.3, 0.2)),
        "a": draw(-0.7, 1.3),
        "b": draw(1.6, 0.9),
        "L": np.stack(factor, axis=1),
        "e": draw(effects, 0.07),
    }
    assert_means_agree(posterior, posterior.summaries(0, {}), point, draw.log_density)


def test_independent_factors_are_solved_apart() -> None:
    one = exact.Regression({"m": (np.ones(4), 2.0)}, normal_line(), "s")
    two = exact.Regression({"k": (np.ones(4), 1.0)}, normal_line() + 1, "t")
    both = exact.solve(exact.Product(one, two), {"2 m": {"m": 2.0}})
    # To the last digit but one: sums of other lengths may be added up in another order.
    assert both.summaries["m"] == pytest.approx(exact.solve(one, {}).summaries["m"], rel=1e-12)
    assert both.summaries["t"] == pytest.approx(exact.solve(two, {}).summaries["t"], rel=1e-12)
    assert both.summaries["2 m"]["sd"] == pytest.approx(2 * both.summaries["m"]["sd"], rel=1e-12)


def test_figures_that_still_move_are_refused() -> None:
    posterior = exact.Regression({"mean": (np.ones(4), 2.0)}, normal_line(), "scale")
    with pytest.raises(exact.NotConvergedError, match=r"still moves by .* posterior sds"):
        exact.solve(posterior, {}, tolerance=1e-30)


def test_quantiles_are_found_far_from_the_mean() -> None:
    heavy = stats.t(1.1)
    assert quantiles(heavy.cdf, 0.0, 0.5)["q95"] == pytest.approx(heavy.ppf(0.95), rel=1e-9)


@pytest.mark.parametrize("name", [name for name in models.names() if name != "heterogenous"])
def test_what_is_kept_is_computed_again(name: str) -> None:
    spec = models.get(name)
    apart = truth.compare(truths.compute(spec), truths.load(spec))
    assert apart.in_errors <= 1
    assert apart.in_sds < 1e-6


@pytest.mark.whole
def test_what_is_kept_of_heterogenous_is_near_a_coarser_grid() -> None:
    # The fine grid takes minutes: `nutsbench truth heterogenous`.
    spec = models.get("heterogenous")
    kept = truths.load(spec).quantities
    assert spec.exact is not None
    coarse = spec.exact(spec.data()).summaries(0, {})
    assert set(coarse) == set(kept)
    for scalar, figures in kept.items():
        assert coarse[scalar]["mean"] == pytest.approx(figures["mean"], abs=1e-3 * figures["sd"])
        assert coarse[scalar]["sd"] == pytest.approx(figures["sd"], rel=3e-3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"coefficients": {"slope": (np.ones(3), 1.0)}}, "slope has 3 rows, and the outcome 4"),
        ({"coefficients": {"slope": (np.ones(4), -1.0)}}, "the prior sd of slope has to be above 0, not -1"),
        ({"rate": 0.0}, "the rate of scale has to be above 0, not 0"),
    ],
)
def test_a_regression_that_makes_no_sense_is_refused(changes: Dict[str, Any], said: str) -> None:
    arguments = {"coefficients": {"slope": (np.ones(4), 1.0)}, "outcome": normal_line(), "scale": "scale"}
    with pytest.raises(ValueError, match=said):
        exact.Regression(**{**arguments, **changes})


def test_deterministics_that_are_sums_are_summarised() -> None:
    x = np.arange(4.0)
    columns = {"a": (np.ones(4), 2.0), "b": (x, 2.0)}
    posterior = exact.Regression(columns, normal_line(), "s", linear={"top": {"a": 1.0, "b": 3.0}})
    found = exact.solve(posterior, {"same": {"a": 1.0, "b": 3.0}}).summaries
    assert found["top"] == found["same"]
    assert found["top"]["mean"] == pytest.approx(found["a"]["mean"] + 3 * found["b"]["mean"], rel=1e-10)
