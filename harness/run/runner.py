"""Goes through cells one at a time, so that each has the machine to itself, and records them."""

import contextlib
import functools
import itertools
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

from nutsbench import models
from nutsbench.inside.clock import Listener, Progress
from nutsbench.judge import estimators, quality
from nutsbench.models import truths
from nutsbench.records.grid import Cell, warnings_of
from nutsbench.records.record import SCHEMA, Record, Status, cell_key
from nutsbench.records.store import RunFile, utc_now
from nutsbench.run import judged
from nutsbench.run.process import Options, Outcome, Worker
from nutsbench.stacks import environment
from nutsbench.stacks.stack import Stack


def stack_digest(stack: Stack, threads: int) -> str:
    """Return the digest of all in a stack that decides what is measured.

    Its packages, and the flags, BLAS and threads that they run with.
    """
    parts = (stack.digest, os.environ.get("THEANO_FLAGS", ""), environment.blas_flags(), str(threads))
    return environment.digest(parts)


@dataclass(frozen=True)
class Job:
    """A cell on a stack, with the digests that say what it would measure.

    Parameters
    ----------
    cell : Cell
        The cell.
    stack : Stack
        The stack.
    model_digest, stack_digest : str
        As a record has them.
    truth_digest : str
        Digest of the truth that it will be judged by; empty if there is none.
    """

    cell: Cell
    stack: Stack
    model_digest: str
    stack_digest: str
    truth_digest: str = ""

    @property
    def key(self) -> str:
        """What a record of this job is found by."""
        name = cell_key(self.cell, self.model_digest, self.stack.name, self.stack_digest)
        return f"{SCHEMA}|{self.truth_digest}|{name}"


def jobs(cells: List[Cell], stacks: List[Stack], threads: int) -> List[Job]:
    """Return every cell on every stack, stack by stack."""
    names = {cell.model for cell in cells}
    of_model = {name: _model_digest(name) for name in names}
    exact = {name: truths.find(name)[0] for name in names}
    of_truth = {name: truth.digest if truth else "" for name, truth in exact.items()}
    return [
        Job(cell, stack, of_model[cell.model], digest, of_truth[cell.model])
        for stack in stacks
        for digest in [stack_digest(stack, threads)]
        for cell in cells
    ]


def _model_digest(name: str) -> str:
    try:
        return models.model_digest(models.get(name))
    except Exception:
        # Its data function fails. So will its cell, and say why in its record.
        return "unknown"


def run(
    todo: List[Job],
    options: Options,
    origin: str,
    run_file: RunFile,
    listen: Callable[[Job, Progress], None],
    prepare: str = "",
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
    # A model that several cells are of is built and compiled once for all of them.
    cells = Counter((job.stack.name, job.cell.model) for job in todo)
    for one, group in itertools.groupby(todo, key=lambda job: job.stack):
        checkout = {"checkout": environment.commit(one.checkout)} if one.checkout else {}
        with Worker(one, options, prepare) as worker:
            for job in group:
                started, load = utc_now().isoformat(timespec="seconds"), environment.load()
                keep = options.share and cells[one.name, job.cell.model] > 1
                told = functools.partial(listen, job)
                outcome = _outcome(worker, job, _draws_file(job, options), told, keep)
                facts = {**machine, **checkout, "load_at_start": load, **worker.facts}
                record = _record(job, options, origin, started, outcome, facts)
                run_file.append(record)
                yield record
                if outcome.status is Status.INTERRUPTED:
                    raise KeyboardInterrupt


def _outcome(worker: Worker, job: Job, draws_file: Optional[Path], listen: Listener, keep: bool) -> Outcome:
    """Sample a cell in its stack, and judge here what that has handed out, ctrl-C included."""
    kept = job.cell.model if keep else ""
    outcome = worker.run(job.cell, job.model_digest, listen, keep)
    began = time.monotonic()
    try:
        listen(Progress("diagnose"))
        outcome.values = judged.complete(
            job.cell,
            outcome.values,
            outcome.arrays,
            draws_file,
            lambda: list(worker.ask("improper", kept, model=job.cell.model)["directions"]),
        )
    except KeyboardInterrupt:
        outcome.status, outcome.reason = Status.INTERRUPTED, "stopped by the user in diagnose"
    finally:
        with contextlib.suppress(FileNotFoundError):
            outcome.arrays.unlink()
    outcome.elapsed_s += time.monotonic() - began
    return outcome


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
        details={**values.get("details", {}), **_source(job.cell.model)},
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
