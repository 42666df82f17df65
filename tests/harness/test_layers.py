"""Imports go one way, what should be quick loads neither Theano nor pandas, and a stack needs little."""

import ast
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, List, Set

import pytest

from tests.conftest import ROOT

#: Names of the standard library's modules.
STANDARD = sys.stdlib_module_names


def imported(path: Path) -> List[str]:
    return _imported(path.read_text())


@lru_cache(maxsize=None)
def _imported(text: str) -> List[str]:
    """Return what a module imports; most are looked at several times."""
    found: List[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return found


HARNESS = ROOT / "harness"


def order_in(package: Path) -> List[Any]:
    """Return the list that a package's docstring gives, lowest first."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text()))
    assert text is not None
    after = text[text.index("lowest first") :].partition("\n")[2]
    return after.partition("\n\n")[0].split()


ROOMS = order_in(HARNESS)


def packages_in(harness: Path) -> List[Any]:
    return [*(harness / room for room in ROOMS), harness / "report" / "draw"]


def names_in(package: Path) -> Set[Any]:
    found = [path for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    return {path.stem for path in found} - {"__init__", "__main__", "models"}


def of_ours(path: Path) -> List[Any]:
    """Return the parts after ``nutsbench`` of each module of the harness that a file imports."""
    parts = [module.split(".")[1:] for module in imported(path) if module.split(".")[0] == "nutsbench"]
    return [rest for rest in parts if rest and rest[0] != "models"]


def wrong_between_rooms(harness: Path, room: str) -> List[Any]:
    """Return the imports of a room that are from a room after it."""
    allowed = {*ROOMS[: ROOMS.index(room) + 1], "__main__"}
    return [
        f"{path.relative_to(harness)} imports {'.'.join(rest)}"
        for path in sorted((harness / room).rglob("*.py"))
        for rest in of_ours(path)
        if rest[0] not in allowed
    ]


def wrong_within(harness: Path, package: Path) -> List[Any]:
    """Return the imports of a package's files that are from a file after them."""
    order, place = order_in(package), list(package.relative_to(harness).parts)
    found = []
    for name in order:
        file = package / f"{name}.py"
        for path in [file] if file.exists() else sorted((package / name).rglob("*.py")):
            for rest in of_ours(path):
                inner = rest[len(place) : len(place) + 1] if rest[: len(place)] == place else []
                if inner and inner[0] in order and order.index(inner[0]) > order.index(name):
                    found.append(f"{path.relative_to(harness)} imports {'.'.join(rest)}")
    return found


def test_every_room_is_listed() -> None:
    assert names_in(HARNESS) == set(ROOMS)


@pytest.mark.parametrize("package", packages_in(HARNESS), ids=lambda package: package.name)
def test_every_file_of_a_room_is_listed(package: Path) -> None:
    assert names_in(package) == set(order_in(package))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_those_before_it(room: str) -> None:
    assert wrong_between_rooms(HARNESS, room) == []


@pytest.mark.parametrize("package", packages_in(HARNESS), ids=lambda package: package.name)
def test_a_file_imports_only_from_those_before_it_in_its_room(package: Path) -> None:
    assert wrong_within(HARNESS, package) == []


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., Any]:
    """Copy a room, for an import that is wrong on purpose."""

    def copied(room: str) -> Path:
        ignored = shutil.ignore_patterns("__pycache__", "static", "templates", "locks")
        shutil.copytree(HARNESS / room, tmp_path / room, ignore=ignored)
        return tmp_path

    return copied


@pytest.mark.parametrize("room", ROOMS[:-1])
def test_a_wrong_import_is_found_in_each_room(copy: Callable[..., Any], room: str) -> None:
    later, copied = ROOMS[ROOMS.index(room) + 1], copy(room)
    first = copied / room / f"{order_in(copied / room)[0]}.py"
    first.write_text(f"{first.read_text()}\n\ndef wrong():\n    from nutsbench.{later} import anything\n")
    assert wrong_between_rooms(copied, room) == [
        f"{room}/{first.name} imports {later}",
        f"{room}/{first.name} imports {later}.anything",
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_a_wrong_import_is_found_within_each_room(copy: Callable[..., Any], room: str) -> None:
    copied = copy(room)
    order = order_in(copied / room)
    first = copied / room / f"{order[0]}.py"
    first.write_text(f"{first.read_text()}\n\ndef wrong():\n    from nutsbench.{room} import {order[-1]}\n")
    assert wrong_within(copied, copied / room) == [f"{room}/{first.name} imports {room}.{order[-1]}"]


def test_models_import_nothing_of_the_harness() -> None:
    for path in (ROOT / "models").rglob("*.py"):
        ours = [module for module in imported(path) if module.split(".")[0] == "nutsbench"]
        assert not [module for module in ours if module.split(".")[1:2] not in ([], ["models"])], path.name


@pytest.mark.parametrize("arguments", [["models"], ["--help"], ["run", "--help"], ["show", "--help"]])
def test_listing_loads_neither_theano_nor_pandas(arguments: List[Any]) -> None:
    script = (
        "import sys; from nutsbench.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'theano', 'pymc3', 'arviz', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


#: What runs inside a stack may import: models, itself, numpy, and the stack's own when it is called for.
OF_A_STACK = {"nutsbench", "numpy", "pymc3", "theano", "pymc", "jax", "nutpie"}


@pytest.mark.parametrize(
    "path",
    [path for room in ("dialect", "inside") for path in sorted((ROOT / "harness" / room).glob("*.py"))],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_a_stack_needs_nothing_but_models_and_numpy(path: Path) -> None:
    for module in imported(path):
        top, _, rest = module.partition(".")
        known = top in OF_A_STACK or top in STANDARD
        assert known, f"{path.name} imports {module}"
        of_ours = rest.split(".")[0] in ("", "models", "dialect", "inside")
        assert top != "nutsbench" or of_ours, f"{path.name} imports {module}"
