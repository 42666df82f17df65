"""A record as it is read, of whatever schema: its type, its check, and its JSON Schema."""

from typing import Any, Dict, List, NotRequired, Optional, TypedDict, cast

import msgspec


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
    """What Theano's compiler had to do: ``modules_from_store`` were taken from another process's work.

    ``ahead_modules`` were compiled for this cell before its phases began, in ``ahead_wall_s`` seconds.
    """

    ahead_modules: int
    ahead_wall_s: float
    state: str
    modules_compiled: int
    modules_from_store: int
    modules_unversioned: int


class Until(TypedDict):
    """What a cell was sampled until, looked at after each ``block`` draws; ``reached`` after so many."""

    ess: Optional[float]
    rhat: Optional[float]
    block: int
    reached: Optional[int]


class Untimed(TypedDict):
    """How a cell was sampled whose times tell nothing: beside others, so many at a time."""

    at_a_time: int
    phases: Dict[str, Time]


class Details(TypedDict, total=False):
    """What else is known of how a cell was sampled."""

    compile_cache: CompileCache
    adaptations: List[Dict[str, Any]]
    compiled_plainly: bool
    compile_s: List[float]
    draws_file: str
    engine: Dict[str, Any]
    hints: Dict[str, Any]
    prefix_of: int
    refused: bool
    sampler: str
    samplers: Dict[str, str]
    shared: bool
    source: str
    split_source: str
    until: Until
    untimed: Untimed


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
    """A record as it is read, of any schema; what is in it says :class:`nutsbench.records.record.Record`.

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


def is_untimed(record: Stored) -> bool:
    """Return whether a cell was sampled beside others, so that its times tell nothing."""
    return "untimed" in (record.get("details") or {})


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
    title = "A record of nutsbench, of any schema"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **made}
