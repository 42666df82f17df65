"""The process beside a member of the cluster that measures: one order at a time, from first to last.

It is no part of Dask: what a model does to its process happens here, and no thread of Dask's runs beside a
sampler. It is started anew for other models of a user's, since a name is registered once in a process.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, Optional, Sequence

from nutsbench import models
from nutsbench.audit import calibration
from nutsbench.base import lock
from nutsbench.base.errors import UserError
from nutsbench.base.paths import importable
from nutsbench.cluster.order import Answer, Order, code
from nutsbench.cluster.spool import File, Spool
from nutsbench.inside import system
from nutsbench.run.runner import Bench
from nutsbench.stacks import install


def main() -> None:
    """Be the process that measures: a line says for whom, then an order a line in, an answer a line out."""
    system.die_with_parent()
    # ctrl-C on a terminal is for the member, which then ends this process.
    signal.signal(signal.SIGINT, lambda *_: None)
    stop = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: stop.set())
    # What models and their libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    begin = json.loads(sys.stdin.readline())
    folder = Path(tempfile.mkdtemp(prefix="nutsbench-models-"))
    bench, files, why = Bench(stop, begin["place"]), [folder / name for name in begin["load"]], ""
    try:
        try:
            _put_files(folder, begin["files"], files)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        for line in sys.stdin:
            order = Order.from_text(line)
            stop.clear()
            answer = _refused(order, why) if why else _measure(order, bench, files, begin["is_quiet"])
            print(answer, file=answers, flush=True)
    finally:
        bench.close()
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
                if order.task is not None:
                    place = f"-{bench.place}" if bench.place else ""
                    file.rows += calibration.rows(
                        calibration.Task(**order.task), one, files, bench.stop, place
                    )
                else:
                    for _ in bench.records(jobs, options, order.origin, file, order.make_goal()):
                        pass
            if bench.stop.is_set() and order.task is not None:
                return Answer(order.key, broken="it was ended").to_text()
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
        self._process: Optional[subprocess.Popen[str]] = None
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
            process = self._started(order)
            with contextlib.suppress(OSError):
                self._write(process, text)
                assert process.stdout is not None
                answer = process.stdout.readline()
                if answer.endswith("\n"):
                    return answer
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            self.close()
            return Answer(order.key, broken=f"the process that measured {_ending(process)}").to_text()
        finally:
            self._busy = ""

    def _started(self, order: Order) -> "subprocess.Popen[str]":
        if self._process is not None and (self._sources != order.sources or self._process.poll() is not None):
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "nutsbench.cluster.bench"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, cwd=importable(), encoding="utf-8",
                env={**os.environ, "PYTHONPATH": str(importable())},
            )  # fmt: skip
            self._sources = order.sources
            begin = {"files": dict(order.files), "load": list(order.load), "place": self.place}
            with contextlib.suppress(OSError):
                self._write(self._process, json.dumps({**begin, "is_quiet": self._is_quiet}))
        return self._process

    @staticmethod
    def _write(process: "subprocess.Popen[str]", line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()

    def stop(self, keys: Sequence[str]) -> None:
        """End what is measured, as by ctrl-C, if it is one of these orders."""
        if self._process is not None and self._busy in keys:
            self._process.send_signal(signal.SIGUSR1)

    def close(self) -> None:
        """End the process that measures, if there is one, and with it what it measures."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    assert pipe is not None
                    pipe.close()


def _ending(process: "subprocess.Popen[str]") -> str:
    code = process.returncode
    if code is None or code >= 0:
        return f"ended with code {code}"
    with contextlib.suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


if __name__ == "__main__":
    main()
