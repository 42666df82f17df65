"""On a terminal that knows ASCII alone every command prints, in ASCII, and no name becomes another's."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from nutsbench.base import terminal
from nutsbench.cli.commands import cli
from nutsbench.records.record import Record, Status
from tests.conftest import ROOT

#: Ways to have such a terminal.
PLAIN = {
    "asked of Python": {"PYTHONIOENCODING": "ascii"},
    "the C locale": {"LC_ALL": "C"},
    "a dumb terminal": {"TERM": "dumb"},
    "the POSIX locale, no help from Python": {
        "LC_ALL": "POSIX",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
    },
}

#: Runs many commands in one process, and says which failed.
MANY = """
import json, sys
from nutsbench.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as end:
        if end.code not in (0, 1):
            print("FAILED", arguments, end.code, file=sys.stderr)
"""


def run(
    commands: List[Any], results: Path, variables: Dict[str, Any]
) -> "subprocess.CompletedProcess[bytes]":
    own = ("LC_ALL", "LC_CTYPE", "LANG", "TERM", "PYTHONIOENCODING", "PYTHONUTF8")
    given = {name: value for name, value in os.environ.items() if name not in own}
    return subprocess.run(
        [sys.executable, "-c", MANY, json.dumps(commands)],
        cwd=ROOT,
        env={**given, "NUTSBENCH_RESULTS": str(results), **variables},
        capture_output=True,
    )


@pytest.fixture
def greek(results: Path, make_record: Callable[..., Record]) -> Path:
    """A results folder whose records and reasons need more than ASCII."""
    runs = results / "runs"
    runs.mkdir(parents=True)
    for name in ("μ", "σ"):
        record = make_record(
            model=name,
            status=Status.FAILED,
            reason=f"β[{name}] – ESS 10 × too small … ± 日",
            metrics={},
            claims=[{"says": f"{name} ≥ 0", "holds": True, "parts": []}],
        )
        (runs / f"{record.id}.jsonl").write_text(json.dumps(record.to_dict()) + "\n")
    return results


@pytest.mark.whole
@pytest.mark.parametrize("way", PLAIN)
def test_every_command_prints_in_ascii(greek: Path, way: str) -> None:
    help_texts = [[name, "--help"] for name in cli.commands]
    folder = str(greek / "out")
    prints = [
        ["show"], ["show", "--claims"], ["show", "--csv"], ["show", "--json"], ["models"], ["models", "fork"],
        ["metrics"], ["metrics", "--markdown"], ["stacks"], ["truth", "--kept"],
        ["export", "--to", "csv", "--output", folder], ["export", "--to", "bencher", "--output", folder],
        ["check-model", "--markdown"],
    ]  # fmt: skip
    if way == "asked of Python":  # These take seconds.
        (greek / "power" / "published").mkdir(parents=True)
        # One machine's trials: all of them take ten seconds.
        for path in (ROOT / "results" / "power" / "published").glob("trials.jsonl.amd-*"):
            shutil.copy(path, greek / "power" / "published")
        prints.append(["power", "--report", "--output", str(greek / "power")])
        prints.append(["calibrate", "--report", "--results", "results", "simple_regression"])
    done = run([["--help"], *help_texts, *prints], greek, PLAIN[way])
    assert done.returncode == 0, done.stderr.decode()
    assert b"FAILED" not in done.stderr, done.stderr.decode()
    text = (done.stdout + done.stderr).decode("ascii")
    assert "beta[mu] - ESS 10 x too small ... +/- ?" in " ".join(text.split())
    assert "+/- 0.0" in text or way != "asked of Python"


def test_pages_are_written_in_utf8_whatever_the_locale(greek: Path) -> None:
    own = {"NUTSBENCH_RESULTS": str(greek), **PLAIN["the POSIX locale, no help from Python"]}
    command = [sys.executable, "-m", "nutsbench", "report"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **own}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert "±" in (greek / "report" / "index.html").read_text(encoding="utf-8")


def test_where_utf8_is_known_signs_stay(greek: Path) -> None:
    done = run([["show", "--csv"]], greek, {"LANG": "C.UTF-8", "TERM": "xterm"})
    assert "β[μ] – ESS 10 × too small … ± 日" in done.stdout.decode("utf-8")


def test_a_mistake_with_a_name_that_cannot_be_shown_is_still_said(results: Path) -> None:
    done = run([["show", "μ", "--results", str(results)]], results, {"LC_ALL": "C"})
    assert b"There is no model 'mu'" in done.stderr


def test_letters_that_differ_are_told_apart() -> None:
    assert terminal.plain("αβγ δ Δ µ μ ς σ") == "alphabetagamma delta Delta u mu sigma sigma"
    assert terminal.plain("é ü ½ x² ─┼│●◂▸ ⠋ █ 日") == "e u 1/2 x2 -+|o<> * # ?"


def test_an_encoding_that_lacks_a_sign_has_it_written_out() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    adapted = terminal._adapted(stream)
    adapted.write("2 ± 1 … β")
    adapted.flush()
    assert stream.buffer.getvalue().decode("latin-1") == "2 ± 1 ... beta"


def test_a_terminal_of_utf8_is_left_as_it_is() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    assert not terminal.knows_ascii_alone(stream, {"LANG": "de_DE.UTF-8", "TERM": "xterm"})
    assert not terminal.knows_ascii_alone(stream, {"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"})
    assert not terminal.knows_ascii_alone(stream, {"LC_ALL": "en_US.UTF-8", "LANG": "C"})


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_stream_that_is_closed_is_no_fault(results: Path, closed: str) -> None:
    command = f"{sys.executable} -m nutsbench metrics {closed}>&-"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr
