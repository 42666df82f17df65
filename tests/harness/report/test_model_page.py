"""A model's page: what it says of draws."""

import numpy as np
import pytest

from harness.report.pages import model


class Kept:
    """Draws as :class:`harness.report.figures.Draws` has them, of two slopes that are nearly one."""

    def __init__(self, noise):
        random = np.random.RandomState(0)
        along = random.normal(size=(2, 300))
        self.scalars = {
            "slope": along,
            "other": noise * random.normal(size=(2, 300)) - along,
            "sum": along,
            "still": np.zeros((2, 300)),
        }

    def worst(self, quantities, count):
        del quantities
        return ["sum", "slope", "other", "still"][:count]


RECORD = {"quantities": {name: {"free": name != "sum"} for name in ("slope", "other", "sum", "still")}}


def test_a_ridge_is_named_by_its_free_scalars():
    said = model.ridge(Kept(0.01), RECORD)
    assert said.startswith("slope, whose ESS is the smallest, and other have a correlation of -1.0000: ")


@pytest.mark.parametrize("record", [RECORD, {"quantities": {}}, {"quantities": {"slope": {"free": True}}}])
def test_what_is_no_ridge_is_not_called_one(record):
    assert model.ridge(Kept(3.0), record) == ""
