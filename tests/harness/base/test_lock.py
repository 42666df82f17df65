"""One measurement at a time: the second waits and says for whom, and nobody waits for the dead."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from nutsbench.base import lock
from nutsbench.base.errors import UserError
from tests.conftest import ROOT, answer_signals

#: Holds the lock until its input ends; does what it is told before.
HOLD = """
import sys
from nutsbench.base import lock
with lock.machine("the first", lambda text: print(text, flush=True)):
    print("held", flush=True)
    {then}
    sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "machine.lock"
    monkeypatch.setenv(lock.FILE, str(path))
    return path


@pytest.fixture
def holder(file: Path) -> Iterator[Callable[..., Any]]:
    """Start a process that holds the lock, and return it once it does."""
    begun = []

    def start(then: str = "pass") -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", HOLD.format(then=then)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        begun.append(subprocess.Popen(command, cwd=ROOT, **pipes))
        assert begun[-1].stdout.readline() == "held\n"
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def silent(text: Any) -> None:
    raise AssertionError(text)


def test_who_does_not_wait_is_told_who_measures(holder: Callable[..., Any]) -> None:
    first = holder()
    said = rf"by process {first.pid} \(the first\), since 20.*--no-wait"
    with pytest.raises(UserError, match=said), lock.machine("second", silent, wait=False):
        pass


def test_who_waits_says_for_whom_once_and_goes_on_at_the_end(
    holder: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: List[str] = []
    looked: List[Any] = []
    first = holder()

    def sleep(seconds: float) -> None:
        looked.append(seconds)
        if len(looked) == 3:
            first.communicate()

    monkeypatch.setattr(time, "sleep", sleep)
    with lock.machine("second", said.append):
        assert len(looked) >= 3
    assert len(said) == 1
    assert f"Waiting for process {first.pid} (the first)" in said[0]


def test_the_lock_of_a_process_that_was_killed_is_no_lock(holder: Callable[..., Any]) -> None:
    first = holder()
    first.kill()
    first.wait()
    with lock.machine("second", silent, wait=False):
        pass


def test_a_fork_that_outlives_its_parent_does_not_keep_the_lock(holder: Callable[..., Any]) -> None:
    # The fork says when it runs: it closes its copy of the lock when it begins.
    alive = "(print('forked', flush=True), time.sleep(2), os._exit(0))"
    first = holder(f"import os, time; os.fork() or {alive}")
    assert first.stdout.readline() == "forked\n"
    first.kill()
    first.wait()
    with lock.machine("second", silent, wait=False):
        pass


def test_what_a_holder_starts_does_not_wait_for_it(file: Path) -> None:
    script = (
        "from nutsbench.base import lock\n"
        "with lock.machine('inner', print, wait=False):\n"
        "    with lock.machine('innermost', print, wait=False): print('through')"
    )
    with lock.machine("outer", silent), lock.machine("once more", silent):
        shell = subprocess.run(
            ["sh", "-c", f'{sys.executable} -c "$SCRIPT"; true'],
            env={**os.environ, "SCRIPT": script}, cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
    assert shell.stdout == "through\n", shell.stderr
    assert lock.OWNER not in os.environ


def test_a_stranger_that_names_the_holder_waits_all_the_same(
    holder: Callable[..., Any], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(lock.OWNER, f"{holder().pid} {file}")
    with pytest.raises(UserError), lock.machine("second", silent, wait=False):
        pass


def test_another_file_is_another_lock(
    holder: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder()
    monkeypatch.setenv(lock.FILE, str(tmp_path / "other.lock"))
    with lock.machine("second", silent, wait=False):
        pass


def test_a_file_that_was_cleaned_away_is_made_again(file: Path) -> None:
    with lock.machine("first", silent):
        assert json.loads(file.read_text())["command"] == "first"
    file.unlink()
    with lock.machine("second", silent):
        assert json.loads(file.read_text())["pid"] == os.getpid()
    assert file.read_text() == ""


def test_every_user_can_lock_the_file_whatever_the_mask(file: Path) -> None:
    before = os.umask(0o077)
    try:
        with lock.machine("first", silent):
            assert stat.S_IMODE(file.stat().st_mode) == 0o666
    finally:
        os.umask(before)


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "pipe", "folder"])
def test_what_lies_in_the_files_place_is_neither_written_nor_waited_for(
    file: Path, tmp_path: Path, kind: str
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    make = {"symbolic link": file.symlink_to, "pipe": lambda _: os.mkfifo(file)}
    make["hard link"], make["folder"] = (lambda path: os.link(path, file)), (lambda _: file.mkdir())
    make[kind](precious)
    said: List[str] = []
    with lock.machine("first", said.append):
        assert precious.read_text() == "precious"
    assert "whether others measure cannot be told" in said[0]


def test_nonsense_in_the_file_is_no_holders_name(holder: Callable[..., Any], file: Path) -> None:
    holder()
    for text in ("", "{", "[1]", '{"pid": "x"}', '{"pid": 99999999, "command": "gone", "since": ""}'):
        file.write_text(text)
        with pytest.raises(UserError, match="by another process:"), lock.machine("x", silent, wait=False):
            pass


def test_a_command_that_would_move_the_cursor_is_shown_without(
    holder: Callable[..., Any], file: Path
) -> None:
    first = holder()
    values = {"pid": first.pid, "command": "\x1b[2Jrun", "since": "now"}
    file.write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"\(\[2Jrun\)"), lock.machine("second", silent, wait=False):
        pass


def test_the_machines_own_file_is_where_all_users_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(lock.FILE)
    monkeypatch.setenv("TMPDIR", "/nowhere")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere")
    assert lock.path().parent in lock._SHARED


def test_ctrl_c_ends_the_waiting(holder: Callable[..., Any], file: Path) -> None:
    holder()
    script = "from nutsbench.base import lock\nwith lock.machine('second', print): pass"
    second = subprocess.Popen(
        [sys.executable, "-u", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=answer_signals,
    )  # fmt: skip
    assert b"Waiting for" in second.stdout.readline()
    second.send_signal(signal.SIGINT)
    _, errors = second.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors
