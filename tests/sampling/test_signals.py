"""A signal ends whatever measures, with all that it has started, and says so."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, List

import psutil
import pytest

from tests.conftest import ROOT, answer_signals

COMMANDS = {
    "compare": ("compare", "pymc3-3.8", "pymc3-3.11", "-m", "addition"),
    "calibrate": ("calibrate", "addition"),
    "check-model": ("check-model", "addition", "--stack", "pymc3-3.8"),
    "guard": ("guard", "-k", "addition"),
}


def of(mark: Any) -> Any:
    """Return the processes that were started with a mark in their environment, but those that have ended."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_ended_leaves_no_process_behind(
    command: List[str], results: Path, name: Any
) -> None:
    mark = f"{os.getpid()}-{name}"
    variables = {**os.environ, "NUTSBENCH_RESULTS": str(results), "TEST_MARK": mark}
    process = subprocess.Popen(
        [*command, *COMMANDS[name]], cwd=ROOT, env=variables, preexec_fn=answer_signals, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(of(mark)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Interrupted. " in errors or "Stopped; " in errors or name == "check-model"
    assert not of(mark)
