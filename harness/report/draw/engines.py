"""The chart of what moving gives: for each model the ratio of times on each engine, over those on another."""

import math
from html import escape
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from nutsbench.compare.statistics import Interval
from nutsbench.report.draw.charts import COLOURS, INK, SYMBOLS, ratio_axis

#: Colours and shapes beyond those that all charts have.
_MORE = ("#7F7F7F", INK, "#882255")
_SHAPES = (*SYMBOLS, "star", "pentagon", "hourglass")


def ratios(found: Mapping[str, Mapping[str, Interval]], names: Sequence[str], base: str) -> Dict[str, Any]:
    """Return ratios with their intervals; of one seed a point alone.

    Parameters
    ----------
    found : dict of dict of Interval
        By engine and model.
    names : sequence of str
        The models, as they stand from above.
    base : str
        What the times are divided by.
    """
    data: List[Dict[str, Any]] = []
    for place, (engine, of_model) in enumerate(found.items()):
        shown = [name for name in reversed(names) if name in of_model]
        ends = [(of_model[name], _known(of_model[name])) for name in shown]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": escape(engine),
                "orientation": "h",
                "offsetgroup": engine,
                "y": [escape(name) for name in shown],
                "x": [one.ratio for one, _ in ends],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [one.upper - one.ratio if known else 0 for one, known in ends],
                    "arrayminus": [one.ratio - one.lower if known else 0 for one, known in ends],
                    "thickness": 1.2,
                    "width": 2,
                },
                "marker": {
                    "size": 8,
                    "symbol": _SHAPES[place % len(_SHAPES)],
                    "color": _colour(place),
                },
                "hovertemplate": f"%{{y}}, {escape(engine)}: %{{x:.2g}}<extra></extra>",
            }
        )
    reach = [
        value
        for line in data
        for x, less in zip(line["x"], line["error_x"]["arrayminus"])
        for value in (x, x - less)
    ]
    reach += [x + more for line in data for x, more in zip(line["x"], line["error_x"]["array"])]
    return {
        "data": data,
        "layout": {
            "scattermode": "group",
            "scattergap": 0.3,
            "xaxis": ratio_axis(f"time to an ESS of 400, over {base} (less is faster)", [1.0, *reach]),
            "yaxis": {
                "automargin": True,
                "categoryorder": "array",
                "categoryarray": [escape(name) for name in reversed(names)],
            },
            "shapes": [{"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 1, "x1": 1}],
            "height": 120 + max(30, 11 * len(found)) * len(names),
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
            "margin": {"l": 10, "r": 10, "t": 60, "b": 50},
        },
    }


def courses(found: Mapping[str, Sequence[Tuple[str, float]]], enough: int) -> Dict[str, Any]:
    """Return the effective draws of one model over wall seconds, a line an engine.

    Parameters
    ----------
    found : dict of list of (str, float)
        By engine, the phases with their seconds; effective draws come in the last.
    enough : int
        How many there are at its end.
    """
    data: List[Dict[str, Any]] = []
    for place, (engine, phases) in enumerate(found.items()):
        ends = [0.0]
        for _, seconds in phases:
            ends.append(ends[-1] + seconds)
        says = ["begins", *(f"{name} ends, after {seconds:.2g} s of it" for name, seconds in phases)]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": escape(engine),
                "x": ends,
                "y": [0.0] * len(phases) + [float(enough)],
                "text": says,
                "line": {"color": _colour(place)},
                "marker": {"size": 8, "symbol": _SHAPES[place % len(_SHAPES)], "color": _colour(place)},
                "hovertemplate": f"{escape(engine)}, %{{x:.2f}} s: %{{text}}<extra></extra>",
            }
        )
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": "wall time from building on (s)"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": "smallest ESS of any scalar"}, "rangemode": "tozero"},
            "height": 420,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
            "margin": {"l": 60, "r": 10, "t": 60, "b": 50},
        },
    }


def _colour(place: int) -> str:
    return (*COLOURS, *_MORE)[place % len(_SHAPES)]


def _known(found: Interval) -> bool:
    return math.isfinite(found.upper)
