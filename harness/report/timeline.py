"""Lines over releases or commits, with the same places' accuracy and divergences under them."""

import math
from html import escape
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from harness.report.charts import COLOURS, SYMBOLS, pattern, ratio_axis

DASHES = ("solid", "dash", "dot")
#: How cells are shown by their verdict on accuracy: colour and pattern.
_VERDICTS = {
    "accurate": (COLOURS[2], ""),
    "can't tell": (COLOURS[5], "."),
    "inaccurate": (COLOURS[1], "/"),
    "failed": ("#7F7F7F", "x"),
}
#: Parts of the height: lines, cells by verdict, divergences.
_DOMAINS = ((0.44, 1.0), (0.19, 0.38), (0.0, 0.13))


def history(
    values: Mapping[str, Sequence[Optional[float]]],
    errors: Mapping[str, Sequence[float]],
    places: Sequence[str],
    marks: Sequence[Tuple[str, str]],
    name: str,
    counts: Optional[Mapping[str, Sequence[Optional[int]]]] = None,
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
        Number of cells by verdict, and ``divergences``, at each place: shown under the lines, on the
        same axis of places.
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
    layout: Dict[str, Any] = {
        "yaxis": ratio_axis(name, (value for line in values.values() for value in line)),
        # Places stay in their order though a line may lack some.
        "xaxis": {"type": "category", "categoryorder": "array", "categoryarray": list(places)},
        "shapes": lines,
        "annotations": notes,
        "height": 440,
        "legend": {"groupclick": "toggleitem"},
        "margin": {"l": 60, "r": 10, "t": 20, "b": 60},
    }
    if under:
        lines_at, cells_at, divergences_at = map(list, _DOMAINS)
        layout["yaxis"]["domain"] = lines_at
        layout["yaxis2"] = {"title": {"text": "cells"}, "domain": cells_at, "rangemode": "tozero"}
        layout["yaxis3"] = {"title": {"text": "divergences"}, "domain": divergences_at, "rangemode": "tozero"}
        layout["xaxis"]["anchor"] = "y3"
        layout.update(barmode="stack", height=760)
    return {"data": [*data, *under], "layout": layout}


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
    """Return bars of cells by their verdict, and divergences as a line under them."""
    bars: List[Dict[str, Any]] = [
        {
            "type": "bar",
            "name": verdict,
            "legendgroup": "accuracy",
            "legendgrouptitle": {"text": "accuracy of all cells"},
            "x": list(places),
            "y": list(counts[verdict]),
            "yaxis": "y2",
            "marker": {"color": colour, "pattern": pattern(shape)},
        }
        for verdict, (colour, shape) in _VERDICTS.items()
        if any(counts[verdict])
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
