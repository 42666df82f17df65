"""Lines over releases or commits, with the same places' gaps, accuracy and divergences under them."""

import math
from datetime import date
from html import escape
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from nutsbench.report.draw.charts import COLOURS, INK, SYMBOLS, pattern, ratio_axis
from nutsbench.track.gaps import Gap

DASHES = ("solid", "dash", "dot")
#: How records are shown by their verdict against the reference posterior: colour and pattern.
_VERDICTS = {
    "accurate": (COLOURS[2], ""),
    "inconclusive": (COLOURS[5], "."),
    "not judged": (COLOURS[4], "\\"),
    "inaccurate": (COLOURS[1], "/"),
    "failed": ("#7F7F7F", "x"),
}
#: Pixels of the parts, from the top: the lines, a model that has not mixed, records by verdict, divergences.
_LINES, _MODEL, _RECORDS, _DIVERGENCES, _SPACE = 400, 22, 130, 90, 40
_TOP, _BOTTOM = 20, 60


def history(
    values: Mapping[str, Sequence[Optional[float]]],
    errors: Mapping[str, Sequence[float]],
    places: Sequence[str],
    marks: Sequence[Tuple[str, str]],
    name: str,
    counts: Optional[Mapping[str, Sequence[Optional[int]]]] = None,
    gaps: Sequence[Gap] = (),
) -> Dict[str, Any]:
    """Return lines over releases or commits, with intervals, and the changes that passed the test marked.

    Parameters
    ----------
    values : dict of sequence
        By line (a model), a figure at each place; ``None`` where there is none.
    errors : dict of sequence
        The standard errors of their logarithms; NaN where they are not known.
    places : sequence of str
        Releases or commits.
    marks : sequence of (str, str)
        Place and words of each change beyond the noise.
    name : str
        The axis' title, with its unit.
    counts : dict of sequence, optional
        Number of records by verdict, and ``divergences``, at each place: shown under the lines, on the
        same axis of places.
    gaps : sequence of Gap
        Where a model has no value since its chains have not mixed: shown under the lines, a row a model.
    """
    data = [
        _line(label, number, places, line, errors[label])
        for number, (label, line) in enumerate(values.items())
    ]
    under = _under(counts, places) if counts is not None else []
    lines = [
        {"type": "line", "x0": place, "x1": place, "yref": "paper", "y0": 0, "y1": 1, "line": {"dash": "dot"}}
        for place, _ in marks
    ]
    notes = [
        {
            "x": place,
            "y": 1,
            "yref": "paper",
            "text": words,
            "showarrow": False,
            "textangle": -90,
            "xshift": -8,
            "yanchor": "top",
            "font": {"size": 10},
        }
        for place, words in marks
    ]
    missing = [_missing(gaps)] if gaps else []
    parts = {"y": _LINES}
    if gaps:
        parts["y4"] = _MODEL * (len({gap.model for gap in gaps}) + 1)
    if under:
        parts.update(y2=_RECORDS, y3=_DIVERGENCES)
    layout: Dict[str, Any] = {
        # Places stay in their order though a line may lack some.
        "xaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": list(places),
            "anchor": list(parts)[-1],
        },
        "shapes": lines,
        "annotations": notes,
        "height": sum(parts.values()) + _SPACE * (len(parts) - 1) + _TOP + _BOTTOM,
        "legend": {"groupclick": "toggleitem"},
        "margin": {"l": 60, "r": 10, "t": _TOP, "b": _BOTTOM},
    }
    axes = {
        "y": ratio_axis(name, (value for line in values.values() for value in line)),
        "y2": {"title": {"text": "records"}, "rangemode": "tozero"},
        "y3": {"title": {"text": "divergences"}, "rangemode": "tozero"},
        "y4": {"automargin": True, "tickfont": {"size": 10}},
    }
    for axis, domain in _domains(parts).items():
        layout[f"yaxis{axis[1:]}"] = {**axes[axis], "domain": domain}
    if under:
        layout["barmode"] = "stack"
    return {"data": [*data, *missing, *under], "layout": layout}


def _domains(parts: Mapping[str, int]) -> Dict[str, List[float]]:
    """Return where each of the parts lies, as shares of the height, the first at the top."""
    whole = sum(parts.values()) + _SPACE * (len(parts) - 1)
    found, top = {}, whole
    for axis, height in parts.items():
        found[axis] = [round(max(0, top - height) / whole, 4), round(top / whole, 4)]
        top -= height + _SPACE
    return found


def _missing(gaps: Sequence[Gap]) -> Dict[str, Any]:
    """Return a cross at each place and model that has no value, with the reason."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "chains have not mixed",
        "x": [gap.place for gap in gaps],
        "y": [escape(gap.model) for gap in gaps],
        "yaxis": "y4",
        "text": [escape(gap.reason) for gap in gaps],
        "marker": {
            "symbol": "x-thin",
            "size": 8,
            "color": COLOURS[1],
            "line": {"width": 2, "color": COLOURS[1]},
        },
        "hovertemplate": "%{y} at %{x}: no value<br>%{text}<extra></extra>",
    }


def _line(
    label: str,
    number: int,
    places: Sequence[str],
    line: Sequence[Optional[float]],
    errors: Sequence[float],
) -> Dict[str, Any]:
    ends = [
        (None, None) if value is None or math.isnan(error) else _ends(value, error)
        for value, error in zip(line, errors)
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": escape(label),
        "x": list(places),
        "y": list(line),
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [above for above, _ in ends],
            "arrayminus": [below for _, below in ends],
            "thickness": 1,
        },
        "line": {"color": COLOURS[number % len(COLOURS)], "dash": DASHES[number // len(COLOURS) % 3]},
        "marker": {"symbol": SYMBOLS[(number + number // len(COLOURS)) % len(SYMBOLS)], "size": 7},
    }


def _ends(value: float, error: float) -> Tuple[float, float]:
    """Return how far two standard errors of a logarithm reach above and below a value."""
    return value * math.expm1(2 * error), -value * math.expm1(-2 * error)


def _under(counts: Mapping[str, Sequence[Optional[int]]], places: Sequence[str]) -> List[Dict[str, Any]]:
    """Return bars of records by their verdict, and divergences as a line under them."""
    bars: List[Dict[str, Any]] = [
        {
            "type": "bar",
            "name": verdict,
            "legendgroup": "accuracy",
            "legendgrouptitle": {"text": "each record against<br>the reference posterior"},
            "x": list(places),
            "y": list(counts[verdict]),
            "yaxis": "y2",
            "marker": {"color": colour, "pattern": pattern(shape)},
        }
        for verdict, (colour, shape) in _VERDICTS.items()
        if any(counts.get(verdict, ()))
    ]
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "divergences",
        "legendgroup": "accuracy",
        "x": list(places),
        "y": list(counts["divergences"]),
        "yaxis": "y3",
        "line": {"color": COLOURS[0]},
        "marker": {"symbol": "diamond", "size": 8},
    }
    return [*bars, line]


def dated(
    lines: Mapping[str, Sequence[Sequence[Tuple[str, str, float]]]],
    days: Sequence[Tuple[str, str]],
    name: str,
    whole: str = "",
) -> Dict[str, Any]:
    """Return lines over days, each broken where what it is of becomes another program.

    Parameters
    ----------
    lines : dict of list of list of (str, str, float)
        By line (a model), its parts, each of points: day, what was released on it, and the value.
    days : sequence of (str, str)
        Each day with what was released on it.
    name : str
        The axis' title, with its unit.
    whole : str
        The line that stands for all others: it is drawn over them.
    """
    data = []
    for number, (label, parts) in enumerate(lines.items()):
        # An empty point between two parts: no line is drawn to it.
        points = [point for part in parts for point in (*part, None)][:-1]
        is_whole = label == whole
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": escape(label),
                "x": [point and point[0] for point in points],
                "y": [point and point[2] for point in points],
                "text": [escape(point[1]) if point else "" for point in points],
                "line": {
                    "color": INK if is_whole else COLOURS[number % len(COLOURS)],
                    "dash": "solid" if is_whole else DASHES[number // len(COLOURS) % 3],
                    "width": 4 if is_whole else 1.5,
                },
                "marker": {
                    "symbol": SYMBOLS[(number + number // len(COLOURS)) % len(SYMBOLS)],
                    "size": 11 if is_whole else 6,
                },
                "hovertemplate": f"{escape(label)}, %{{text}}: %{{y:.3g}}<extra></extra>",
            }
        )
    every = [point[2] for parts in lines.values() for part in parts for point in part]
    ticks = _ticks(days)
    return {
        "data": data,
        "layout": {
            "xaxis": {
                "type": "date",
                "tickvals": [day for day, _ in ticks],
                "ticktext": [text for _, text in ticks],
                "tickangle": -60,
                "automargin": True,
            },
            "yaxis": ratio_axis(name, [1.0, *every]),
            "shapes": [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1}],
            "height": 520,
            "margin": {"l": 60, "r": 10, "t": _TOP, "b": 110},
        },
    }


def _ticks(days: Sequence[Tuple[str, str]]) -> List[Tuple[str, str]]:
    """Return days with the names of what was released on each, as HTML; what would overlap has one tick."""
    known = sorted((date.fromisoformat(day), text) for day, text in days)
    room = (known[-1][0] - known[0][0]) / 30
    found: List[Tuple[date, str]] = []
    for day, text in known:
        if found and day - found[-1][0] < room:
            found[-1] = (found[-1][0], f"{found[-1][1]}<br>{escape(text)}")
        else:
            found.append((day, escape(text)))
    return [(day.isoformat(), text) for day, text in found]
