"""What a parent knows of a cell that runs: what it has heard of it, and what the system says.

Nothing here imports PyMC3.
"""

import contextlib
import signal
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import psutil

from nutsbench.inside.clock import Listener, Progress
from nutsbench.records.record import Status

_LOG_LINES = 20


class Heard:
    """What the parent has heard of a cell: how far it is, and when each phase began.

    Parameters
    ----------
    listen : callable
        Told how far the cell is.
    """

    def __init__(self, listen: Listener) -> None:
        self._listen = listen
        self._starts: List[Tuple[str, float]] = []
        self._dead_since: Optional[float] = None
        self._looked = self.began = time.monotonic()
        self.child = 0
        self.progress = Progress("start")

    def event(self, event: Mapping[str, Any]) -> None:
        """Take in an event of the worker's."""
        if event["event"] == "started":
            self.child = event["pid"]
        elif event["event"] == "progress":
            self.progress = Progress(**{k: v for k, v in event.items() if k != "event"})
            if not self._starts or self._starts[-1][0] != self.progress.phase:
                self._starts.append((self.progress.phase, time.monotonic()))
            self._listen(self.progress)

    def dead_chain_s(self) -> float:
        """Return for how many seconds a chain of the cell has been dead, looking once a second."""
        now = time.monotonic()
        if now - self._looked > 1:
            self._looked = now
            self._dead_since = (self._dead_since or now) if _has_dead_chain(self.child) else None
        return now - self._dead_since if self._dead_since is not None else 0.0

    def phases(self) -> Dict[str, Dict[str, float]]:
        """Return the wall time of each phase of a cell that did not get to tell its own."""
        ends = [start for _, start in self._starts[1:]] + [time.monotonic()]
        times: Dict[str, Dict[str, float]] = {}
        for (phase, start), end in zip(self._starts, ends):
            # Chains that tune while others draw make the phases alternate.
            before = times.get(phase, {"wall_s": 0.0})["wall_s"]
            times[phase] = {"wall_s": before + end - start}
        return times


def where(progress: Progress) -> str:
    """Say where a cell is: its phase, and the draws that it has made."""
    if progress.total:
        return f"{progress.phase}, after {progress.done} of {progress.total} draws"
    return progress.phase


def for_memory(kills_before: int) -> str:
    """Say so if the kernel has ended a process for want of memory in the meantime."""
    if kernel_oom_kills() > kills_before:
        return ": the machine ran out of memory; take fewer draws or chains, or free some"
    return ""


def _has_dead_chain(pid: int) -> bool:
    """Whether a process that the cell started is dead and nobody has noticed.

    PyMC3 waits for ever for a chain that was killed from outside: its siblings hold
    the other end of the dead chain's pipe open.
    """
    if not pid:
        return False
    with contextlib.suppress(psutil.Error):
        cell = psutil.Process(pid)
        # Chains are forks, so they have the cell's name; what else a model starts is its own affair.
        return any(
            child.status() == psutil.STATUS_ZOMBIE and child.name() == cell.name()
            for child in cell.children()
        )
    return False


def kernel_oom_kills() -> int:
    """Count the processes that the kernel has ended for want of memory since it booted."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def tail(log: Path) -> List[str]:
    """Return the last lines of a log that are not blank; none if it cannot be read."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.strip()][-_LOG_LINES:]


def ending(event: Mapping[str, Any], seen: Progress, kills_before: int) -> Tuple[Status, str]:
    """Return how a child ended, and why if not well.

    Parameters
    ----------
    event : dict
        What its server has said of its end.
    seen : Progress
        How far it was.
    kills_before : int
        How often the kernel had ended something for want of memory before it began.
    """
    if not event["killed_by"] and not event["code"]:
        return Status.OK, ""
    if not event["killed_by"]:
        return Status.CRASHED, f"the cell's process ended with code {event['code']} in {where(seen)}"
    reason = f"killed by {signal.Signals(event['killed_by']).name} in {where(seen)}"
    by_memory = for_memory(kills_before)
    if not by_memory and event["killed_by"] == signal.SIGKILL:
        return Status.CRASHED, f"{reason}, by someone else or for want of memory"
    return Status.CRASHED, reason + by_memory
