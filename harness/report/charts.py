"""Charts that are explored: plotly figures as JSON, drawn by the script that lies beside the pages."""

import math
import statistics
from html import escape
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from harness.report.data import Record

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x")
#: By how far a logarithmic axis of ratios reaches, where it has ticks: few enough for a phone.
_TICKS = (
    (1.25, (0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2, 1.25)),
    (2.0, (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 1.7, 2)),
    (50.0, (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20)),
    (math.inf, (0.001, 0.01, 0.1, 1, 10, 100, 1000)),
)


def ratio_axis(text: str, values: Iterable[Optional[float]]) -> Dict[str, Any]:
    """Return a logarithmic axis of ratios, with ticks at round ones.

    Parameters
    ----------
    text : str
        The title.
    values : iterable of float or None
        What the axis reaches.
    """
    known = [value for value in values if value is not None and value > 0]
    reach = max(known) / min(known) if known else 1.0
    ticks = next(ticks for longest, ticks in _TICKS if reach <= longest)
    return {
        "type": "log",
        "title": {"text": text, "font": {"size": 12}},
        "tickvals": list(ticks),
        "ticktext": [f"{tick:g}" for tick in ticks],
        "tickangle": 0,
    }


def pattern(shape: str) -> Dict[str, Any]:
    """Return a pattern over a bar's colour: what colour alone would not tell."""
    return {"shape": shape, "fillmode": "overlay", "solidity": 0.25, "size": 6}


def dots(pairs: Sequence[Tuple[Record, Record]]) -> Dict[str, Any]:
    """Return ratios of pace and of time per leapfrog for each model: median over its cells, and their range.

    Parameters
    ----------
    pairs : sequence of (dict, dict)
        Records of the same cell on either stack.
    """
    names = list(dict.fromkeys(one["model"] for one, _ in pairs))
    data = []
    for number, (metric, text) in enumerate(
        (("pace_s", "per effective sample"), ("us_per_leapfrog", "per leapfrog"))
    ):
        found: Dict[str, List[float]] = {}
        for one, other in pairs:
            values = one["metrics"].get(metric), other["metrics"].get(metric)
            if values[0] and values[1]:
                found.setdefault(one["model"], []).append(values[1] / values[0])
        shown = [name for name in reversed(names) if name in found]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": text,
                "y": [escape(name) for name in shown],
                "x": [statistics.median(found[name]) for name in shown],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [max(found[name]) - statistics.median(found[name]) for name in shown],
                    "arrayminus": [statistics.median(found[name]) - min(found[name]) for name in shown],
                    "thickness": 1,
                },
                "marker": {"size": 10, "symbol": SYMBOLS[2 * number], "color": COLOURS[number]},
                "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
            }
        )
    return {
        "data": data,
        "layout": {
            "xaxis": ratio_axis(
                "time, HEAD / BASE (less is faster)",
                [value for line in data for value in line["x"]],
            ),
            "yaxis": {"automargin": True},
            "shapes": [{"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 1, "x1": 1}],
            "height": 100 + 24 * len(names),
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
            "margin": {"l": 10, "r": 10, "t": 40, "b": 50},
        },
    }


#: Of each phase: its colour, the same as on the overview, and a pattern.
PHASES = {
    "build": ("#56B4E9", ""),
    "compile": ("#0072B2", "/"),
    "tune": ("#E69F00", ""),
    "draw": ("#009E73", "."),
    "diagnose": ("#7F7F7F", "|"),
}


def phases(pairs: Sequence[Tuple[Record, Record]], base: str, head: str) -> Dict[str, Any]:
    """Return where the wall time goes: a bar a phase, for each model one of either stack.

    Parameters
    ----------
    pairs : sequence of (dict, dict)
        Records of the same cell on either stack.
    base, head : str
        The stacks.
    """
    # The pairs are oldest first, so that each model's newest stays.
    newest = {one["model"]: (one, other) for one, other in pairs}
    names = sorted(newest, key=lambda name: newest[name][0]["metrics"].get("wall_s") or 0.0)
    sides = (head, base)
    rows = [[escape(name) for name in names for _ in sides], [escape(side) for _ in names for side in sides]]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": phase,
            "y": rows,
            "x": [
                newest[name][place]["phases"].get(phase, {}).get("wall_s", 0.0)
                for name in names
                for place in (1, 0)
            ],
            "marker": {"color": colour, "pattern": pattern(shape)},
            "hovertemplate": f"%{{y}}<br>{phase} %{{x:.2f}} s<extra></extra>",
        }
        for phase, (colour, shape) in PHASES.items()
    ]
    return {
        "data": data,
        "layout": {
            "barmode": "stack",
            "xaxis": {"title": {"text": "wall time (s)"}},
            "yaxis": {"automargin": True},
            "height": 80 + 34 * len(names),
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
            "margin": {"l": 10, "r": 10, "t": 40, "b": 50},
        },
    }


def ratios(comparison: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the ratio of each model with its interval, around 1, on a log scale.

    Parameters
    ----------
    comparison : dict
        What ``nutsbench compare --json`` prints.
    """
    # One without an interval would look exact.
    rows = [row for row in comparison["models"] if not row["problem"] and row["upper"] is not None]
    rows.sort(key=lambda row: row["ratio"])
    threshold = comparison["options"]["threshold"]
    unit = "instructions" if comparison["options"].get("counter") == "callgrind" else "time"
    symbol = {
        "slower": "triangle-right",
        "faster": "triangle-left",
        "same": "circle",
        "undecided": "circle-open",
    }
    point = {
        "type": "scatter",
        "mode": "markers",
        "x": [row["ratio"] for row in rows],
        "y": [escape(row["model"]) for row in rows],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [row["upper"] - row["ratio"] for row in rows],
            "arrayminus": [row["ratio"] - row["lower"] for row in rows],
        },
        "marker": {
            "size": 10,
            "symbol": [symbol[row["verdict"]] for row in rows],
            "color": [COLOURS[1] if row["verdict"] == "slower" else COLOURS[0] for row in rows],
        },
        "text": [f"{row['verdict']}, {'same' if row['same_work'] else 'other'} work" for row in rows],
        "hovertemplate": "%{y}: %{x:.3f}<br>%{text}<extra></extra>",
    }
    band = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": 1 / (1 + threshold), "x1": 1 + threshold,
            "fillcolor": "rgba(127,127,127,0.15)", "line": {"width": 0}}  # fmt: skip
    middle = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 1, "x1": 1}
    return {
        "data": [point],
        "layout": {
            "xaxis": ratio_axis(
                f"{unit}, HEAD / BASE (less is faster)",
                [row[name] for row in rows for name in ("lower", "upper")],
            ),
            "yaxis": {"automargin": True},
            "shapes": [band, middle],
            "height": 60 + 26 * max(4, len(rows)),
            "margin": {"l": 10, "r": 10, "t": 10, "b": 50},
        },
    }
