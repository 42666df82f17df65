"""When a long run of NUTS may serve as truth, and when it is refused."""

from typing import Any, Callable

import pytest

from nutsbench import models
from nutsbench.judge.accuracy import score
from nutsbench.models.spec import SamplerSettings
from nutsbench.models.truths import Truth
from nutsbench.records.record import Record
from nutsbench.truths import reference


def a_record(make_record: Callable[..., Record], draws: Any = 2500, **figures: Any) -> Any:
    quantity = {
        "mean": 1.0, "sd": 2.0, "q05": -2.0, "q50": 1.0, "q95": 4.0,
        "mcse_mean": 0.02, "mcse_sd": 0.03, "mcse_q05": 0.05, "mcse_q50": 0.03, "mcse_q95": 0.06,
        "ess_bulk": 9000.0, "ess_tail": 8000.0, "ess_q05": 8000.0, "ess_q95": 8500.0,
        "rhat": 1.001, "state": "ok", "note": "", "free": True,
    }  # fmt: skip
    return make_record(
        settings=SamplerSettings(draws=draws),
        quantities={"mu": {**quantity, **figures}},
        environment={"packages": {"pymc3": "3.8", "arviz": "0.6.1", "click": "8"}},
    ).to_dict()


def test_draws_that_lack_nothing(make_record: Callable[..., Record]) -> None:
    record = a_record(make_record)
    assert reference.final(record) == ""
    assert reference.lacking(record, 8000) == []


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"ess_tail": 7999.0}, "the smallest ESS is 7999, wanted are 8000"),
        ({"rhat": 1.01}, "the largest R-hat is 1.0100"),
        ({"rhat": None}, "the largest R-hat is inf"),
        ({"ess_bulk": None}, "the smallest ESS is 0"),
    ],
)
def test_what_is_lacking_is_named(make_record: Callable[..., Record], figures: Any, said: Any) -> None:
    (found,) = [text for text in reference.lacking(a_record(make_record, **figures), 8000) if said in text]
    assert found


def test_divergences_are_final(make_record: Callable[..., Record]) -> None:
    record = a_record(make_record)
    record["metrics"] = {**record["metrics"], "divergences": 2}
    assert reference.final(record).startswith("2 divergences")


def test_a_cell_that_failed_is_final(make_record: Callable[..., Record]) -> None:
    record = {**a_record(make_record), "status": "timeout", "reason": "it took too long"}
    assert reference.final(record) == "the cell is timeout: it took too long"


def test_more_draws_are_at_least_twice_as_many_and_at_most_what_is_allowed(
    make_record: Callable[..., Record],
) -> None:
    assert reference.more_draws(a_record(make_record, ess_tail=7000.0), 8000, 10**6) == 5000
    assert reference.more_draws(a_record(make_record, ess_tail=800.0), 8000, 10**6) == 28750
    assert reference.more_draws(a_record(make_record, ess_tail=800.0), 8000, 20_000) == 20_000
    assert reference.more_draws(a_record(make_record, draws=20_000, ess_tail=800.0), 8000, 20_000) == 0


def test_a_reference_keeps_its_own_errors_and_they_count(make_record: Callable[..., Record]) -> None:
    spec = models.get("coin_toss")
    made = reference.truth_of(spec, a_record(make_record), "the command")
    assert Truth.from_dict(made.to_dict()) == made
    assert made.kind == "reference"
    assert made.versions == {"pymc3": "3.8", "arviz": "0.6.1"}
    assert made.error("mu", "mean") == 0.02
    assert made.quantities["mu"]["error"] == 0.06
    figures = {"mean": 1.05, "mcse_mean": 0.03, "sd": 2.0, "mcse_sd": 0.03}
    figures.update(q05=-2.0, q95=4.0, ess_q05=2000.0, ess_q95=2000.0)
    by_statistic = {
        one.statistic: one for one in score({"mu": figures}, {"mu": {"q05": 0.06, "q95": 0.95}}, made)
    }
    assert by_statistic["mean"].z == pytest.approx(0.05 / (0.02**2 + 0.03**2) ** 0.5)
    assert by_statistic["q05"].z == pytest.approx(-0.01 / (0.0475 * (1 / 2000 + 1 / 8000)) ** 0.5)


def test_a_sampler_that_is_not_nuts_is_final(make_record: Callable[..., Record]) -> None:
    record = a_record(make_record)
    record["metrics"] = {**record["metrics"], "divergences": None}
    assert "not NUTS" in reference.final(record)


def test_an_ess_that_is_no_number_is_never_reached(make_record: Callable[..., Record]) -> None:
    assert reference.lacking(a_record(make_record), float("nan"))


def test_a_constant_deterministic_stands_in_no_reference(make_record: Callable[..., Record]) -> None:
    record = a_record(make_record)
    still = {**record["quantities"]["mu"], "state": "constant", "free": False, "ess_bulk": None, "rhat": None}
    record["quantities"]["rho[0,0]"] = still
    assert reference.final(record) == ""
    assert reference.lacking(record, 8000) == []
    made = reference.truth_of(models.get("coin_toss"), record, "the command")
    assert list(made.quantities) == ["mu"]
    record["quantities"]["mu"]["state"] = "constant"
    record["quantities"]["mu"]["note"] = "constant: all draws are 1"
    assert "constant" in reference.final(record)
