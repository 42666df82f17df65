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
from typing import Any, Callable, Dict, Iterable, List, Optional, cast

from nutsbench.base.paths import scrub
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.grid import Cell
from nutsbench.records.stored import Stored, is_untimed

SCHEMA = 2


class Status(Enum):
    """How a cell ended; how well it sampled is its quality."""

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"


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
        several cells, each of which counts it as its own; ``prefix_of``, the draws of the longer run whose
        first ones are this cell's: its times end with its own last draw, ``elapsed_s`` is what it took
        beside that run, and its memory is not known; ``compiled_plainly`` if it was compiled from nothing, as
        Theano does by itself; ``until``, the ESS or R-hat that was to be reached, and after how many draws of
        each chain it was; ``untimed`` if other cells ran beside it: how many at a time, and the ``phases``,
        whose times tell nothing then.
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


def key(record: Stored) -> str:
    """Return what makes two records (as dictionaries) of one cell and stack the same.

    Parameters
    ----------
    record : dict
        Of :meth:`Record.to_dict`.
    """
    name = cell_key(Cell.from_dict(record), record["model_digest"], record["stack"], record["stack_digest"])
    # Of a cell that failed, too: it replaces the one before it.
    return key_of(name, record.get("truth_digest", ""), record["schema"])


def key_of(name: str, truth_digest: str, schema: int = SCHEMA) -> str:
    """Return the key of what :func:`cell_key` names, judged by a truth; its digest is empty without one."""
    return f"{schema}|{truth_digest}|{name}"


def place(record: Stored) -> str:
    """Return what a reader takes for one line of a table: cell, stack and results folder.

    Unlike :func:`key` it outlives a change of the model or of the stack, so that the
    newest record of a place replaces older ones.
    """
    return cell_key(Cell.from_dict(record), "", record["stack"], record["origin"]) + _untimed(record)


def place_anywhere(record: Stored) -> str:
    """Return :func:`place` without the folder: what was published and what was measured here are one line."""
    return cell_key(Cell.from_dict(record), "", record["stack"], "") + _untimed(record)


def _untimed(record: Stored) -> str:
    # It has no times, and replaces none that has.
    return "|untimed" if is_untimed(record) else ""


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
