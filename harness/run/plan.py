"""What is to be run, in which order, what one run serves several cells, and how long it will take.

Nothing here starts anything.
"""

import dataclasses
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, cast

from nutsbench import models
from nutsbench.models import truths
from nutsbench.records.grid import Cell, Estimate, estimate
from nutsbench.records.record import cell_key, key, key_of
from nutsbench.records.stored import Settings, Stored
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
        return key_of(name, self.truth_digest)


def with_draws(job: Job, draws: int) -> Job:
    """Return a job with another number of draws."""
    settings = dataclasses.replace(job.cell.settings, draws=draws)
    return dataclasses.replace(job, cell=dataclasses.replace(job.cell, settings=settings))


def asked(job: Job, any_draws: bool) -> str:
    """Return what a record that answers a job is found by; with any number of draws if that is open."""
    return with_draws(job, 0).key if any_draws else job.key


def answered(record: Stored, any_draws: bool) -> str:
    """Return what :func:`asked` returns of a job that a record answers."""
    if any_draws:
        settings = cast(Settings, {**record["settings"], "draws": 0})
        record = cast(Stored, {**record, "settings": settings})
    return key(record)


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


def together(todo: Iterable[Job], share: bool) -> List[List[Job]]:
    """Return the runs that jobs need: lists of jobs of which the first one's draws hold those of the others.

    Draws are a prefix: the first 300 of 600 are those of a run of 300, bit for bit, on every stack.

    Parameters
    ----------
    todo : iterable of Job
        The jobs.
    share : bool
        Whether jobs may share; else each is in a list of its own.

    Returns
    -------
    list of list of Job
        In the order of their first jobs; in each the job with the most draws is first.
    """
    found: Dict[Any, List[Job]] = {}
    for job in todo:
        found.setdefault(with_draws(job, 1) if share else job, []).append(job)
    return [sorted(alike, key=lambda job: -job.cell.settings.draws) for alike in found.values()]


def early_first(runs: Sequence[Sequence[Job]]) -> List[List[Job]]:
    """Return runs so that what is learned early is worth most: one of each configuration, then its repeats.

    Stacks stay together within each of these rounds.
    """
    seen: Dict[Any, int] = Counter()
    rounds: Dict[int, List[List[Job]]] = {}
    for run in runs:
        configuration = (run[0].stack, dataclasses.replace(run[0].cell, seed=0))
        rounds.setdefault(seen[configuration], []).append(list(run))
        seen[configuration] += 1
    return [run for number in sorted(rounds) for run in rounds[number]]


def estimates(runs: Sequence[Sequence[Job]], known: Sequence[Stored], share: bool) -> List[Optional[float]]:
    """Estimate the wall seconds of runs that follow each other, the import of their stack not counted.

    Parameters
    ----------
    runs : sequence of sequence of Job
        Of :func:`together`.
    known : sequence of dict
        Records.
    share : bool
        Whether runs of one model share what was built and compiled.

    Returns
    -------
    list of float or None
        For each run its seconds, ``None`` where no record helps.
    """
    of_model: Dict[str, List[Stored]] = {}
    for record in known:
        of_model.setdefault(record["model"], []).append(record)
    found, before = [], None
    for run in runs:
        first = run[0]
        guess = estimate(first.cell, of_model.get(first.cell.model, []), first.stack.name)
        place = (first.stack, first.cell.model)
        found.append(None if guess is None else _spent(guess, len(run), is_made=share and place == before))
        before = place
    return found


def _spent(guess: Estimate, cells: int, is_made: bool) -> float:
    made = 0.0 if is_made else guess.make_s
    return made + guess.sampling_s + cells * guess.diagnose_s
