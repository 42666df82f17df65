"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the project: a file or a row each."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

from tests.conftest import ROOT, copy_of_project


def recipes() -> Iterator[Tuple[Any, ...]]:
    """Yield how, where and what, of each recipe."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for found in re.finditer(
        r"^( *)<!-- recipe: (\w+) ([^\n]+) -->\n *```python\n(.*?)^ *```$", text, re.M | re.S
    ):
        indent, how, where, code = found.groups()
        yield how, where.split(), re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)


def follow(project: Path, how: str, where: List[Any], code: str) -> str:
    """Do what a recipe says, and return the file that it touches."""
    path = project / where[-1]
    if how == "file":
        assert not path.exists()
        path.write_text(code)
    elif how == "end":
        path.write_text(path.read_text().rstrip("\n") + "\n\n\n" + code)
    else:
        text = path.read_text()
        (begin,) = re.finditer(rf"^{where[0]}\b[^\n]*[({{]$", text, re.MULTILINE)
        end = text.index("\n" + {"(": ")", "{": "}"}[begin[0][-1]], begin.end())
        path.write_text(text[: end + 1] + code + text[end + 1 :])
    return where[-1]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project in which every recipe was followed."""
    folder = tmp_path_factory.mktemp("copy") / "nutsbench"
    copy_of_project(folder)
    (folder / ".stacks").mkdir()
    touched: Dict[str, Any] = {}
    for how, where, code in recipes():
        touched.setdefault(where[-1], []).append(how)
        follow(folder, how, where, code)
    shutil.copy(
        ROOT / "benchmarks/releases/locks/release-3.10.0.txt", folder / "harness/stacks/locks/pymc3-3.10.txt"
    )
    # A recipe for each kind, and none that touches what another one does.
    assert len(touched) == 9
    assert all(len(ways) == 1 for ways in touched.values())
    return folder


@pytest.fixture
def there(project: Path, tmp_path: Path) -> Callable[..., Any]:
    """Run the copy's command line."""

    def run(*arguments: Any) -> str:
        variables = {
            **os.environ,
            "PYTHONPATH": str(project / "src"),
            "NUTSBENCH_RESULTS": str(tmp_path / "results"),
        }
        variables.pop("NUTSBENCH_STACKS", None)
        done = subprocess.run(
            [sys.executable, "-m", "nutsbench", *arguments],
            cwd=project,
            env=variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_model_is_listed_with_its_truth(there: Callable[..., Any]) -> None:
    assert "four_numbers" in there("models")
    assert "The posterior mean lies between" in there("models", "four_numbers")
    there("truth", "four_numbers", "--write")
    assert "error at most" in there("models", "four_numbers")


def test_a_metric_is_listed(there: Callable[..., Any]) -> None:
    assert "ess_tail_per_s [1/s, higher is better]" in there("metrics")


def test_a_profile_samples_what_it_says(there: Callable[..., Any]) -> None:
    assert "draws 1000" in there("run", "--profile", "long", "addition", "--dry-run")
    assert "quick, tutorial, sweep, long" in there("run", "--help")


def test_a_stack_is_listed(there: Callable[..., Any]) -> None:
    assert "pymc3-3.10: pymc3 3.10.0" in there("stacks")


def test_a_command_is_offered_and_runs(there: Callable[..., Any]) -> None:
    assert "Say how many models there are." in there("--help")
    assert there("count") == "17\n"


@pytest.fixture
def recorded(tmp_path: Path) -> None:
    """A results folder with one published record, a metric of which is another."""
    runs = tmp_path / "results" / "runs"
    runs.mkdir(parents=True)
    published = ROOT / "results" / "runs" / "published" / "2026-11-22-tutorial-schema-2.jsonl"
    record = json.loads(published.read_text().splitlines()[0])
    record["metrics"]["ess_per_leapfrog"] = 1e-6
    (runs / "20261201T000000Z-test-000000.jsonl").write_text(json.dumps(record) + "\n")


def test_a_limit_is_held_against_records_of_long_ago(there: Callable[..., Any], recorded: Any) -> None:
    assert "1e-06 effective draws a leapfrog are fewer than 0.0001" in there(
        "show", "addition", "--json", "--history"
    )


def test_a_format_is_written(there: Callable[..., Any], recorded: Any, tmp_path: Path) -> None:
    (path,) = there("export", "--to", "names", "--output", str(tmp_path / "out")).split()
    assert Path(path).read_text() == "addition\n"


def test_a_page_is_written_and_linked_from_the_others(
    there: Callable[..., Any], recorded: Any, tmp_path: Path
) -> None:
    there("report", "--output", str(tmp_path / "site"))
    assert "Cells by machine" in (tmp_path / "site" / "machines.html").read_text()
    assert 'href="machines.html"' in (tmp_path / "site" / "index.html").read_text()
