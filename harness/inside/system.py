"""What only Linux tells or does, each with a plain answer where it does not."""

import contextlib
import ctypes
import os
import re
import resource
import signal
import sys
from pathlib import Path
from typing import Iterator, List, Optional, Set

_PR_SET_PDEATHSIG = 1


def cpus() -> List[int]:
    """Return the CPUs that this process may run on; elsewhere the numbers of all."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pin(wanted: Set[int]) -> None:
    """Run this process on these CPUs alone, where the system lets one choose."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, wanted)


def cpu_s_of(pid: int) -> Optional[float]:
    """Return the CPU seconds that another process has used, user and system; None where nobody tells."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in brackets, may hold blanks and brackets.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def go_first_for_memory() -> None:
    """Have the kernel end this process, rather than another one, where memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def loaded_libraries() -> Iterator[str]:
    """Yield the path of each shared library that this process has loaded."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return
    yield from dict.fromkeys(re.findall(r"(/\S[^\n]*\.so[^\n]*)$", maps, re.MULTILINE))


#: In what the largest resident set is told.
_RSS_BYTES = 1 if sys.platform == "darwin" else 1024


def own_peak_rss_bytes() -> int:
    """Return the largest resident set of this process."""
    return _RSS_BYTES * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def peak_rss_bytes() -> int:
    """Return the largest resident set of this process or of one of its children that have ended."""
    return max(own_peak_rss_bytes(), _RSS_BYTES * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
