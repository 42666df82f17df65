"""Models are found by name; a user's own join, or are refused with a reason."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from nutsbench import models
from nutsbench.models import registry
from nutsbench.models.spec import SamplerSettings
from tests.conftest import ROOT

CAREFUL = (500, 1500, 2, 2, 0.95)
#: The tutorial's settings, read off its text: draws, tune, chains, cores, target_accept.
TUTORIAL = {
    "addition": (500, 500, 2, 2, 0.8),
    "coin_toss": (2000, 500, 4, 4, 0.8),
    "simple_regression": (1000, 1000, 2, 2, 0.8),
    "independent_regression": (2000, 1000, 2, 2, 0.8),
    "pipe_confound": (1000, 1000, 2, 2, 0.8),
    "path_analysis": (1000, 1000, 2, 2, 0.8),
    "no_fork": CAREFUL,
    "fork": CAREFUL,
    "include_collider": CAREFUL,
    "exclude_collider": CAREFUL,
    "combined_exclude_collider": CAREFUL,
    "categorical": CAREFUL,
    "pooled_categorical": CAREFUL,
    "no_heterogenous": CAREFUL,
    "heterogenous": CAREFUL,
    "count_heterogenous": (500, 500, 2, 2, 0.8),
}


@pytest.fixture(autouse=True)
def _registry_as_it_was(registry_as_it_was: Any) -> None:
    """Each test here may load what it likes."""


def test_the_tutorials_models_stand_in_its_order_with_its_settings() -> None:
    tutorials = [name for name in models.names() if models.get(name).tutorial_name]
    assert tutorials == list(TUTORIAL)
    for name, (draws, tune, chains, cores, target_accept) in TUTORIAL.items():
        expected = SamplerSettings(draws, tune, chains, cores, target_accept)
        assert models.get(name).settings == expected, name


def test_every_model_says_what_it_is() -> None:
    for name in models.names():
        spec = models.get(name)
        assert spec.teaches, name
        assert "~" in spec.notation, name
    for name in TUTORIAL:
        assert models.get(name).section, name
        assert models.get(name).monitored, name


def test_an_unknown_model_carries_the_choices() -> None:
    with pytest.raises(models.UnknownModelError) as caught:
        models.get("simple_regresion")
    assert "simple_regression" in caught.value.choices


def test_a_file_of_ones_own_joins(models_file: Callable[..., Path]) -> None:
    assert models.load_file(models_file("mine")) == ["mine"]
    assert models.get("mine").data()["y"].shape == (4,)
    assert models.names()[-1] == "mine"


def test_a_file_loaded_twice_adds_nothing(models_file: Callable[..., Path]) -> None:
    path = models_file("mine")
    models.load_file(path)
    assert models.load_file(path) == []


def test_models_of_an_installed_package_join(tmp_path: Path, models_file: Callable[..., Path]) -> None:
    (tmp_path / "their_models.py").write_text(models_file("theirs").read_text())
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nutsbench.models]\ntheirs = their_models\n")
    script = "from nutsbench import models; print(models.names()[-1], models.loaded_files()[0].name)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == ["theirs", "their_models.py"], done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import numpy\nimport pymc3 as pm\n", "line 2: import pymc3 inside the build function"),
        ("from theano import shared\n", "line 1: import theano inside the build function"),
        ("def broken(:\n", "line 1: invalid syntax"),
        ("x = 1\ny = 1 / 0\n", "line 2: ZeroDivisionError"),
        ("x = 1\n", "defines no model"),
    ],
)
def test_a_file_that_fails_is_explained_and_leaves_nothing(
    models_file: Callable[..., Path], text: str, said: str
) -> None:
    before = models.names()
    with pytest.raises(models.ModelError, match=said):
        models.load_file(models_file("bad", text))
    assert models.names() == before


def test_a_name_that_is_taken_is_refused(models_file: Callable[..., Path]) -> None:
    with pytest.raises(models.ModelError, match="two models are called 'addition'"):
        models.load_file(models_file("addition"))
    assert models.get("addition").source == "probabilistic_programming.py"


def test_the_digest_follows_definition_and_data_but_not_words(
    models_file: Callable[..., Path], tmp_path: Path
) -> None:
    text = models_file("mine").read_text()

    def digest(changed: Any) -> Any:
        path = tmp_path / f"mine_{len(registry._loaded)}.py"
        path.write_text(changed)
        registry._registered.pop("mine", None)
        models.load_file(path)
        return models.model_digest(models.get("mine"))

    original = digest(text)
    assert digest(text.replace("The mean of four", "Another mean of four")) == original
    assert digest(text.replace('pm.Normal("mu", 0, 1)', 'pm.Normal("mu", 0, 2)')) != original
    assert digest(text.replace("2.0, 0.0", "2.0, 0.1")) != original


def test_the_digest_follows_what_the_definition_uses_and_nothing_else(
    models_file: Callable[..., Path], tmp_path: Path
) -> None:
    text = models_file("mine").read_text().replace('"mu", 0, 1)', '"mu", 0, width())')
    helpers = "WIDTH = 1\nUNUSED = 1\n\n\ndef width():\n    return WIDTH\n\n\n"

    def digest(changed: Any) -> Any:
        path = tmp_path / f"mine_{len(registry._loaded)}.py"
        path.write_text(changed + text)
        registry._registered.pop("mine", None)
        models.load_file(path)
        return models.model_digest(models.get("mine"))

    original = digest(helpers)
    assert digest(helpers.replace("UNUSED = 1", "UNUSED = 2")) == original
    assert digest(helpers.replace("WIDTH = 1", "WIDTH = 2")) != original
    assert digest(helpers.replace("return WIDTH", "return WIDTH + 1")) != original
