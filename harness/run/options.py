"""How cells are run, and how the process of one ended: what those say to each other who run them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from nutsbench.records.record import Status


@dataclass(frozen=True)
class Options:
    """How cells are run, apart from what they sample.

    Parameters
    ----------
    profile : str
        Name of the profile, for the record.
    timeout_s : float
        Wall seconds after which a cell is ended.
    memory_bytes : int
        Address space that each process of a cell may use; 0 for no limit.
    threads : int
        Threads of BLAS and OpenMP.
    models_files : tuple of Path
        The user's own files of models.
    draws_dir : Path or None
        Folder for the draws; ``None`` to keep none.
    store : bool
        Whether cells take compiled modules from the store of :mod:`nutsbench.inside.modules`. Not where
        compiling is what is measured.
    share : bool
        Whether cells that follow each other and are of one model share one that is built and compiled once.
    cold : bool
        Whether a process begins with an empty compile cache, and compiles as Theano by itself does: no
        precompiled header, no store, one module after the other.
    at_a_time : int
        How many cells run at a time, of which then no times are kept; 0 for one that is timed.
    """

    profile: str
    timeout_s: float
    memory_bytes: int
    threads: int
    models_files: Tuple[Path, ...] = ()
    draws_dir: Optional[Path] = None
    store: bool = False
    share: bool = False
    cold: bool = False
    at_a_time: int = 0


@dataclass
class Outcome:
    """How a cell's process ended, and what it left: in ``values`` its outcome, in ``arrays`` its draws.

    Parameters
    ----------
    status : Status
        How it ended.
    reason : str
        Why, in a sentence; empty where all went well.
    values : dict
        What it told, ready for JSON.
    log_tail : list of str
        The last lines that it printed; empty where all went well.
    elapsed_s : float
        Wall seconds from the task to the end.
    arrays : Path
        File of its draws, of :func:`nutsbench.inside.arrays.write`: the worker's, and gone with it.
    """

    status: Status
    reason: str = ""
    values: Dict[str, Any] = field(default_factory=dict)
    log_tail: List[str] = field(default_factory=list)
    elapsed_s: float = 0.0
    arrays: Path = Path()
