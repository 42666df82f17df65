"""What the contract says of a truth, without building a model."""

import dataclasses
from typing import Any

import pytest

from nutsbench import models
from nutsbench.inside import clauses, contract
from nutsbench.models import truths

KNOWN = truths.load(models.get("simple_regression"))
SPEC = models.get("simple_regression")
assert SPEC.exact is not None
COARSE = SPEC.exact(SPEC.data()).summaries(0, {})
SCALARS = set(KNOWN.quantities)


def changed(**quantities: Any) -> Any:
    return dataclasses.replace(KNOWN, quantities={**KNOWN.quantities, **quantities})


def test_a_truth_that_fits_is_not_complained_of() -> None:
    assert contract._unlike(COARSE, SCALARS, KNOWN) == ""
    assert contract._unlike(COARSE, SCALARS, None) == ""


def test_a_scalar_that_the_exact_posterior_lacks_is_named() -> None:
    assert "has top" in contract._unlike(COARSE, {*SCALARS, "top"}, KNOWN)


def test_a_truth_file_with_other_scalars_is_the_one_that_is_blamed() -> None:
    found = contract._unlike(COARSE, SCALARS, changed(typo=KNOWN.quantities["coeff"]))
    assert found.startswith("only one of the model and the file of its posterior has typo")


@pytest.mark.parametrize("statistic", ["mean", "sd"])
def test_a_truth_file_of_another_posterior_is_found_out(statistic: Any) -> None:
    figures = dict(KNOWN.quantities["coeff"])
    figures[statistic] += 0.1 * figures["sd"]
    assert f"{statistic} of coeff" in contract._unlike(COARSE, SCALARS, changed(coeff=figures))


def test_every_clause_has_a_level_and_a_reason() -> None:
    assert {clause.level for clause in clauses.CLAUSES.values()} == {"must", "should", "may"}
    assert all(clause.rule and clause.reason for clause in clauses.CLAUSES.values())
