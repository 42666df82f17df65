"""Answers on a worker's own disk, for as long as nobody has said that they are safe.

A file an order, in a folder for each results folder that orders came from; who works on an order holds a lock
that ends with its process. All workers of a machine share the place: each can tell what another one left.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Any, Iterator, List, Sequence, Tuple

import platformdirs

from nutsbench.base.paths import write_whole
from nutsbench.cluster.order import Answer
from nutsbench.records.record import Record

#: Names another place than the one in the user's cache.
VARIABLE = "NUTSBENCH_SPOOL"


def folder() -> Path:
    """Return the place: ``NUTSBENCH_SPOOL``, else one in the user's cache."""
    given = os.environ.get(VARIABLE)
    return Path(given).absolute() if given else Path(platformdirs.user_cache_dir("nutsbench"), "spool")


class Spool:
    """What one results folder has had measured on this machine.

    Parameters
    ----------
    origin : str
        Mark of the results folder.
    """

    def __init__(self, origin: str) -> None:
        if not origin.isalnum():
            raise ValueError(f"{origin!r} is no mark of a results folder")
        self._folder = folder() / origin

    @contextlib.contextmanager
    def working(self, key: str) -> Iterator[None]:
        """Say that an order is worked on, as long as the context and its process last; waits for another one.

        Parameters
        ----------
        key : str
            The order's.
        """
        path = self._folder / f"{key}.busy"
        with contextlib.ExitStack() as held:
            # On a full disk it is measured without.
            with contextlib.suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
                file = held.enter_context(path.open("w"))
                fcntl.flock(file, fcntl.LOCK_EX)
                held.callback(path.unlink, missing_ok=True)
            yield

    def keep(self, answer: Answer) -> None:
        """Write an answer, whole or not at all, in the place of what was there of the same order.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        write_whole(self._folder / f"{answer.key}.json", answer.to_text())

    def find(self, key: str) -> str:
        """Return the answer that is kept for an order, as JSON; empty if there is none."""
        try:
            return (self._folder / f"{key}.json").read_text("utf-8")
        except OSError:
            return ""

    def state(self) -> Tuple[List[str], List[str]]:
        """Return the answers that are kept, as JSON, and the keys of the orders that are worked on."""
        answers, working = [], []
        # Who is at an order lets go of it once the answer is there: looked at in this order, none is missed.
        for path in self._folder.glob("*.busy"):
            with contextlib.suppress(FileNotFoundError), path.open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    working.append(path.stem)
        for path in sorted(self._folder.glob("*.json")):
            with contextlib.suppress(ValueError):
                answers.append(Answer.from_text(self.find(path.stem)).to_text())
        return answers, working

    def forget(self, keys: Sequence[str]) -> None:
        """Remove answers that are safe elsewhere."""
        for key in keys:
            with contextlib.suppress(OSError):
                (self._folder / f"{key}.json").unlink()
        with contextlib.suppress(OSError):
            self._folder.rmdir()


class File:
    """Takes the place of :class:`nutsbench.records.store.RunFile` where records go into an answer.

    They are on disk when it is kept; what has ended before the process is killed is kept as they come.

    Parameters
    ----------
    spool : Spool
        Where they are kept.
    key : str
        The order's.
    """

    def __init__(self, spool: Spool, key: str) -> None:
        self._spool, self._key = spool, key
        self.rows: List[Any] = []

    def append(self, record: Record) -> None:
        """Take a record of the order."""
        self.rows.append(record.to_dict())

    def answer(self) -> Answer:
        """Return the answer that these records are."""
        return Answer(self._key, self.rows)
