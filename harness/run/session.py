"""Runs of cells on one stack: each is sampled in its process, judged here, and becomes records."""

import contextlib
import dataclasses
import functools
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from nutsbench import models
from nutsbench.inside.clock import Progress
from nutsbench.judge import metrics, quality
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


def facts_of(one: Stack, threads: int) -> Dict[str, Any]:
    """Return what a record says of this machine, and of a stack's checkout."""
    checkout = {"checkout": environment.commit(one.checkout)} if one.checkout else {}
    return {**environment.machine(threads), **checkout}


@dataclass(frozen=True)
class Session:
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
                record = made(job, options, self.origin, started, outcome, facts)
                self.run_file.append(record)
                if job in alike:
                    alike.remove(job)
                yield record
                if outcome.status is Status.INTERRUPTED:
                    return


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


def made(
    job: Job, options: Options, origin: str, started: str, outcome: Outcome, facts: Dict[str, Any]
) -> Record:
    """Return the record of a job.

    Parameters
    ----------
    job, options, origin
        As of :class:`Session`.
    started : str
        When it began, UTC, ISO 8601.
    outcome : Outcome
        How it ended.
    facts : dict
        What it was measured on.
    """
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
