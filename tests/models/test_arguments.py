"""The decorator's arguments work, or are refused in one line when the file is loaded."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

from nutsbench import models
from tests.conftest import ROOT
from tests.models.test_registry import _registry_as_it_was  # noqa: F401

FILE = """
import numpy as np
from nutsbench import model, SamplerSettings
from nutsbench.models.claims import above, claim

def numbers():
    return {{"y": np.arange(3.0)}}

@model(**{{**dict(data=numbers, notation="a ~ Normal(0, 1)", teaches="A case."), **dict({})}})
def case({}):
    pass
"""


def load(folder: Any, arguments: Any, parameters: Any = "data") -> Any:
    path = folder / "mine.py"
    path.write_text(FILE.format(arguments, parameters))
    models.load_file(path)
    return models.get("case")


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        ("monitored='rate'", "monitored", ("rate",)),
        ("monitored=['a', np.str_('b')]", "monitored", ("a", "b")),
        ("tags='slow'", "tags", ("slow",)),
        ("claims=claim('It is.', above('a', 0))", "claims", None),
        ("claims=[]", "claims", ()),
    ],
)
def test_what_a_person_would_write_is_taken(tmp_path: Path, arguments: Any, name: Any, expected: Any) -> None:
    found = getattr(load(tmp_path, arguments), name)
    assert isinstance(found, tuple)
    assert found == expected or (expected is None and len(found) == 1)


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ("draws=np.int64(100)", "draws", 100),
        ("tune=np.int32(0)", "tune", 0),
        ("target_accept=np.float64(0.9)", "target_accept", 0.9),
    ],
)
def test_numbers_of_numpy_become_pythons_own(tmp_path: Path, given: Any, name: Any, expected: Any) -> None:
    found = getattr(load(tmp_path, f"settings=SamplerSettings({given})").settings, name)
    assert found == expected
    assert type(found) is type(expected)


WRONG = {
    "settings={'draws': 100}": "SamplerSettings: settings=SamplerSettings(draws=100), not {'draws': 100}",
    "settings={'draw': 100, 'x': 1}": "settings=SamplerSettings(draws=100), not",
    "quick={'draws': 100}": "quick has to be SamplerSettings: quick=SamplerSettings(draws=100)",
    "settings=100": "settings has to be SamplerSettings",
    "settings=None": "settings has to be SamplerSettings",
    "settings=SamplerSettings(draws='100')": "draws in settings .* whole number of at least 1, not '100'",
    "settings=SamplerSettings(max_treedepth='10')": "max_treedepth in settings has to be a whole number",
    "settings=SamplerSettings(draws=100.5)": "draws in settings .* not 100.5",
    "settings=SamplerSettings(draws=100.0)": "draws in settings .* not 100.0",
    "settings=SamplerSettings(draws=True)": "draws in settings .* not True",
    "settings=SamplerSettings(draws=np.bool_(True))": "draws in settings .* not True",
    "settings=SamplerSettings(draws=0)": "draws in settings .* at least 1, not 0",
    "settings=SamplerSettings(tune=-1)": "tune in settings .* 0 or more, not -1",
    "settings=SamplerSettings(chains=None)": "chains in settings .* not None",
    "settings=SamplerSettings(target_accept='0.9')": "target_accept in .* above 0 and below 1, not '0.9'",
    "settings=SamplerSettings(target_accept=1)": "target_accept in settings .* not 1",
    "settings=SamplerSettings(target_accept=float('nan'))": "target_accept in settings .* not nan",
    "settings=SamplerSettings(init=None)": "init in settings has to be a text",
    "quick=SamplerSettings(cores=0)": "cores in quick has to be a whole number of at least 1, not 0",
    "monitored=3": r"monitored has to be names in a tuple: monitored=\('a', 'b'\), not 3",
    "monitored=[['a']]": r"monitored has to be names in a tuple.* not \[\['a'\]\]",
    "monitored={'a', 'b'}": "monitored has to be names in a tuple",
    "monitored=None": "monitored has to be names in a tuple",
    "tags=np.array([1])": "tags has to be names in a tuple",
    "claims='it is so'": "claims has to be claims in a tuple",
    "claims=[above('a', 0)]": "claims has to be claims in a tuple",
    "data=np.arange(1000.0)": "data has to be a function that returns .*, not a ndarray of 1000",
    "data={'y': 1}": "data has to be a function that returns",
    "data=None": "data has to be a function that returns",
    "data=lambda x: x": "data has to be a function without arguments",
    "exact=1": "exact has to be a function of the data",
    "exact=lambda: 1": "exact has to be a function of the data",
    "teaches=None": "teaches has to be a text: teaches='...', not None",
    "notation=b'a'": "notation has to be a text",
    "section=1": "section has to be a text",
    "no_truth=True": "no_truth has to be a text",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_what_is_wrong_is_refused_with_file_model_value_and_correct_form(
    tmp_path: Path, arguments: Any
) -> None:
    with pytest.raises(models.ModelError) as caught:
        load(tmp_path, arguments)
    said = WRONG[arguments]
    assert re.match(r"mine\.py, model case: \w+", str(caught.value)), str(caught.value)
    assert said in str(caught.value) or re.search(said, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    assert "case" not in models.names()


def test_a_build_function_takes_the_data(tmp_path: Path) -> None:
    with pytest.raises(models.ModelError, match=r"model case: it has to take the data.* def case\(data\)"):
        load(tmp_path, "", parameters="")
    with pytest.raises(models.ModelError, match="model case: it has to take the data"):
        load(tmp_path, "", parameters="data, more")


@pytest.mark.parametrize(
    "decorated",
    ["class Case:\n    pass", "import functools\n@WORDS\n@functools.lru_cache()\ndef case(d):\n    pass"],
)
def test_only_functions_are_models(tmp_path: Path, decorated: Any) -> None:
    words = '@model(data=dict, notation="a ~ Normal(0, 1)", teaches="A case.")'
    text = decorated.replace("@WORDS", words) if "@WORDS" in decorated else f"{words}\n{decorated}"
    path = tmp_path / "mine.py"
    path.write_text(f"from nutsbench import model\n{text}\n")
    with pytest.raises(models.ModelError, match=r"mine.py: @model decorates .* has to decorate a function"):
        models.load_file(path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("monitor=('a',)", "there is no argument 'monitor': did you mean 'monitored'"),
        ("settings=SamplerSettings(draw=3)", "there is no argument 'draw': did you mean 'draws'"),
        ("settings=SamplerSettings(zzz=3)", "there is no argument 'zzz': choices: draws, tune"),
        ("settings=SamplerSettings(1 / 0)", "ZeroDivisionError: division by zero"),
    ],
)
def test_an_argument_that_there_is_not_is_named_with_its_nearest(
    tmp_path: Path, given: Any, said: Any
) -> None:
    path = tmp_path / "mine.py"
    words = 'data=dict, notation="a ~ Normal(0, 1)", teaches="A case."'
    text = (
        f"from nutsbench import model, SamplerSettings\n\n@model({words}, {given})\ndef case(d):\n    pass\n"
    )
    path.write_text(text)
    with pytest.raises(models.ModelError, match=rf"mine\.py, line 3, model case: {said}"):
        models.load_file(path)


@pytest.mark.parametrize("command", [["models"], ["run"], ["check-truth"], ["truth"], ["report"]])
def test_every_command_refuses_such_a_file(tmp_path: Path, results: Path, command: List[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE.format("settings=SamplerSettings(max_treedepth='10')", "data"))
    words = [sys.executable, "-m", "nutsbench", *command, "--models", str(path)]
    variables = {**os.environ, "NUTSBENCH_RESULTS": str(results)}
    done = subprocess.run(words, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert (
        "mine.py, model case: max_treedepth in settings has to be a whole number of at least 1, not '10'"
        in line
    )
