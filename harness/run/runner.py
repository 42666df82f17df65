"""Goes through cells one at a time, so that each has the machine to itself, and records them."""

import contextlib
import dataclasses
import functools
import itertools
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from nutsbench import models
from nutsbench.inside.clock import Progress
from nutsbench.judge import estimators, quality
from nutsbench.records.grid import warnings_of
from nutsbench.records.record import Record, Status
from nutsbench.records.store import RunFile, utc_now
from nutsbench.run import judged, plan
from nutsbench.run.plan import Job
from nutsbench.run.process import Options, Outcome, Worker
from nutsbench.stacks import environment


def run(
    todo: List[Job],
    options: Options,
    origin: str,
    run_file: RunFile,
    listen: Callable[[Job, Progress], None],
    prepare: str = "",
    goes_on: Callable[[Sequence[Job]], bool] = lambda _: True,
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

    Raises
    ------
    KeyboardInterrupt
        On ctrl-C, once the record of the interrupted cell is on disk.
    UserError
        If a record cannot be written.
    """
    machine = environment.machine(options.threads)
    # While the stack imports its packages, so that the first cell's judging waits for nothing.
    threading.Thread(target=estimators.load, daemon=True).start()
    for one, group in itertools.groupby(todo, key=lambda job: job.stack):
        runs = plan.together(group, options.share)
        # A model that several runs are of is built and compiled once for all of them.
        of_model = Counter(alike[0].cell.model for alike in runs)
        checkout = {"checkout": environment.commit(one.checkout)} if one.checkout else {}
        # One that is to compile from nothing cannot serve two.
        for part in [[alike] for alike in runs] if options.cold else [runs]:
            with Worker(one, options, prepare) as worker:
                for alike in part:
                    keep = options.share and of_model[alike[0].cell.model] > 1
                    while alike and goes_on(alike):
                        started, load = utc_now().isoformat(timespec="seconds"), environment.load()
                        for job, outcome in _outcomes(worker, alike, options, listen, keep):
                            facts = {**machine, **checkout, "load_at_start": load, **worker.facts}
                            record = _record(job, options, origin, started, outcome, facts)
                            run_file.append(record)
                            alike.remove(job)
                            yield record
                            if outcome.status is Status.INTERRUPTED:
                                raise KeyboardInterrupt


def _outcomes(
    worker: Worker,
    alike: Sequence[Job],
    options: Options,
    listen: Callable[[Job, Progress], None],
    keep: bool,
) -> Iterator[Tuple[Job, Outcome]]:
    """Sample the first of some jobs in its stack; yield its outcome, and those of the jobs that it holds.

    What the stack has handed out is judged here, ctrl-C included. Where the first one failed, the others
    are not known.
    """
    first, *others = alike
    kept = first.cell.model if keep else ""
    prefixes = [job.cell.settings.draws for job in others]
    sampled = worker.run(first.cell, first.model_digest, functools.partial(listen, first), keep, prefixes)
    holds = others if "sampled" in sampled.values and "lost" not in sampled.values else []
    values, elapsed_s = sampled.values, sampled.elapsed_s
    try:
        for job in (first, *holds):
            outcome = dataclasses.replace(sampled, elapsed_s=elapsed_s)
            if job is not first:
                outcome.values = judged.of_prefix(values, job.cell.settings.draws)
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
            yield job, outcome
            elapsed_s = 0.0  # What the others take beside the first.
    finally:
        with contextlib.suppress(FileNotFoundError):
            sampled.arrays.unlink()


def _draws_file(job: Job, options: Options) -> Optional[Path]:
    if options.draws_dir is None:
        return None
    name = f"{job.cell.model}-{environment.digest((job.key, utc_now().isoformat()))}.nc"
    return options.draws_dir / name


def _record(
    job: Job, options: Options, origin: str, started: str, outcome: Outcome, facts: Dict[str, Any]
) -> Record:
    values = outcome.values
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
