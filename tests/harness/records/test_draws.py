"""Draws come back from a file under the names that they have in the model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nutsbench.records import draws

ODD = (
    "a/b",
    "draw",
    "chain",
    "x[0]",
    "my rate ",
    "\u03c3 of y",
    "x",
    "x_dim_0",
    "%61",
    "a%2Fb",
    "[1]",
    "1st",
)


def test_odd_names_are_kept_and_arviz_reads_the_file(tmp_path: Path) -> None:
    import arviz as az

    random = np.random.RandomState(1)
    given_draws = {name: random.normal(size=(2, 5)) for name in ODD}
    given_draws["x"] = random.normal(size=(2, 5, 3))
    stats = {"diverging": np.array([[True, False], [False, False]])}
    draws.write(
        {"posterior": given_draws, "sample_stats": stats, "warmup_sample_stats": {}}, tmp_path / "d.nc"
    )
    found = draws.read(tmp_path / "d.nc")
    assert set(found["posterior"]) == set(given_draws)
    for name, values in given_draws.items():
        assert np.array_equal(found["posterior"][name], values), name
    assert np.array_equal(found["sample_stats"]["diverging"], stats["diverging"])

    posterior = az.from_netcdf(str(tmp_path / "d.nc")).posterior
    assert {v.attrs[draws.TRUE_NAME] for v in posterior.data_vars.values()} == set(ODD)
    assert posterior["x"].dims == ("chain", "draw", "x_dim_0")
    assert "x[0]" in posterior


@given(st.lists(st.text(min_size=1), unique=True, max_size=5))
def test_an_escape_can_be_undone_and_no_two_names_share_one(names: Any) -> None:
    escaped = [draws.escape(name) for name in names]
    assert [draws.unescape(name) for name in escaped] == names
    assert len(set(escaped)) == len(names)
    assert not any("/" in name for name in escaped)


@pytest.mark.parametrize("name", ["a", "coeff", "level[0]", "\u03c3", "x.1", "mu_log__"])
def test_plain_names_stay_as_they_are(name: Any) -> None:
    assert draws.escape(name) == name


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011  # Which one is xarray's affair.
        draws.write({"posterior": {"a": np.array([[object()]])}}, tmp_path / "d.nc")
    assert not list(tmp_path.iterdir())
