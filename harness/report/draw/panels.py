"""Small multiples: how a metric moves with one setting, on one scale."""

import math
import statistics
from dataclasses import dataclass
from html import escape
from typing import Any, Dict, List, Optional, Sequence, Tuple

from nutsbench.judge.metrics import METRICS
from nutsbench.judge.mixing import MAX_RHAT
from nutsbench.judge.remedy import WANTED_ESS
from nutsbench.records.stored import Stored
from nutsbench.records.stored import setting as setting_of
from nutsbench.records.table import counted
from nutsbench.report import sweep
from nutsbench.report.draw.charts import COLOURS, SYMBOLS
from nutsbench.report.verdicts import worst_z
from nutsbench.track.gaps import unmixed

#: Metrics of the settings page, and whether their axis is logarithmic.
SHOWN = {
    "ess_400_s": True,
    "ess_per_s": True,
    "wall_s": True,
    "rhat_max": False,
    "divergences": False,
    "z": False,
    "tree_depth_mean": False,
}
#: Those that chains which have not mixed do not have.
_OF_MIXED = ("ess_400_s", "ess_per_s", "z")
#: What good draws keep below, but for chance where effective draws are few: a dashed line.
LIMITS = {"rhat_max": MAX_RHAT}
_PANELS, _PANEL_HEIGHT = 4, 200
#: How many times its smallest value a logarithmic axis reaches, and where in a power of ten it has ticks.
_STEPS: Sequence[Tuple[float, Sequence[int]]] = ((30.0, (1, 2, 5)), (1000.0, (1, 3)), (math.inf, (1,)))
_SHORT = 6.0


def title(name: str) -> str:
    """Return a metric with its unit, for an axis."""
    if name == "ess_400_s":
        return f"expected time to ESS {WANTED_ESS} (s)"
    if name == "z":
        return "against the reference posterior, largest |z| (MCSE)"
    unit = METRICS[name].unit
    return name if unit == "1" else f"{name} ({unit})"


def limit_words(name: str) -> str:
    """Return what the dashed line of a metric means, in words that end a caption; empty if it has none."""
    return f"; dashed: {LIMITS[name]}, which few effective draws exceed by chance" if name in LIMITS else ""


@dataclass(frozen=True)
class Panel:
    """One of several small charts of one metric.

    Parameters
    ----------
    title : str
        Above it; may be empty.
    setting : str
        What is varied.
    records : sequence of dict
        Of one machine; all other settings are those of the model's sweep.
    """

    title: str
    setting: str
    records: Sequence[Stored]


def multiples(panels: Sequence[Panel], metric: str, columns: int = _PANELS) -> Dict[str, Any]:
    """Return small multiples on one scale: how a metric moves with a setting, over seeds, a line a stack.

    Parameters
    ----------
    panels : sequence of Panel
        In the order in which they are shown.
    metric : str
        A key of :data:`SHOWN`.
    columns : int
        Panels in a row, where there is room for so many.

    Returns
    -------
    dict
        ``data`` and ``layout`` of plotly, and ``panels``: what the page needs to lay them out.
    """
    rows = max(1, math.ceil(len(panels) / columns))
    data: List[Dict[str, Any]] = []
    notes: List[Dict[str, Any]] = []
    limits: List[Dict[str, Any]] = []
    layout: Dict[str, Any] = {
        "grid": {
            "pattern": "independent",
            "rows": rows,
            "columns": columns,
            "ygap": 0.35,
            "xgap": 0.08,
        },
        "height": 80 + _PANEL_HEIGHT * rows,
        "margin": {"l": 60, "r": 10, "t": 60, "b": 40},
        "legend": {"orientation": "h", "y": 1, "yref": "container", "yanchor": "top"},
        "annotations": notes,
        "shapes": limits,
    }
    stacks = list(dict.fromkeys(record["stack"] for panel in panels for record in panel.records))
    in_legend = set()
    for number, panel in enumerate(panels):
        axis = "" if number == 0 else str(number + 1)
        for place, stack in enumerate(stacks):
            points = spread([r for r in panel.records if r["stack"] == stack], panel.setting, metric)
            if points:
                shown = stack not in in_legend
                line = _line(panel, points, metric, stack, place, shown)
                data.append({**line, "xaxis": f"x{axis}", "yaxis": f"y{axis}"})
                in_legend.add(stack)
        layout[f"xaxis{axis}"] = _setting_axis(panel)
        # One scale for all, or a wiggle in one panel would look like a leap in another.
        layout[f"yaxis{axis}"] = {**_value_axis(metric, panels), **({"matches": "y"} if number else {})}
        if metric in LIMITS:
            limits.append(
                {
                    "type": "line",
                    "xref": f"x{axis} domain",
                    "yref": f"y{axis}",
                    "x0": 0,
                    "x1": 1,
                    "y0": LIMITS[metric],
                    "y1": LIMITS[metric],
                    "line": {"dash": "dash"},
                }
            )
        if panel.title:
            notes.append(_heading(panel.title, axis))
    shape = {"count": len(panels), "columns": columns, "height": _PANEL_HEIGHT, "title": title(metric)}
    return {"data": data, "layout": layout, "panels": shape}


def _line(
    panel: Panel, points: Sequence["Point"], metric: str, stack: str, place: int, in_legend: bool
) -> Dict[str, Any]:
    name = f"{escape(panel.title)}<br>" if panel.title else ""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": escape(stack),
        "legendgroup": stack,
        "showlegend": in_legend,
        "x": [one.value for one in points],
        "y": [_short(one.middle) for one in points],
        "text": [one.ended for one in points],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [_short(one.high - one.middle) for one in points],
            "arrayminus": [_short(one.middle - one.low) for one in points],
            "thickness": 1,
        },
        "line": {"color": COLOURS[place % len(COLOURS)]},
        "marker": {"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 6},
        "hovertemplate": f"{name}{panel.setting} %{{x}}<br>{title(metric)} %{{y:.3g}}"
        f"<br>%{{text}}<extra>{escape(stack)}</extra>",
    }


def _heading(text: str, axis: str) -> Dict[str, Any]:
    return {
        "text": f"<b>{escape(text)}</b>",
        "xref": f"x{axis} domain",
        "yref": f"y{axis} domain",
        "x": 0,
        "y": 1.12,
        "showarrow": False,
        "font": {"size": 11},
    }


def _short(value: float) -> float:
    """Return a number with as many digits as a chart can show."""
    return float(f"{value:.4g}")


def _setting_axis(panel: Panel) -> Dict[str, Any]:
    """Return an axis with a tick at each value tried; a logarithmic one of numbers that are doubled."""
    values = sorted({setting_of(record, panel.setting) for record in panel.records})
    doubled = panel.setting != "target_accept" and min(values, default=1) > 0
    return {
        "title": {"text": panel.setting, "font": {"size": 10}, "standoff": 2},
        "type": "log" if doubled else "linear",
        "tickvals": values,
        "ticktext": [f"{value:g}" for value in values],
        "tickangle": 0,
        "tickfont": {"size": 10},
    }


def _value_axis(metric: str, panels: Sequence[Panel]) -> Dict[str, Any]:
    if SHOWN.get(metric):
        return {"type": "log", **_decades(metric, panels)}
    # From 0, 1.00 and 1.05 would look alike.
    return {} if metric == "rhat_max" else {"rangemode": "tozero"}


def _decades(metric: str, panels: Sequence[Panel]) -> Dict[str, Any]:
    """Return the ticks of a logarithmic axis: powers of ten, and between them where it is short."""
    values = [
        value
        for panel in panels
        for record in panel.records
        for value in [value_of(record, metric)]
        if value is not None and value > 0
    ]
    if not values:
        return {}
    ticks = log_ticks(min(values), max(values))
    return {"tickvals": ticks, "ticktext": [f"{tick:,g}" for tick in ticks], "tickfont": {"size": 10}}


def log_ticks(low: float, high: float) -> List[float]:
    """Return the ticks of a logarithmic axis: at least two lie on it, or nobody could read its scale.

    Parameters
    ----------
    low, high : float
        The smallest and the largest value, above 0.
    """
    if high / low < _SHORT:
        from matplotlib.ticker import MaxNLocator

        return [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if tick > 0]
    steps = next(steps for reach, steps in _STEPS if high / low <= reach)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**power for power in powers for step in steps]


@dataclass(frozen=True)
class Point:
    """A figure under one value of a setting, over seeds.

    Parameters
    ----------
    value : float
        Of the setting.
    middle, low, high : float
        Median, smallest and largest over seeds.
    ended : str
        How many of the cells it rests on, in words.
    """

    value: float
    middle: float
    low: float
    high: float
    ended: str


def value_of(record: Stored, metric: str) -> Optional[float]:
    """Return a record's metric; there is none that is made of ESS where chains have not mixed.

    Parameters
    ----------
    record : dict
        The record.
    metric : str
        A key of :data:`SHOWN`.
    """
    if record["status"] != "ok":
        return None
    if metric in _OF_MIXED and unmixed(record):
        return None
    if metric == "ess_400_s":
        return sweep.seconds(record)
    value = worst_z(record) if metric == "z" else record["metrics"].get(metric)
    return None if value is None else float(value)


def spread(records: Sequence[Stored], setting: str, metric: str) -> List[Point]:
    """Return a metric by the value of a setting; one at which no cell has it is left out."""
    groups: Dict[Any, List[Optional[float]]] = {}
    for record in records:
        groups.setdefault(setting_of(record, setting), []).append(value_of(record, metric))
    found = []
    for value in sorted(groups):
        numbers = sorted(number for number in groups[value] if number is not None)
        if numbers:
            ended = f"{len(numbers)} of {counted(len(groups[value]), 'cell')}"
            found.append(Point(value, statistics.median(numbers), numbers[0], numbers[-1], ended))
    return found
