"""Imports go one way, what should be quick loads neither Theano nor pandas, and a stack needs little."""

import ast
import importlib
import subprocess
import sys

import pytest

from tests.conftest import ROOT

#: A module imports only from what stands before it. Packages are ``inside``, ``tracking``, ``compare``,
#: ``report`` and ``cli``.
ORDER = [
    "inside", "errors", "terminal", "crash", "paths", "lock", "descendants", "relocate", "stack", "install",
    "releases", "grid", "environment", "draws", "truth", "estimators", "mixing", "kinetic", "diagnostics",
    "metrics", "hints", "accuracy", "remedy", "checks", "quality", "guard", "claims", "reference",
    "error_rates", "calibration", "gaps", "history", "record", "configuration", "judged", "watch",
    "elsewhere", "store", "process", "runner", "tracking", "table", "summary", "compare", "export", "report",
    "display", "doctor", "cli", "__main__",
]  # fmt: skip


#: Names of the standard library's modules.
STANDARD = sys.stdlib_module_names


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_module_has_its_place():
    found = {path.stem for path in (ROOT / "harness").glob("*.py")} - {"__init__"}
    assert found | {"inside", "tracking", "compare", "report", "cli"} == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_a_module_imports_only_what_stands_before_it(name):
    package = ROOT / "harness" / name
    files = package.rglob("*.py") if package.is_dir() else [package.with_suffix(".py")]
    allowed = set(ORDER[: ORDER.index(name)]) | ({name} if package.is_dir() else set())
    for module in (module for file in files for module in imported(file)):
        parts = module.split(".")
        if parts[0] == "nutsbench" and parts[1:2] not in ([], ["models"]):
            assert parts[1] in allowed, f"{name} imports {module}"


def test_models_import_nothing_of_the_harness():
    for path in (ROOT / "models").rglob("*.py"):
        ours = [module for module in imported(path) if module.split(".")[0] == "nutsbench"]
        assert not [module for module in ours if module.split(".")[1:2] not in ([], ["models"])], path.name


@pytest.mark.parametrize("arguments", [["models"], ["--help"], ["run", "--help"], ["show", "--help"]])
def test_listing_loads_neither_theano_nor_pandas(arguments):
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
OF_A_STACK = {"nutsbench", "numpy", "pymc3", "theano"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "harness" / "inside").glob("*.py")), ids=lambda path: path.name
)
def test_a_stack_needs_nothing_but_models_and_numpy(path):
    for module in imported(path):
        top, _, rest = module.partition(".")
        known = top in OF_A_STACK or top in STANDARD
        assert known, f"{path.name} imports {module}"
        of_ours = rest.split(".")[0] in ("", "models", "inside")
        assert top != "nutsbench" or of_ours, f"{path.name} imports {module}"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "harness" / "inside").glob("*.py")), ids=lambda path: path.name
)
def test_files_of_a_stack_stand_in_the_order_that_their_room_names(path):
    order = importlib.import_module("nutsbench.inside").__doc__.split("Files, lowest first:")[1].split()
    if path.stem == "__init__":
        assert {one.stem for one in path.parent.glob("*.py")} - {"__init__"} == set(order)
        return
    for module in imported(path):
        name = module.split(".")[2] if module.startswith("nutsbench.inside.") else ""
        assert name not in order or order.index(name) < order.index(path.stem), (
            f"{path.name} imports {module}"
        )
