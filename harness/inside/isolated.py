"""A function called in a fork of this process: whatever it does, this process goes on and hears of it.

It may print, read its standard input, call ``sys.exit``, be ended by a signal or never end.
"""

import contextlib
import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, TextIO

from nutsbench.inside import system

Tell = Callable[[str], None]


@dataclass
class Ended:
    """How a call ended.

    Parameters
    ----------
    result : object or None
        What the function returned, through JSON; ``None`` if it did not return.
    stage : str
        What it told last that it was about to do.
    how : str
        Why it did not return, in words; empty if it did.
    printed : list of str
        What it printed to its standard output, by line.
    """

    result: Optional[Any] = None
    stage: str = ""
    how: str = ""
    printed: List[str] = field(default_factory=list)


def call(function: Callable[[Tell], Any], timeout_s: float) -> Ended:
    """Call a function in a fork of this process.

    Parameters
    ----------
    function : callable
        Takes a function to tell each stage with, and returns what JSON can hold.
    timeout_s : float
        Wall seconds that it may take from one stage to the next.
    """
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as log:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _child(function, writing, log.fileno())  # Never returns.
        os.close(writing)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # Whoever of the two is first.
        ended = Ended()
        try:
            in_time = _hear(reading, ended, timeout_s)
        finally:
            os.close(reading)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        log.seek(0)
        ended.printed = log.read().decode(errors="replace").splitlines()
    if ended.result is None:
        ended.how = (
            _how(status)
            if in_time
            else f"it was not done after {timeout_s:g} s (an endless loop? --timeout gives it longer)"
        )
    return ended


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        also = " (a segmentation fault, in compiled code)" if name == "SIGSEGV" else ""
        return f"its process was ended by {name}{also}"
    return f"it ended its process, with code {os.WEXITSTATUS(status)}"


def _hear(handle: int, ended: Ended, timeout_s: float) -> bool:
    """Take in what the child tells until it has returned or ended; return whether that was in time."""
    pending, deadline = b"", time.monotonic() + timeout_s
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if not select.select([handle], [], [], left)[0]:
            continue
        chunk = os.read(handle, 65536)
        if not chunk:
            return True
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            event: Dict[str, Any] = json.loads(line)
            if "result" in event:
                ended.result = event["result"]
                return True
            ended.stage = event["stage"]
            deadline = time.monotonic() + timeout_s


def _child(function: Callable[[Tell], Any], writing: int, log: int) -> None:
    """Call the function, and end; never returns."""
    status = 1
    try:
        os.setpgid(0, 0)
        system.die_with_parent()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        # They live as long as the process.
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115

        def say(**event: Any) -> None:
            line = (json.dumps(event) + "\n").encode()
            while line:
                line = line[os.write(writing, line) :]

        result = function(lambda stage: say(stage=stage))
        sys.stdout.flush()  # Whoever has heard the result ends this process.
        say(result=result)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(status)


def own_output() -> TextIO:
    """Return this process's standard output, and send to standard error what anybody else prints from now on.

    For programs whose output is read by another program, and which call functions of users.
    """
    sys.stdout.flush()
    output = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return output


def kill_group(pid: int) -> None:
    """End a process with all of its group; 0 stands for none."""
    if pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
