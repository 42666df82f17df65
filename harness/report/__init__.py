"""The dashboard: plots, tables and pages of what was measured.

It measures and judges nothing. For a notebook: :func:`load` reads a results folder, :func:`table` makes a
DataFrame of it, :func:`tried` one of a model's sweep, :func:`sweep_figure` draws the sweep of all models,
:func:`draws` reads a cell's draws, and :mod:`nutsbench.report.draw.plots` draws them.

Files, lowest first:
data moved verdicts words site section sweep since draw later changes side_by_side pages
"""

from typing import TYPE_CHECKING, Any, Dict

from nutsbench.records.stored import Stored
from nutsbench.report.data import Source, load

if TYPE_CHECKING:
    import pandas as pd

    from nutsbench.report.draw.plots import Draws

__all__ = ["draws", "load", "sweep_figure", "table", "tried"]


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

    from nutsbench.report import data, verdicts, words

    rows = []
    for record in source.records:
        row: Dict[str, Any] = {
            name: record[name] for name in ("model", "stack", "profile", "seed", "started_at")
        }
        row["machine"] = data.machine(record)
        row.update(record["settings"])
        row.update(record["metrics"])
        row["verdict"], row["why"] = verdicts.verdict(record), words.why(record)
        rows.append(row)
    return pd.DataFrame(rows)


def tried(source: Source, model: str, stack: str) -> "pd.DataFrame":
    """Return what the settings gave that a sweep has tried of a model, the best first.

    Parameters
    ----------
    source : Source
        Of :func:`load`.
    model, stack : str
        Whose sweep.

    Returns
    -------
    pandas.DataFrame
        A row for each of the settings, with the columns of :func:`nutsbench.report.sweep.summary`;
        empty if none was swept.
    """
    import pandas as pd

    from nutsbench.report import sweep

    records = [one for one in source.swept if (one["model"], one["stack"]) == (model, stack)]
    return pd.DataFrame([sweep.summary(source, row) for row in sweep.ranking(records)])


def sweep_figure(source: Source, setting: str, metric: str) -> Any:
    """Return how a metric moves with a setting, a small chart a model, on one scale.

    Parameters
    ----------
    source : Source
        Of :func:`load`.
    setting : str
        One of :data:`nutsbench.report.sweep.SETTINGS`.
    metric : str
        One of :data:`nutsbench.report.draw.panels.SHOWN`.

    Returns
    -------
    plotly.graph_objects.Figure
        Medians over seeds, with bars from the smallest to the largest.
    """
    from plotly.graph_objects import Figure

    from nutsbench.report import sweep
    from nutsbench.report.draw import panels

    records = sweep.varied(source.swept, setting)
    shown = [
        panels.Panel(name, setting, own)
        for name in source.names()
        for own in [[record for record in records if record["model"] == name]]
        if own
    ]
    made = panels.multiples(shown, metric)
    return Figure(made["data"], made["layout"])


def draws(source: Source, record: Stored) -> "Draws":
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
    from nutsbench.report.draw.plots import Draws

    path = source.draws_file(record)
    if path is None:
        raise FileNotFoundError(f"the draws of {record['model']} were not kept: nutsbench run --keep-draws")
    return Draws(path)
