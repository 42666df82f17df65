"""An index of the records: what is looked for and shown of each, in columns.

Of a million records the lines of JSON are ten gigabytes, which nobody reads for a table of fifty rows. The
index has a row for each, with the columns of :func:`nutsbench.records.columns.flat`, and where its line is.

The lines stay what is true. The index is worked out of them (:mod:`nutsbench.records.indexed`): it lies in
``.index`` in the results folder, is brought up to date whenever it is opened, and may be removed at any time.
One that is damaged, or that another version made, is made anew.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from nutsbench.base.paths import PACKAGE
from nutsbench.records import indexed, lines, store, views
from nutsbench.records.stored import Stored

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

_MEMORY = "384MB"
#: Columns that say where a record is and what it is found by; the others are those of a table.
_OWN = (
    "file", "begins", "bytes", "place", "place_anywhere", "asked", "truth_digest", "elapsed_s",
    "machine_before", "rank", "turn",
)  # fmt: skip
#: As :meth:`nutsbench.records.store.Store.load` orders them.
_MEASURED = "started_at, rank, turn"
#: What some records lack.
_OF_SOME = ("metrics", "phases", "settings")


def among(columns: Mapping[str, Sequence[Any]]) -> Tuple[str, List[Any]]:
    """Return in SQL which records are wanted, by the values that columns may have, and these values.

    Parameters
    ----------
    columns : dict of sequence
        By column the values; a column without any may have all.
    """
    given = {name: values for name, values in columns.items() if len(values)}
    terms = [f'"{name}" IN ({", ".join("?" * len(values))})' for name, values in given.items()]
    return " AND ".join(["true", *terms]), [value for values in given.values() for value in values]


@dataclass(frozen=True)
class Row:
    """Where a record is.

    Parameters
    ----------
    path : str
        Its file, from the folder of runs on.
    begins, bytes : int
        Bytes before its line, and of it; of a compressed file when it is not.
    """

    path: str
    begins: int
    bytes: int


class Index:
    """The records of a results folder, as they were when it was opened.

    Parameters
    ----------
    connection : DuckDBPyConnection
        To the index; ``found`` is a view of all records, each once.
    runs : Path
        The folder of the files of records.
    """

    def __init__(self, connection: "DuckDBPyConnection", runs: Path) -> None:
        self._connection, self._runs = connection, runs

    @property
    def problems(self) -> List[str]:
        """A sentence for each line that could not be read."""
        query = "SELECT says FROM problems JOIN ranks USING (file) ORDER BY rank, begins"
        return [str(says) for (says,) in self.ask(query)]

    def ask(self, query: str, values: Sequence[Any] = ()) -> List[Tuple[Any, ...]]:
        """Return the rows that a query gives.

        Parameters
        ----------
        query : str
            In SQL; ``found`` has the columns of :func:`nutsbench.records.columns.flat`.
        values : sequence
            For its question marks.
        """
        return self._connection.execute(query, list(values)).fetchall()

    def names(self, column: str) -> List[str]:
        """Return the values of a column, in the order in which they were first measured."""
        query = f'SELECT "{column}" FROM found GROUP BY 1 ORDER BY min(started_at), 1'
        return [str(name) for (name,) in self.ask(query)]

    def newest(self, by: str, where: str = "true", values: Sequence[Any] = (), last: str = "0") -> str:
        """Find the newest record of each key, as :func:`nutsbench.records.record.newest` does.

        Parameters
        ----------
        by : str
            ``place``, ``place_anywhere`` or ``asked`` (of :func:`nutsbench.records.record.key`).
        where : str
            In SQL, which records there are; the others are as if they were not.
        values : sequence
            For its question marks.
        last : str
            In SQL, a number: of one key, records with a greater one are newer, whatever their time.

        Returns
        -------
        str
            Name of a table that has the columns of ``found``.
        """
        order = f"({last}, {_MEASURED})"
        # An interrupted one replaces nothing; where there is no other the first of them stands.
        self._connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE chosen AS
            SELECT one[1] AS file, one[2] AS begins FROM (
                SELECT coalesce(
                    max_by((file, begins), {order}) FILTER (status <> 'interrupted'),
                    min_by((file, begins), {order})
                ) AS one
                FROM found WHERE {where} GROUP BY "{by}"
            )
            """,
            list(values),
        )
        self._connection.execute(
            "CREATE OR REPLACE TEMP VIEW newest AS SELECT * FROM found SEMI JOIN chosen USING (file, begins)"
        )
        return "newest"

    def where(
        self,
        table: str = "found",
        where: str = "true",
        values: Sequence[Any] = (),
        order: str = _MEASURED,
        most: Optional[int] = None,
    ) -> List[Row]:
        """Return where some records are.

        Parameters
        ----------
        table : str
            ``found``, or what :meth:`newest` returned.
        where : str
            In SQL, which.
        values : sequence
            For its question marks.
        order : str
            In SQL.
        most : int, optional
            How many at the most.
        """
        limit = "" if most is None else f"LIMIT {most}"
        query = f"""
            SELECT path, begins, bytes FROM "{table}" JOIN files USING (file)
            WHERE {where} ORDER BY {order} {limit}
        """
        return [Row(*found) for found in self.ask(query, values)]

    def latest(self, by: str, most: int, where: str = "true", values: Sequence[Any] = ()) -> List[Row]:
        """Return where the newest records of each value of a column are, in the order of measuring.

        Parameters
        ----------
        by : str
            The column.
        most : int
            How many of each value at the most.
        where, values
            As of :meth:`where`.
        """
        query = f"""
            SELECT path, begins, bytes FROM (
                SELECT *, row_number() OVER (
                    PARTITION BY "{by}" ORDER BY started_at DESC, rank DESC, turn DESC
                ) AS from_end
                FROM found WHERE {where}
            ) JOIN files USING (file)
            WHERE from_end <= {most} ORDER BY {_MEASURED}
        """
        return [Row(*found) for found in self.ask(query, values)]

    def read(self, rows: Sequence[Row]) -> List[Stored]:
        """Return records whole, judged by today's rule, in the order of their rows.

        Parameters
        ----------
        rows : sequence of Row
            Of :meth:`where`.

        Raises
        ------
        UserError
            If a file has been changed or removed since the index was opened.
        """
        by_path: Dict[str, List[int]] = {}
        for number, row in enumerate(rows):
            by_path.setdefault(row.path, []).append(number)
        found: Dict[int, Stored] = {}
        for path, numbers in by_path.items():
            # In the order of the file: one that is compressed cannot be read backwards.
            numbers.sort(key=lambda number: rows[number].begins)
            pieces = lines.pieces(self._runs / path, [(rows[n].begins, rows[n].bytes) for n in numbers])
            found.update((n, store.present(record)) for n, record in zip(numbers, pieces))
        records = [found[number] for number in range(len(rows))]
        store.settle(records, dict(self.ask("SELECT before, now FROM kinds")))
        return records

    def frame(self, table: str = "found", where: str = "true", values: Sequence[Any] = ()) -> "pd.DataFrame":
        """Return records as a table, one row a record.

        Parameters
        ----------
        table, where, values
            As of :meth:`where`.

        Returns
        -------
        pandas.DataFrame
            With the columns of :func:`nutsbench.records.columns.flat`, in the order of measuring; metrics,
            phases and settings that none of the records has are left out.
        """
        hidden = ", ".join(_OWN)
        query = f'SELECT * EXCLUDE ({hidden}) FROM "{table}" WHERE {where} ORDER BY {_MEASURED}'
        # By way of Arrow, whose strings pandas takes as they are: it would make an object of each.
        made: pd.DataFrame = self._connection.sql(query, params=list(values)).to_arrow_table().to_pandas()
        empty = [name for name in made if str(name).partition(".")[0] in _OF_SOME and made[name].isna().all()]
        return made.drop(columns=empty)


@contextlib.contextmanager
def opened(folder: Path, tell: indexed.Tell = lambda _: None) -> Iterator[Index]:
    """Open the index of a results folder, up to date.

    Parameters
    ----------
    folder : Path
        The results folder.
    tell : callable
        Is told what takes long.

    Yields
    ------
    Index
        As the files were when it was opened.

    Raises
    ------
    UserError
        If a file of records cannot be read, or was written by a newer version of this project.
    """
    import duckdb

    runs = folder / "runs"
    with contextlib.ExitStack() as held:
        connection = _kept(folder / ".index", runs, tell, held)
        if connection is None:
            # A folder that cannot be written, say: all of it is read, for this once.
            connection = held.enter_context(duckdb.connect(":memory:"))
            indexed.update(connection, runs, tell)
        views.make(connection, runs)
        yield Index(connection, runs)


def frame(folder: Path) -> "pd.DataFrame":
    """Return all records of a results folder as a table, one row a record.

    Parameters
    ----------
    folder : Path
        The results folder.

    Returns
    -------
    pandas.DataFrame
        With the columns of :func:`nutsbench.records.columns.flat`, in the order of measuring.
    """
    with opened(folder) as found:
        return found.frame()


def _kept(
    home: Path, runs: Path, tell: indexed.Tell, held: contextlib.ExitStack
) -> "Optional[DuckDBPyConnection]":
    """Return a connection to the index that is kept, up to date; None where none can be kept."""
    import duckdb

    file = home / f"records-{_version()}.duckdb"
    just_read = False
    for attempt in range(_TRIES):
        with contextlib.ExitStack() as tried:
            try:
                _make(home)
                lock = tried.enter_context((home / "lock").open("a"))
                fcntl.flock(lock, fcntl.LOCK_SH)
                if file.exists():
                    connection = tried.enter_context(duckdb.connect(str(file), read_only=True))
                    _limit(connection)
                    if indexed.is_current(connection, runs, just_read) or attempt == _TRIES - 1:
                        # Of files that grow all the time, as they were when they were read last.
                        held.push(tried.pop_all())
                        return connection
                    connection.close()
                # Who reads holds the lock as well, so nobody has it open once this is here.
                fcntl.flock(lock, fcntl.LOCK_EX)
                _remove(home, lambda path: not path.name.startswith(file.name))
                with duckdb.connect(str(file)) as connection:
                    _limit(connection)
                    indexed.update(connection, runs, tell)
                just_read = True
            except duckdb.Error:
                # Damaged, by a full disk say: what it was made of is all there.
                _remove(home, lambda _: True)
            except OSError:
                return None
    return None


#: One finds it outdated and brings it up to date, one reads it; another process may have to come between.
_TRIES = 4


def _make(home: Path) -> None:
    """Make the folder of the index, where there is one of results."""
    home.mkdir(exist_ok=True)
    ignored = home / ".gitignore"
    if not ignored.exists():
        ignored.write_text("# Made from the records, and made anew where it is missing.\n*\n")


def _remove(home: Path, wanted: Any) -> None:
    """Remove indexes: this one, or those of other versions."""
    for path in home.glob("records-*"):
        if wanted(path):
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _limit(connection: "DuckDBPyConnection") -> None:
    connection.execute(f"SET memory_limit = '{_MEMORY}'")
    connection.execute(f"SET threads = {len(os.sched_getaffinity(0))}")


@lru_cache(maxsize=1)
def _version() -> str:
    """Return what decides what stands in an index: how records are judged and put in columns."""
    import duckdb

    digest = hashlib.sha256(duckdb.__version__.encode())
    for room in ("judge", "records"):
        for path in sorted((PACKAGE / room).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
