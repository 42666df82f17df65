"""Whether a posterior can be normalised: the lines along which its density does not fall.

A density that can be normalised has, through almost every point and along any direction, a section that
can be normalised too (Fubini's theorem). So a line through a random point along which the
log density falls more slowly than that of 1/t shows that the posterior is improper; the other way round
nothing is shown, and nothing is said.
"""

import time
from dataclasses import dataclass
from typing import Any, Callable, List, Sequence, Tuple

import numpy as np

#: How far along a line the density is looked at, in PyMC3's unconstrained coordinates. Past a few hundred
#: a scale, whose coordinate is its logarithm, overflows: what is no number is passed over.
_LADDER = (30.0, 1e2, 3e2, 6e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10)
#: Points that lines go through, and coordinates beyond which only some are looked along.
_POINTS, _COORDINATES = 3, 200
#: Size of a direction's gradient, relative to the largest, below which the direction is a suspect.
_SMALL = 1e-7
#: Smallest part of a direction that is named.
_PART = 0.05
#: Wall seconds that are spent on it.
_BUDGET_S = 20.0

Density = Callable[[np.ndarray], Tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Line:
    """A direction in which a density does not fall.

    Parameters
    ----------
    direction : ndarray
        Unit vector in unconstrained coordinates.
    both : bool
        Whether the density is constant in both senses of it, rather than not falling in one.
    """

    direction: np.ndarray
    both: bool


def lines(density: Density, start: np.ndarray, seed: int = 1) -> List[Line]:
    """Return directions in which a density does not fall, those of single coordinates first.

    Parameters
    ----------
    density : callable
        Vector, shape (n,), to log density and gradient.
    start : ndarray
        Where it is finite, shape (n,).
    seed : int
        Of the random points.
    """
    random, until = np.random.RandomState(seed), time.monotonic() + _BUDGET_S
    with np.errstate(all="ignore"):
        points = [start + random.uniform(-1, 1, size=start.shape) for _ in range(start.size + 8)]
        seen = [(point, *density(point)) for point in points[: 2 * _COORDINATES]]
        seen = [(point, logp, np.array(slope)) for point, logp, slope in seen if _finite(logp, slope)]
        if len(seen) < _POINTS:
            return []
        through = [point for point, _, _ in seen[:_POINTS]]
        axes = np.eye(start.size)[random.permutation(start.size)[:_COORDINATES]]
        found = _along(density, through, sorted(axes, key=lambda axis: int(axis.argmax())), until)
        single = [int(np.abs(line.direction).argmax()) for line in found]
        slopes = np.stack([slope for _, _, slope in seen])
        for pair in _suspects(slopes, single):
            found += _along(density, through, pair, until)[:1]
        return found


def _finite(logp: float, slope: np.ndarray) -> bool:
    return bool(np.isfinite(logp) and np.isfinite(slope).all())


def _suspects(slopes: np.ndarray, single: Sequence[int]) -> List[Tuple[np.ndarray, np.ndarray]]:
    """Return the directions in which no gradient points, those of single coordinates apart.

    Each twice, the first time in round numbers: far out on a line a direction's last digits count.
    """
    kept = np.setdiff1d(np.arange(slopes.shape[1]), single)
    if len(slopes) < len(kept) or len(kept) < 2:
        return []
    # Coordinates of other sizes have gradients of other sizes.
    sizes = np.maximum(np.abs(slopes[:, kept]).max(axis=0), 1e-300)
    _, values, directions = np.linalg.svd(slopes[:, kept] / sizes, full_matrices=False)
    suspects = []
    for direction in _simplest(directions[values < _SMALL * values[0]] / sizes):
        whole = np.zeros(slopes.shape[1])
        whole[kept] = direction
        rounded = np.round(whole / np.abs(whole).max(), 6)
        suspects.append((rounded / np.linalg.norm(rounded), whole / np.linalg.norm(whole)))
    return suspects


def _simplest(basis: np.ndarray) -> np.ndarray:
    """Return a basis of the same space with as many zeros as elimination gives, shape (direction, n)."""
    rows = basis.copy()
    for place in range(len(rows)):
        pivot = int(np.abs(rows[place]).argmax())
        rows[place] /= rows[place, pivot]
        for other in range(len(rows)):
            if other != place:
                rows[other] -= rows[other, pivot] * rows[place]
    return rows


def _along(
    density: Density, through: Sequence[np.ndarray], directions: Sequence[np.ndarray], until: float
) -> List[Line]:
    found = []
    for direction in directions:
        if time.monotonic() > until:
            break
        ways = [all(_stays(density, point, sign * direction) for point in through) for sign in (1.0, -1.0)]
        if any(ways):
            found.append(Line(direction if ways[0] else -direction, all(ways)))
    return found


def _stays(density: Density, point: np.ndarray, direction: np.ndarray) -> bool:
    """Return whether a density falls more slowly than 1/t along a line."""
    heights = []
    for step in _LADDER:
        logp = float(density(point + step * direction)[0])
        if not np.isfinite(logp):
            break
        heights.append(logp)
    if len(heights) < 3:
        return False
    falls = heights[0] - heights[-1]
    return bool(falls < 0.9 * np.log(_LADDER[len(heights) - 1] / _LADDER[0]))


def words(line: Line, names: Sequence[str]) -> str:
    """Say what a direction is, by the names of its coordinates.

    Parameters
    ----------
    line : Line
        Of :func:`lines`.
    names : sequence of str
        Of the coordinates.
    """
    parts = line.direction / np.abs(line.direction).max()
    large = [place for place in np.argsort(-np.abs(parts), kind="stable") if abs(parts[place]) > _PART]
    if len(large) == 1:
        return names[large[0]] if line.both else f"{names[large[0]]}, {_way(line.direction[large[0]])}"
    owners = list(dict.fromkeys(names[place].partition("[")[0] for place in sorted(large)))
    if len(large) > 4:
        together = f"all {len(large)} elements of {owners[0]}" if len(owners) == 1 else ", ".join(owners)
        return f"{together} together"
    said = ""
    for place in sorted(large):
        sign = parts[place] * (1 if parts[min(large)] > 0 else -1)
        size = "" if abs(abs(parts[place]) - 1) < 0.02 else f"{abs(parts[place]):.2g} "
        said += (" - " if sign < 0 else " + " if said else "") + size + names[place]
    return said.strip()


def _way(sign: Any) -> str:
    return "upwards" if sign > 0 else "downwards"
