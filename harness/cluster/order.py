"""What is asked of a worker, and what it answers: JSON both ways, so that nobody reads another's pickle."""

import dataclasses
import functools
import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import distributed

from nutsbench import models
from nutsbench.audit.calibration import Task
from nutsbench.base.errors import UserError
from nutsbench.base.paths import PACKAGE
from nutsbench.judge.goal import Goal
from nutsbench.records.grid import Cell
from nutsbench.records.stored import Stored
from nutsbench.run import plan
from nutsbench.run.options import Options
from nutsbench.run.plan import Job
from nutsbench.stacks import environment, stack
from nutsbench.stacks.stack import Stack

#: More than that of Python files beside a user's models is no set of models.
_MOST_BYTES = 4 * 2**20
#: Options that mean something on the machine of who asks alone.
_LOCAL = ("models_files", "draws_dir")


@functools.lru_cache(maxsize=1)
def code() -> str:
    """Return the digest of this program, its models and Dask: who measures has to run the same."""
    digest = hashlib.sha256(distributed.__version__.encode())
    folders = (PACKAGE, Path(str(models.__file__)).parent)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".json", ".c") and path.is_file():
                digest.update(path.relative_to(folder).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Order:
    """Jobs of one run, the first of which has the draws of the others, and all that it takes to measure them.

    Parameters
    ----------
    code : str
        Of :func:`code`.
    stack : dict
        Of :func:`nutsbench.stacks.stack.pack`; only ``pinned``, the name, of one that every copy of this
        program has; only ``text`` if it lies on the worker's own disk.
    stack_digest, blas : str
        As of the jobs, and the BLAS that is part of it.
    cells : list of dict
        Of :meth:`nutsbench.records.grid.Cell.to_dict`.
    model_digest, truth_digest : str
        As of the jobs.
    options : dict
        :class:`nutsbench.run.options.Options` without files.
    goal : dict or None
        A :class:`nutsbench.judge.goal.Goal`.
    origin : str
        Mark of the results folder that records are for.
    mark : str
        Tells a run that measures anew from those before; empty where what was measured will do.
    files : dict of str
        By path, the texts of the user's models and of the Python files beside them.
    load : list of str
        Those of the files that are loaded.
    draws_dir : str
        Folder for the draws, on the worker's own disk; empty to keep none.
    task : dict or None
        A :class:`nutsbench.audit.calibration.Task`, in the place of cells.
    """

    code: str
    stack: Mapping[str, Any]
    stack_digest: str
    blas: str
    cells: Sequence[Mapping[str, Any]]
    model_digest: str
    truth_digest: str
    options: Mapping[str, Any]
    goal: Optional[Mapping[str, Any]]
    origin: str
    mark: str
    files: Mapping[str, str] = field(default_factory=dict)
    load: Sequence[str] = ()
    draws_dir: str = ""
    task: Optional[Mapping[str, Any]] = None

    @property
    def key(self) -> str:
        """Digest of what is measured, and for whom: the same order has the same key in every process."""
        what = (self.cells, self.model_digest, self.truth_digest, self.stack_digest, self.goal)
        how = (self.options, self.origin, self.mark, self.task)
        return environment.digest((what, how))

    @property
    def is_timed(self) -> bool:
        """Whether times are kept, so that nothing may run beside it."""
        return not self.options["at_a_time"]

    @property
    def sources(self) -> str:
        """Digest of the user's files; empty without any."""
        return environment.digest([dict(self.files), list(self.load)]) if self.files else ""

    def to_text(self) -> str:
        """Return the order as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Order":
        """Make an order of :meth:`to_text`."""
        return cls(**json.loads(text))

    def make_options(self, files: Sequence[Path]) -> Options:
        """Return the options that the order stands for; the user's files lie at ``files``."""
        draws_dir = Path(self.draws_dir) if self.draws_dir else None
        return Options(**{**self.options, "models_files": tuple(files), "draws_dir": draws_dir})

    def make_goal(self) -> Optional[Goal]:
        """Return what cells are sampled until."""
        return Goal(**self.goal) if self.goal is not None else None

    def make_stack(self) -> Stack:
        """Return the stack, on this machine."""
        if "text" in self.stack:
            return Stack.from_text(self.stack["text"])
        if "pinned" in self.stack:
            return stack.named(self.stack["pinned"])
        return stack.unpack(self.stack)

    def make_jobs(self, one: Stack) -> List[Job]:
        """Return the jobs, with the digests that this machine gives them.

        Raises
        ------
        UserError
            If they would measure something else here; the message says what.
        """
        cells = [Cell.from_dict(cell) for cell in self.cells]
        if self.task is not None:
            spec = models.get(self.task["model"])
            cells = [Cell(spec.name, spec.settings, seed) for seed in self.task["seeds"][:1]]
        jobs = plan.jobs(cells, [one], int(self.options["threads"]))
        for job in jobs:
            if job.stack_digest != self.stack_digest:
                raise UserError(_other_stack(one, self.blas))
            if job.model_digest != self.model_digest:
                raise UserError(f"{job.cell.model} is another model here: its data or its code differ.")
            if job.truth_digest != self.truth_digest:
                raise UserError(f"{job.cell.model} has another reference posterior here.")
        return jobs


def _other_stack(one: Stack, blas: str) -> str:
    own = environment.blas_flags()
    if own != blas:
        return (
            f"{one.name} would link {own or 'no BLAS'} here and {blas or 'no BLAS'} there:"
            " install the same BLAS (Debian: libopenblas-dev)."
        )
    return f"{one.name} has other packages, or other THEANO_FLAGS, here than there."


def of_run(
    alike: Sequence[Job], options: Options, goal: Optional[Goal], origin: str, mark: str, is_here: bool
) -> Order:
    """Return the order for the jobs of one run.

    Parameters
    ----------
    alike : list of Job
        Of :func:`nutsbench.run.plan.together`.
    options, goal, origin
        As of :func:`nutsbench.run.runner.run`.
    mark : str
        As of :class:`Order`.
    is_here : bool
        Whether it is for a worker that reads this machine's disk.

    Raises
    ------
    UserError
        If what it takes cannot travel.
    """
    first = alike[0]
    if is_here:
        packed: Mapping[str, Any] = {"text": first.stack.to_text()}
    elif first.stack.checkout is not None:
        raise UserError(
            f"{first.stack.name} is a checkout, which stays on this machine: leave out --cluster, give"
            " --cluster local, or give a requirements file that names its commit."
        )
    elif first.stack.name in (*stack.PINNED, *stack.releases()):
        packed = {"pinned": first.stack.name}
    else:
        packed = stack.pack(first.stack)
    if options.draws_dir is not None and not is_here:
        raise UserError("Draws stay on the machine that made them: leave out --keep-draws, or --cluster.")
    files, load = sources(options.models_files)
    return Order(
        code=code(),
        stack=packed,
        stack_digest=first.stack_digest,
        blas=environment.blas_flags(),
        cells=[job.cell.to_dict() for job in alike],
        model_digest=first.model_digest,
        truth_digest=first.truth_digest,
        options={
            one.name: getattr(options, one.name)
            for one in dataclasses.fields(options)
            if one.name not in _LOCAL
        },
        goal=asdict(goal) if goal is not None else None,
        origin=origin,
        mark=mark,
        files=files,
        load=load,
        draws_dir=str(options.draws_dir.absolute()) if options.draws_dir is not None else "",
    )


def of_task(task: Task, job: Job, origin: str, is_here: bool) -> Order:
    """Return the order for a task of a calibration.

    Parameters
    ----------
    task : Task
        The task.
    job : Job
        A job of its model and stack, which says what they are.
    origin, is_here
        As of :func:`of_run`.
    """
    options = Options("", 3600.0, 0, 1, tuple(models.loaded_files()), at_a_time=2)
    order = of_run([job], options, None, origin, "", is_here)
    return dataclasses.replace(order, cells=[], task=asdict(task))


def sources(files: Sequence[Path]) -> Tuple[Dict[str, str], List[str]]:
    """Return the texts of the user's files and of the modules beside them, and which are to be loaded.

    Parameters
    ----------
    files : sequence of Path
        Files of models.

    Returns
    -------
    dict of str
        Text by a path of its own: two files may have one name, in two folders.
    list of str
        The paths of ``files`` in it.

    Raises
    ------
    UserError
        If that is more than a few megabytes.
    """
    texts: Dict[str, str] = {}
    load: List[str] = []
    for folder in dict.fromkeys(file.resolve().parent for file in files):
        place = f"{len(load)}-{folder.name or 'root'}"
        load += [f"{place}/{file.name}" for file in files if file.resolve().parent == folder]
        for path in _modules(folder):
            texts[f"{place}/{path.relative_to(folder).as_posix()}"] = path.read_text("utf-8")
            if sum(map(len, texts.values())) > _MOST_BYTES:
                raise UserError(
                    f"The Python files beside {files[0].name} are more than {_MOST_BYTES / 2**20:.0f} MiB,"
                    " too much to send to every worker: put the models into a folder of their own."
                )
    return texts, load


def _modules(folder: Path) -> List[Path]:
    """Return the modules of a folder, and those of the packages in it."""
    found = sorted(folder.glob("*.py"))
    for one in sorted(folder.iterdir()):
        if (one / "__init__.py").is_file():
            found += _modules(one)
    return found


@dataclass(frozen=True)
class Answer:
    """What became of an order.

    Parameters
    ----------
    key : str
        The order's.
    records : list of dict
        Records of its jobs, of fewer where the first one failed; or the rows of its task.
    refused : str
        Why it was not begun, in a sentence; empty where it was.
    broken : str
        Why it began and left nothing; empty where it left something.
    """

    key: str
    records: Sequence[Stored] = ()
    refused: str = ""
    broken: str = ""

    def to_text(self) -> str:
        """Return the answer as JSON."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_text(cls, text: str) -> "Answer":
        """Make an answer of :meth:`to_text`."""
        return cls(**json.loads(text))
