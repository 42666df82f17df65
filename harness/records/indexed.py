"""Keeps an index of records: takes in what files of records have that it has not, and forgets what they lost.

Of each file it knows the size, the times and the node, how far it has been read, and the digest of what was
read. A file that has grown has its new lines read. One that was changed otherwise has another digest, and is
read anew; one that was written just before it was looked at is looked at again, for its times may not tell.
What is put in is put in whole or not at all, so whoever is killed meanwhile leaves an index that knows
how far it has come.
"""

import contextlib
import hashlib
import os
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from nutsbench.records import lines, store
from nutsbench.records.columns import flat
from nutsbench.records.record import key, place, place_anywhere
from nutsbench.records.stored import Stored

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Rows that are put in at a time.
_BATCH = 5_000
#: A file that was written so shortly before it was looked at may be written again without its times telling.
_RACY_NS = 2_000_000_000
#: Whoever waits for so many bytes to be read is told why.
_MUCH = 50 * 2**20
_TABLES = """
CREATE TABLE files (
    file INTEGER, path VARCHAR, size BIGINT, mtime BIGINT, ctime BIGINT, inode BIGINT, checked BIGINT,
    done BIGINT, numbers BIGINT, digest VARCHAR
);
CREATE TABLE problems (file INTEGER, begins BIGINT, says VARCHAR);
CREATE TABLE records (
    file INTEGER, begins BIGINT, bytes BIGINT, place VARCHAR, place_anywhere VARCHAR, asked VARCHAR,
    truth_digest VARCHAR, elapsed_s DOUBLE, machine_before VARCHAR
);
CREATE TABLE twice (id VARCHAR, first_file INTEGER, first_begins BIGINT, file INTEGER, begins BIGINT);
CREATE TABLE state (is_whole BOOLEAN);
INSERT INTO state VALUES (false);
"""
#: Types of columns, each of which holds what those before it hold.
_TYPES = ("BIGINT", "DOUBLE", "VARCHAR")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class File:
    """What is known of a file of records.

    Parameters
    ----------
    number : int
        Its number in the index.
    path : str
        From the folder of runs on.
    size, mtime, ctime, inode : int
        As it was when it was looked at; the size is -1 until it has been read to its end.
    checked : int
        When that was, nanoseconds.
    done : int
        Bytes that have been read, up to a line's end; of a compressed file when it is not.
    numbers : int
        Lines among these.
    digest : str
        Of these bytes.
    """

    number: int
    path: str
    size: int = -1
    mtime: int = 0
    ctime: int = 0
    inode: int = 0
    checked: int = 0
    done: int = 0
    numbers: int = 0
    digest: str = ""

    def may_differ(self, now: os.stat_result, just_read: bool = False) -> bool:
        """Return whether the file may be another than it was, by what is known without reading it."""
        seen = (now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino)
        # A clock that has been put back makes files that were written in the future: these are always read.
        is_racy = not just_read and max(self.mtime, self.ctime) > self.checked - _RACY_NS
        return is_racy or seen != (self.size, self.mtime, self.ctime, self.inode)


def known(connection: "DuckDBPyConnection") -> Dict[str, File]:
    """Return the files that an index was made of, by their paths."""
    rows = connection.execute("SELECT * FROM files").fetchall()
    return {path: File(number, path, *rest) for number, path, *rest in rows}


def is_current(connection: "DuckDBPyConnection", runs: Path, just_read: bool = False) -> bool:
    """Return whether the files are surely those that an index was made of.

    Parameters
    ----------
    connection : DuckDBPyConnection
        To the index.
    runs : Path
        The folder of the files of records.
    just_read : bool
        Whether who asks has just brought the index up to date: then a file that was written shortly before
        is not read once more, for what is asked for is how it was no earlier than that.
    """
    had, paths = known(connection), _paths(runs)
    ((is_whole,),) = connection.execute("SELECT is_whole FROM state").fetchall()
    if not is_whole or set(had) != set(paths):
        return False
    return not any(one.may_differ(paths[name].stat(), just_read) for name, one in had.items())


def update(connection: "DuckDBPyConnection", runs: Path, tell: Tell) -> None:
    """Take in what is new, and forget what is gone.

    Parameters
    ----------
    connection : DuckDBPyConnection
        To the index; an empty one is begun.
    runs : Path
        The folder of the files of records.
    tell : callable
        Is told what takes long.

    Raises
    ------
    UserError
        If a file cannot be read, or was written by a newer version of this project.
    """
    if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'state'").fetchall():
        with _whole(connection):
            connection.execute(_TABLES)
    had, paths = known(connection), _paths(runs)
    with _whole(connection):
        connection.execute("UPDATE state SET is_whole = false")
        for name, one in had.items():
            if name not in paths:
                _forget(connection, one.number)
                connection.execute("DELETE FROM files WHERE file = ?", [one.number])
    following = max((one.number for one in had.values()), default=0) + 1
    todo = []
    for name, path in paths.items():
        before = had.get(name)
        if before is None or before.may_differ(path.stat()):
            todo.append((path, before or File(following, name)))
            following += before is None
    left = sum(max(0, path.stat().st_size - before.done) for path, before in todo)
    if left > _MUCH:
        tell(f"Reading {left / 2**20:,.0f} MiB of records into the index, once ...")
    taken = _Taken(connection)
    for path, before in todo:
        _take_in(connection, path, before, taken)
    taken.put()
    with _whole(connection):
        _find_twice(connection, runs)
        connection.execute("UPDATE state SET is_whole = true")


def rank(connection: "DuckDBPyConnection", runs: Path) -> None:
    """Put the files into the order in which they are read: the table ``ranks``."""
    ordered = sorted(known(connection).values(), key=lambda one: runs / one.path)
    connection.execute("CREATE OR REPLACE TEMP TABLE ranks (file INTEGER, rank INTEGER)")
    if ordered:
        numbers = [one.number for one in ordered]
        connection.execute(
            "INSERT INTO ranks SELECT unnest(?), unnest(?)", [numbers, list(range(len(ordered)))]
        )


def short(text: str) -> str:
    """Return what stands for a long key: no two of a billion records have the same by chance."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _paths(runs: Path) -> Dict[str, Path]:
    return {str(path.relative_to(runs)): path for path in lines.files(runs)}


@contextlib.contextmanager
def _whole(connection: "DuckDBPyConnection") -> Iterator[None]:
    """Do all of something or nothing."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _forget(connection: "DuckDBPyConnection", number: int, begins: int = 0) -> None:
    """Forget what begins after some bytes of a file."""
    for table in ("records", "problems"):
        connection.execute(f"DELETE FROM {table} WHERE file = ? AND begins >= ?", [number, begins])


def _of_beginning(path: Path, size: int) -> Any:
    """Return the running digest of a file's first bytes, or of all where it has not so many."""
    digest = hashlib.blake2b(digest_size=16)
    with lines.opened(path) as file:
        while size > 0:
            block = file.read(min(size, 2**20))
            if not block:
                digest.update(b"shorter")
                break
            digest.update(block)
            size -= len(block)
    return digest


def _put_files(connection: "DuckDBPyConnection", files: Sequence[File]) -> None:
    """Put in how far files have been read."""
    if files:
        numbers = ", ".join(str(file.number) for file in files)
        connection.execute(f"DELETE FROM files WHERE file IN ({numbers})")
        _put_rows(connection, "files", [astuple(file) for file in files])


def _put_rows(connection: "DuckDBPyConnection", table: str, rows: Sequence[Tuple[Any, ...]]) -> None:
    """Put rows into a table, all at once: one by one takes longer by a hundred times."""
    if rows:
        columns = [list(column) for column in zip(*rows)]
        connection.execute(f"INSERT INTO {table} SELECT {', '.join(['unnest(?)'] * len(columns))}", columns)


class _Taken:
    """What has been read and is not put in yet: of several files, for putting in takes longer than reading.

    Parameters
    ----------
    connection : DuckDBPyConnection
        To the index.
    """

    def __init__(self, connection: "DuckDBPyConnection") -> None:
        self._connection = connection
        self._rows: List[Dict[str, Any]] = []
        self._problems: List[Tuple[int, int, str]] = []
        self._files: Dict[int, File] = {}

    def line(self, number: int, line: lines.Line) -> None:
        """Take a line of a file."""
        found = line.read() if line.content.strip() else None
        if isinstance(found, str):
            self._problems.append((number, line.start, found))
        elif found is not None:
            self._rows.append(_row(number, line, found))

    def file(self, file: File) -> None:
        """Take how far a file has been read, and put all in if that is much."""
        self._files[file.number] = file
        if len(self._rows) >= _BATCH:
            self.put()

    def put(self) -> None:
        """Put in what was read, and how far the files have been."""
        with _whole(self._connection):
            _insert(self._connection, self._rows)
            _put_rows(self._connection, "problems", self._problems)
            _put_files(self._connection, list(self._files.values()))
        self._rows, self._problems, self._files = [], [], {}


def _take_in(connection: "DuckDBPyConnection", path: Path, before: File, taken: _Taken) -> None:
    """Read what a file has that the index has not."""
    checked = time.time_ns()
    try:
        now = path.stat()
        digest = _of_beginning(path, before.done)
    except FileNotFoundError:
        return  # It has been removed since, as is seen when the index is opened again.
    except (OSError, EOFError) as error:
        raise lines.cannot_read(path, error) from error
    done, numbers = before.done, before.numbers
    if digest.hexdigest() != before.digest:
        digest, done, numbers = hashlib.blake2b(digest_size=16), 0, 0
    if before.digest:
        taken.put()
        with _whole(connection):
            _forget(connection, before.number, done)
            unfinished = File(
                before.number, before.path, done=done, numbers=numbers, digest=digest.hexdigest()
            )
            _put_files(connection, [unfinished])
    for line in lines.every(path, done, numbers + 1):
        taken.line(before.number, line)
        if line.is_whole:
            # What a line without its end holds counts, and is read again when the file has grown.
            digest.update(line.content)
            done, numbers = line.start + len(line.content), line.number
            if numbers % _BATCH == 0:
                taken.file(
                    File(before.number, before.path, -1, 0, 0, 0, 0, done, numbers, digest.hexdigest())
                )
    seen = (now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino, checked)
    taken.file(File(before.number, before.path, *seen, done, numbers, digest.hexdigest()))


def _row(number: int, line: lines.Line, record: Stored) -> Dict[str, Any]:
    judged = store.present(record)
    return {
        "file": number,
        "begins": line.start,
        "bytes": len(line.content),
        "place": short(place(judged)),
        "place_anywhere": short(place_anywhere(judged)),
        "asked": short(key(judged)),
        "truth_digest": judged.get("truth_digest", ""),
        "elapsed_s": float(judged["elapsed_s"]),
        "machine_before": judged["environment"].get("machine_before"),
        **flat(judged),
    }


def _insert(connection: "DuckDBPyConnection", rows: Sequence[Mapping[str, Any]]) -> None:
    """Put rows into the table, whose columns are those that some record had."""
    import pandas as pd

    if not rows:
        return
    had = dict(connection.execute("SELECT name, type FROM pragma_table_info('records')").fetchall())
    made = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        kind, values = _typed([row.get(name) for row in rows], had.get(name))
        if name not in had:
            connection.execute(f'ALTER TABLE records ADD COLUMN "{name}" {kind}')
        elif had[name] != kind and had[name] in _TYPES:
            connection.execute(f'ALTER TABLE records ALTER "{name}" TYPE {kind}')
        made[name] = values
    connection.register("batch", pd.DataFrame(made))
    connection.execute("INSERT INTO records BY NAME SELECT * FROM batch")
    connection.unregister("batch")


def _typed(values: Sequence[Any], had: Optional[str]) -> Tuple[str, Any]:
    """Return the narrowest type of a column that holds what it had and these values, and the values in it."""
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    kind = "BIGINT" if kinds <= {int} else "DOUBLE" if kinds <= {int, float} else "VARCHAR"
    if not kinds:
        kind = "VARCHAR" if had is None else had
    elif had in _TYPES:
        kind = max(kind, had, key=_TYPES.index)
    if kind == "BIGINT":
        return kind, pd.array(list(values), dtype="Int64")
    if kind == "DOUBLE":
        return kind, pd.array(list(values), dtype="Float64")
    return kind, pd.array([None if value is None else str(value) for value in values], dtype="object")


def _find_twice(connection: "DuckDBPyConnection", runs: Path) -> None:
    """Find the records that stand in two places: the last one counts, in the first one's place."""
    rank(connection, runs)
    if not connection.execute("SELECT 1 FROM records LIMIT 1").fetchall():
        connection.execute("DELETE FROM twice")
        return
    connection.execute(
        """
        CREATE OR REPLACE TABLE twice AS
        SELECT id, min_by(file, (rank, begins)) AS first_file,
            min(begins) FILTER (rank = least) AS first_begins,
            max_by(file, (rank, begins)) AS file, max_by(begins, (rank, begins)) AS begins
        FROM (
            SELECT id, file, begins, rank, min(rank) OVER (PARTITION BY id) AS least
            FROM records JOIN ranks USING (file)
            WHERE id IN (SELECT id FROM records GROUP BY id HAVING count(*) > 1)
        )
        GROUP BY id
        """
    )
