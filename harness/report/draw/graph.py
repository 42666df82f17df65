"""The graph of a model, read off its ``~`` notation, as SVG."""

import re
from dataclasses import dataclass
from html import escape
from typing import Dict, List

_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    ' orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
)
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y = 150, 44, 24, 46


@dataclass(frozen=True)
class Node:
    """One variable.

    Parameters
    ----------
    name : str
        Its name.
    kind : str
        ``free``, ``observed`` or ``computed``.
    distribution : str
        What it is distributed as, or ``=``.
    parents : tuple of str
        Variables that its statement names.
    """

    name: str
    kind: str
    distribution: str
    parents: tuple  # type: ignore[type-arg]


def nodes(notation: str) -> List[Node]:
    """Return a model's variables and what each depends on.

    Parameters
    ----------
    notation : str
        One statement a line: ``name[indices] ~ Distribution(...)`` or ``name = expression``;
        ``, observed: data`` marks what is observed, and ``L from name`` gives another name
        for the sake of the statement.
    """
    found: List[Node] = []
    other_names: Dict[str, str] = {}
    for line in notation.splitlines():
        match = re.match(r"\s*([^~=\[]+?)(\[[^\]]*\])?\s*([~=])\s*(.*)", line)
        if match is None:
            continue
        name, _, sign, right = match.groups()
        for short, long in re.findall(r"\b(\w+) from (\w+)", right):
            other_names[short] = long
        parents = [node.name for node in found if _names(right, node.name)]
        known = {node.name for node in found}
        parents += [long for short, long in other_names.items() if _names(right, short) and long in known]
        observed = re.search(r",\s*observed\b", right) is not None
        kind = "computed" if sign == "=" else "observed" if observed else "free"
        family = re.match(r"\w+", right)
        text = family[0] if sign == "~" and family else "computed"
        found.append(Node(name, kind, text, tuple(dict.fromkeys(parents))))
    return found


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _levels(found: List[Node]) -> List[List[Node]]:
    level: Dict[str, int] = {}
    for node in found:
        level[node.name] = 1 + max((level[parent] for parent in node.parents if parent in level), default=-1)
    return [[node for node in found if level[node.name] == depth] for depth in range(max(level.values()) + 1)]


def svg(notation: str) -> str:
    """Return the graph as SVG whose colours are the page's, empty if the notation holds no statement.

    Parameters
    ----------
    notation : str
        As in :func:`nodes`.
    """
    found = nodes(notation)
    if not found:
        return ""
    rows = _levels(found)
    width = max(len(row) for row in rows) * (_WIDTH + _GAP_X) - _GAP_X
    height = len(rows) * (_HEIGHT + _GAP_Y) - _GAP_Y
    places: Dict[str, tuple] = {}  # type: ignore[type-arg]
    for depth, row in enumerate(rows):
        # Under its parents, so that fewer lines cross.
        row = sorted(row, key=lambda node: _middle([places[p][0] for p in node.parents if p in places]))
        left = (width - len(row) * (_WIDTH + _GAP_X) + _GAP_X) / 2
        for number, node in enumerate(row):
            places[node.name] = (left + number * (_WIDTH + _GAP_X), depth * (_HEIGHT + _GAP_Y))
    parts = [_edge(places[parent], places[node.name]) for node in found for parent in node.parents]
    parts += [_box(node, *places[node.name]) for node in found]
    said = "; ".join(f"{node.name} depends on {', '.join(node.parents) or 'nothing'}" for node in found)
    return (
        f'<svg class="graph" viewBox="-4 -4 {width + 8:.0f} {height + 8:.0f}" width="{width + 8:.0f}"'
        f' role="img" aria-label="{escape(said)}">{_ARROW}{"".join(parts)}</svg>'
    )


def _middle(places: List[float]) -> float:
    return sum(places) / len(places) if places else 0.0


def _edge(start: tuple, end: tuple) -> str:  # type: ignore[type-arg]
    x1, y1 = start[0] + _WIDTH / 2, start[1] + _HEIGHT
    x2, y2 = end[0] + _WIDTH / 2, end[1]
    curve = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + 24:.0f} {x2:.0f} {y2 - 24:.0f} {x2:.0f} {y2:.0f}"
    return f'<path class="edge" marker-end="url(#arrow)" d="{curve}"/>'


def _box(node: Node, x: float, y: float) -> str:
    middle = x + _WIDTH / 2
    corner = 4 if node.kind == "computed" else _HEIGHT / 2
    what = node.distribution + (", observed" if node.kind == "observed" else "")
    return (
        f'<g class="{node.kind}"><rect x="{x:.0f}" y="{y:.0f}" width="{_WIDTH}" height="{_HEIGHT}"'
        f' rx="{corner:.0f}"/>'
        f'<text x="{middle:.0f}" y="{y + 19:.0f}">{escape(node.name)}</text>'
        f'<text class="small" x="{middle:.0f}" y="{y + 35:.0f}">{escape(what)}</text></g>'
    )
