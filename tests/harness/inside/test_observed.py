"""What is missing and what is not finite is told apart, in any kind of data."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from nutsbench.inside.observed import Bad, look


class Shared:
    """As a Theano shared variable is looked into."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def get_value(self) -> Any:
        return self._values


@pytest.mark.parametrize(
    "values",
    [
        np.arange(3),
        np.array([True, False]),
        np.array(["a", "b"]),
        np.array(["a", None], dtype=object),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        pd.Series([1, 2]),
        pd.Series(pd.Categorical(["a", "b"])),
        pd.DataFrame(
            {"x.1": [1.0, 2.0], "g": pd.Categorical(["a", "b"]), "t": pd.to_datetime(["2020", "2021"])}
        ),
        pd.DataFrame([[1.0, 2.0]], columns=["same", "same"]),
        np.ma.masked_array([1.0, 2.0], mask=False),
        csr_matrix(np.eye(3)),
        Shared(np.arange(3.0)),
        [1.0, 2.0],
        5,
        "text",
        None,
    ],
)
def test_sound_data_of_any_kind_are_not_complained_of(values: Any) -> None:
    assert list(look({"y": values})) == []


@pytest.mark.parametrize(
    ("values", "bad"),
    [
        (np.array([1.0, np.nan]), Bad("y", 1, 2, imputed=False)),
        (np.array([1.0, np.inf, -np.inf]), Bad("y", 2, 3, imputed=False)),
        (np.array([1.0, float("nan")], dtype=object), Bad("y", 1, 2, imputed=False)),
        (csr_matrix(np.diag([1.0, np.nan])), Bad("y", 1, 2, imputed=False)),
        (Shared(np.array([np.nan])), Bad("y", 1, 1, imputed=False)),
        (pd.Series([1.0, np.nan]), Bad("y", 1, 2, imputed=True)),
        (pd.Series([1.0, np.inf]), Bad("y", 1, 2, imputed=False)),
        (pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]}), Bad("y", 2, 4, imputed=True)),
        (np.ma.masked_invalid([1.0, np.nan]), Bad("y", 1, 2, imputed=True)),
        (np.ma.masked_array([np.nan, 1.0], mask=False), Bad("y", 1, 2, imputed=False)),
        ([np.array([np.nan])], Bad("y[0]", 1, 1, imputed=False)),
        ({"inner": np.array([np.nan])}, Bad("y['inner']", 1, 1, imputed=False)),
    ],
)
def test_what_is_missing_is_not_what_is_not_finite(values: Any, bad: Any) -> None:
    assert list(look({"y": values})) == [bad]
