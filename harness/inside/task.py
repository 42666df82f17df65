"""What a stack's process is asked for: one request, in JSON."""

from dataclasses import dataclass
from typing import Any, Dict, List

#: Counted up when a request or an answer changes: host and stack have to speak of the same things.
DOOR = 3

#: Set for a process whose Theano is left to compile as it does by itself.
PLAIN = "NUTSBENCH_PLAIN_COMPILE"


@dataclass(frozen=True)
class Task:
    """What the host asks for.

    Parameters
    ----------
    do : str
        Key in :data:`nutsbench.inside.worker.HANDLERS`.
    arguments : dict
        What that takes.
    models_files : list of str
        The user's own files of models.
    folder : str
        Working directory, which a model's data may lie in.
    log : str
        File for all that is printed.
    outcome : str
        File for the answer, written whole or not at all.
    memory_bytes : int
        Address space that each process may use; 0 for no limit.
    keep : str
        A model to be built and compiled once, for this cell and those after it that ask for the same; empty
        to do so in the cell.
    """

    do: str
    arguments: Dict[str, Any]
    models_files: List[str]
    folder: str
    log: str
    outcome: str
    memory_bytes: int
    keep: str = ""

    def to_dict(self) -> Dict[str, Any]:
        """Return the task, ready for JSON."""
        return {"door": DOOR, **vars(self)}

    @classmethod
    def from_dict(cls, values: Dict[str, Any]) -> "Task":
        """Make a task from :meth:`to_dict`'s dictionary.

        Raises
        ------
        ValueError
            If it was made by another version.
        """
        known = dict(values)
        door = known.pop("door", None)
        if door != DOOR:
            raise ValueError(f"this process answers requests of version {DOOR}, not {door}")
        return cls(**known)
