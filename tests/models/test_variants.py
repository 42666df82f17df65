"""Models that have the posterior of another, written in another way."""

from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from nutsbench import models
from nutsbench.models import registry, truths

TEXT = """
import numpy as np
from nutsbench import model
from nutsbench.models import get

@model(data={data}, notation="b ~ N", teaches="It.", variant_of="{base}", monitored={monitored}{more})
def rewritten(data):
    import pymc3 as pm
    with pm.Model() as built:
        b = pm.Normal("b", 0, 1)
        pm.Deterministic("a", 2 + b / 2)
        pm.Normal("y", 0, 1, observed=data.get("y"))
    return built
"""
SAME = "lambda: get('addition').data()"


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    def made(data: str = SAME, base: str = "addition", monitored: str = "('a',)", more: str = "") -> Any:
        path = tmp_path / "own.py"
        path.write_text(TEXT.format(data=data, base=base, monitored=monitored, more=more))
        models.load_file(path)
        return models.get("rewritten")

    yield made
    registry._registered.pop("rewritten", None)


def test_a_variant_is_judged_by_the_posterior_of_its_model(load: Callable[..., Any]) -> None:
    spec = load()
    assert truths.load(spec) == truths.load(models.get("addition"))
    assert models.variants(["addition", "rewritten"]) == {"rewritten": "addition"}
    assert spec.describe()["variant_of"] == "addition"
    assert "variant_of" not in models.get("addition").describe()
    with pytest.raises(truths.TruthError, match="`nutsbench truth addition --write`"):
        truths.compute(spec)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base": "nothing_like_it"}, "variant of nothing_like_it, which is not registered"),
        ({"data": "lambda: {'y': np.ones(3)}"}, "variant of addition, which has other data"),
    ],
)
def test_what_has_no_posterior_in_common_has_no_truth(
    load: Callable[..., Any], changes: Any, said: str
) -> None:
    load(**changes)
    found, why = truths.find("rewritten")
    assert found is None
    assert said in why


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"monitored": "()"}, "monitored has to name the variables that it and 'addition' have"),
        ({"base": "rewritten"}, "variant_of has to be another model, not 'rewritten' itself"),
        ({"more": ", exact=lambda data: None"}, "exact and variant_of exclude each other"),
        ({"more": ", no_truth='why'"}, "no_truth and variant_of exclude each other"),
    ],
)
def test_what_cannot_be_a_variant_is_refused_in_one_line(
    load: Callable[..., Any], changes: Any, said: str
) -> None:
    with pytest.raises(models.ModelError, match=said) as refused:
        load(**changes)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("own.py, model rewritten: ")
