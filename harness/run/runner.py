"""Goes through cells one at a time, so that each has the machine to itself, and records them."""

import contextlib
import dataclasses
import functools
import itertools
import queue
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from nutsbench import models
from nutsbench.inside.clock import Progress
from nutsbench.judge import estimators, metrics, quality
from nutsbench.judge.goal import Goal
from nutsbench.records.grid import warnings_of
from nutsbench.records.record import Record, Status
from nutsbench.records.store import RunFile, utc_now
from nutsbench.run import judged, plan
from nutsbench.run.options import Options, Outcome
from nutsbench.run.plan import Job
from nutsbench.run.process import Worker
from nutsbench.stacks import environment
from nutsbench.stacks.stack import Stack


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
        session = _Session(
            one, options, origin, run_file, listen, prepare, goes_on, goal, _facts(one, options.threads),
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
        session = _Session(
            one, options, origin, run_file, lambda *_: None, "", lambda _: True, goal,
            _facts(one, options.threads),
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
    return _record(job, options, origin, started, outcome, _facts(job.stack, options.threads))


def _facts(one: Stack, threads: int) -> Dict[str, Any]:
    """Return what a record says of this machine, and of a stack's checkout."""
    checkout = {"checkout": environment.commit(one.checkout)} if one.checkout else {}
    return {**environment.machine(threads), **checkout}


@dataclass(frozen=True)
class _Session:
    """What all runs of one stack have in common.

    Parameters
    ----------
    stack : Stack
        The stack.
    options, origin, run_file, listen, prepare, goes_on, goal
        As of :func:`run`.
    facts : dict
        Of the machine and the stack's checkout.
    of_model : dict of int
        How many runs each model has.
    """

    stack: Stack
    options: Options
    origin: str
    run_file: RunFile
    listen: Callable[[Job, Progress], None]
    prepare: str
    goes_on: Callable[[Sequence[Job]], bool]
    goal: Optional[Goal]
    facts: Mapping[str, Any]
    of_model: Mapping[str, int]

    def worker(self, stop: Optional[threading.Event] = None, place: int = 0) -> Worker:
        """Return a process for cells of the stack; it ends them when the event is set."""
        return Worker(self.stack, self.options, self.prepare, stop, place)

    def records(self, worker: Worker, alike: List[Job]) -> Iterator[Record]:
        """Sample the jobs of one run, and yield the record of each once it is on disk."""
        options, listen, goal = self.options, self.listen, self.goal
        keep = options.share and self.of_model[alike[0].cell.model] > 1
        while alike and self.goes_on(alike):
            started, load = utc_now().isoformat(timespec="seconds"), environment.load()
            if goal is None:
                outcomes = _outcomes(worker, alike, options, listen, keep)
            else:
                outcomes = _until(worker, alike.pop(), goal, options, listen, keep, self.goes_on)
            for job, outcome in outcomes:
                facts = {**self.facts, "load_at_start": load, **worker.facts}
                record = _record(job, options, self.origin, started, outcome, facts)
                self.run_file.append(record)
                if job in alike:
                    alike.remove(job)
                yield record
                if outcome.status is Status.INTERRUPTED:
                    return


def _side_by_side(session: _Session, runs: Sequence[List[Job]]) -> Iterator[Record]:
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


def _outcomes(
    worker: Worker,
    alike: Sequence[Job],
    options: Options,
    listen: Callable[[Job, Progress], None],
    keep: bool,
) -> Iterator[Tuple[Job, Outcome]]:
    """Sample the first of some jobs in its stack; yield its outcome, and those of the jobs that it holds.

    Where the first one failed, the others are not known.
    """
    first, *others = alike
    prefixes = [job.cell.settings.draws for job in others]
    sampled = worker.run(first.cell, first.model_digest, functools.partial(listen, first), keep, prefixes)
    holds = others if _has_draws(sampled) else []
    try:
        for job in (first, *holds):
            yield job, _completed(worker, first, job, sampled, options, listen, keep)
    finally:
        with contextlib.suppress(FileNotFoundError):
            sampled.arrays.unlink()


def _until(
    worker: Worker,
    asked: Job,
    goal: Goal,
    options: Options,
    listen: Callable[[Job, Progress], None],
    keep: bool,
    goes_on: Callable[[Sequence[Job]], bool],
) -> Iterator[Tuple[Job, Outcome]]:
    """Sample a job with more and more draws; yield each run's outcome, and that of the draws that do.

    Each run begins with the draws of the one before, bit for bit, so where it stops does not depend on
    which were tried.
    """
    first = asked
    while True:
        blocks = goal.blocks(first.cell.settings.draws)[:-1]
        sampled = worker.run(first.cell, first.model_digest, functools.partial(listen, first), keep, blocks)
        try:
            reached, more = None, None
            if _has_draws(sampled):
                listen(first, Progress("diagnose"))
                draws = judged.draws_of(sampled.values, sampled.arrays)
                reached = goal.reached(draws)
                more = goal.more(draws) if reached is None else None
            of_run = (
                [first] if reached in (None, first.cell.settings.draws) else [plan.with_draws(first, reached)]
            )
            for job in dict.fromkeys([first, *of_run]):
                outcome = _completed(worker, first, job, sampled, options, listen, keep)
                outcome.values.setdefault("details", {})["until"] = {**goal.to_dict(), "reached": reached}
                yield job, outcome
        except KeyboardInterrupt:
            sampled.status, sampled.reason = Status.INTERRUPTED, "stopped by the user in diagnose"
            sampled.values = {"phases": sampled.values.get("phases", {})}
            yield first, sampled
            return
        finally:
            with contextlib.suppress(FileNotFoundError):
                sampled.arrays.unlink()
        if more is None or first.cell.settings.draws >= goal.max_draws:
            return
        first = plan.with_draws(asked, min(more, goal.max_draws))
        if not goes_on([first]):
            return


def _has_draws(sampled: Outcome) -> bool:
    return "sampled" in sampled.values and "lost" not in sampled.values


def _completed(
    worker: Worker,
    first: Job,
    job: Job,
    sampled: Outcome,
    options: Options,
    listen: Callable[[Job, Progress], None],
    keep: bool,
) -> Outcome:
    """Return the outcome of a job of what a run has handed out: its own, or that of its first draws.

    It is judged here, ctrl-C included. What the others take beside the first is their ``elapsed_s``.
    """
    outcome = dataclasses.replace(sampled)
    if job is not first:
        outcome.values = judged.of_prefix(sampled.values, job.cell.settings.draws)
        outcome.elapsed_s = 0.0
    kept = first.cell.model if keep else ""
    began = time.monotonic()
    try:
        listen(job, Progress("diagnose"))
        outcome.values = judged.complete(
            job.cell,
            outcome.values,
            outcome.arrays,
            _draws_file(job, options),
            lambda: list(worker.ask("improper", kept, model=first.cell.model)["directions"]),
        )
    except KeyboardInterrupt:
        outcome.status, outcome.reason = Status.INTERRUPTED, "stopped by the user in diagnose"
    outcome.elapsed_s += time.monotonic() - began
    if job is not first and "details" in outcome.values:
        outcome.values["details"]["prefix_of"] = first.cell.settings.draws
    return outcome


def _draws_file(job: Job, options: Options) -> Optional[Path]:
    if options.draws_dir is None:
        return None
    name = f"{job.cell.model}-{environment.digest((job.key, utc_now().isoformat()))}.nc"
    return options.draws_dir / name


def _record(
    job: Job, options: Options, origin: str, started: str, outcome: Outcome, facts: Dict[str, Any]
) -> Record:
    values, untimed = outcome.values, {}
    if options.at_a_time:
        # Its times are what it took beside others, which says nothing of it.
        untimed = {"untimed": {"at_a_time": options.at_a_time, "phases": values.pop("phases", {})}}
        values = {**values, "metrics": metrics.untimed(values.get("metrics", {}))}
    return Record(
        model=job.cell.model,
        model_digest=job.model_digest,
        settings=job.cell.settings,
        seed=job.cell.seed,
        stack=job.stack.name,
        stack_digest=job.stack_digest,
        status=outcome.status,
        reason=outcome.reason,
        phases=values.get("phases", {}),
        metrics=values.get("metrics", {}),
        worst=values.get("worst", {}),
        quality=values.get("quality") or quality.unknown(outcome.status.value),
        quantities=values.get("quantities", {}),
        accuracy=values.get("accuracy", {}),
        truth_digest=job.truth_digest,
        claims=values.get("claims", []),
        environment=facts,
        started_at=started,
        elapsed_s=outcome.elapsed_s,
        profile=options.profile,
        origin=origin,
        details={
            **values.get("details", {}),
            **_source(job.cell.model),
            **({"compiled_plainly": True} if options.cold else {}),
            **untimed,
        },
        warnings=[
            *warnings_of(job.cell, environment.usable_cores()),
            *values.get("warnings", []),
        ],
        log_tail=outcome.log_tail,
    )


def _source(name: str) -> Dict[str, str]:
    """Return the name of the file that a model is in: two files may have models of one name."""
    source = models.get(name).source
    return {"source": source} if source else {}
