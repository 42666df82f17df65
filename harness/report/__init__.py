"""The dashboard: figures, tables and pages of what was measured.

For a notebook: :func:`load` reads a results folder, :func:`table` makes a DataFrame of it,
:func:`draws` reads a cell's draws, and :mod:`harness.report.figures` draws them.
"""

from typing import TYPE_CHECKING, Any, Dict

from harness.report.data import Record, Source, load

if TYPE_CHECKING:
    import pandas as pd

    from harness.report.figures import Draws

__all__ = ["draws", "load", "table"]


def table(source: Source) -> "pd.DataFrame":
    """Return what was measured, a row a record.

    Parameters
    ----------
    source : Source
        Of :func:`load`.

    Returns
    -------
    pandas.DataFrame
        Columns for model, stack, profile, seed, machine, each setting, each metric (in the
        units of `nutsbench metrics`), the verdict, and why; oldest first.
    """
    import pandas as pd

    from harness.report import data, words

    rows = []
    for record in source.records:
        row: Dict[str, Any] = {
            name: record[name] for name in ("model", "stack", "profile", "seed", "started_at")
        }
        row["machine"] = data.machine(record)
        row.update(record["settings"])
        row.update(record["metrics"])
        row["verdict"], row["why"] = data.verdict(record), words.why(record)
        rows.append(row)
    return pd.DataFrame(rows)


def draws(source: Source, record: Record) -> "Draws":
    """Return a cell's draws.

    Parameters
    ----------
    source : Source
        Of :func:`load`.
    record : dict
        One of its records.

    Raises
    ------
    FileNotFoundError
        If they were not kept: ``nutsbench run --keep-draws`` keeps them.
    """
    from harness.report.figures import Draws

    path = source.draws_file(record)
    if path is None:
        raise FileNotFoundError(f"the draws of {record['model']} were not kept: nutsbench run --keep-draws")
    return Draws(path)
