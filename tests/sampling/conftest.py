"""What the tests share that sample for real."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import psutil
import pytest

from nutsbench.stacks import stack
from tests.conftest import ROOT, Run, answer_signals

#: Both stacks of PyMC3, where what is tested is this program's own: by day one will do.
EITHER = [
    stack.DEFAULT,
    *(pytest.param(name, marks=pytest.mark.nightly) for name in stack.NAMES if name != stack.DEFAULT),
]
#: Reads the records that the command line shows.
Records = Callable[..., List[Dict[str, Any]]]


def pytest_itemcollected(item: Any) -> None:
    if Path(__file__).parent in Path(str(item.fspath)).parents:
        item.add_marker(pytest.mark.sampling)


@pytest.fixture
def records(nutsbench: Run) -> Records:
    """Read the records that the command line shows."""

    def read(*arguments: str) -> List[Dict[str, Any]]:
        done = nutsbench("show", "--json", "--history", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


class Running:
    """A ``nutsbench run`` that goes on while the test looks at its processes."""

    def __init__(self, command: List[str], results: Path) -> None:
        environment = {**os.environ, "NUTSBENCH_RESULTS": str(results)}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=answer_signals,
        )
        self.parent = psutil.Process(self._process.pid)

    def chains(self, count: int) -> List[psutil.Process]:
        """Wait until a cell draws: its process has started ``count`` chains. Return them."""
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self._process.stderr.read()
            found = [
                process
                for process in self.parent.children(recursive=True)
                # Where cells share a model, between worker and cell is a process that keeps it.
                if _generation(process, self.parent) in (3, 4) and _is_childless(process)
            ]
            if len(found) == count and all(_name(chain).startswith("python") for chain in found):
                time.sleep(1)
                if all(chain.is_running() for chain in found):
                    return found
            time.sleep(0.05)
        raise AssertionError("no chain was seen")

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def stop(self) -> None:
        """End a run that a failed test has left behind."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self.end()

    def end(self) -> "subprocess.CompletedProcess[str]":
        output, errors = self._process.communicate(timeout=120)
        return subprocess.CompletedProcess([], self._process.returncode, output, errors)


def _is_childless(process: psutil.Process) -> bool:
    try:
        return not process.children()
    except psutil.Error:
        return False


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _generation(process: psutil.Process, ancestor: psutil.Process) -> int:
    try:
        return [parent.pid for parent in process.parents()].index(ancestor.pid) + 1
    except (psutil.Error, ValueError):
        return 0


@pytest.fixture
def start(command: List[str], results: Path) -> Iterator[Callable[..., Running]]:
    begun: List[Running] = []

    def begin(*arguments: str) -> Running:
        begun.append(Running([*command, *arguments], results))
        return begun[-1]

    yield begin
    for run in begun:
        run.stop()
