"""Whatever a function does in a fork, this process goes on and hears of it."""

import ctypes
import faulthandler
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from nutsbench.inside import isolated
from tests.conftest import ROOT


def test_what_it_returns_comes_back_and_what_it_prints_is_kept() -> None:
    def talk(tell: Any) -> Any:
        print("on standard output")
        os.system("echo from a shell")
        return {"read": sys.stdin.read()}

    ended = isolated.call(talk, 60)
    assert ended.result == {"read": ""}
    assert ended.how == ""
    assert sorted(ended.printed) == ["from a shell", "on standard output"]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda _: os._exit(3), "it ended its process, with code 3"),
        (lambda _: sys.exit(3), "it ended its process, with code 1"),
        (lambda _: os.kill(os.getpid(), signal.SIGABRT), "its process was ended by SIGABRT"),
        (lambda _: ctypes.string_at(0), "SIGSEGV (a segmentation fault, in compiled code)"),
    ],
)
def test_however_it_ends_it_is_told(function: Any, said: Any) -> None:
    def quietly(tell: Any) -> Any:
        # pytest has faults print where they were, into the log of a run in which nothing is wrong.
        faulthandler.disable()
        return function(tell)

    ended = isolated.call(quietly, 60)
    assert ended.result is None
    assert said in ended.how


def test_an_endless_loop_is_ended_and_its_stage_is_known() -> None:
    def loop(tell: Any) -> None:
        tell("data")
        while True:
            time.sleep(0.01)

    ended = isolated.call(loop, 1)
    assert ended.stage == "data"
    assert ended.how.startswith("it was not done after 1 s")


def test_a_large_result_is_whole() -> None:
    assert isolated.call(lambda _: ["x" * 100] * 5000, 60).result == ["x" * 100] * 5000


def test_a_program_keeps_its_standard_output_for_itself() -> None:
    script = (
        "import os; from nutsbench.inside import isolated; output = isolated.own_output(); print('noise');"
        " os.system('echo noise'); output.write('own\\n')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "own\n"
    assert done.stderr.count("noise") == 2
