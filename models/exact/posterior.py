"""What an exact posterior offers, and how its figures are refined until they stand still."""

from dataclasses import dataclass
from typing import Callable, Dict, Mapping, Tuple

import numpy as np

#: What is known of each scalar; quantiles at 5, 50 and 95 %.
STATISTICS = ("mean", "sd", "q05", "q50", "q95")
PROBABILITIES = {"q05": 0.05, "q50": 0.5, "q95": 0.95}

#: Relative error of a figure at the least: sums of thousands of terms, and special functions
#: that differ by so much from one version of SciPy to the next.
_ROUNDING = 1e-12

#: One scalar's five figures, by :data:`STATISTICS`.
Summary = Dict[str, float]
#: A scalar's name, or several with their coefficients.
Combination = Mapping[str, float]
#: Values of a model's free variables: by name, shape (points, *shape of the variable).
Point = Mapping[str, np.ndarray]


class NotConvergedError(ArithmeticError):
    """The figures still moved when the nodes could not be doubled any more."""


class Posterior:
    """A posterior whose figures can be computed to any number of digits."""

    #: How the figures come about, in a line; kept in the truth file.
    method = ""
    #: How often the nodes can be doubled before the grid becomes too large.
    max_level = 6

    def log_density(self, point: Point) -> np.ndarray:
        r"""Return the log density, up to a constant, in PyMC3's unconstrained coordinates.

        Parameters
        ----------
        point : dict of ndarray
            The free variables' own (constrained) values, shape (points, \*shape).

        Returns
        -------
        ndarray
            Shape (points,). The Jacobian of PyMC3's transforms is in it, as in ``model.logp``.
        """
        raise NotImplementedError

    def summaries(self, level: int, combinations: Mapping[str, Combination]) -> Dict[str, Summary]:
        """Return each scalar's five figures from a grid of some fineness.

        Parameters
        ----------
        level : int
            Each level has twice the nodes a dimension of the one before.
        combinations : dict of dict
            Linear combinations of scalars, by a name of their own, to be summarised as well.
        """
        raise NotImplementedError

    def rounding(self) -> Dict[str, float]:
        """Return, by scalar, the relative error that rounding can leave where it is not tiny."""
        return {}


@dataclass(frozen=True)
class Solved:
    """Figures of a posterior with their error.

    Parameters
    ----------
    summaries : dict of dict
        By scalar, the five figures.
    errors : dict of float
        By scalar, a bound of the error of each of the five, in the scalar's units.
    level : int
        Doublings of the nodes.
    """

    summaries: Dict[str, Summary]
    errors: Dict[str, float]
    level: int


def solve(posterior: Posterior, combinations: Mapping[str, Combination], tolerance: float = 1e-6) -> Solved:
    """Double the nodes until no figure moves by more than ``tolerance`` posterior sds.

    The error bound of a scalar is the largest move of its figures at the last doubling,
    and not less than what rounding can do. The trapezoidal rule converges exponentially
    here (Trefethen and Weideman 2014), so that the figures kept, those after the
    doubling, are far closer than the bound.

    Raises
    ------
    NotConvergedError
        If the figures still move by more at the finest level.
    """
    before = posterior.summaries(0, combinations)
    for level in range(1, posterior.max_level + 1):
        now = posterior.summaries(level, combinations)
        moves = {name: max(abs(now[name][s] - before[name][s]) for s in STATISTICS) for name in now}
        worst = max(now, key=lambda name: moves[name] / now[name]["sd"])
        if moves[worst] <= tolerance * now[worst]["sd"]:
            rounding = posterior.rounding()
            errors = {
                name: max(
                    move, max(_ROUNDING, rounding.get(name, 0.0)) * max(abs(now[name][s]) for s in STATISTICS)
                )
                for name, move in moves.items()
            }
            return Solved(now, errors, level)
        before = now
    raise NotConvergedError(
        f"{worst} still moves by {moves[worst] / now[worst]['sd']:.1e} posterior sds"
        f" after {posterior.max_level} doublings"
    )


def quantiles(cdf: Callable[[float], float], mean: float, sd: float) -> Dict[str, float]:
    """Return the three quantiles of a distribution by finding the roots of its CDF.

    Parameters
    ----------
    cdf : callable
        Distribution function.
    mean, sd : float
        Its mean and standard deviation, near which the quantiles are looked for.
    """
    return {name: _root(cdf, probability, mean, sd) for name, probability in PROBABILITIES.items()}


def _root(cdf: Callable[[float], float], probability: float, mean: float, sd: float) -> float:
    from scipy.optimize import brentq

    lower, upper = mean - 3 * sd, mean + 3 * sd
    while cdf(lower) > probability:
        lower -= 3 * sd
    while cdf(upper) < probability:
        upper += 3 * sd
    return float(brentq(lambda x: cdf(x) - probability, lower, upper, xtol=1e-13 * sd, rtol=1e-14))


class Product(Posterior):
    """Independent posteriors side by side: a likelihood that factorises.

    Parameters
    ----------
    *parts : Posterior
        The factors; no two share a variable.
    """

    def __init__(self, *parts: Posterior) -> None:
        self._parts = parts
        self.method = "product of: " + "; ".join(dict.fromkeys(part.method for part in parts))
        self.max_level = min(part.max_level for part in parts)

    def log_density(self, point: Point) -> np.ndarray:
        """Return the sum of the factors' log densities."""
        total: np.ndarray = np.sum([part.log_density(point) for part in self._parts], axis=0)
        return total

    def summaries(self, level: int, combinations: Mapping[str, Combination]) -> Dict[str, Summary]:
        """Return the summaries of every factor; a combination has to lie within one of them."""
        found: Dict[str, Summary] = {}
        for part in self._parts:
            own = part.summaries(level, {})
            inside = {name: terms for name, terms in combinations.items() if set(terms) <= set(own)}
            found.update(part.summaries(level, inside) if inside else own)
        for name in combinations:
            if name not in found:
                raise KeyError(f"{name!r} is not linear in the Gaussian scalars of one factor")
        return found

    def rounding(self) -> Dict[str, float]:
        """Return those of every factor."""
        return {name: error for part in self._parts for name, error in part.rounding().items()}


def stacked(point: Point, names: Tuple[str, ...]) -> np.ndarray:
    """Return the named variables' scalars side by side, shape (points, scalars)."""
    columns = [np.asarray(point[name], dtype=float) for name in names]
    return np.concatenate([c.reshape(len(c), -1) for c in columns], axis=1)


def labels(name: str, shape: Tuple[int, ...]) -> Tuple[str, ...]:
    """Return the names of a variable's scalars: ``ab[0,0]``, ``ab[0,1]``, ..."""
    if not shape:
        return (name,)
    return tuple(f"{name}[{','.join(map(str, index))}]" for index in np.ndindex(*shape))
