"""A member of the cluster: what Dask calls in its process, and the process itself.

Dask pickles which function it calls and with what; what these return is text.
"""

import asyncio
import contextlib
import fcntl
import functools
import itertools
import json
import logging
import os
import signal
import tempfile
from typing import Any, Callable, Dict, List, Optional, Sequence, TextIO

import distributed
from distributed.utils import get_ip

from nutsbench.cluster import spool
from nutsbench.cluster.bench import Bencher
from nutsbench.cluster.order import code
from nutsbench.stacks import environment

#: What a member has one of, and an order takes; the second where times can be trusted.
MEASURING, TIMED = "nutsbench", "nutsbench-timed"
#: How long a member waits before it tries to join again.
_AGAIN_S = 2.0
#: Files that keep this member's place among those of its machine.
_places: List[TextIO] = []


#: Whether it says what it measures.
_quiet = [True]


@functools.lru_cache(maxsize=1)
def _bencher() -> Bencher:
    return Bencher(_place(), _quiet[0])


def _place() -> int:
    """Take the first place that no other member of this machine has, for as long as this process lives."""
    folder = spool.folder() / "places"
    # On a full disk two may share one, and wait for each other.
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for number in itertools.count():
            file = (folder / str(number)).open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            _places.append(file)
            return number
    return 0


def measure(text: str) -> str:
    """Return the answer to an order, both as JSON."""
    return _bencher().measure(text)


def facts() -> str:
    """Return the digest of the program that runs here, and the kind of this machine, as JSON."""
    return json.dumps({"code": code(), **environment.here()})


def state(origin: str) -> str:
    """Return what is kept on this machine for a results folder, and the orders worked on, as JSON."""
    answers, working = spool.Spool(origin).state()
    return json.dumps({"answers": answers, "working": working})


def forget(origin: str, keys: Sequence[str]) -> None:
    """Remove answers that are safe."""
    spool.Spool(origin).forget(keys)


def stop(keys: Sequence[str]) -> None:
    """End what is measured, if it is one of these orders."""
    _bencher().stop(keys)


def quiet() -> None:
    """Keep Dask's own messages back, and the tracebacks of lines that break: what matters is said here."""
    for name in (
        "distributed",
        *(
            f"distributed.{one}"
            for one in ("worker", "core", "comm", "client", "nanny", "scheduler", "http", "diskutils")
        ),
    ):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in ("tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def serve(
    address: str,
    say: Callable[[str], None],
    security: Optional[distributed.Security] = None,
    is_timed: bool = True,
    is_quiet: bool = False,
    cores: int = 0,
    patience_s: Optional[float] = None,
) -> bool:
    """Be a member until a signal comes, or its cluster is gone for too long.

    Parameters
    ----------
    address : str
        The scheduler's.
    say : callable
        Told what happens.
    security : distributed.Security, optional
        Certificates, for ``tls://``.
    is_timed : bool
        Whether it takes orders whose times are kept.
    is_quiet : bool
        Whether it does not say what it measures.
    cores : int
        Processors to keep to; 0 for all.
    patience_s : float, optional
        For how many seconds it tries to join a cluster that is not there; for ever if not given.

    Returns
    -------
    bool
        Whether it was a member at any time.
    """
    quiet()
    _quiet[:] = [is_quiet]
    if cores:
        _keep_to(cores, _bencher().place)
    return asyncio.run(_serve(address, say, security, is_timed, patience_s))


def _keep_to(cores: int, place: int) -> None:
    usable = sorted(os.sched_getaffinity(0))
    first = place * cores % len(usable)
    os.sched_setaffinity(0, usable[first : first + cores] or usable)


async def _serve(
    address: str,
    say: Callable[[str], None],
    security: Optional[distributed.Security],
    is_timed: bool,
    patience_s: Optional[float],
) -> bool:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(ending, ended.set)
    resources = {MEASURING: 1, **({TIMED: 1} if is_timed else {})}
    more: Dict[str, Any] = {"security": security} if security is not None else {}
    host = get_ip(address.partition("://")[2].rpartition(":")[0].strip("[]"))
    was_member, missed_since = False, loop.time()
    with tempfile.TemporaryDirectory(prefix="nutsbench-member-") as folder:
        while not ended.is_set():
            # No limit of memory: Dask would pause, spill and restart by it. Models have --memory-limit.
            worker = distributed.Worker(
                address, nthreads=1, resources=resources, memory_limit=0, host=host, local_directory=folder,
                dashboard=False, validate=False, **more,
            )  # fmt: skip
            try:
                starting = asyncio.ensure_future(worker.start())
                await _first(starting, ended)
                if ended.is_set():
                    break
                starting.result()
                was_member = True
                say(f"Joined {address}.")
                await _first(asyncio.ensure_future(worker.finished()), ended)
                missed_since = loop.time()
                if not ended.is_set():
                    say(f"{address} is gone: what was measured is kept, and goes there when it is back.")
            except Exception as error:
                if patience_s is not None and loop.time() - missed_since > patience_s:
                    say(f"{address} cannot be joined: {type(error).__name__}: {error}".rstrip(": "))
                    return was_member
            finally:
                with contextlib.suppress(Exception):
                    await worker.close(executor_wait=False, timeout=5)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), _AGAIN_S)
    return was_member


async def _first(task: "asyncio.Future[Any]", ended: asyncio.Event) -> None:
    """Wait for a task, or for the end, whichever comes first."""
    waiting = asyncio.ensure_future(ended.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
