"""One remedy for each verdict, with settings worked out, as a command to type."""

from typing import Any, Dict, Optional

import pytest

from nutsbench.judge.diagnostics import Quantity
from nutsbench.judge.remedy import command, draws_needed, remedy
from nutsbench.models.spec import SamplerSettings
from tests.conftest import GOOD_METRICS, GOOD_SCALAR, Run


def told(
    verdict: str,
    settings: Optional[Dict[str, Any]] = None,
    hints: Optional[Dict[str, Any]] = None,
    metrics: Optional[Dict[str, Any]] = None,
    **scalar: Any,
) -> Any:
    settings = {**SamplerSettings().to_dict(), **(settings or {})}
    quantities = {"x": Quantity(**{**GOOD_SCALAR, **scalar}).to_dict()}
    return remedy(verdict, settings, quantities, {**GOOD_METRICS, **(metrics or {})}, hints or {})


def test_draws_are_asked_for_by_the_effective_draws_seen() -> None:
    settings = SamplerSettings(draws=500, chains=4).to_dict()
    quantities = {"x": Quantity(**{**GOOD_SCALAR, "ess_bulk": 100.0}).to_dict()}
    few = draws_needed(settings, quantities, {"ess_tail_min": 1000.0})
    # ESS 400 needs 4 times the draws; R-hat below 1.01 of 4 chains with 95 % some 8.5 times.
    assert 500 * 8 < few < 500 * 12
    tails = draws_needed(settings, quantities, {"ess_tail_min": 10.0})
    assert tails == 500 * 40 * 1.25
    assert draws_needed(settings, {}, {}) is None


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        (told("divergent", metrics={"divergences": 3}), {"target_accept": 0.95}),
        (told("divergent", {"target_accept": 0.95}, metrics={"divergences": 3}), {"target_accept": 0.99}),
        (told("divergent", {"target_accept": 0.99}, metrics={"divergences": 3}), {}),
        (told("divergent", {"target_accept": 0.95}, metrics={"divergences": 300}), {}),
        (told("treedepth limited"), {"max_treedepth": 12}),
        (told("treedepth limited", {"max_treedepth": 15}), {}),
        (told("stuck"), {"tune": 1000, "target_accept": 0.95}),
        (told("not converged", {"tune": 200, "draws": 200}), {"tune": 1000, "draws": 500}),
        (told("not converged", {"tune": 1000}, {"step_sizes": [0.5, 0.01]}), {"tune": 2000}),
        (told("not converged", {"tune": 200}, {"apart": {"scalar": "mu"}}), {"chains": 4}),
        (told("unknown", {"chains": 1}), {"chains": 2}),
    ],
)
def test_settings_are_worked_out(given: Any, settings: Any) -> None:
    assert given.settings == settings
    assert given.says


def test_good_draws_need_nothing() -> None:
    assert told("good") is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            told(
                "divergent", {"target_accept": 0.99}, {"divergences": {"scalar": "tau"}}, {"divergences": 9}
            ),
            "parametrisation of tau, where they gather",
        ),
        (told("not converged", {"tune": 1000}, {"wanders": {"along": "a - b"}}), "nothing holds a - b"),
        (told("not converged", {"tune": 500}, {"wanders": {"along": "a - b"}}), "wander along a - b"),
        (
            told("not converged", {"tune": 1000}, {"energy": {"scalar": "tau"}}, {"ebfmi_min": 0.1}),
            "reparametrise tau",
        ),
        (
            told("too few draws", hints={"ridge": {"scalars": ["a", "b"], "correlation": -0.997}}),
            "a and b are correlated by -0.997",
        ),
        (told("too few draws", ess_bulk=2.0), "change the parametrisation"),
        (told("stuck", hints={"energy": {"scalar": "tau"}}), "change the parametrisation of tau"),
    ],
)
def test_the_variable_is_named(given: Any, said: Any) -> None:
    assert said in given.says


def test_no_number_of_draws_is_offered_where_nothing_holds_a_direction() -> None:
    assert told("not converged", {"tune": 1000}, {"wanders": {"along": "a"}}).settings == {}
    # However short tuning was: that nothing ends it is known.
    known = told("not converged", {"tune": 200}, {"wanders": {"along": "a"}, "improper": ["a", "b + c"]})
    assert known.settings == told("stuck", hints={"improper": ["a"]}).settings == {}
    assert "give a; b + c a proper prior" in known.says


def record(**changes: Any) -> Any:
    settings = {**SamplerSettings().to_dict(), **changes.pop("settings", {})}
    quality = {
        "verdict": "too few draws",
        "reasons": [],
        "remedy": {"says": "", "settings": {"draws": 1234567}},
    }
    return {
        "model": "fork",
        "seed": 7,
        "stack": "pymc3-3.8",
        "settings": settings,
        "quality": quality,
        **changes,
    }


def test_a_remedy_is_a_command_that_the_command_line_takes(nutsbench: Run) -> None:
    typed = command(record(settings={"target_accept": 0.95, "max_treedepth": 12}, stack="pymc3-3.11"))
    assert typed == (
        "nutsbench run fork --draws 1234567 --tune 500 --chains 2 --target-accept 0.95 --max-treedepth 12"
        " --seed 7 --stack pymc3-3.11"
    )
    done = nutsbench(*typed.split()[1:], "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "draws 1234567, tune 500" in done.stdout


def test_files_of_models_are_named_as_they_were_typed() -> None:
    assert command(record(), ["my models.py"]).endswith("--models 'my models.py'")


def test_where_no_setting_helps_there_is_no_command() -> None:
    assert command(record(quality={"remedy": {"says": "reparametrise", "settings": {}}})) == ""
    assert command(record(quality={"remedy": None})) == ""
