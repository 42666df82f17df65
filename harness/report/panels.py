"""Small multiples: how a metric moves with one setting, a panel a model, on one scale."""

import math
import statistics
from dataclasses import dataclass
from html import escape
from typing import Any, Dict, List, Optional, Sequence

from harness.metrics import METRICS
from harness.report.charts import COLOURS, SYMBOLS
from harness.report.data import Record, worst_z
from harness.table import counted

#: Metrics of the settings page, and whether their axis is logarithmic.
SHOWN = {
    "ess_per_s": True,
    "wall_s": True,
    "rhat_max": False,
    "divergences": False,
    "z": False,
    "tree_depth_mean": False,
}
_PANELS, _PANEL_HEIGHT = 4, 180


def title(name: str) -> str:
    """Return a metric with its unit, for an axis."""
    if name == "z":
        return "accuracy, largest |z|"
    unit = METRICS[name].unit
    return name if unit == "1" else f"{name} ({unit})"


def settings(records: Sequence[Record], setting: str, metric: str, names: Sequence[str]) -> Dict[str, Any]:
    """Return small multiples, a panel a model: how a metric moves with a setting, over seeds.

    Parameters
    ----------
    records : sequence of dict
        Of one machine; all other settings are those of the model's sweep.
    setting, metric : str
        What is varied, and what is shown.
    names : sequence of str
        Models, in the order of panels.

    Returns
    -------
    dict
        ``data`` and ``layout`` of plotly.
    """
    data: List[Dict[str, Any]] = []
    notes: List[Dict[str, Any]] = []
    layout: Dict[str, Any] = {
        "grid": {"pattern": "independent", "ygap": 0.4, "xgap": 0.08},
        "height": 80 + _PANEL_HEIGHT * math.ceil(len(names) / _PANELS),
        "margin": {"l": 60, "r": 10, "t": 60, "b": 40},
        "legend": {"orientation": "h", "y": 1, "yref": "container", "yanchor": "top"},
        "annotations": notes,
    }
    stacks = list(dict.fromkeys(record["stack"] for record in records))
    in_legend = set()
    for number, name in enumerate(names):
        axis = "" if number == 0 else str(number + 1)
        for place, stack in enumerate(stacks):
            found = spread([r for r in records if (r["model"], r["stack"]) == (name, stack)], setting, metric)
            if not found:
                continue
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": escape(stack),
                    "legendgroup": stack,
                    "showlegend": stack not in in_legend,
                    "x": [one.value for one in found],
                    "y": [_short(one.middle) for one in found],
                    "text": [one.ended for one in found],
                    "error_y": {
                        "type": "data",
                        "symmetric": False,
                        "array": [_short(one.high - one.middle) for one in found],
                        "arrayminus": [_short(one.middle - one.low) for one in found],
                        "thickness": 1,
                    },
                    "line": {"color": COLOURS[place % len(COLOURS)]},
                    "marker": {"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 6},
                    "xaxis": f"x{axis}",
                    "yaxis": f"y{axis}",
                    "hovertemplate": f"{escape(name)}<br>{setting} %{{x}}<br>{title(metric)} %{{y:.3g}}"
                    f"<br>%{{text}}<extra>{escape(stack)}</extra>",
                }
            )
            in_legend.add(stack)
        layout[f"xaxis{axis}"] = {"title": {"text": setting, "font": {"size": 10}, "standoff": 2}}
        # One scale for all, or a wiggle in one model would look like a leap in another.
        layout[f"yaxis{axis}"] = {**_value_axis(metric), **({"matches": "y"} if number else {})}
        notes.append(
            {
                "text": f"<b>{escape(name)}</b>",
                "xref": f"x{axis} domain",
                "yref": f"y{axis} domain",
                "x": 0,
                "y": 1.12,
                "showarrow": False,
                "font": {"size": 11},
            }
        )
    panels = {"count": len(names), "columns": _PANELS, "height": _PANEL_HEIGHT, "title": title(metric)}
    return {"data": data, "layout": layout, "panels": panels}


def _short(value: float) -> float:
    """Return a number with as many digits as a chart can show."""
    return float(f"{value:.4g}")


def _value_axis(metric: str) -> Dict[str, Any]:
    if SHOWN.get(metric):
        return {"type": "log"}
    # From 0, 1.00 and 1.05 would look alike.
    return {} if metric == "rhat_max" else {"rangemode": "tozero"}


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


def spread(records: Sequence[Record], setting: str, metric: str) -> List[Point]:
    """Return a metric by the value of a setting; one at which no cell has it is left out."""
    groups: Dict[Any, List[Optional[float]]] = {}
    for record in records:
        value = worst_z(record) if metric == "z" else record["metrics"].get(metric)
        groups.setdefault(record["settings"][setting], []).append(value if record["status"] == "ok" else None)
    found = []
    for value in sorted(groups):
        numbers = sorted(number for number in groups[value] if number is not None)
        if numbers:
            ended = f"{len(numbers)} of {counted(len(groups[value]), 'cell')}"
            found.append(Point(value, statistics.median(numbers), numbers[0], numbers[-1], ended))
    return found
