"""What is kept of a cell that was run, or failed to run.

Schema history
--------------
1 (2026-11) : the first.
2 (2026-11) : ``accuracy`` and ``claims``; MCSE of sd and quantiles by this
    project's own formulas, the same on all stacks; ``standstill``, ``ess_q05``, ``ess_q95``.

    Since 2026-11-29 with ``rhat_p``, ``ess_within`` and ``hints``, which earlier ones lack.

A record under another schema measured something else: the schema counts up with each change of a
metric's definition, and a cell is then run again. Verdicts are worked out anew whenever a record is
read (:func:`nutsbench.judge.quality.present`), so a change of their rule changes no schema.
"""

import uuid
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Callable, Dict, Iterable, List, NotRequired, Optional, TypedDict, cast

import msgspec

from nutsbench.base.paths import scrub
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.grid import Cell

SCHEMA = 2


class Status(Enum):
    """How a cell ended; how well it sampled is its quality."""

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"


class Settings(TypedDict):
    """What was asked of ``pm.sample``: :class:`nutsbench.models.spec.SamplerSettings`."""

    draws: int
    tune: int
    chains: int
    cores: int
    target_accept: float
    init: str
    max_treedepth: int


class Time(TypedDict):
    """What a phase took, in seconds; of one that never ended the wall time alone is known."""

    wall_s: float
    cpu_s: NotRequired[float]


class Judged(TypedDict, total=False):
    """How a cell sampled: :class:`nutsbench.judge.quality.Quality`."""

    verdict: str
    reasons: List[str]
    remedy: Optional[Dict[str, Any]]


class Limiting(TypedDict):
    """The statistic that is furthest from the truth: by ``z`` MCSE, which are ``size`` posterior sds."""

    scalar: str
    statistic: str
    z: float
    size: float


class OfTruth(TypedDict, total=False):
    """Which truth a record was judged by, exact or reference; empty where there was none."""

    kind: str
    digest: str


class Accuracy(TypedDict, total=False):
    """Whether draws agree with the truth: :class:`nutsbench.judge.accuracy.Accuracy`."""

    verdict: str
    reasons: List[str]
    threshold: float
    compared: int
    worst: Optional[Limiting]
    truth: Optional[OfTruth]
    scores: Dict[str, Dict[str, Any]]


class Scalar(TypedDict, total=False):
    """What is known of a scalar: :class:`nutsbench.judge.diagnostics.Quantity`."""

    mean: Optional[float]
    sd: Optional[float]
    q05: Optional[float]
    q50: Optional[float]
    q95: Optional[float]
    mcse_mean: Optional[float]
    mcse_sd: Optional[float]
    mcse_q05: Optional[float]
    mcse_q50: Optional[float]
    mcse_q95: Optional[float]
    ess_bulk: Optional[float]
    ess_tail: Optional[float]
    ess_q05: Optional[float]
    ess_q95: Optional[float]
    ess_within: Optional[float]
    rhat: Optional[float]
    rhat_p: Optional[float]
    draws_per_chain: int
    standstill: int
    free: bool
    state: str
    note: str


class ClaimPart(TypedDict, total=False):
    """A part of a claim, with what the draws say of it."""

    text: str
    holds: Optional[bool]
    mean: float
    q05: float
    q95: float


class Claim(TypedDict):
    """What a model's author says that one should see, and whether one does."""

    says: str
    holds: Optional[bool]
    parts: List[ClaimPart]


class CompileCache(TypedDict, total=False):
    """What Theano's compiler had to do: ``modules_from_store`` were taken from another process's work."""

    state: str
    modules_compiled: int
    modules_from_store: int
    modules_unversioned: int


class Details(TypedDict, total=False):
    """What else is known of how a cell was sampled."""

    compile_cache: CompileCache
    compile_s: List[float]
    draws_file: str
    hints: Dict[str, Any]
    refused: bool
    sampler: str
    samplers: Dict[str, str]
    shared: bool
    source: str
    split_source: str


class Environment(TypedDict, total=False):
    """Where a cell was sampled; no host name and no path is among it."""

    blas: List[Dict[str, Any]]
    checkout: Dict[str, Any]
    commit: Optional[str]
    compiler: Optional[str]
    cores: int
    cores_physical: Optional[int]
    cpu: Dict[str, Any]
    dirty: Optional[bool]
    governors: List[str]
    host: Dict[str, Any]
    load_at_start: Optional[float]
    machine: str
    machine_before: str
    memory_bytes: int
    os: str
    packages: Dict[str, str]
    processor: str
    python: str
    theano_flags: Dict[str, Any]
    threads: int


class _Always(TypedDict):
    schema: int
    id: str
    model: str
    model_digest: str
    settings: Settings
    seed: int
    stack: str
    stack_digest: str
    status: str
    reason: str
    phases: Dict[str, Time]
    metrics: Dict[str, Optional[float]]
    worst: Dict[str, Optional[str]]
    quality: Judged
    quantities: Dict[str, Scalar]
    environment: Environment
    started_at: str
    elapsed_s: float
    profile: str
    origin: str


class Stored(_Always, total=False):
    """A record as it is read, of whatever schema: :class:`Record` says what is in it.

    What stands in :class:`_Always` is in every record that was ever published; the rest came later.
    """

    accuracy: Accuracy
    truth_digest: str
    claims: List[Claim]
    details: Details
    warnings: List[str]
    log_tail: List[str]
    speed: float  # Of what asv tracks: how fast the machine was, over its baseline speed.


def setting(record: Stored, name: str) -> Any:
    """Return what a record was sampled with: the setting of that name."""
    return record["settings"][name]  # type: ignore[literal-required]


@dataclass(frozen=True)
class Record:
    """One cell's outcome. Everything in it is JSON, and may be shared.

    Parameters
    ----------
    model : str
        Name of the model.
    model_digest : str
        Digest of the model's definition and data.
    settings : SamplerSettings
        What it was sampled with.
    seed : int
        ``random_seed`` of ``pm.sample``.
    stack : str
        Name of the stack.
    stack_digest : str
        Digest of what the stack installs, of its flags, threads and BLAS.
    status : Status
        How it ended.
    reason : str
        Why it did not end well, and what to do; empty where it did.
    phases : dict
        By phase ``wall_s`` and ``cpu_s``; of a failed cell as far as it came.
    metrics : dict
        By :data:`nutsbench.judge.metrics.METRICS`' names; empty unless ok.
    worst : dict
        The scalar with the smallest ``ess_bulk`` and ``ess_tail`` and the largest ``rhat``.
    quality : dict
        A :class:`nutsbench.judge.quality.Quality`; verdict ``unknown`` unless ok.
    quantities : dict
        By scalar, a :class:`nutsbench.judge.diagnostics.Quantity`.
    environment : dict
        Machine, versions, load at the start, this project's commit; of a checkout as a
        stack also that one's, under ``checkout``.
    started_at : str
        UTC, ISO 8601.
    elapsed_s : float
        Wall seconds from handing the cell to its process to the end of that process.
    profile : str
        Profile that the run was asked for.
    origin : str
        Random mark of the results folder in which it was measured.
    accuracy : dict
        A :class:`nutsbench.judge.accuracy.Accuracy`; empty unless ok.
    truth_digest : str
        Digest of the truth that it was to be judged by; empty if there was none.
    claims : list of dict
        Of each claim of the model ``says``, ``holds`` and ``parts``.
    details : dict
        ``split_source``, ``compile_cache``, ``sampler``, ``draws_file``, ``hints``, ``source`` (the name
        of the model's file); of several step methods ``samplers``, that of each free variable; ``refused``
        if the model is none that can be sampled here; ``shared`` if the model was built and compiled once for
        several cells, each of which counts it as its own.
    warnings : list of str
        What was odd about the cell's settings.
    log_tail : list of str
        End of the worker's log, of a cell that is not ok.
    id : str
        Random and unique.
    """

    model: str
    model_digest: str
    settings: SamplerSettings
    seed: int
    stack: str
    stack_digest: str
    status: Status
    reason: str
    phases: Dict[str, Dict[str, float]]
    metrics: Dict[str, Optional[float]]
    worst: Dict[str, Optional[str]]
    quality: Dict[str, Any]
    quantities: Dict[str, Dict[str, Any]]
    environment: Dict[str, Any]
    started_at: str
    elapsed_s: float
    profile: str
    origin: str
    accuracy: Dict[str, Any] = field(default_factory=dict)
    truth_digest: str = ""
    claims: List[Dict[str, Any]] = field(default_factory=list)
    details: Dict[str, Any] = field(default_factory=dict)
    warnings: List[str] = field(default_factory=list)
    log_tail: List[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def to_dict(self) -> Stored:
        """Return the record, ready for JSON; free text has lost its paths and host names."""
        values: Dict[str, Any] = dict(vars(self))
        values["settings"] = self.settings.to_dict()
        values["status"] = self.status.value
        values["reason"] = scrub(self.reason)
        values["log_tail"] = [scrub(line) for line in self.log_tail]
        return cast(Stored, {"schema": SCHEMA, **values})


class NotARecordError(ValueError):
    """What was read is no record; the message says where and why."""


def stored(values: Any) -> Stored:
    """Return what was read as a record of whatever schema.

    Parameters
    ----------
    values : object
        Of JSON.

    Raises
    ------
    NotARecordError
        If something is missing that every record has, or is of another type.
    """
    try:
        msgspec.convert(values, Stored)
    except msgspec.ValidationError as error:
        raise NotARecordError(str(error)) from error
    # As it was read: what this version does not know of is kept.
    return cast(Stored, values)


def json_schema() -> Dict[str, Any]:
    """Return the JSON Schema of a record, for whoever reads results without this program."""
    made = msgspec.json.schema(Stored)
    title = f"A record of nutsbench, schemas 1 to {SCHEMA}"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **made}


def key(record: Stored) -> str:
    """Return what makes two records (as dictionaries) of one cell and stack the same.

    Parameters
    ----------
    record : dict
        Of :meth:`Record.to_dict`.
    """
    cell = Cell.from_dict(record)
    # Of a cell that failed, too: it replaces the one before it.
    truth_digest = record.get("truth_digest", "")
    name = cell_key(cell, record["model_digest"], record["stack"], record["stack_digest"])
    return f"{record['schema']}|{truth_digest}|{name}"


def place(record: Stored) -> str:
    """Return what a reader takes for one line of a table: cell, stack and results folder.

    Unlike :func:`key` it outlives a change of the model or of the stack, so that the
    newest record of a place replaces older ones.
    """
    return cell_key(Cell.from_dict(record), "", record["stack"], record["origin"])


def place_anywhere(record: Stored) -> str:
    """Return :func:`place` without the folder: what was published and what was measured here are one line."""
    return cell_key(Cell.from_dict(record), "", record["stack"], "")


def newest(records: Iterable[Stored], by: Callable[[Stored], str]) -> Dict[str, Stored]:
    """Return the newest record of each key; an interrupted one replaces nothing.

    Parameters
    ----------
    records : iterable of dict
        Records, oldest first.
    by : callable
        :func:`key` or :func:`place`.
    """
    found: Dict[str, Stored] = {}
    for record in records:
        name = by(record)
        if record["status"] != Status.INTERRUPTED.value or name not in found:
            found[name] = record
    return found


def cell_key(cell: Cell, model_digest: str, stack: str, stack_digest: str) -> str:
    """Return the key of a cell on a stack, without schema and truth."""
    settings = ",".join(f"{name}={value}" for name, value in cell.settings.to_dict().items())
    return "|".join((cell.model, model_digest, settings, str(cell.seed), stack, stack_digest))
