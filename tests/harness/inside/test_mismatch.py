"""Data that differ from call to call, between stacks, or since a file changed: each in its own words."""

import dataclasses
import os
from typing import Any

import numpy as np
import pytest

from nutsbench import models
from nutsbench.inside import mismatch

SPEC = models.get("simple_regression")


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the registry give out a model with other data."""

    def put(data: Any) -> Any:
        spec = dataclasses.replace(SPEC, data=data)
        monkeypatch.setattr(models, "get", lambda _: spec)
        return spec

    return put


def explained(digests: Any, elsewhere: Any = None) -> Any:
    def same(name: Any) -> Any:
        return mismatch.data_digests(models.get(name))

    return mismatch.explain("simple_regression", digests, "pymc3-3.11", "the host", elsewhere or same)


def test_data_that_move_are_known_in_the_process_that_samples() -> None:
    counter = iter(range(9))
    spec = dataclasses.replace(SPEC, data=lambda: {"x": np.zeros(2), "y": np.array([next(counter)])})
    error = mismatch.MismatchError(spec)
    assert "differ from call to call (y)" in str(error)
    assert error.digests == {}


def test_data_of_another_stack_are_named(registered: Any) -> None:
    registered(lambda: {"x": np.zeros(2), "y": np.ones(2)})
    there = mismatch.data_digests(
        dataclasses.replace(SPEC, data=lambda: {"x": np.zeros(2), "y": np.zeros(2)})
    )
    said = explained(there)
    assert "(y) are others on pymc3-3.11 than on the host" in said
    assert "RandomState" in said
    assert "from process to process (y)" in explained(
        there, lambda name: {**mismatch.data_digests(models.get(name)), "y": "1"}
    )


def test_a_file_that_was_changed_is_said_first(registered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = registered(lambda: {"y": np.ones(2)})
    changed = os.stat(spec.build.__code__.co_filename).st_mtime
    assert "was changed while the run went on" not in explained({"y": "another"})
    # Where the data are the same, it must have been the definition, or a file that was changed back.
    assert "was changed while the run went on" in explained(mismatch.data_digests(spec))
    monkeypatch.setattr(models, "read_at", lambda _: changed - 1)
    assert "was changed while the run went on" in explained({"y": "another"})


def test_data_that_only_the_stack_can_make_are_said_to_be_so(registered: Any) -> None:
    def fails() -> None:
        raise ImportError("no such package")

    registered(fails)
    assert "cannot be made in the host" in explained({"y": "any"})
