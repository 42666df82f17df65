"""The process beside a member of the cluster that measures: one order at a time, from first to last.

It is no part of Dask: what a model does to its process happens here, and no thread of Dask's runs beside a
sampler. It is started anew for other models of a user's, since a name is registered once in a process.
"""

import contextlib
import multiprocessing
import multiprocessing.synchronize
import signal
import tempfile
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from nutsbench import models
from nutsbench.base import lock
from nutsbench.base.errors import UserError
from nutsbench.cluster.order import Answer, Order, code
from nutsbench.cluster.spool import File, Spool
from nutsbench.inside import system
from nutsbench.run.runner import Bench
from nutsbench.stacks import install

#: Of the measuring process: what stays from one order to the next.
_files: List[Path] = []
_benches: List[Bench] = []


def _begin(
    texts: Dict[str, str], load: List[str], stop: "multiprocessing.synchronize.Event", place: int
) -> None:
    """Load the user's models, in the process that is to measure."""
    system.die_with_parent()
    # ctrl-C on a terminal is for the member, which then ends this process.
    signal.signal(signal.SIGINT, lambda *_: None)
    folder = Path(tempfile.mkdtemp(prefix="nutsbench-models-"))
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    _files[:] = [folder / name for name in load]
    for file in _files:
        models.load_file(file)
    _benches[:] = [Bench(_Flag(stop), place)]


class _Flag(threading.Event):
    """An event of several processes, where one of threads is asked for."""

    def __init__(self, shared: "multiprocessing.synchronize.Event") -> None:
        super().__init__()
        self._shared = shared

    def is_set(self) -> bool:
        """Return whether another process has set it."""
        return self._shared.is_set()


def _measure(text: str) -> str:
    """Measure an order in this process, and return the answer, which is on disk by then."""
    order = Order.from_text(text)
    spool = Spool(order.origin)
    with spool.working(order.key):
        kept = spool.find(order.key)
        if kept:
            return kept  # Another process has done it meanwhile.
        try:
            one = order.make_stack()
            if not one.ready:
                install.create(one)
            jobs = order.make_jobs(one)
        except UserError as error:
            return Answer(order.key, refused=str(error)).to_text()
        file = File(spool, order.key)
        options = order.make_options(_files)

        def measure() -> None:
            for _ in _benches[0].records(jobs, options, order.origin, file, order.make_goal()):
                pass

        if order.is_timed:
            with lock.machine("nutsbench worker", lambda _: None):
                measure()
        else:
            measure()
        answer = file.answer()
        spool.keep(answer)
        return answer.to_text()


class Bencher:
    """Has orders measured in a process of their own, one after the other, whoever asks.

    Parameters
    ----------
    place : int
        Which of several on this machine it is: each has compile caches of its own.
    """

    def __init__(self, place: int = 0) -> None:
        self.place = place
        # One at a time; and a thread that outlives Dask's, since a process ends with the thread it came from.
        self._thread = ThreadPoolExecutor(1, "nutsbench")
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.Event()
        self._pool: Optional[ProcessPoolExecutor] = None
        self._sources: Optional[str] = None
        self._busy = ""

    def measure(self, text: str) -> str:
        """Return the answer to an order, both as JSON; whatever happens is an answer.

        Parameters
        ----------
        text : str
            Of :meth:`nutsbench.cluster.order.Order.to_text`.
        """
        order = Order.from_text(text)
        if order.code != code():
            return Answer(
                order.key, refused=f"it runs another nutsbench ({code()}, not {order.code})"
            ).to_text()
        return self._thread.submit(self._measured, order, text).result()

    def _measured(self, order: Order, text: str) -> str:
        self._busy = order.key
        try:
            return self._process(order).submit(_measure, text).result()
        except BrokenProcessPool:
            self.close()
            return Answer(order.key, broken="the process that measured was killed").to_text()
        except Exception as error:  # Of a model's file, or of a full disk.
            self.close()
            return Answer(order.key, broken=f"{type(error).__name__}: {error}").to_text()
        finally:
            self._busy = ""

    def _process(self, order: Order) -> ProcessPoolExecutor:
        self._stop.clear()
        if self._pool is not None and self._sources != order.sources:
            self.close()
        if self._pool is None:
            self._sources = order.sources
            self._pool = ProcessPoolExecutor(
                1, self._context, _begin, (dict(order.files), list(order.load), self._stop, self.place)
            )
        return self._pool

    def stop(self, keys: Sequence[str]) -> None:
        """End what is measured, as by ctrl-C, if it is one of these orders."""
        if self._busy in keys:
            self._stop.set()

    def close(self) -> None:
        """End the process that measures, if there is one."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with contextlib.suppress(Exception):
                pool.shutdown(wait=True, cancel_futures=True)
