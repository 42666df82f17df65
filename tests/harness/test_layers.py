"""Imports go one way, and what should be quick loads neither Theano nor pandas."""

import ast
import subprocess
import sys

import pytest

from tests.conftest import ROOT

#: A module imports only from what stands before it. ``tracking``, ``compare``, ``report``, ``cli``: packages.
ORDER = [
    "errors", "terminal", "crash", "paths", "lock", "descendants", "relocate", "stack", "install",
    "releases", "grid", "environment", "clock", "precompiled", "compile_cache", "isolated", "draws",
    "mismatch",
    "steppers", "start", "sampling", "mixing", "kinetic", "diagnostics", "metrics", "hints", "truth",
    "accuracy", "remedy", "checks", "quality", "yardstick", "core",
    "samples", "callgrind", "instructions", "guard", "claims", "reference", "faults",
    "error_rates", "calibration", "density", "observed", "improper", "clauses", "contract", "gaps",
    "history", "record", "configuration", "cell", "watch", "worker", "store", "process", "runner",
    "tracking", "table", "summary", "compare", "export", "report", "display", "doctor", "cli", "__main__",
]  # fmt: skip


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_module_has_its_place():
    found = {path.stem for path in (ROOT / "harness").glob("*.py")} - {"__init__"}
    assert found | {"tracking", "compare", "report", "cli"} == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_a_module_imports_only_what_stands_before_it(name):
    package = ROOT / "harness" / name
    files = package.rglob("*.py") if package.is_dir() else [package.with_suffix(".py")]
    allowed = set(ORDER[: ORDER.index(name)]) | ({name} if package.is_dir() else set())
    for module in (module for file in files for module in imported(file)):
        parts = module.split(".")
        if parts[0] == "harness" and len(parts) > 1:
            assert parts[1] in allowed, f"{name} imports {module}"


def test_models_import_nothing_of_the_harness():
    for path in (ROOT / "models").glob("*.py"):
        assert not [module for module in imported(path) if module.startswith("harness")], path.name


@pytest.mark.parametrize("arguments", [["models"], ["--help"], ["run", "--help"], ["show", "--help"]])
def test_listing_loads_neither_theano_nor_pandas(arguments):
    script = (
        "import sys; from harness.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'theano', 'pymc3', 'arviz', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
