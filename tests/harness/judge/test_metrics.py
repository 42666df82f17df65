"""Each figure's denominator is what its definition says."""

import dataclasses
import json
import math
from typing import Any

import pytest

from nutsbench.inside.clock import PhaseTime
from nutsbench.judge.diagnostics import Diagnostics, Quantity
from nutsbench.judge.kinetic import Kinetic
from nutsbench.judge.metrics import METRICS, Measurement, compute, extreme, untimed
from nutsbench.models.spec import SamplerSettings

QUANTITIES = {
    "a": Quantity(sd=2.0, mcse_mean=0.1, ess_bulk=400.0, ess_tail=300.0, rhat=1.02),
    "b[0]": Quantity(sd=1.0, mcse_mean=0.2, ess_bulk=100.0, ess_tail=350.0, rhat=1.001),
    "c": Quantity(state="constant", note="constant: all 10 draws are 1"),
}
DIAGNOSTICS = Diagnostics(
    QUANTITIES, 3, 5, 2000, 8000, 3.5, 0.01, (0.9, 0.4), 0.81, 0.25, Kinetic(3.3, 900.0, 3)
)
PHASES = {
    "import": PhaseTime(100.0, 100.0),
    "build": PhaseTime(1.0, 1.0),
    "compile": PhaseTime(2.0, 2.0),
    "tune": PhaseTime(3.0, 6.0),
    "draw": PhaseTime(5.0, 10.0),
    "diagnose": PhaseTime(0.5, 0.5),
}
MEASUREMENT = Measurement(SamplerSettings(), PHASES, DIAGNOSTICS, 10.0, 20.0, 2**28)

EXPECTED = {
    "ess_per_s": 100 / 8,
    "ess_per_draw_s": 100 / 5,
    "ess_per_total_s": 100 / 11,
    "pace_s": 8 / 100,
    "wall_s": 11.5,
    "cpu_s": 19.5,
    "ess_bulk_min": 100,
    "ess_tail_min": 300,
    "rhat_max": 1.02,
    "mcse_mean_max": 0.2,
    "divergences": 3,
    "tune_divergences": 5,
    "ebfmi_min": 0.4,
    "tree_depth_mean": 3.5,
    "tree_depth_max_share": 0.01,
    "leapfrogs": 2000,
    "tune_leapfrogs": 8000,
    "leapfrogs_per_s": 2000 / 5,
    "us_per_leapfrog": 1e6 * 10 / 2000,
    "ess_per_leapfrog": 100 / 2000,
    "gradient_us": 20,
    "gradient_share": 20 / 5000,
    "accept_mean": 0.81,
    "step_size": 0.25,
    "kinetic_ratio": 3.3 / 3,
    "peak_rss_bytes": 2**28,
}


def test_every_metric_is_checked_here() -> None:
    assert set(EXPECTED) == set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_its_definition(name: Any) -> None:
    assert compute(MEASUREMENT)[name] == pytest.approx(EXPECTED[name])


def test_ess_per_draw_second_factors_into_efficiency_and_speed() -> None:
    values = compute(MEASUREMENT)
    product = values["ess_per_leapfrog"] * values["leapfrogs_per_s"]
    assert product == pytest.approx(values["ess_per_draw_s"])


def test_every_row_is_complete() -> None:
    for name, row in METRICS.items():
        assert row.direction in ("higher", "lower", "none"), name
        assert row.unit, name
        assert row.definition.endswith("."), name


def test_what_does_not_exist_is_none_and_never_infinite() -> None:
    nothing = Diagnostics({}, None, None, None, None, None, None, (), None, None)
    zero = {name: PhaseTime(0.0, 0.0) for name in PHASES}
    for diagnostics in (nothing, dataclasses.replace(DIAGNOSTICS, leapfrogs=0)):
        values = compute(Measurement(SamplerSettings(), zero, diagnostics, 0.0, None, 0))
        json.dumps(values, allow_nan=False)
        assert values["ess_per_s"] is None
        assert all(value is None or math.isfinite(value) for value in values.values())


def test_the_scalar_of_an_extreme() -> None:
    assert extreme(QUANTITIES, "ess_bulk") == "b[0]"
    assert extreme(QUANTITIES, "rhat", largest=True) == "a"
    assert extreme({"c": QUANTITIES["c"]}, "rhat") is None


def test_what_is_left_without_times_rests_on_no_clock() -> None:
    slower = {name: PhaseTime(3 * one.wall_s, 7 * one.cpu_s) for name, one in PHASES.items()}
    one, other = (
        compute(Measurement(SamplerSettings(), phases, DIAGNOSTICS, draw_s, gradient_us, 2**28))
        for phases, draw_s, gradient_us in ((PHASES, 10.0, 20.0), (slower, 31.0, 90.0))
    )
    same = {name for name, value in one.items() if other[name] == value}
    assert set(untimed(one)) == same
    assert "ess_bulk_min" in same
    assert "ess_per_s" not in same
