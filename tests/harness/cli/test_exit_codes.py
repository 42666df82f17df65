"""A fault of the program never ends with a code that means something, and says where its traceback is."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, answer_signals

#: A command that fails as no command should.
FAULTY = """
import sys
from nutsbench.records import index
from nutsbench.cli import main

def fail(*_):
    raise ERROR

index.opened = fail
main(["show", "--all", "--results", "results", *sys.argv[1:]])
"""


def faulty(error: str, *arguments: Any, **variables: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", FAULTY.replace("ERROR", error), *arguments],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "error", ["ValueError('odd')", "RecursionError()", "MemoryError()", "OSError(5, 'x')"]
)
def test_a_fault_ends_with_70_and_one_line(error: str, tmp_path: Path) -> None:
    done = faulty(error, TMPDIR=str(tmp_path))
    assert done.returncode == 70
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("These ")]
    assert error.partition("(")[0] in line
    (path,) = re.findall(r"\S+\.traceback", line)
    assert "in fail" in Path(path).read_text()


def test_a_broken_pipe_that_is_not_the_readers_is_a_fault() -> None:
    assert faulty("BrokenPipeError(32, 'worker')").returncode == 70


def test_a_traceback_that_cannot_be_kept_is_printed(tmp_path: Path) -> None:
    done = faulty("ValueError('odd')", TMPDIR="/nonexistent", TMP="", TEMP="")
    assert done.returncode == 70
    assert "nutsbench" in done.stderr


def test_what_cannot_be_imported_is_a_fault_too(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ImportError('broken on purpose')\n")
    done = subprocess.run(
        [sys.executable, "-m", "nutsbench", "models"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 70, done.stderr
    assert "ImportError: broken on purpose" in done.stderr


def test_a_reader_that_has_gone_is_no_fault() -> None:
    command = [sys.executable, "-m", "nutsbench", "metrics"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        writer.stdout.close()  # Long before it prints.
        assert writer.stderr.read() == b""
    assert writer.returncode == 141


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_with_130(number: signal.Signals, tmp_path: Path) -> None:
    script = (
        "import os, time\nfrom nutsbench.records import index\nfrom nutsbench.cli import main\n"
        f"def wait(*_):\n    os.kill(os.getpid(), {int(number)})\n    time.sleep(60)\n"
        "index.opened = wait\nmain(['show', '--all', '--results', 'results'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, preexec_fn=answer_signals
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
