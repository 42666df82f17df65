"""Leaves no process behind: what a measurement has started ends with it, however it ends."""

import contextlib
import ctypes
import math
import signal
import subprocess
import threading
import time
from typing import Any, Dict, Iterator, List, Sequence

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: How long a program that is asked to stop may take to put its files in order.
_PATIENCE_S = 20.0
#: Within how many seconds of another a signal is the same wish.
_SAME_S = 1.0


@contextlib.contextmanager
def none_left() -> Iterator[None]:
    """End every process that was started while the context lasts, and what those have started.

    A compiler that a killed process was waiting for, or a sampler in a session of its own, would
    else go on, and be timed with whatever comes next.
    """
    # Of a process whose parent has died this one becomes the parent, so none is lost sight of.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    before = set(_all())
    with _one_ending_at_a_time():
        try:
            yield
        finally:
            # A second ctrl-C would leave them after all.
            masked = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
            try:
                _end(before)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, masked)


@contextlib.contextmanager
def _one_ending_at_a_time() -> Iterator[None]:
    """Take signals that come right after another one for the same, or they would interrupt what that led to.

    A scheduler may send two kinds at once, and a second KeyboardInterrupt would come before anything can be
    done against it. A user who presses ctrl-C again, later, is heard.
    """
    before: Dict[int, Any] = {}
    last = -math.inf

    def end(number: int, frame: Any) -> None:
        nonlocal last
        known, last = last, time.monotonic()
        if last - known > _SAME_S:
            signal.default_int_handler(number, frame)

    if threading.current_thread() is threading.main_thread():
        for ending in _ENDINGS:
            if signal.getsignal(ending) is signal.default_int_handler:
                before[ending] = signal.signal(ending, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _all() -> List[psutil.Process]:
    try:
        return list(psutil.Process().children(recursive=True))
    except psutil.Error:
        return []


def _end(before: Any) -> None:
    # One may start another in the very moment in which it is looked at.
    for _ in range(100):
        left = [process for process in _all() if process not in before and _is_alive(process)]
        if not left:
            return
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=1)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def run(command: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a program as ``subprocess.run`` does; on ctrl-C let it stop by itself, for it has files to write.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    **options
        Of ``subprocess.Popen``.
    """
    with subprocess.Popen(command, **options) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired, KeyboardInterrupt):
                process.send_signal(signal.SIGINT)
                process.wait(timeout=_PATIENCE_S)
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
