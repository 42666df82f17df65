"""A verdict on draws comes with its reasons, and with what to do."""

from typing import Any, Callable

import numpy as np
import pytest

from nutsbench.judge import quality
from nutsbench.judge.diagnostics import Quantity, summarise
from nutsbench.judge.quality import Seen, judge, over_seeds
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.record import Record
from tests.conftest import GOOD_METRICS, GOOD_SCALAR

#: Mixed chains hardly ever give it.
APART = {"rhat": 1.3, "rhat_p": 1e-9}


def seen(settings: Any = None, hints: Any = None, **changes: Any) -> Seen:
    """Return what good draws give, with the scalar y and some metrics changed."""
    scalar = Quantity(**{**GOOD_SCALAR, **changes.pop("scalar", {})})
    quantities = {"x": Quantity(**GOOD_SCALAR).to_dict(), "y": scalar.to_dict()}
    metrics = {**GOOD_METRICS, "rhat_max": max(scalar.rhat or 0, 1.001), **changes}
    for kind in ("ess_bulk", "ess_tail"):
        value = getattr(scalar, kind)
        metrics[f"{kind}_min"] = min(value, 400.0) if value is not None else 400.0
    settings = {**SamplerSettings().to_dict(), **(settings or {})}
    worst = {"ess_bulk": "y", "ess_tail": "y", "rhat": "y"}
    return Seen(settings, quantities, metrics, worst, hints or {})


def test_draws_without_fault_are_good() -> None:
    assert judge(seen()).to_dict() == {"verdict": "good", "reasons": [], "remedy": None}


@pytest.mark.parametrize(
    ("found", "verdict", "said"),
    [
        (seen(scalar={"rhat": 1.011}), "too few draws", "R-hat 1.0110 of y is above 1.01, within chance"),
        (seen(scalar={"ess_bulk": 199.0}), "too few draws", "bulk ESS 199 of y is below 200"),
        (seen(scalar={"ess_tail": 150.0}), "too few draws", "tail ESS 150 of y is below 200"),
        (seen(scalar=APART), "not converged", "R-hat 1.300 of y is more than chance explains"),
        (seen(scalar={"rhat": 1.2, "ess_bulk": 12.0}), "not converged", "fewer than 20 cannot show"),
        (seen(ebfmi_min=0.29), "not converged", "E-BFMI 0.29 is below 0.3"),
        (seen(divergences=2), "divergent", "2 divergences after tuning"),
        (seen(divergences=1), "divergent", "1 divergence after tuning"),
        (seen(tree_depth_max_share=0.06), "treedepth limited", "6 % of trajectories reached max_treedepth"),
        (
            seen(scalar={"state": "not_finite", "note": "3 draws are not finite"}),
            "stuck",
            "y: 3 draws are not",
        ),
        (seen(scalar={"state": "stuck", "note": "constant within chain 1"}), "stuck", "y: constant within"),
        (seen(scalar={"state": "constant", "note": "constant: all are 1"}), "stuck", "y: constant"),
        (seen(scalar={"standstill": 40}), "stuck", "a chain of y stands still for 40 draws"),
    ],
)
def test_each_fault_has_its_verdict(found: Any, verdict: Any, said: Any) -> None:
    judged = judge(found)
    assert judged.verdict == verdict
    assert said in "\n".join(judged.reasons)
    assert judged.remedy.says


def test_the_first_that_holds_is_the_verdict_and_the_others_are_reasons() -> None:
    everything = seen(
        scalar={**APART, "standstill": 40, "ess_tail": 90.0}, divergences=3, tree_depth_max_share=0.5
    )
    judged = judge(everything)
    assert judged.verdict == "stuck"
    said = [reason.split()[0] for reason in judged.reasons]
    assert said == ["a", "R-hat", "3", "tail", "50"]


def test_limits_are_passed_when_they_are_met() -> None:
    assert judge(seen(scalar={"rhat": 1.01, "ess_bulk": 200.0, "ess_tail": 200.0})).verdict == "good"
    assert judge(seen(ebfmi_min=0.3)).verdict == "good"
    assert judge(seen(tree_depth_max_share=0.05)).verdict == "good"
    assert judge(seen(scalar={"standstill": 25})).verdict == "good"  # 5 % of 500


def test_the_ess_asked_for_grows_with_the_chains() -> None:
    assert judge(seen({"chains": 4})).verdict == "good"
    assert judge(seen({"chains": 5})).verdict == "too few draws"


def test_a_deterministic_may_be_constant_or_stand_still() -> None:
    constant = {"state": "constant", "note": "constant", "free": False, "rhat": None, "ess_bulk": None}
    assert judge(seen(scalar=constant)).verdict == "good"
    assert judge(seen(scalar={"standstill": 400, "free": False})).verdict == "good"


def test_a_discrete_variable_may_repeat_itself_and_be_certain() -> None:
    count = np.random.RandomState(1).poisson(0.01, size=(2, 500))
    assert summarise(count.astype(float)).standstill > 50
    assert summarise(count.astype(float), discrete=True).standstill == 0
    certain = summarise(np.full((2, 500), 41.0), discrete=True)
    judged = judge(
        seen(scalar={"state": certain.state, "note": certain.note, "discrete": True, "rhat": None})
    )
    assert judged.verdict == "unknown"
    assert "it may be certain, or stuck" in judged.reasons[0]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (seen(scalar={"state": "one_chain", "rhat": None, "note": "R-hat needs two"}), "R-hat needs two"),
        (seen(scalar={"rhat": None}), "y: ArviZ gave no ESS or R-hat"),
        (seen(scalar={"ess_tail": None}), "y: ArviZ gave no ESS or R-hat"),
        (seen(divergences=None), "the sampler is not NUTS"),
        (seen(tree_depth_max_share=None), "the sampler is not NUTS"),
        (seen(ebfmi_min=None), "there is no E-BFMI"),
        (Seen(SamplerSettings().to_dict(), {}, GOOD_METRICS, {}), "there is no scalar to check"),
    ],
)
def test_what_could_not_be_checked_is_not_good(found: Any, said: Any) -> None:
    judged = judge(found)
    assert judged.verdict == "unknown"
    assert said in judged.reasons[0]


def test_so_few_draws_that_nothing_can_be_said_are_too_few() -> None:
    few = {"state": "too_few", "note": "1 draws a chain are too few", "rhat": None}
    judged = judge(seen({"draws": 1}, scalar=few))
    assert judged.verdict == "too few draws"
    assert judged.remedy.settings["draws"] >= 400


def test_records_that_keep_only_rhat_and_ess_are_judged_by_what_their_ess_explains() -> None:
    earlier = {"rhat_p": None, "ess_within": None}
    # Of mixed chains of ESS 400 six in a hundred are above 1.01, and hardly one above 1.05.
    assert judge(seen(scalar={**earlier, "rhat": 1.015})).verdict == "too few draws"
    assert judge(seen(scalar={**earlier, "rhat": 1.05})).verdict == "not converged"
    assert judge(seen(scalar={**earlier, "rhat": 1.05, "ess_bulk": 60.0})).verdict == "too few draws"
    assert judge(seen(scalar={**earlier, "rhat": 1.9, "ess_bulk": 3.0})).verdict == "not converged"


@pytest.fixture
def record(make_record: Callable[..., Record]) -> Any:
    def make(seed: Any, status: Any = "ok", **changes: Any) -> Any:
        found = seen(**changes)
        kept = make_record(
            seed=seed, quantities=found.quantities, metrics=found.metrics, worst=found.worst
        ).to_dict()
        return {**kept, "status": status}

    return make


def test_a_record_is_judged_as_today_whatever_was_said_of_it(record: Any) -> None:
    stored = {**record(1, divergences=2), "quality": {"verdict": "poor", "reasons": ["2 divergences"]}}
    assert quality.present(stored)["quality"]["verdict"] == "divergent"
    assert quality.present({**stored, "status": "failed"})["quality"]["reasons"] == ["the cell is failed"]
    apart = quality.present(record(1, scalar=APART))
    assert apart["accuracy"]["verdict"] == "not judged"
    assert apart["accuracy"]["reasons"][0].startswith("chains have not mixed: R-hat 1.300 of y")


def test_over_seeds_half_decide_but_one_seed_that_has_not_mixed_is_enough(record: Any) -> None:
    good, short = record(1), record(2, scalar={"ess_tail": 150.0})
    assert over_seeds([good, good, good, short]).verdict == "good"
    judged = over_seeds([good, short, short])
    assert judged.verdict == "too few draws"
    assert judged.reasons == ("tail ESS down to 150 of y is below 200 (100 a chain) (2 of 3 seeds)",)
    assert judged.remedy.settings["draws"] > 500
    apart = over_seeds([good, good, record(3, scalar=APART)])
    assert apart.verdict == "not converged"
    assert "(1 of 3 seeds)" in apart.reasons[0]


def test_over_seeds_chains_that_have_not_mixed_are_said_once_with_the_largest_rhat(record: Any) -> None:
    further = record(2, scalar={**APART, "rhat": 1.4})
    (reason,) = over_seeds([record(1, scalar=APART), further]).reasons
    assert reason.startswith("R-hat 1.400 of y")


def test_over_many_seeds_a_single_unlikely_rhat_is_chance(record: Any) -> None:
    unlikely = {"rhat": 1.03, "rhat_p": 0.001}
    assert judge(seen(scalar=unlikely)).verdict == "not converged"
    assert (
        over_seeds([record(0, scalar=unlikely), *(record(seed) for seed in range(1, 40))]).verdict == "good"
    )
