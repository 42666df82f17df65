"""Whether this machine can be trusted for timing, and what to do where it cannot."""

import os
import shutil
from dataclasses import dataclass
from typing import Callable, List

import psutil

from nutsbench.base.paths import results_dir, stacks_dir
from nutsbench.inside import callgrind, modules
from nutsbench.stacks import environment
from nutsbench.stacks.stack import DEFAULT, NAMES, named

_FREE_DISK = 2 * 2**30
_FREE_MEMORY = 2 * 2**30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    subject : str
        What.
    verdict : str
        ``good``, ``warn`` (times are worse or noisier) or ``bad`` (cells cannot run).
    found : str
        What it is.
    advice : str
        What to do about it; empty where it is good.
    """

    subject: str
    verdict: str
    found: str
    advice: str = ""


def examine() -> List[Finding]:
    """Look at all that a measurement depends on, and return what was found."""
    checks: List[Callable[[], Finding]] = [
        _compiler,
        _blas,
        _valgrind,
        _threads,
        _cores,
        _load,
        _governor,
        _memory,
        _disk,
        _modules,
        _stacks,
        _flags,
    ]
    return [check() for check in checks]


def _compiler() -> Finding:
    found = environment.compiler()
    if found is None:
        advice = "install g++: without it Theano runs in Python, some hundred times slower"
        return Finding("compiler", "bad", "no g++ on the path", advice)
    return Finding("compiler", "good", found)


def _blas() -> Finding:
    flags = environment.blas_flags()
    if not flags:
        advice = (
            "install a BLAS to link to, with its development files (Debian: libopenblas-dev);"
            " matrix products go through NumPy until then"
        )
        return Finding("BLAS", "warn", "none that a program can be linked to", advice)
    return Finding("BLAS", "good", f"linked with {flags}")


def _valgrind() -> Finding:
    missing = callgrind.missing()
    if missing:
        package = callgrind.package(missing[0])
        advice = f"Debian: apt install {package}; no instructions are counted until then, times only"
        return Finding("valgrind", "warn", f"{missing[0]} is not on the path", advice)
    return Finding("valgrind", "good", "instructions can be counted")


def _threads() -> Finding:
    unpinned = [name for name in environment.THREAD_VARIABLES if os.environ.get(name, "1") != "1"]
    if unpinned:
        found = f"{', '.join(unpinned)} set to other than 1, which workers do not heed: see --threads"
        return Finding("threads", "good", found)
    return Finding("threads", "good", "BLAS and OpenMP are pinned to 1 in workers")


def _cores() -> Finding:
    cores = environment.usable_cores()
    if cores < 2:
        advice = "with one core chains run one after the other; compare such runs only with each other"
        return Finding("cores", "warn", "1 usable", advice)
    return Finding("cores", "good", f"{cores} usable, {environment.processor()}")


def _load() -> Finding:
    cores = environment.usable_cores()
    used = environment.busy_cores(1.0)
    found = f"{used:.1f} of {cores} cores in use now, load {environment.load():.2f} over the last minute"
    if environment.is_busy(used):
        return Finding("load", "warn", found, "wait, or stop what else runs (`top` shows it)")
    return Finding("load", "good", found)


def _governor() -> Finding:
    found = environment.governors()
    if not found:
        advice = "a virtual machine hides it: repeat runs, and compare side by side in one run"
        return Finding("frequency governor", "warn", "not to be seen", advice)
    if found != ["performance"]:
        advice = "as root: cpupower frequency-set --governor performance"
        return Finding("frequency governor", "warn", ", ".join(found), advice)
    return Finding("frequency governor", "good", "performance")


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    found = f"{free / 2**30:.1f} GiB available"
    if free < _FREE_MEMORY:
        return Finding("memory", "warn", found, "close something: swapping would ruin every time")
    return Finding("memory", "good", found)


def _disk() -> Finding:
    places = [place if place.exists() else place.parent for place in (results_dir(), stacks_dir())]
    free = min(shutil.disk_usage(place).free for place in places if place.exists())
    found = f"{free / 2**30:.1f} GiB free where results and environments lie"
    if free < _FREE_DISK:
        return Finding("disk", "warn", found, "make room: environments take some 2 GiB, caches grow")
    return Finding("disk", "good", found)


def _modules() -> Finding:
    size = modules.Store(environment.modules_store()).size_bytes()
    limit = f"at most {modules.LIMIT_BYTES / 2**20:.0f}"
    return Finding("compiled modules", "good", f"{size / 2**20:.0f} MiB are shared by all stacks, {limit}")


def _stacks() -> Finding:
    missing = [name for name in NAMES if not named(name).ready]
    if missing:
        verdict = "bad" if DEFAULT in missing else "warn"
        advice = f"nutsbench stacks {' '.join(missing)}; a run that asks for it makes it too"
        moved = all(named(name).holds_all for name in missing)
        found = "moved since they were made" if moved else "not made yet"
        return Finding("stacks", verdict, f"{found}: {', '.join(missing)}", advice)
    return Finding("stacks", "good", f"ready: {', '.join(NAMES)}")


def _flags() -> Finding:
    own = os.environ.get("THEANO_FLAGS", "")
    if own:
        advice = "meant? they are used, recorded, and keep these records apart from others"
        return Finding("THEANO_FLAGS", "warn", "set in your environment", advice)
    return Finding("THEANO_FLAGS", "good", "not set")
