"""A user's file finds what lies beside it, from whatever folder and in every process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest

from nutsbench import models
from nutsbench.models import registry
from tests.conftest import ROOT
from tests.models.test_registry import _registry_as_it_was  # noqa: F401

FILE = """
import numpy as np
from nutsbench import model
TOP

def data():
    DATA

@model(data=data, notation="a ~ Normal(0, 1)", teaches="A case.")
def NAME(d):
    import pymc3 as pm
    with pm.Model() as m:
        pm.Normal("a", 0, SD)
    return m
"""


def write(
    folder: Path,
    name: str = "case",
    top: str = "",
    data: str = 'return {"y": np.arange(3.0)}',
    sd: str = "1",
    file: str = "case.py",
    **others: Any,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for other, text in others.items():
        (folder / f"{other}.py").write_text(text)
    text = FILE.replace("TOP", top).replace("DATA", data).replace("NAME", name).replace("SD", sd)
    (folder / file).write_text(text)
    return folder / file


def observed(name: str = "case") -> List[Any]:
    return models.get(name).data()["y"].tolist()


def elsewhere(path: Path, then: str) -> "subprocess.CompletedProcess[str]":
    """Load a file in a process that starts in the project's folder, and do something."""
    script = "import sys, pathlib; from nutsbench import models;"
    script += f" models.load_file(pathlib.Path(sys.argv[1])); {then}"
    words = [sys.executable, "-c", script, str(path)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)


def test_a_file_imports_the_one_beside_it_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(
        tmp_path / "own", top="from helpers import S", data="return {'y': np.full(2, S)}", helpers="S = 3.0"
    )
    monkeypatch.chdir(ROOT)
    assert models.load_file(path) == ["case"]
    assert observed() == [3.0, 3.0]
    assert "helpers" not in sys.modules
    assert str(path.parent) not in sys.path
    assert not list(path.parent.glob("__pycache__"))


def test_two_folders_have_helpers_of_their_own(tmp_path: Path) -> None:
    lazy = "import helpers\n    return {'y': np.full(1, helpers.S)}"
    for name, value in (("first", 1.0), ("second", 2.0)):
        models.load_file(write(tmp_path / name, name=name, data=lazy, helpers=f"S = {value}"))
    assert (observed("first"), observed("second")) == ([1.0], [2.0])


def test_a_package_beside_the_file_and_a_folder_without_init_are_found(tmp_path: Path) -> None:
    for folder, init in (("with_init", "from .deep import S"), ("without", None)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "deep.py").write_text("from helpers import S")
        if init:
            (tmp_path / folder / "__init__.py").write_text(init)
    top = "import with_init\nfrom without import deep\nimport without.deep"
    data = "return {'y': np.array([with_init.S, deep.S, without.deep.S])}"
    models.load_file(write(tmp_path, top=top, data=data, helpers="S = 4.0"))
    assert observed() == [4.0, 4.0, 4.0]


def test_a_folder_of_the_users_does_not_shadow_this_project(tmp_path: Path) -> None:
    (tmp_path / "nutsbench").mkdir()
    (tmp_path / "nutsbench" / "__init__.py").write_text("raise SystemExit('shadowed')")
    models.load_file(write(tmp_path, top="import nutsbench"))
    assert sys.modules["nutsbench"].__file__.startswith(str(ROOT))


@pytest.mark.parametrize("name", ["models", "harness"])
def test_a_users_package_may_be_called_like_a_folder_of_this_project(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("SIZE = 7.0")
    (tmp_path / name / "deep.py").write_text("TWICE = 14.0")
    top = f"import {name}\nfrom {name}.deep import TWICE"
    models.load_file(write(tmp_path, top=top, data=f"return {{'y': np.array([{name}.SIZE, TWICE])}}"))
    assert observed() == [7.0, 14.0]


def test_models_is_this_projects_where_the_user_has_none_of_that_name(tmp_path: Path) -> None:
    top = "import models\nfrom models import Claim\nfrom models.exact import Posterior"
    models.load_file(write(tmp_path, top=top, data="return {'y': np.array([len(models.names())])}"))
    assert observed() == [float(len(models.names()))]
    assert "models" not in sys.modules


@pytest.mark.parametrize("how", ["return {'y': np.loadtxt('numbers.txt')}", "return {'y': TABLE}"])
@pytest.mark.parametrize("beside", [True, False])
def test_data_by_a_relative_path_lie_beside_the_file_or_where_the_command_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, beside: bool
) -> None:
    top = "TABLE = np.loadtxt('numbers.txt')" if "TABLE" in how else ""
    path = write(tmp_path / "own", top=top, data=how)
    started = tmp_path / "started"
    started.mkdir()
    monkeypatch.chdir(started)
    (started / "numbers.txt").write_text("1 2")
    if beside:
        (path.parent / "numbers.txt").write_text("3 4")
    models.load_file(path)
    assert observed() == ([3.0, 4.0] if beside else [1.0, 2.0])
    assert Path.cwd() == started


def test_a_process_that_starts_elsewhere_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "own", data="return {'y': np.loadtxt('numbers.txt')}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NUTSBENCH_STARTED_IN", raising=False)
    (tmp_path / "numbers.txt").write_text("1 2")
    models.load_file(path)
    assert "[1., 2.]" in elsewhere(path, "print(models.get('case').data())").stdout
    monkeypatch.delenv("NUTSBENCH_STARTED_IN")


def test_a_file_that_is_nowhere_is_named_with_where_it_was_looked_for(tmp_path: Path) -> None:
    models.load_file(write(tmp_path, data="return {'y': open('numbers.txt')}"))
    with pytest.raises(FileNotFoundError, match=r"beside the model's, nor in the folder.*numbers\.txt"):
        models.get("case").data()


def test_what_a_file_prints_goes_to_standard_error(tmp_path: Path) -> None:
    top = "import os\nprint('loaded')\nos.system('echo from a shell')"
    path = write(tmp_path, top=top, data="print('made')\n    return {'y': np.arange(3.0)}")
    script = (
        "import sys, pathlib; from nutsbench import models; models.load_file(pathlib.Path(sys.argv[1]));"
        "models.model_digest(models.get('case')); print('ours')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "ours\n"
    for said in ("loaded", "from a shell", "made"):
        assert said in done.stderr


def test_a_changed_file_is_not_taken_from_a_compiled_copy(tmp_path: Path) -> None:
    digests = []
    for value in ("1", "9"):
        path = write(tmp_path, top="from helpers import S", sd="S", helpers=f"S = {value}")
        os.utime(tmp_path / "helpers.py", (1, 1))
        registry._registered.pop("case", None)
        registry._loaded.pop(str(path), None)
        for name in [name for name in sys.modules if name.startswith("nutsbench_models_")]:
            del sys.modules[name]
        models.load_file(path)
        digests.append(models.model_digest(models.get("case")))
    assert digests[0] != digests[1]


def test_the_order_and_the_place_of_files_change_nothing(tmp_path: Path) -> None:
    def digests(folder: Path, order: List[Any]) -> Dict[str, Any]:
        paths = {
            name: write(
                folder / name, name=name, top="from helpers import S", sd="S", helpers=f"S = {len(name)}"
            )
            for name in order
        }
        for path in paths.values():
            models.load_file(path)
        found = {name: models.model_digest(models.get(name)) for name in order}
        for name in order:
            registry._registered.pop(name)
        return found

    one = digests(tmp_path / "here", ["first", "second"])
    assert digests(tmp_path / "there" / "deeper", ["second", "first"]) == one
    assert one["first"] != one["second"]


def test_two_models_of_one_name_are_refused_by_both_files(tmp_path: Path) -> None:
    models.load_file(write(tmp_path / "here", file="mine.py"))
    with pytest.raises(models.ModelError, match=r"'case': one in here/mine\.py, one in there/mine\.py"):
        models.load_file(write(tmp_path / "there", file="mine.py"))
    with pytest.raises(models.ModelError, match=r"one in mine\.py, one in other\.py"):
        models.load_file(write(tmp_path / "there", file="other.py"))
    assert models.get("case").file == str(tmp_path / "here" / "mine.py")


def test_two_models_of_one_name_in_one_file_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text() * 2)
    with pytest.raises(models.ModelError, match=r"two models are called 'case': both in case\.py"):
        models.load_file(path)


def test_a_file_that_another_one_imports_is_loaded_once(tmp_path: Path) -> None:
    first = write(tmp_path, name="first", file="first.py")
    second = write(tmp_path, name="second", file="second.py", top="from first import data as other")
    assert sorted(models.load_file(second)) == ["first", "second"]
    assert models.load_file(first) == ["first"]
    assert models.load_file(first) == []


def test_a_file_that_would_load_theano_is_refused_beside_and_in_a_block(tmp_path: Path) -> None:
    path = write(tmp_path / "a", top="import helpers", helpers="import numpy\nimport pymc3")
    with pytest.raises(models.ModelError, match=r"helpers\.py, line 2: import pymc3 inside"):
        models.load_file(path)
    path = write(tmp_path / "b", top="try:\n    import pymc3 as pm\nexcept ImportError:\n    pm = None")
    with pytest.raises(models.ModelError, match=r"case\.py, line 5: import pymc3 inside the build function"):
        models.load_file(path)


def test_a_file_that_ends_the_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(models.ModelError, match=r"case\.py, line 4 ends the program"):
        models.load_file(write(tmp_path, top="raise SystemExit(0)"))


def test_a_file_of_this_project_is_there_already() -> None:
    assert "fork" in models.load_file(ROOT / "models" / "tutorial" / "common_cause.py")


def test_a_decorator_without_its_arguments_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "case.py"
    path.write_text("from nutsbench import model\n@model\ndef case(d):\n    pass\n")
    with pytest.raises(models.ModelError, match=r"case\.py, line \d: write @model\(data="):
        models.load_file(path)


def test_a_file_that_fails_leaves_nothing_of_what_it_imported(tmp_path: Path) -> None:
    path = write(tmp_path, top="import helpers\n1 / 0", helpers="S = 1")
    with pytest.raises(models.ModelError, match=r"case\.py, line 5: ZeroDivisionError"):
        models.load_file(path)
    models.load_file(
        write(tmp_path, top="import helpers", data="return {'y': np.array([helpers.S])}", helpers="S = 2")
    )
    assert observed() == [2]


def test_a_module_of_a_name_with_dashes_is_loaded(tmp_path: Path) -> None:
    assert models.load_file(write(tmp_path, file="my-models 2.0.py")) == ["case"]
    assert np.array_equal(models.get("case").data()["y"], np.arange(3.0))


def test_models_of_an_installed_package_are_the_same_by_name_and_by_file(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "site-packages"
    path = write(site / "theirs", top="from .helpers import S", sd="S", file="case.py", helpers="S = 1")
    (site / "theirs" / "__init__.py").write_text("")
    info = site / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nutsbench.models]\ntheirs = theirs.case\n")
    show = "print(models.model_digest(models.get('case')), sorted(models.identity.own._roots) != [])"
    found = []
    for value in ("1", "2"):
        (site / "theirs" / "helpers.py").write_text(f"S = {value}\nPADDING = '{value * int(value)}'\n")
        words = [sys.executable, "-B", "-c", f"from nutsbench import models; {show}"]
        variables = {**os.environ, "PYTHONPATH": str(site)}
        done = subprocess.run(words, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
        found.append(done.stdout)
        assert elsewhere(path, show).stdout == done.stdout
    assert found[0] != found[1]


def test_a_file_that_is_run_again_for_what_it_reads_registers_its_models_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "own")
    path.write_text(path.read_text() + "\nTABLE = np.loadtxt('numbers.txt')\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numbers.txt").write_text("1 2")
    assert models.load_file(path) == ["case"]
    twice = write(tmp_path / "twice")
    twice.write_text(twice.read_text().replace("case", "other") * 2 + "\nTABLE = np.loadtxt('numbers.txt')\n")
    with pytest.raises(models.ModelError, match="two models are called 'other': both in"):
        models.load_file(twice)
