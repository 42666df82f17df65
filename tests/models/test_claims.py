"""Claims are checked statements, and the tutorial's hold where its models bear them out."""

from typing import Any

import numpy as np
import pytest

from nutsbench import models
from nutsbench.judge import claims
from nutsbench.models import truths
from nutsbench.models.claims import above, below, claim, difference, excludes, includes, near

#: The tutorial's claims that its models do not bear out; docs/claims.md has the figures.
FINDINGS = {
    ("no_heterogenous", "Without heterogeneity, the interval of the effect of x2 includes 0."),
    ("heterogenous", "Over all classes the effect is 0, since they cancel out."),
}
FIGURES = {"mean": 2.0, "q05": 1.0, "q95": 3.5}


@pytest.mark.parametrize(
    ("part", "holds"),
    [
        (includes("x", 1.5), True),
        (includes("x", 3.6), False),
        (excludes("x", 0.9), True),
        (excludes("x", 2.0), False),
        (above("x", 0.5), True),
        (above("x", 1.5), False),
        (below("x", 4.0), True),
        (below("x", 3.0), False),
        (near("x", 2.1, within=0.2), True),
        (near("x", 2.3, within=0.2), False),
    ],
)
def test_each_relation_is_checked(part: Any, holds: Any) -> None:
    assert part.holds(FIGURES) is holds


def test_a_statement_says_what_it_is_about() -> None:
    assert above(difference("b[1]", "b[0]"), 0).text == "the interval of b[1] - b[0] lies above 0"
    assert near({"a": 2, "b": -0.5}, 1, within=0.1).text == "the mean of 2 a - 0.5 b is within 0.1 of 1"


def test_a_claim_holds_if_all_its_parts_do() -> None:
    draws = {"x": np.linspace(0, 2, 100).reshape(2, 50), "y": np.full((2, 50), 3.0)}
    first, second, third = claims.of_draws(
        (
            claim("both", near("x", 1, within=0.01), above("y", 2)),
            claim("one of them", near("x", 1, within=0.01), above("y", 4)),
            claim("unknown", above("z", 0)),
        ),
        draws,
    )
    assert (first["holds"], second["holds"], third["holds"]) == (True, False, None)
    assert first["parts"][0]["mean"] == pytest.approx(1.0)
    assert claims.counted([first, second, third]) == "1 of 3"


def test_combinations_are_those_of_the_draws_not_of_their_summaries() -> None:
    rng = np.random.RandomState(0)
    x = rng.normal(size=(2, 2000))
    draws = {"x": x, "y": x + 0.01 * rng.normal(size=x.shape)}
    (found,) = claims.of_draws((claim("apart", includes(difference("x", "y"), 0)),), draws)
    assert found["parts"][0]["q95"] < 0.05


@pytest.mark.parametrize("name", models.names())
def test_claims_hold_in_the_truth_but_for_the_findings(name: Any) -> None:
    spec = models.get(name)
    assert spec.claims
    for found in claims.of_truth(spec.claims, truths.load(spec)):
        assert found["holds"] is ((name, found["says"]) not in FINDINGS), found


def test_the_categories_are_compared_with_what_generated_them() -> None:
    rng = np.random.RandomState(2025)
    generated = {
        "cat_x1": rng.normal(loc=0, scale=2, size=5),
        "cat_x2": rng.normal(loc=1, scale=1, size=4),
    }
    for name in ("categorical", "pooled_categorical"):
        for one in models.get(name).claims:
            for part in one.parts:
                if part.relation == "near":
                    value = sum(
                        factor * generated[scalar.split("[")[0]][int(scalar[-2])]
                        for scalar, factor in part.terms
                    )
                    assert part.value == pytest.approx(value, abs=0.01)
