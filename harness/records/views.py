"""What can be asked of the index: ``found``, a view that has each record once, in the order of measuring."""

from pathlib import Path
from typing import TYPE_CHECKING

from nutsbench.records import indexed

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Columns that are asked for by name.
_TEXTS = (
    "model", "stack", "status", "quality", "accuracy", "profile", "started_at", "id", "origin", "machine",
)  # fmt: skip
_NOTHING = ", ".join(
    [
        *(f'NULL::VARCHAR AS "{name}"' for name in _TEXTS),
        'NULL::BIGINT AS seed, NULL::DOUBLE AS "metrics.rhat_max"',
    ]
)


def make(connection: "DuckDBPyConnection", runs: Path) -> None:
    """Make what is asked, for as long as the connection lasts.

    Parameters
    ----------
    connection : DuckDBPyConnection
        To the index.
    runs : Path
        The folder of the files of records.
    """
    indexed.rank(connection, runs)
    source = "main.records"
    if not connection.execute("SELECT 1 FROM pragma_table_info('records') WHERE name = 'id'").fetchall():
        # Nothing has been measured; what is asked of nothing has columns all the same.
        connection.execute(f"CREATE OR REPLACE TEMP VIEW nothing AS SELECT *, {_NOTHING} FROM main.records")
        source = "nothing"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE kinds AS
        SELECT machine_before AS before, any_value(machine) AS now FROM {source}
        WHERE machine_before IS NOT NULL GROUP BY machine_before HAVING count(DISTINCT machine) = 1
        """
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW found AS
        SELECT one.* REPLACE (
                CASE WHEN machine_before IS NULL THEN coalesce(kinds.now, machine) ELSE machine END AS machine
            ),
            coalesce(earlier.rank, ranks.rank) AS rank, coalesce(twice.first_begins, one.begins) AS turn
        FROM {source} AS one
        JOIN ranks ON ranks.file = one.file
        LEFT JOIN kinds ON kinds.before = one.machine
        LEFT JOIN twice ON twice.id = one.id
        LEFT JOIN ranks AS earlier ON earlier.file = twice.first_file
        WHERE twice.id IS NULL OR (twice.file = one.file AND twice.begins = one.begins)
        """
    )
