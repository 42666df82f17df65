"""Posteriors that are Gaussian given a few numbers, which are integrated over numerically."""

import functools
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from nutsbench.models.exact.posterior import Combination, Point, Posterior, Summary, quantiles, stacked

#: Nodes are computed so many at a time, to bound memory.
_CHUNK = 40_000
#: Nodes with less weight than this of the mode's are left out.
_NEGLIGIBLE = 1e-22


@dataclass(frozen=True)
class Axis:
    """One of the numbers that are integrated over.

    Parameters
    ----------
    scalars : tuple of str
        Monitored scalars that are this number.
    kind : str
        ``log``: the number is positive, its coordinate the logarithm; ``atanh``: it is a
        correlation, its coordinate the inverse hyperbolic tangent.
    start : float
        Coordinate at which to look for the mode.
    """

    scalars: Tuple[str, ...]
    kind: str
    start: float = 0.0

    def value(self, coordinate: np.ndarray) -> np.ndarray:
        """Return the number at a coordinate."""
        return np.exp(coordinate) if self.kind == "log" else np.tanh(coordinate)

    def coordinate(self, value: float) -> float:
        """Return the coordinate of a number; infinite at and beyond the end of its range."""
        if self.kind == "log":
            return float(np.log(value)) if value > 0 else -np.inf
        return float(np.arctanh(value)) if abs(value) < 1 else np.copysign(np.inf, value)


class ConditionallyGaussian(Posterior):
    """A posterior p(theta, x) whose x, given theta, is Gaussian.

    Subclasses say what theta's axes and x's scalars are, and give the joint log density
    as a quadratic form of ``x - origin``. The integral over x is then closed, and that
    over theta a trapezoidal sum over a uniform grid in unbounded coordinates, which
    converges exponentially for analytic integrands that vanish at both ends (Trefethen
    and Weideman 2014, "The exponentially convergent trapezoidal rule", section 5).
    """

    #: Numbers that are integrated over: theta, d of them.
    axes: Tuple[Axis, ...] = ()
    #: Names of the scalars of x, p of them.
    latent: Tuple[str, ...] = ()
    #: Names of the variables whose scalars x is, in order.
    variables: Tuple[str, ...] = ()
    #: Where x is measured from, shape (p,): near the posterior, so that little cancels.
    origin = np.zeros(0)
    #: Monitored linear functions of x: by name, coefficients of latent scalars.
    linear: Mapping[str, Combination] = {}

    def natural(self, theta: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the joint log density as a quadratic form of e = x - origin.

        Parameters
        ----------
        theta : ndarray
            Coordinates, shape (n, d).

        Returns
        -------
        (ndarray, ndarray, ndarray)
            A (n, p, p), b (n, p) and c (n,) of log p = c + b'e - e'Ae / 2, up to one
            constant; with respect to theta's coordinates.
        """
        raise NotImplementedError

    def coordinates(self, point: Point) -> Tuple[np.ndarray, np.ndarray]:
        """Return theta's coordinates (n, d) of some points, and the log Jacobian (n,).

        The Jacobian is that of theta's coordinates with respect to PyMC3's; zero where
        they are the same.
        """
        raise NotImplementedError

    def other_summaries(self, grid: "Grid") -> Dict[str, Summary]:  # noqa: ARG002
        """Return the summaries of monitored scalars that are neither an axis nor linear in x."""
        return {}

    def log_density(self, point: Point) -> np.ndarray:
        """Return the log density that the integration uses, at some points."""
        theta, jacobian = self.coordinates(point)
        precision, shift, constant = self.natural(theta)
        if not self.variables:
            density: np.ndarray = constant + jacobian
            return density
        away = stacked(point, self.variables) - self.origin
        quadratic = np.einsum("ni,nij,nj->n", away, precision, away)
        value: np.ndarray = constant + (shift * away).sum(axis=1) - quadratic / 2 + jacobian
        return value

    def log_weight(self, theta: np.ndarray) -> np.ndarray:
        """Return the log density of theta alone, x integrated out, shape (n,)."""
        return np.concatenate([self._integrated(part)[0] for part in _chunks(theta)])

    def _integrated(self, theta: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log weights (n,), and means (n, p) and Cholesky factors (n, p, p) of x given theta."""
        precision, shift, constant = self.natural(theta)
        factor = np.linalg.cholesky(precision)
        half = np.linalg.solve(factor, shift[:, :, None])
        mean = np.linalg.solve(np.swapaxes(factor, 1, 2), half)[:, :, 0]
        log_determinant = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        return constant + (half[:, :, 0] ** 2).sum(axis=1) / 2 - log_determinant, mean, factor

    def rounding(self) -> Dict[str, float]:
        """Return the relative error of solving with the precision matrix at the mode."""
        if not self.latent:
            return {}
        precision, _, _ = self.natural(self.mode[None, :])
        # Scaled to a unit diagonal, on which Cholesky's error depends (Higham 2002, theorem 10.6).
        scale = np.sqrt(np.diagonal(precision[0]))
        condition = np.linalg.cond(precision[0] / np.outer(scale, scale))
        error = float(10 * condition * np.finfo(float).eps)
        return dict.fromkeys((*self.latent, *self.linear), error)

    @functools.cached_property
    def mode(self) -> np.ndarray:
        """Coordinates at which theta's density is largest, shape (d,)."""
        from scipy.optimize import minimize

        start = np.array([axis.start for axis in self.axes])
        if not self.axes:
            return start
        found = minimize(
            lambda theta: -self.log_weight(theta[None, :])[0], start, method="Nelder-Mead",
            options={"xatol": 1e-3, "fatol": 1e-6, "maxiter": 4000},
        )  # fmt: skip
        mode: np.ndarray = found.x
        return mode

    def grid(self, level: int) -> "Grid":
        """Return the nodes of a level, their weights, and x's mean and covariance at each."""
        return Grid(self, level)

    def summaries(self, level: int, combinations: Mapping[str, Combination]) -> Dict[str, Summary]:
        """Return the figures of theta's numbers, of x's scalars and of linear functions of x."""
        functions: Dict[str, Combination] = {name: {name: 1.0} for name in self.latent}
        functions.update(self.linear)
        functions.update(
            {name: self._resolved(terms) for name, terms in combinations.items()},
        )
        grid = Grid(self, level, self._coefficients(functions))
        found = {name: grid.gaussian(column) for column, name in enumerate(functions)}
        for number, axis in enumerate(self.axes):
            for name in axis.scalars:
                found[name] = grid.axis(number)
        found.update(self.other_summaries(grid))
        return found

    def _resolved(self, terms: Combination) -> Combination:
        """Return a combination in terms of latent scalars."""
        resolved: Dict[str, float] = {}
        for name, factor in terms.items():
            for latent, coefficient in self.linear.get(name, {name: 1.0}).items():
                resolved[latent] = resolved.get(latent, 0.0) + factor * coefficient
        return resolved

    def _coefficients(self, functions: Mapping[str, Combination]) -> np.ndarray:
        place = {name: column for column, name in enumerate(self.latent)}
        matrix = np.zeros((len(functions), len(place)))
        for row, terms in enumerate(functions.values()):
            for name, factor in terms.items():
                if name not in place:
                    raise KeyError(f"{name!r} is not linear in this posterior's Gaussian scalars")
                matrix[row, place[name]] = factor
        return matrix


class Grid:
    """Uniform nodes over theta, each with its weight and x's Gaussian.

    Parameters
    ----------
    posterior : ConditionallyGaussian
        What is integrated.
    level : int
        Fineness: each has twice the nodes a dimension of the one before.
    functions : ndarray or None
        Coefficients of the linear functions of x that are wanted, shape (q, p).
    """

    def __init__(self, posterior: ConditionallyGaussian, level: int, functions: Any = None) -> None:
        nodes = (20 if len(posterior.axes) > 2 else 24) * 2**level
        # A wider box at each level, so that what lies outside shows as a move, too.
        box, heights = _box(posterior, drop=36.0 + 6 * level)
        self.theta = posterior.axes
        self.ticks = [np.linspace(lower, upper, nodes) for lower, upper in box]
        self.steps = [float(tick[1] - tick[0]) for tick in self.ticks]
        shape = tuple(len(tick) for tick in self.ticks)
        self._fill(
            posterior,
            np.flatnonzero(_enlarged(heights, shape) > np.log(_NEGLIGIBLE)),
            functions if functions is not None else np.zeros((0, len(posterior.latent))),
        )

    def _fill(self, posterior: ConditionallyGaussian, nodes: np.ndarray, functions: np.ndarray) -> None:
        """Compute the weights of some nodes, the others being negligible, and x's Gaussians there."""
        shape = tuple(len(tick) for tick in self.ticks)
        peak = posterior.log_weight(posterior.mode[None, :])[0]
        weights = np.zeros(int(np.prod(shape)))
        kept: List[Tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for begin in range(0, len(nodes), _CHUNK):
            index = nodes[begin : begin + _CHUNK]
            log_weight, mean, factor = posterior._integrated(self._coordinates(index, shape))
            weight = np.exp(log_weight - peak)
            weights[index] = weight
            heavy = weight > _NEGLIGIBLE
            # sd of f'x is the length of L^-1 f, the precision being LL'.
            wanted = np.broadcast_to(functions.T, (int(heavy.sum()), *functions.T.shape))
            spread = np.linalg.solve(factor[heavy], wanted)
            kept.append(
                (
                    weight[heavy],
                    (mean[heavy] + posterior.origin) @ functions.T,
                    np.sqrt((spread**2).sum(axis=1)),
                )
            )
        self.weights = (weights / weights.sum()).reshape(shape)
        heavy_weights = np.concatenate([weight for weight, _, _ in kept])
        self._heavy = heavy_weights / heavy_weights.sum()
        self._means = np.concatenate([mean for _, mean, _ in kept])
        self._sds = np.concatenate([sd for _, _, sd in kept])

    def _coordinates(self, index: np.ndarray, shape: Tuple[int, ...]) -> np.ndarray:
        if not shape:
            return np.zeros((len(index), 0))
        places = np.unravel_index(index, shape)
        return np.stack([tick[place] for tick, place in zip(self.ticks, places)], axis=1)

    def gaussian(self, column: int) -> Summary:
        """Return the figures of a linear function of x: a mixture of Gaussians."""
        from scipy.special import ndtr

        weights, means, sds = self._heavy, self._means[:, column], self._sds[:, column]
        mean = float(weights @ means)
        sd = float(np.sqrt(weights @ (sds**2 + (means - mean) ** 2)))

        def cdf(x: float) -> float:
            return float(weights @ ndtr((x - means) / sds))

        return {"mean": mean, "sd": sd, **quantiles(cdf, mean, sd)}

    def axis(self, number: int) -> Summary:
        """Return the figures of one of theta's numbers."""
        axis = self.theta[number]
        marginal = self.marginal(number)
        values = axis.value(self.ticks[number])
        mean = float(marginal @ values)
        sd = float(np.sqrt(marginal @ (values - mean) ** 2))

        def cdf(x: float) -> float:
            return float(marginal @ self.below(number, axis.coordinate(x)))

        return {"mean": mean, "sd": sd, **quantiles(cdf, mean, sd)}

    def marginal(self, *numbers: int) -> np.ndarray:
        """Return the weights summed over all axes but some, which keep their order."""
        others = tuple(set(range(len(self.theta))) - set(numbers))
        marginal: np.ndarray = self.weights.sum(axis=others)
        return marginal

    def refined(self, number: int, other: int, by: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return the weights over two axes with more nodes on the first, and these nodes.

        The weights are those of an analytic function that vanishes at both ends, so sinc
        functions interpolate them to the accuracy of the trapezoidal rule (Stenger 1993,
        "Numerical methods based on sinc and analytic functions", section 3.1).
        """
        table = self.marginal(*sorted((number, other)))
        table = table if number < other else table.T
        step, ticks = self.steps[number], self.ticks[number]
        fine = np.arange(ticks[0] - 8 * step, ticks[-1] + 8 * step, step / by)
        return np.sinc((fine[:, None] - ticks) / step) @ table / by, fine

    def below(self, number: int, coordinate: float) -> np.ndarray:
        """Return for each node of an axis the share of its weight that lies below a coordinate.

        Notes
        -----
        Indefinite integration by sinc functions: the integral of sinc((t - t_k) / h) up to
        x is h (1/2 + Si(pi (x - t_k) / h) / pi) (Haber 1993, "Two formulas for numerical
        indefinite integration", Mathematics of Computation 60).
        """
        from scipy.special import sici

        if np.isinf(coordinate):
            return np.full(len(self.ticks[number]), float(coordinate > 0))
        sine_integral, _ = sici(np.pi * (coordinate - self.ticks[number]) / self.steps[number])
        share: np.ndarray = 0.5 + sine_integral / np.pi
        return share


def _chunks(theta: np.ndarray) -> List[np.ndarray]:
    return [theta[begin : begin + _CHUNK] for begin in range(0, max(1, len(theta)), _CHUNK)]


def _box(posterior: ConditionallyGaussian, drop: float) -> Tuple[List[Tuple[float, float]], np.ndarray]:
    """Return a box outside of which the weight is below exp(-drop) of the largest.

    Returns
    -------
    (list of (float, float), ndarray)
        Ends of each axis, and the log weights of a coarse grid over it, less the largest.
    """
    mode = posterior.mode
    nodes = {0: 1, 1: 201, 2: 61, 3: 25}.get(len(mode), 15)
    box = np.stack([mode - 1.0, mode + 1.0], axis=1)
    for _ in range(60):
        heights = _coarse(posterior, box, nodes)
        new = (
            np.stack([_fitted(ends, heights, axis, drop) for axis, ends in enumerate(box)])
            if len(mode)
            else box
        )
        if np.all(np.abs(new - box) <= 2.1 * (box[:, 1:] - box[:, :1]) / max(1, nodes - 1)):
            return [(float(lower), float(upper)) for lower, upper in new], _coarse(posterior, new, nodes)
        box = new
    raise ArithmeticError("no box was found that holds the posterior")


def _coarse(posterior: ConditionallyGaussian, box: np.ndarray, nodes: int) -> np.ndarray:
    """Return log weights, less the largest, of a grid over a box; the mode may lie between its nodes."""
    ticks = [np.linspace(lower, upper, nodes) for lower, upper in box]
    mesh = [axis.ravel() for axis in np.meshgrid(*ticks, indexing="ij")]
    theta = np.stack(mesh, axis=1) if mesh else np.zeros((1, 0))
    heights = posterior.log_weight(theta).reshape((nodes,) * len(box))
    relative: np.ndarray = heights - max(
        float(heights.max()), float(posterior.log_weight(posterior.mode[None, :])[0])
    )
    return relative


def _fitted(ends: np.ndarray, heights: np.ndarray, axis: int, drop: float) -> np.ndarray:
    """Return an axis's ends, moved to where the profile falls below -drop."""
    others = tuple(set(range(heights.ndim)) - {axis})
    there = np.flatnonzero(heights.max(axis=others) > -drop)
    nodes = heights.shape[axis]
    first, last = (there[0], there[-1]) if len(there) else (nodes // 2, nodes // 2)
    width = ends[1] - ends[0]
    step = width / (nodes - 1)
    lower = ends[0] - width / 2 if first == 0 else ends[0] + (first - 1) * step
    upper = ends[1] + width / 2 if last == nodes - 1 else ends[0] + (last + 1) * step
    return np.array([lower, upper])


def _enlarged(heights: np.ndarray, shape: Tuple[int, ...]) -> np.ndarray:
    """Return for each node of a finer grid, flattened, the largest height of the coarse nodes around it."""
    from scipy.ndimage import maximum_filter

    around = maximum_filter(heights, size=3, mode="nearest") if heights.ndim else heights
    for axis, count in enumerate(shape):
        nearest = np.rint(np.linspace(0, heights.shape[axis] - 1, count)).astype(int)
        around = around.take(nearest, axis=axis)
    flat: np.ndarray = around.ravel()
    return flat
