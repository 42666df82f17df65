"""Which models asv's processes need: users' own, and of a cache only its own."""

from pathlib import Path
from typing import Callable

import pytest

from nutsbench import models
from nutsbench.track import cells


def test_users_own_models_join_the_suites(
    models_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = models_file("model_of_a_suite")
    monkeypatch.setenv(cells.OWN_MODELS, f"{path}:")
    cells.load_own_models()
    assert "model_of_a_suite" in models.names()
    cells.load_own_models()  # asv imports each suite.


def test_nothing_is_loaded_where_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cells.OWN_MODELS, raising=False)
    before = models.names()
    cells.load_own_models()
    assert models.names() == before


def test_a_process_that_fills_a_cache_needs_its_own_model() -> None:
    arguments = ["asv_runner", "setup_cache", "suite", "core.no_fork.peakmem_transitions", "{}"]
    assert cells.asked_for(arguments) == ["no_fork"]


def test_others_need_all() -> None:
    for arguments in (
        ["asv_runner", "discover", "suite", "out.json"],
        ["asv_runner", "setup_cache", "suite", "core.who_knows.time_leapfrog", "{}"],
        ["asv_runner"],
    ):
        assert cells.asked_for(arguments) == models.names()
