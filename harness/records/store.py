"""Append-only JSON lines under ``results/runs/``, and their way back as a table.

Each run writes a file of its own, so runs at the same time cannot mix; a record is
one line, on disk before the next cell begins. Nothing is ever rewritten.
"""

import contextlib
import errno
import json
import os
import shutil
import tempfile
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import List, Mapping, Sequence, cast

from nutsbench.base.errors import UserError
from nutsbench.judge import quality
from nutsbench.records import lines
from nutsbench.records.record import Record
from nutsbench.records.stored import Stored
from nutsbench.stacks import environment

#: Room that a run needs at the least, in bytes.
_ROOM = 20 * 2**20


@dataclass(frozen=True)
class Loaded:
    """What a results folder holds.

    Parameters
    ----------
    records : list of dict
        Records in the order in which they were measured.
    problems : list of str
        A sentence for each line that could not be read.
    """

    records: List[Stored]
    problems: List[str]


class RunFile:
    """The file that one run appends its records to.

    Parameters
    ----------
    path : Path
        Where it is; created with the first record.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # What cannot be written whole is cut off again, which must not meet another thread's record.
        self._lock = threading.Lock()

    def append(self, record: Record) -> None:
        """Write a record as one line, and wait until it is on disk.

        Raises
        ------
        UserError
            If it cannot be written, for want of room say. What was there before is
            untouched, and the record is kept in the folder of temporary files.
        """
        self.append_stored(record.to_dict())

    def append_stored(self, record: Stored) -> None:
        """Write a record that is ready for JSON; see :meth:`append`."""
        line = (json.dumps(record, allow_nan=False) + "\n").encode()
        try:
            with self._lock:
                self._append(line)
        except OSError as error:
            raise UserError(f"{_cannot_write(self.path, error)} {_rescue(line)}") from error

    def _append(self, line: bytes) -> None:
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(handle).st_size
            try:
                if os.write(handle, line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(handle)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)


def _rescue(line: bytes) -> str:
    """Keep a record where there may still be room, and say where."""
    try:
        with tempfile.NamedTemporaryFile(prefix="nutsbench-", suffix=".jsonl", delete=False) as file:
            file.write(line)
    except OSError:
        return "The last record could not be kept anywhere."
    return f"The last record is in {file.name}: move it into the folder once it can be written."


class Store:
    """A folder of results.

    Parameters
    ----------
    folder : Path
        The ``results`` folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"

    def begin(self, label: str, now: datetime) -> RunFile:
        """Return the file of a new run, once it is sure that it can be written.

        Parameters
        ----------
        label : str
            Profile or other word for the file's name.
        now : datetime
            Start of the run, UTC.

        Raises
        ------
        UserError
            If the folder cannot be made or written, or is nearly full.
        """
        probe = self.runs / f".probe-{uuid.uuid4().hex[:8]}"
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"\0" * 65536)
            probe.unlink()
            self._mark()
        except OSError as error:
            with contextlib.suppress(OSError):
                probe.unlink()
            raise UserError(_cannot_write(self.runs, error)) from error
        free = shutil.disk_usage(self.runs).free
        if free < _ROOM:
            raise UserError(
                f"The disk of the results folder is nearly full: {free / 2**20:.1f} MiB are free,"
                f" a run needs {_ROOM / 2**20:.0f} MiB. Make room, or name another folder with --results."
            )
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        return RunFile(self.runs / f"{stamp}-{label}-{uuid.uuid4().hex[:6]}.jsonl")

    def origin(self) -> str:
        """Return this folder's random mark, empty before the first run.

        Records that came from elsewhere, with a clone say, have another one: a run here
        does not take them for its own.
        """
        try:
            return (self.folder / ".origin").read_text().strip()
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def _mark(self) -> None:
        """Give the folder its mark; of two runs at once the first one's counts."""
        if self.origin():
            return
        part = self.folder / f".origin-{uuid.uuid4().hex[:8]}"
        part.write_text(uuid.uuid4().hex[:16] + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(part, self.folder / ".origin")
        part.unlink()

    def load(self) -> Loaded:
        """Read every record, judged by today's rule (:func:`nutsbench.judge.quality.present`).

        Raises
        ------
        UserError
            If a file cannot be read or was written by a newer version of this project.
        """
        records: List[Stored] = []
        problems: List[str] = []
        for path in lines.files(self.runs):
            for line in lines.of(path):
                found = line.read()
                if isinstance(found, str):
                    problems.append(found)
                else:
                    records.append(present(found))
        # A record that was copied to be published is still one record.
        once = {record["id"]: record for record in records}
        settle(records, environment.kinds(record["environment"] for record in records))
        return Loaded(sorted(once.values(), key=lambda record: str(record["started_at"])), problems)


def present(record: Stored) -> Stored:
    """Return a record with its verdicts as they are given today."""
    return cast(Stored, quality.present(record))


def settle(records: Sequence[Stored], kinds: Mapping[str, str]) -> None:
    """Give records from before processors were told apart by more than their name the kind that is meant.

    Parameters
    ----------
    records : sequence of dict
        Records.
    kinds : dict of str
        Of :func:`nutsbench.stacks.environment.kinds`.
    """
    for record in records:
        facts = record["environment"]
        if "machine_before" not in facts and facts.get("machine") in kinds:
            record["environment"] = {**facts, "machine": kinds[facts["machine"]]}


def _cannot_write(path: Path, error: OSError) -> str:
    return (
        f"The results folder cannot be written ({error.strerror}): {path}."
        " Nothing that was there is lost. Name another folder with --results."
    )


def utc_now() -> datetime:
    """Return the time of day, UTC."""
    return datetime.now(timezone.utc)
