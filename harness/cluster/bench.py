"""The process beside a member of the cluster that measures: one order at a time, from first to last.

It is no part of Dask: what a model does to its process happens here, and no thread of Dask's runs beside a
sampler. It is started anew for other models of a user's, since a name is registered once in a process.
"""

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from nutsbench import models
from nutsbench.base import lock
from nutsbench.base.errors import UserError
from nutsbench.cluster.order import Answer, Order, code
from nutsbench.cluster.spool import File, Spool
from nutsbench.inside import system
from nutsbench.run.runner import Bench
from nutsbench.stacks import install


def _serve(texts: Dict[str, str], load: List[str], place: int, is_quiet: bool, line: Connection) -> None:
    """Be the process that measures: an order in, an answer out, until nobody is there to ask."""
    system.die_with_parent()
    # ctrl-C on a terminal is for the member, which then ends this process.
    signal.signal(signal.SIGINT, lambda *_: None)
    stop = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: stop.set())
    folder = Path(tempfile.mkdtemp(prefix="nutsbench-models-"))
    try:
        bench, files, why = Bench(stop, place), [folder / name for name in load], ""
        try:
            _put_files(folder, texts, files)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        with contextlib.suppress(EOFError):
            while True:
                order = Order.from_text(line.recv_bytes().decode())
                stop.clear()
                answer = _refused(order, why) if why else _measure(order, bench, files, is_quiet)
                line.send_bytes(answer.encode())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_files(folder: Path, texts: Dict[str, str], files: Sequence[Path]) -> None:
    for name, text in texts.items():
        path = folder / name
        if folder not in path.resolve().parents:
            raise ValueError(f"{name!r} is no place for a file of models")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for file in files:
        models.load_file(file)


def _refused(order: Order, why: str) -> str:
    return Answer(order.key, refused=why).to_text()


def _measure(order: Order, bench: Bench, files: Sequence[Path], is_quiet: bool) -> str:
    """Return the answer to an order, which is on disk by then; whatever happens is one."""
    try:
        spool = Spool(order.origin)
        with spool.working(order.key):
            kept = spool.find(order.key)
            if kept:
                return kept  # Another process has done it meanwhile.
            one = order.make_stack()
            if not one.ready:
                install.create(one)
            jobs = order.make_jobs(one)
            file, options = File(spool, order.key), order.make_options(files)
            # Of timed cells one at a time on a machine, however many members it has.
            alone = lock.machine("nutsbench worker", lambda _: None) if order.is_timed else None
            with alone or contextlib.nullcontext():
                if not is_quiet:
                    cells = f"{jobs[0].cell.model}, seed {jobs[0].cell.seed}, on {one.name}"
                    print(f"Measuring {cells} ...", file=sys.stderr, flush=True)
                for _ in bench.records(jobs, options, order.origin, file, order.make_goal()):
                    pass
            # On a full disk it goes where it is asked for all the same.
            with contextlib.suppress(OSError):
                spool.keep(file.answer())
            return file.answer().to_text()
    except UserError as error:
        return _refused(order, str(error))
    except Exception as error:  # Of a full disk, say.
        traceback.print_exc()
        return Answer(order.key, broken=f"{type(error).__name__}: {error}").to_text()


class Bencher:
    """Has orders measured in a process of their own, one after the other, whoever asks.

    Parameters
    ----------
    place : int
        Which of several on this machine it is: each has compile caches of its own.
    is_quiet : bool
        Whether it does not say what it measures.
    """

    def __init__(self, place: int, is_quiet: bool) -> None:
        self.place, self._is_quiet = place, is_quiet
        # One at a time; and a thread that outlives Dask's, since a process ends with the thread it came from.
        self._thread = ThreadPoolExecutor(1, "nutsbench")
        self._context = multiprocessing.get_context("spawn")
        self._process: Optional[Tuple[BaseProcess, Connection]] = None
        self._sources = ""
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
            return _refused(order, f"another nutsbench runs here ({code()}) than there ({order.code})")
        return self._thread.submit(self._measured, order, text).result()

    def _measured(self, order: Order, text: str) -> str:
        self._busy = order.key
        try:
            process, line = self._started(order)
            try:
                line.send_bytes(text.encode())
                return line.recv_bytes().decode()
            except (EOFError, OSError):
                process.join(5)
                self.close()
                how = f"with code {process.exitcode}" if (process.exitcode or 0) >= 0 else _killed(process)
                return Answer(order.key, broken=f"the process that measured ended {how}").to_text()
        finally:
            self._busy = ""

    def _started(self, order: Order) -> Tuple[BaseProcess, Connection]:
        if self._process is not None and self._sources != order.sources:
            self.close()
        if self._process is None:
            own, line = self._context.Pipe()
            arguments = (dict(order.files), list(order.load), self.place, self._is_quiet, line)
            process = self._context.Process(target=_serve, args=arguments)
            process.start()
            line.close()
            self._process, self._sources = (process, own), order.sources
        return self._process

    def stop(self, keys: Sequence[str]) -> None:
        """End what is measured, as by ctrl-C, if it is one of these orders."""
        if self._process is not None and self._busy in keys:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process[0].pid or 0, signal.SIGUSR1)

    def close(self) -> None:
        """End the process that measures, if there is one, and with it what it measures."""
        found, self._process = self._process, None
        if found is not None:
            process, line = found
            line.close()
            process.kill()
            process.join()


def _killed(process: BaseProcess) -> str:
    number = -(process.exitcode or 0)
    with contextlib.suppress(ValueError):
        return f"by {signal.Signals(number).name}"
    return f"by signal {number}"
