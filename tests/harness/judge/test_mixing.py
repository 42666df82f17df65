"""R-hat of chains that have mixed is explained by chance; of chains that have not, it is not."""

from typing import Any, Callable

import numpy as np
import pytest

from nutsbench.judge import mixing
from nutsbench.judge.diagnostics import summarise
from tests.harness.judge.test_diagnostics import ar1


def share_below(level: Any, rho: Any, shape: Any, spoil: Any = lambda x: x, repeats: Any = 100) -> Any:
    """Return the share of AR(1) chains whose mixing is less likely than a level."""
    chances = [mixing.mixing(spoil(ar1(rho, shape, seed))).rhat_p for seed in range(repeats)]
    return np.mean(np.array(chances) < level)


@pytest.mark.whole
@pytest.mark.parametrize("shape", [(1, 500), (2, 400), (4, 500)])
@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.5, 0.9])
def test_mixed_chains_are_seldom_suspected(rho: Any, shape: Any) -> None:
    # At a level of 2 %, more than seven of 100 come about once in a thousand times.
    assert share_below(0.02, rho, shape) <= 0.07


def shifted(by: float) -> Callable[..., Any]:
    return lambda x: x + by * np.arange(len(x))[:, None]


@pytest.mark.whole
@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (shifted(1.0), 1.0),
        (lambda x: x * np.where(np.arange(len(x)) == 0, 0.4, 1.0)[:, None], 1.0),  # one chain is narrow
        (lambda x: x + np.linspace(-0.75, 0.75, x.shape[1]), 0.75),  # all chains drift
    ],
    ids=["shifted", "narrow", "drift"],
)
def test_chains_that_have_not_mixed_are_suspected(spoil: Any, found: Any) -> None:
    assert share_below(0.001, 0.3, (2, 500), spoil, repeats=40) >= found


def test_the_ess_within_chains_does_not_fall_where_chains_disagree() -> None:
    apart = shifted(5.0)(ar1(0.0, (2, 1000)))
    assert summarise(apart).ess_bulk < 10
    assert summarise(apart).ess_within > 1000


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.5, 0.9])
def test_the_correlation_time_is_that_of_an_autoregression(rho: Any) -> None:
    # Of an AR(1) it is (1 + rho) / (1 - rho), and its variance is 1.
    tau, variance = mixing.correlation_time(ar1(rho, (4, 50_000)))
    assert tau == pytest.approx((1 + rho) / (1 - rho), rel=0.06)
    assert variance == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(
    ("chains", "draws", "ess", "share"),
    [(4, 500, 400, 0.299), (2, 500, 200, 0.308), (2, 500, 400, 0.066), (4, 1000, 1000, 0.007)],
)
def test_what_an_ess_explains_is_the_distribution_of_rhat(
    chains: Any, draws: Any, ess: Any, share: Any
) -> None:
    # Shares of simulated AR(1) chains with an R-hat above 1.01; the chance is of two tests.
    assert mixing.explained(1.01, ess, 2 * chains, draws / 2) == pytest.approx(2 * share, abs=0.01)


def test_the_ess_for_an_rhat_is_the_inverse_of_what_an_ess_explains() -> None:
    ess = mixing.ess_for_rhat(1.01, 4, 250, 0.05)
    assert mixing.explained(1.01, ess, 4, 250) == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize(
    "values", [np.zeros((2, 6)), np.ones((2, 500)), np.repeat([[0.0], [1.0]], 100, axis=1)]
)
def test_chains_that_are_too_short_or_do_not_move_are_not_tested(values: Any) -> None:
    assert mixing.mixing(values) is None


def quantities(**scalars: Any) -> Any:
    return {name: summarise(values).to_dict() for name, values in scalars.items()}


def test_the_scalar_that_has_not_mixed_is_named() -> None:
    found = mixing.unmixed(quantities(a=ar1(0.3, (2, 500)), b=shifted(1.0)(ar1(0.3, (2, 500)))), 2, 500)
    assert found.scalar == "b"
    assert "R-hat" in found.says
    assert mixing.unmixed(quantities(a=ar1(0.3, (2, 500))), 2, 500) is None


def test_a_level_is_shared_among_scalars() -> None:
    one = {**summarise(ar1(0.3, (2, 500))).to_dict(), "rhat": 1.02, "rhat_p": 0.001}
    assert mixing.unmixed({"a": one}, 2, 500) is not None
    assert mixing.unmixed({"a": one}, 2, 500, of_scalars=20) is None
    many = {f"b{i}": {**one, "rhat": 1.0, "rhat_p": 0.5} for i in range(20)}
    assert mixing.unmixed({"a": one, **many}, 2, 500) is None
