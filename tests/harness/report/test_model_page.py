"""A model's page: what it says of draws."""

import re
from typing import Any, cast

import numpy as np
import pytest

from nutsbench.report.pages import model
from tests.harness.report.conftest import changed


class Kept:
    """Draws as :class:`nutsbench.report.draw.plots.Draws` has them, of two slopes that are nearly one."""

    def __init__(self, noise: Any) -> None:
        random = np.random.RandomState(0)
        along = random.normal(size=(2, 300))
        self.scalars = {
            "slope": along,
            "other": noise * random.normal(size=(2, 300)) - along,
            "sum": along,
            "still": np.zeros((2, 300)),
        }

    def worst(self, quantities: Any, count: Any) -> Any:
        del quantities
        return ["sum", "slope", "other", "still"][:count]


RECORD: Any = {"quantities": {name: {"free": name != "sum"} for name in ("slope", "other", "sum", "still")}}


def test_a_ridge_is_named_by_its_free_scalars() -> None:
    said = model.ridge(cast(Any, Kept(0.01)), RECORD)
    assert said.startswith("slope, whose ESS is the smallest, and other have a correlation of -1.0000: ")


@pytest.mark.parametrize("record", [RECORD, {"quantities": {}}, {"quantities": {"slope": {"free": True}}}])
def test_what_is_no_ridge_is_not_called_one(record: Any) -> None:
    assert model.ridge(cast(Any, Kept(3.0)), record) == ""


def test_a_page_begins_with_the_verdict_over_seeds_whatever_seed_is_shown(
    published: Any, write: Any, build: Any
) -> None:
    one = next(record for record in published if record["model"] == "addition")
    short = {"metrics": {"ess_bulk_min": 150.0}, "worst": {"ess_bulk": "b"}}
    seeds = [
        changed(one, seed=1, id="a" * 32, **short),
        changed(one, seed=2, id="b" * 32, started_at="2026-12-01T00:00:00+00:00"),
    ]
    folder = build(write(seeds), "models/addition.html")[0]
    text = (folder / "models" / "addition.html").read_text()
    (said,) = re.findall(r"<p>(With its own settings on .*?)</p>", text)
    said = re.sub(r"<[^>]*>", "", said)
    assert said.startswith(
        f"With its own settings on {one['stack']}, over 2 seeds: \u2026 too few draws: bulk ESS 150 of b is"
        " below 200 (100 a chain) (1 of 2 seeds). Single records: 1 too few draws, 1 good."
        " Against the reference posterior: accurate. To do: draw more"
    )
    newest, oldest = re.findall(r"<p>(This record: .*?)</p>", text)
    assert "good" in newest
    assert "too few draws" in oldest
