"""Charts that are explored: plotly figures as JSON, drawn by the script that lies beside the pages."""

import math
import statistics
from html import escape
from typing import Any, Container, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from nutsbench.records.stored import Stored
from nutsbench.records.table import counted

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
#: What the page's script replaces by the colour of its text, which is another in each theme.
INK = "ink"
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


def dots(pairs: Sequence[Tuple[Stored, Stored]], unmixed: Container[str] = ()) -> Dict[str, Any]:
    """Return ratios of time per effective sample and per leapfrog of each model: median and range of seeds.

    Parameters
    ----------
    pairs : sequence of (dict, dict)
        Records of the same cell on either stack.
    unmixed : container of str
        Models whose chains have not mixed on either side: they have no effective samples.
    """
    names = list(dict.fromkeys(one["model"] for one, _ in pairs))
    data: List[Dict[str, Any]] = []
    for number, (metric, text) in enumerate(
        (("pace_s", "per effective sample"), ("us_per_leapfrog", "per leapfrog"))
    ):
        found: Dict[str, List[float]] = {}
        for one, other in pairs:
            values = one["metrics"].get(metric), other["metrics"].get(metric)
            if values[0] and values[1] and not (metric == "pace_s" and one["model"] in unmixed):
                found.setdefault(one["model"], []).append(values[1] / values[0])
        shown = [name for name in reversed(names) if name in found]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": text,
                # Two metrics of a model lie beside each other: their bars would hide one another.
                "orientation": "h",
                "offsetgroup": metric,
                "y": [escape(name) for name in shown],
                "x": [statistics.median(found[name]) for name in shown],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [max(found[name]) - statistics.median(found[name]) for name in shown],
                    "arrayminus": [statistics.median(found[name]) - min(found[name]) for name in shown],
                    "thickness": 1.5,
                },
                "marker": {"size": 9, "symbol": SYMBOLS[2 * number], "color": COLOURS[number]},
                "text": [counted(len(found[name]), "seed") for name in shown],
                "hovertemplate": f"%{{y}}, time {text}: %{{x:.2f}}<br>median of %{{text}}<extra></extra>",
            }
        )
    ends = [
        value
        for line in data
        for x, more, less in zip(line["x"], line["error_x"]["array"], line["error_x"]["arrayminus"])
        for value in (x - less, x + more)
    ]
    return {
        "data": data,
        "layout": {
            "scattermode": "group",
            "scattergap": 0.4,
            "xaxis": ratio_axis("time, HEAD / BASE (less is faster)", ends),
            "yaxis": {
                "automargin": True,
                "categoryorder": "array",
                "categoryarray": [escape(name) for name in reversed(names)],
            },
            "shapes": [{"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 1, "x1": 1}],
            "height": 100 + 32 * len(names),
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


def phases(pairs: Sequence[Tuple[Stored, Stored]], base: str, head: str) -> Dict[str, Any]:
    """Return where the wall time goes: a bar a phase, the mean over seeds, and the range of the whole.

    Parameters
    ----------
    pairs : sequence of (dict, dict)
        Records of the same cell on either stack; those of a model differ in their seeds only.
    base, head : str
        The stacks.
    """
    of_model: Dict[str, List[Tuple[Stored, Stored]]] = {}
    for pair in pairs:
        of_model.setdefault(pair[0]["model"], []).append(pair)

    def whole(name: str, side: int) -> List[float]:
        return [sum(_wall_s(pair[side], phase) for phase in PHASES) for pair in of_model[name]]

    names = sorted(of_model, key=lambda name: statistics.mean(whole(name, 0)))
    places = [(name, side) for name in names for side in (1, 0)]
    rows = [[escape(name) for name, _ in places], [escape((base, head)[side]) for _, side in places]]
    data: List[Dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": phase,
            "y": rows,
            "x": [
                statistics.mean(_wall_s(pair[side], phase) for pair in of_model[name])
                for name, side in places
            ],
            "marker": {"color": colour, "pattern": pattern(shape)},
            "hovertemplate": f"%{{y}}<br>{phase} %{{x:.2f}} s, mean over seeds<extra></extra>",
        }
        for phase, (colour, shape) in PHASES.items()
    ]
    wholes = [whole(name, side) for name, side in places]
    means = [statistics.mean(one) for one in wholes]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "whole, smallest to largest seed",
            "y": rows,
            "x": means,
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": [max(one) - mean for one, mean in zip(wholes, means)],
                "arrayminus": [mean - min(one) for one, mean in zip(wholes, means)],
                "thickness": 1.5,
                "width": 3,
            },
            "marker": {"size": 5, "symbol": "line-ns", "color": INK, "line": {"width": 1, "color": INK}},
            "text": [counted(len(one), "seed") for one in wholes],
            "hovertemplate": "%{y}<br>whole %{x:.2f} s, mean over %{text}<extra></extra>",
        }
    )
    return {
        "data": data,
        "layout": {
            "barmode": "stack",
            "xaxis": {"title": {"text": "wall time (s)"}, "rangemode": "tozero"},
            "yaxis": {"automargin": True},
            "height": 80 + 34 * len(names),
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
            "margin": {"l": 10, "r": 10, "t": 40, "b": 50},
        },
    }


def _wall_s(record: Stored, phase: str) -> float:
    return float(record["phases"][phase]["wall_s"]) if phase in record["phases"] else 0.0


#: Of each verdict on speed: symbol and colour.
_SPEEDS = {
    "slower": ("triangle-right", COLOURS[1]),
    "undecided": ("circle-open", "#7F7F7F"),
    "same": ("circle", COLOURS[2]),
    "faster": ("triangle-left", COLOURS[0]),
}


def ratios(comparison: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the ratio of each model with its interval and the margin of equivalence, on a log scale.

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
    data = [
        _points([row for row in rows if row["verdict"] == verdict], verdict)
        for verdict in _SPEEDS
        if any(row["verdict"] == verdict for row in rows)
    ]
    ends = (1 / (1 + threshold), 1 + threshold)
    upright = {"yref": "paper", "y0": 0, "y1": 1}
    band = {"type": "rect", **upright, "x0": ends[0], "x1": ends[1], "layer": "below",
            "fillcolor": "rgba(127,127,127,0.25)", "line": {"width": 0}}  # fmt: skip
    edges = [
        {"type": "line", **upright, "x0": end, "x1": end, "line": {"dash": "dot", "width": 1}} for end in ends
    ]
    return {
        "data": data,
        "layout": {
            "xaxis": ratio_axis(
                f"{unit}, HEAD / BASE (less is faster)",
                [*ends, *(row[name] for row in rows for name in ("lower", "upper"))],
            ),
            "yaxis": {
                "automargin": True,
                "categoryorder": "array",
                "categoryarray": [escape(row["model"]) for row in rows],
            },
            "shapes": [band, *edges, {"type": "line", **upright, "x0": 1, "x1": 1}],
            "annotations": [
                {
                    # A logarithmic axis places annotations by the logarithm.
                    "x": 0,
                    "y": 1,
                    "yref": "paper",
                    "yanchor": "bottom",
                    "showarrow": False,
                    "text": f"margin of equivalence \u00b1{100 * threshold:g}\u00a0%",
                    "font": {"size": 11},
                }
            ],
            "height": 90 + 26 * max(4, len(rows)),
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.06, "yanchor": "bottom", "x": 0},
            "margin": {"l": 10, "r": 10, "t": 50, "b": 50},
        },
    }


def _points(rows: Sequence[Mapping[str, Any]], verdict: str) -> Dict[str, Any]:
    """Return the models of one verdict, each with its interval."""
    symbol, colour = _SPEEDS[verdict]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": verdict,
        "x": [row["ratio"] for row in rows],
        "y": [escape(row["model"]) for row in rows],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [row["upper"] - row["ratio"] for row in rows],
            "arrayminus": [row["ratio"] - row["lower"] for row in rows],
            "thickness": 1.5,
            "color": colour,
        },
        "marker": {"size": 10, "symbol": symbol, "color": colour, "line": {"width": 2, "color": colour}},
        "text": [
            f"{row['lower']:.3f} to {row['upper']:.3f}<br>{verdict}, over {row.get('pairs') or '?'} pairs,"
            f" {trajectories(row['same_work'])} trajectories"
            for row in rows
        ],
        "hovertemplate": "%{y}: %{x:.3f}, %{text}<extra></extra>",
    }


def trajectories(same: Optional[bool]) -> str:
    """Say whether both sides made the same leapfrogs: ``identical``, ``different``, ``not known``."""
    return {True: "identical", False: "different", None: "not known"}[same]
