"""Files of records, line by line: where they are, and what each line holds."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Sequence, Tuple, Union, cast

import msgspec

from nutsbench.base.errors import UserError
from nutsbench.records.record import SCHEMA
from nutsbench.records.stored import NotARecordError, Stored, stored


def files(folder: Path) -> List[Path]:
    """Return the files of records in a folder and those below it, in the order in which they are read."""
    return sorted([*folder.rglob("*.jsonl"), *folder.rglob("*.jsonl.gz")])


@dataclass(frozen=True)
class Line:
    """A line of a file of records.

    Parameters
    ----------
    file : str
        The file's name.
    number : int
        The first is 1.
    start : int
        Bytes before it, of a compressed file when it is not.
    content : bytes
        With its line feed, if it has one.
    """

    file: str
    number: int
    start: int
    content: bytes

    @property
    def is_whole(self) -> bool:
        """Whether it ends with a line feed; without one its writer may not have come to its end."""
        return self.content.endswith(b"\n")

    def read(self) -> Union[Stored, str]:
        """Return its record, or in a sentence why it is none.

        Raises
        ------
        UserError
            If it was written by a newer version of this project.
        """
        record = _parse(self.content)
        if record is None:
            what = "is damaged" if self.is_whole else "ends in the middle of a record (its run was killed)"
            return f"{self.file}, line {self.number}, {what}; it is left out"
        self._check_schema(record)
        try:
            return stored(record)
        except NotARecordError as error:
            return f"{self.file}, line {self.number}, is no record ({error}); it is left out"

    def _check_schema(self, record: Dict[str, Any]) -> None:
        schema = record["schema"]
        if not isinstance(schema, int) or schema > SCHEMA:
            raise UserError(
                f"{self.file}, line {self.number}, has schema {schema}, and this nutsbench reads up to"
                f" {SCHEMA}. Update nutsbench, or move the file out of the results folder."
            )


def of(path: Path) -> Iterator[Line]:
    """Yield the lines of a file that hold something; see :func:`every`."""
    return (line for line in every(path) if line.content.strip())


def every(path: Path, start: int = 0, number: int = 1) -> Iterator[Line]:
    """Yield all lines of a file.

    Parameters
    ----------
    path : Path
        The file; it may be compressed.
    start : int
        Bytes to pass over, of a compressed file when it is not.
    number : int
        The number of the first line after these.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    try:
        with opened(path) as file:
            file.seek(start)
            for content in file:
                yield Line(path.name, number, start, content)
                start += len(content)
                number += 1
    except (OSError, EOFError, zlib.error) as error:
        raise cannot_read(path, error) from error


def pieces(path: Path, places: Sequence[Tuple[int, int]]) -> Iterator[Stored]:
    """Yield the records of some lines of a file.

    Parameters
    ----------
    path : Path
        The file; it may be compressed.
    places : sequence of (int, int)
        Where each begins and how many bytes it has, in rising order.

    Raises
    ------
    UserError
        If it cannot be read, or is another file by now.
    """
    try:
        with opened(path) as file:
            for begins, length in places:
                file.seek(begins)
                found = Line(path.name, 0, begins, file.read(length)).read()
                if isinstance(found, str):
                    raise UserError(f"{path.name} was changed while it was read: run the command again.")
                yield found
    except (OSError, EOFError, zlib.error) as error:
        raise cannot_read(path, error) from error


def opened(path: Path) -> BinaryIO:
    """Open a file of records, whose content may be compressed."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def cannot_read(path: Path, error: Exception) -> UserError:
    """Return what a user is told of a file that cannot be read."""
    why = getattr(error, "strerror", None) or error
    return UserError(f"{path.name} cannot be read: {why}.")


def content(path: Path) -> bytes:
    """Return what a file of records holds; those that are published in large numbers are compressed.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    try:
        with opened(path) as file:
            return file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise cannot_read(path, error) from error


def _parse(line: bytes) -> Optional[Dict[str, Any]]:
    try:
        # Three times as fast as the standard library's, and takes no NaN for a number.
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return record if isinstance(record, dict) and "schema" in record else None
