"""A model's digest follows all that its result can depend on, and nothing else."""

import gc
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple, Union

import numpy as np
import pytest

from nutsbench import models
from nutsbench.stacks import stack
from tests.conftest import ROOT
from tests.models import pairs, pairs_of_code, pairs_of_objects, pairs_of_tables, pairs_of_values

TABLES = (pairs_of_values, pairs_of_tables, pairs_of_objects, pairs_of_code)
DIFFER = {name: pair for table in TABLES for name, pair in table.DIFFER.items()}
assert len(DIFFER) == sum(len(table.DIFFER) for table in TABLES)
ALL = [*DIFFER.values(), *pairs_of_code.SAME.values()]

# Files and connections that a refused model has opened are closed where their garbage is collected.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """Close what refused models have opened before other tests begin, where its warnings are failures."""
    yield
    gc.collect()


def digests_of(files: Union[List[Any], Tuple[Any, ...]]) -> List[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What libraries say of each other when they are imported.
        return [pairs.digest(one) for one in files]


def data_digest(values: Any) -> str:
    return models.data_digest({"x": values})


@pytest.mark.parametrize("name", DIFFER)
def test_two_models_have_two_digests(name: str) -> None:
    one, other = digests_of(DIFFER[name])
    assert re.fullmatch("[0-9a-f]{16}", one), one
    assert re.fullmatch("[0-9a-f]{16}", other), other
    assert one != other


@pytest.mark.parametrize("name", pairs_of_code.SAME)
def test_one_model_has_one_digest(name: str) -> None:
    one, other = digests_of(pairs_of_code.SAME[name])
    assert re.fullmatch("[0-9a-f]{16}", one), one
    assert one == other


@pytest.mark.parametrize("name", [*pairs_of_code.REFUSED, *pairs_of_code.REFUSED_DATA])
def test_what_has_no_value_is_refused_in_one_line(name: str) -> None:
    files, said = {**pairs_of_code.REFUSED_DATA, **pairs_of_code.REFUSED}[name]
    (found,) = digests_of([files])
    assert re.match(f"refused: case.py, model case: {said}", found), found
    assert "\n" not in found
    assert re.search(": [a-z][^:]*$", found), "it says what to write instead"


def test_code_that_cannot_be_taken_is_refused_when_the_file_is_loaded(tmp_path: Path) -> None:
    files, _ = pairs_of_code.REFUSED["open file"]
    with pytest.raises(models.ModelError, match="case -> S is an open file"):
        models.load_file(pairs.write(files, tmp_path))
    assert "case" not in models.names()


def interpreters() -> List[Any]:
    pythons = {os.path.realpath(sys.executable): sys.executable}
    for name in stack.NAMES:
        one = stack.resolve(name)
        if one.ready:
            pythons[str(one.python)] = str(one.python)
    return list(pythons.values())


@pytest.mark.whole
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_a_digest_is_the_same_in_every_process_and_on_both_stacks(every: bool) -> None:
    sources = [files for pair in ALL for files in pair]
    found = []
    for number, python in enumerate(interpreters() if every else [str(stack.named(stack.DEFAULT).python)]):
        done = subprocess.run(
            [python, "-W", "ignore", "-m", "tests.models.pairs"],
            input=json.dumps(sources),
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(number), "PYTHONPATH": str(ROOT / "src")},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found.append(json.loads(done.stdout))
    here = digests_of(sources)
    for other in found:
        assert other == here


def test_a_shared_variable_is_taken_by_what_it_holds() -> None:
    class Shared:
        """As Theano's: known by its module and its method, so that Theano need not be loaded."""

        type, name = None, None

        def __init__(self, value: np.ndarray) -> None:
            self._value = value

        def get_value(self, borrow: bool) -> np.ndarray:
            assert borrow
            return self._value

    Shared.__module__ = "theano.tensor.sharedvar"
    one, again, other = (data_digest(Shared(np.full(3, fill))) for fill in (1.0, 1.0, 2.0))
    assert one == again
    assert one != other
    assert one != data_digest(np.full(3, 1.0))


def test_taking_a_value_imports_no_library() -> None:
    script = (
        "import sys; from nutsbench import models; from nutsbench.models import identity\n"
        "before = set(sys.modules)\n"
        "identity.value_digest([1, {'a': {2.0}}, models.names], 'it')\n"
        "heavy = {'pandas', 'theano', 'scipy', 'xarray', 'pymc3'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr


def test_data_of_plain_arrays_keep_the_form_that_their_published_digests_have() -> None:
    # Of one element and of none: the first form did not tell them apart.
    assert data_digest(np.array(1)) != data_digest(np.array([1]))
    assert data_digest(np.array([0, 2, 4])) == data_digest(np.arange(6)[::2])
    assert data_digest(np.arange(3)) != models.data_digest({"z": np.arange(3)})
    # What could be taken for the text before another array is none.
    assert models.data_digest({"a b": np.arange(2)}) != models.data_digest({"a": np.arange(2)})


def test_a_deep_value_is_refused_and_a_cycle_comes_to_an_end() -> None:
    deep: List[Any] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(models.ModelError, match="nested too deeply"):
        data_digest(deep)
    cycle: Dict[str, Any] = {"self": None}
    cycle["self"] = cycle
    other: Dict[str, Any] = {"self": {"self": None}}
    other["self"]["self"] = other["self"]
    assert data_digest(cycle) == data_digest(cycle)
    assert data_digest([cycle]) != data_digest([1])


def test_a_change_of_a_tutorials_model_changes_its_digest(tmp_path: Path) -> None:
    text = (ROOT / "models" / "tutorial" / "probabilistic_programming.py").read_text()
    text = text.replace("def addition(", "def case(").replace("def coin_toss(", "def other(")
    digests = set()
    try:
        for place, changed in enumerate((text, text.replace('pm.Normal("a", 2', 'pm.Normal("a", 3'))):
            folder = tmp_path / str(place)
            folder.mkdir()
            models.load_file(pairs.write({"case.py": changed}, folder))
            digests.add(models.model_digest(models.get("case")))
            for name in ("case", "other"):
                models.registry._registered.pop(name)
    finally:
        for name in ("case", "other"):
            models.registry._registered.pop(name, None)
    assert len(digests) == 2
