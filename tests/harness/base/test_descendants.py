"""No process outlives a measurement, whatever it has started and however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, List

import psutil
import pytest

from tests.conftest import ROOT, answer_signals

#: A measurement that starts a program, one in a session of its own, and one whose parent has died.
MEASUREMENT = """
import subprocess, sys, time
import click
from nutsbench.cli import commands, main
from nutsbench.cli.common import machine_to_oneself

@click.command("measure")
def measure():
    with machine_to_oneself(False, "All is kept."):
        subprocess.Popen(["sleep", "3600"])
        subprocess.Popen(["sh", "-c", "sleep 3600 & exec sleep 3600"], start_new_session=True)
        subprocess.run([sys.executable, "-c", "import subprocess; subprocess.Popen(['sleep', '3600'])"])
        print("begun", flush=True)
        THEN

commands.cli.add_command(measure)
main(["measure"])
"""


def start(then: str, results: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", MEASUREMENT.replace("THEN", then)]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    variables = {**os.environ, "NUTSBENCH_RESULTS": str(results)}
    process = subprocess.Popen(command, cwd=ROOT, env=variables, preexec_fn=answer_signals, **pipes)
    assert process.stdout.readline() == "begun\n"
    return process


def sleepers(process: "subprocess.Popen[str]") -> List[Any]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = [one for one in psutil.Process(process.pid).children(recursive=True) if one.name() == "sleep"]
        if len(found) == 4:
            return found
        time.sleep(0.05)
    raise AssertionError(found)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_process_behind_and_says_what_was_kept(
    results: Path, number: signal.Signals
) -> None:
    process = start("time.sleep(3600)", results)
    found = sleepers(process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip().splitlines() == ["Interrupted. All is kept."]
    assert not [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(("then", "code"), [("pass", 0), ("raise ValueError", 70)])
def test_neither_does_an_end_of_another_kind(results: Path, then: str, code: int) -> None:
    process = start(then, results)
    process.communicate(timeout=60)
    assert process.returncode == code
    marked = [one for one in psutil.process_iter(["ppid", "name"]) if one.info["name"] == "sleep"]
    assert not [one for one in marked if str(results) in str(_environment(one))]


def _environment(process: Any) -> Any:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def test_further_signals_do_not_stop_the_tidying(results: Path) -> None:
    process = start("time.sleep(3600)", results)
    found = sleepers(process)
    # Until the very end of it: Python's own shutdown is a part of the tidying.
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.002)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
