"""Answers stay on a worker's disk until they are safe, and who works on an order is known."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from nutsbench.base.paths import importable
from nutsbench.cluster.order import Answer
from nutsbench.cluster.spool import VARIABLE, Spool


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: Any) -> Spool:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "spool"))
    return Spool("abc")


def test_an_answer_is_kept_until_it_is_forgotten(spool: Spool) -> None:
    answer = Answer("one", [])
    assert spool.state() == ([], [])
    spool.keep(answer)
    assert spool.find("one") == answer.to_text()
    assert spool.state() == ([answer.to_text()], [])
    spool.forget(["one", "never"])
    assert spool.state() == ([], [])
    assert spool.find("one") == ""


def test_who_works_on_an_order_is_known_until_that_process_ends(spool: Spool) -> None:
    script = (
        "from nutsbench.cluster.spool import Spool\n"
        "with Spool('abc').working('one'):\n    print('at it', flush=True)\n    input()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(importable())}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout.readline() == "at it\n"
        assert spool.state() == ([], ["one"])
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert spool.state() == ([], [])


def test_two_do_not_work_on_one_order_at_a_time(spool: Spool) -> None:
    seen = []

    def second() -> None:
        with spool.working("one"):
            seen.append("second")

    with spool.working("one"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        seen.append("first")
    thread.join(10)
    assert seen == ["first", "second"]


def test_what_was_torn_is_left_out(spool: Spool) -> None:
    spool.keep(Answer("one", []))
    spool.keep(Answer("two", []))
    (path,) = (one for one in spool._folder.glob("one.json"))
    path.write_text('{"key": "on')
    assert spool.state()[0] == [Answer("two", []).to_text()]


def test_where_nothing_can_be_written_work_goes_on(monkeypatch: Any) -> None:
    monkeypatch.setenv(VARIABLE, "/dev/full")
    full = Spool("abc")
    with full.working("one"), pytest.raises(OSError, match="directory"):
        full.keep(Answer("one", []))
    assert full.state() == ([], [])
    full.forget(["one"])


def test_a_mark_is_no_path() -> None:
    with pytest.raises(ValueError, match="no mark"):
        Spool("../elsewhere")
