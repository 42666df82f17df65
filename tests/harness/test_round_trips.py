"""What is written as JSON is read as what it was: every class that is made of JSON, with anything in it."""

import contextlib
import importlib
import json
import pkgutil
from typing import Any, Dict, List

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nutsbench
from nutsbench.inside.task import Task
from nutsbench.models.spec import SamplerSettings
from nutsbench.models.truths import Truth, TruthError
from nutsbench.records.grid import Cell

NAMES = st.text(min_size=1, max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
SETTINGS = st.builds(
    SamplerSettings,
    draws=st.integers(1, 10**6),
    tune=st.integers(0, 10**6),
    chains=st.integers(1, 64),
    cores=st.integers(1, 64),
    target_accept=st.floats(0.01, 0.99),
    max_treedepth=st.integers(1, 20),
)
FIGURES = st.builds(
    lambda mean, sd, tails: {
        "mean": mean, "sd": sd, "error": 0.0, **dict(zip(("q05", "q50", "q95"), sorted(tails))),
    },
    NUMBERS, st.floats(1e-6, 1e6), st.lists(NUMBERS, min_size=3, max_size=3),
)  # fmt: skip
KINDS: Dict[Any, Any] = {
    SamplerSettings: SETTINGS,
    Cell: st.builds(Cell, model=NAMES, settings=SETTINGS, seed=st.integers(0, 2**31)),
    Task: st.builds(
        Task,
        do=NAMES,
        arguments=st.dictionaries(NAMES, JSON, max_size=3),
        models_files=st.lists(NAMES, max_size=2),
        folder=NAMES,
        log=NAMES,
        outcome=NAMES,
        memory_bytes=st.integers(0, 2**40),
        keep=NAMES,
    ),
    Truth: st.builds(
        Truth,
        model=NAMES,
        model_digest=NAMES,
        kind=st.just("exact"),
        method=NAMES,
        command=NAMES,
        versions=st.dictionaries(NAMES, NAMES, max_size=2),
        quantities=st.dictionaries(NAMES, FIGURES, min_size=1, max_size=3),
        details=st.dictionaries(NAMES, JSON, max_size=2),
    ),
}


def read_classes() -> List[Any]:
    """Return every class that is made of JSON."""
    found = []
    for info in pkgutil.walk_packages(nutsbench.__path__, "nutsbench."):
        if ".__main__" in info.name or ".pages." in info.name:
            continue
        module = importlib.import_module(info.name)
        found += [
            one for one in vars(module).values()
            if isinstance(one, type) and one.__module__ == info.name and hasattr(one, "from_dict")
        ]  # fmt: skip
    return found


def test_every_class_that_is_read_is_tried() -> None:
    assert set(read_classes()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_written_is_read_as_what_it_was(kind: Any, data: st.DataObject) -> None:
    one = data.draw(KINDS[kind])
    text = json.dumps(one.to_dict(), allow_nan=False)
    assert kind.from_dict(json.loads(text)) == one
    assert json.dumps(kind.from_dict(json.loads(text)).to_dict()) == text


@settings(deadline=None, max_examples=100)
@given(data=st.data(), name=NAMES, value=JSON)
def test_a_truth_with_anything_in_it_is_taken_or_refused_in_words(
    data: st.DataObject, name: str, value: Any
) -> None:
    content = data.draw(KINDS[Truth]).to_dict()
    place = data.draw(st.sampled_from([content, *content["quantities"].values()]))
    place[data.draw(st.sampled_from([name, *place]))] = value
    # Any other error would be one.
    with contextlib.suppress(TruthError):
        Truth.from_dict(content)
