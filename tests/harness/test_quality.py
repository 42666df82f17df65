"""A verdict on draws comes with its reasons."""

import dataclasses

import pytest

from harness.diagnostics import Diagnostics, Quantity
from harness.quality import judge

GOOD = Quantity(mean=0.0, sd=1.0, ess_bulk=400.0, ess_tail=400.0, rhat=1.0)
FINE = Diagnostics({"x": GOOD}, 0, 0, 100, 100, 3.0, 0.0, (1.0, 0.9), 0.8, 0.5)


def changed(**changes):
    return dataclasses.replace(FINE, **changes)


def scalar(**changes):
    return changed(quantities={"x": GOOD, "y": dataclasses.replace(GOOD, **changes)})


def test_draws_without_fault_are_good():
    assert judge(FINE, 2).to_dict() == {"verdict": "good", "reasons": []}


@pytest.mark.parametrize(
    ("diagnostics", "said"),
    [
        (scalar(rhat=1.011), "R-hat 1.0110 of y is above 1.01"),
        (scalar(ess_bulk=199.0), "bulk ESS 199 of y is below 200"),
        (scalar(ess_tail=150.0), "tail ESS 150 of y is below 200"),
        (changed(divergences=2), "2 divergences after tuning"),
        (changed(ebfmi=(1.0, 0.29)), "E-BFMI 0.29 is below 0.3"),
        (changed(tree_depth_max_share=0.06), "6 % of trajectories used up the largest tree depth"),
        (scalar(state="not_finite", note="3 of 20 draws are not finite"), "y: 3 of 20 draws are not finite"),
        (scalar(state="stuck", note="constant within chain 1"), "y: constant within chain 1"),
        (scalar(state="constant", note="constant: all 20 draws are 1"), "y: constant"),
    ],
)
def test_each_fault_makes_them_poor(diagnostics, said):
    quality = judge(diagnostics, 2)
    assert quality.verdict == "poor"
    assert said in "\n".join(quality.reasons)


def test_limits_are_passed_when_they_are_met():
    assert judge(scalar(rhat=1.01, ess_bulk=200.0, ess_tail=200.0), 2).verdict == "good"
    assert judge(changed(ebfmi=(0.3,)), 2).verdict == "good"
    assert judge(changed(tree_depth_max_share=0.05), 2).verdict == "good"


def test_the_ess_asked_for_grows_with_the_chains():
    assert judge(FINE, 4).verdict == "good"
    assert judge(FINE, 5).verdict == "poor"


def test_a_deterministic_may_be_constant():
    assert judge(scalar(state="constant", note="constant", free=False), 2).verdict == "good"


@pytest.mark.parametrize(
    ("diagnostics", "said"),
    [
        (scalar(state="one_chain", rhat=None, note="R-hat needs two chains"), "R-hat needs two chains"),
        (scalar(rhat=None), "y: ArviZ gave no ESS or R-hat"),
        (scalar(ess_tail=None), "y: ArviZ gave no ESS or R-hat"),
        (changed(divergences=None), "the sampler is not NUTS"),
        (changed(tree_depth_max_share=None), "the sampler is not NUTS"),
        (changed(ebfmi=()), "there is no E-BFMI"),
        (changed(quantities={}), "there is no scalar to check"),
    ],
)
def test_what_could_not_be_checked_is_not_good(diagnostics, said):
    quality = judge(diagnostics, 2)
    assert quality.verdict == "unknown"
    assert said in quality.reasons[0]


def test_the_same_note_of_every_scalar_is_one_reason():
    note = dataclasses.replace(GOOD, state="one_chain", rhat=None, note="R-hat needs two chains")
    quality = judge(changed(quantities={"x": note, "y": note}), 1)
    assert quality.reasons == ("R-hat needs two chains",)
