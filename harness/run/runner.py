"""Goes through cells one at a time, so that each has the machine to itself, and records them."""

import contextlib
import dataclasses
import itertools
import queue
import threading
from collections import Counter, deque
from typing import Any, Callable, Iterator, List, Optional, Sequence

from nutsbench.inside.clock import Progress
from nutsbench.judge import estimators
from nutsbench.judge.goal import Goal
from nutsbench.records.record import Record, Status
from nutsbench.records.store import RunFile, utc_now
from nutsbench.run import plan
from nutsbench.run.options import Options, Outcome
from nutsbench.run.plan import Job
from nutsbench.run.process import Worker
from nutsbench.run.session import Session, facts_of, made


def run(
    todo: List[Job],
    options: Options,
    origin: str,
    run_file: RunFile,
    listen: Callable[[Job, Progress], None],
    prepare: str = "",
    goes_on: Callable[[Sequence[Job]], bool] = lambda _: True,
    goal: Optional[Goal] = None,
) -> Iterator[Record]:
    """Run jobs one after the other, and yield the record of each once it is on disk.

    Parameters
    ----------
    todo : list of Job
        What to run; jobs of one stack should follow each other.
    options : Options
        How.
    origin : str
        Mark of the results folder.
    run_file : RunFile
        Where records go.
    listen : callable
        Told how far each job is.
    prepare : str
        A model that all jobs are of, to be built and compiled once for all of them.
    goes_on : callable
        Asked before each run, with its jobs, whether it is to begin; what is not, is left out.
    goal : Goal, optional
        What each job is sampled until, in runs of more and more draws, beginning with its own.

    Raises
    ------
    KeyboardInterrupt
        On ctrl-C, once the record of the interrupted cell is on disk.
    UserError
        If a record cannot be written.
    """
    # While the stack imports its packages, so that the first cell's judging waits for nothing.
    threading.Thread(target=estimators.load, daemon=True).start()
    asked = options
    for one, group in itertools.groupby(todo, key=lambda job: job.stack):
        # What PyMC3's cells share is PyMC3's.
        options = dataclasses.replace(asked, share=asked.share and not one.is_later)
        runs = plan.together(group, options.share and goal is None)
        session = Session(
            one, options, origin, run_file, listen, prepare, goes_on, goal, facts_of(one, options.threads),
            # A model that several runs are of is built and compiled once for all of them.
            Counter(alike[0].cell.model for alike in runs),
        )  # fmt: skip
        if options.at_a_time:
            yield from _side_by_side(session, runs)
            continue
        # One that is to compile from nothing cannot serve two.
        for part in [[alike] for alike in runs] if options.cold else [runs]:
            with session.worker() as worker:
                for alike in part:
                    for record in session.records(worker, alike):
                        yield record
                        if record.status is Status.INTERRUPTED:
                            raise KeyboardInterrupt


class Bench:
    """A stack's process that stays from one run of cells to the next, for who is handed them one by one.

    Parameters
    ----------
    stop : Event
        When set, what is sampled is ended as by ctrl-C.
    place : int
        As of :class:`nutsbench.run.process.Worker`.
    """

    def __init__(self, stop: threading.Event, place: int = 0) -> None:
        self.stop, self.place = stop, place
        self._kind: Any = None
        self._worker: Optional[Worker] = None

    def records(
        self, alike: List[Job], options: Options, origin: str, run_file: Any, goal: Optional[Goal] = None
    ) -> Iterator[Record]:
        """Sample the jobs of one run, and yield the record of each once the file has it.

        Parameters
        ----------
        alike : list of Job
            Of :func:`nutsbench.run.plan.together`.
        options, origin, run_file, goal
            As of :func:`run`.
        """
        one = alike[0].stack
        options = dataclasses.replace(options, share=options.share and not one.is_later)
        session = Session(
            one, options, origin, run_file, lambda *_: None, "", lambda _: True, goal,
            facts_of(one, options.threads),
            # Whether more of the model will come is not known.
            {alike[0].cell.model: 2},
        )  # fmt: skip
        # One that is to compile from nothing cannot serve two.
        if self._worker is None or self._kind != (one, options) or options.cold:
            self.close()
            self._worker, self._kind = session.worker(self.stop, self.place), (one, options)
        yield from session.records(self._worker, list(alike))
        if self._worker.is_broken:
            self.close()  # Who is next may have better luck: this process may have been killed.

    def close(self) -> None:
        """End the process, if there is one."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()


def lost(job: Job, options: Options, origin: str, reason: str) -> Record:
    """Return the record of a cell whose worker was lost, with all that it had told.

    Parameters
    ----------
    job, options, origin
        As of :func:`run`.
    reason : str
        What became of it.
    """
    started = utc_now().isoformat(timespec="seconds")
    outcome = Outcome(Status.CRASHED, reason)
    return made(job, options, origin, started, outcome, facts_of(job.stack, options.threads))


def _side_by_side(session: Session, runs: Sequence[List[Job]]) -> Iterator[Record]:
    """Sample runs in several processes at a time, and yield records as they come.

    Raises
    ------
    KeyboardInterrupt
        On ctrl-C, once the records of all interrupted cells are on disk.
    """
    todo, found, stop = deque(runs), queue.SimpleQueue[Any](), threading.Event()

    def work(place: int) -> None:
        try:
            with session.worker(stop, place) as worker:
                while todo and not stop.is_set():
                    with contextlib.suppress(IndexError):  # Another one took the last.
                        for record in session.records(worker, todo.popleft()):
                            found.put(record)
        except BaseException as error:
            found.put(error)
        finally:
            found.put(None)

    places = range(min(session.options.at_a_time, len(runs)))
    threads = [threading.Thread(target=work, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    left = len(threads)
    why: Optional[BaseException] = None
    try:
        while left:
            try:
                one = found.get()
            except KeyboardInterrupt as error:
                why = error
                stop.set()
                continue
            if one is None:
                left -= 1
            elif isinstance(one, BaseException):
                why = why or one
                stop.set()
            else:
                yield one
    finally:
        # Of whoever wants no more records, too.
        stop.set()
        for thread in threads:
            thread.join()
    if why is not None:
        raise why
