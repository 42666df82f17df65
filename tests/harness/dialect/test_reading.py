"""Models' files are changed as a later PyMC reads them, and what cannot be is refused with its line."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from nutsbench import models
from nutsbench.dialect import changes, installed, names, reading
from nutsbench.dialect.names import DialectError
from nutsbench.models import files

MODELS = """
from nutsbench import model

def data():
    return {"y": [1.0]}

@model(data=data, notation="y", teaches="y")
def first_of_two(data):
    import pymc3 as pm
    with pm.Model() as built:
        pm.Normal("a", 0, sd=1)
    return built

@model(data=data, notation="y", teaches="y")
def second_of_two(data):
    import pymc3 as pm
    with pm.Model() as built:
        pm.Bound(pm.Normal, lower=0)("a", 0, 1)
    return built
"""


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have files changed as if PyMC 6.4 were installed."""
    target = names.load("pymc-6.4")
    monkeypatch.setattr(installed, "packages", lambda: ("pymc", "pytensor"))
    monkeypatch.setattr(installed, "names", lambda: target)
    monkeypatch.setattr(reading, "_changed", {})
    monkeypatch.setattr(files, "changed", files.changed)
    before = list(sys.meta_path)
    reading.begin()
    yield
    sys.meta_path[:] = before


@pytest.mark.usefixtures("later")
def test_what_is_run_is_changed_and_the_digest_is_of_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "two.py"
    path.write_text(MODELS)
    assert models.load_file(path) == ["first_of_two", "second_of_two"]
    spec = models.get("first_of_two")
    assert "pymc" in spec.build.__code__.co_names
    assert "pymc3" not in spec.build.__code__.co_names
    found = reading.adaptations(spec)
    assert [(one["file"], one["line"], one["after"]) for one in found] == [
        ("two.py", 9, "pymc"),
        ("two.py", 11, "sigma"),
    ]
    script = (
        "import sys; from pathlib import Path; from nutsbench import models\n"
        "models.load_file(Path(sys.argv[1]))\n"
        "print(models.model_digest(models.get('first_of_two')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == models.model_digest(spec)


@pytest.mark.usefixtures("later")
def test_what_is_left_to_a_person_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bound.py"
    path.write_text(MODELS.replace("of_two", "of_bound"))
    models.load_file(path)
    assert reading.adaptations(models.get("first_of_bound"))
    with pytest.raises(DialectError, match=r"second_of_bound .* bound\.py, line 18: .*write pm\.Truncated"):
        reading.adaptations(models.get("second_of_bound"))


@pytest.mark.usefixtures("later")
def test_no_change_moves_a_line() -> None:
    text = (
        "import pymc3 as pm\nm = pm.Normal('m', 0, 1)\n"
        "pm.Normal(\n    'y',\n    0,\n    observed=(m\n  - 1),\n)\n"
        "def f():\n    pass\n"
    )
    found = reading.changed("moved.py", text)
    assert "pm.Potential(" in found
    assert found.splitlines().index("def f():") == text.splitlines().index("def f():")


@pytest.mark.usefixtures("later")
def test_one_that_would_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(path: Path, target: Any, text: bytes) -> changes.Checked:
        return changes.Checked(path, [], text.decode(), "\n" + text.decode())

    monkeypatch.setattr(changes, "check", check)
    with pytest.raises(DialectError, match=r"moved\.py: .*nutsbench migrate --diff"):
        reading.changed("moved.py", "import pymc3\ndef f():\n    pass\n")


def test_where_pymc3_is_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "packages", lambda: ("pymc3", "theano"))
    before: Any = files.changed
    reading.begin()
    assert files.changed is before
    assert not reading.is_later()
