"""A model as functions of its unconstrained vector, of whichever PyMC it is."""

from dataclasses import dataclass
from typing import Callable, Dict, List, Tuple

import numpy as np


@dataclass(frozen=True)
class Density:
    """A built model as functions of its unconstrained vector.

    Parameters
    ----------
    gradient : callable
        Vector to log-probability and gradient.
    values : callable
        Vector to the values of the free variables and Deterministics, by name.
    centre, spread : ndarray
        Where the posterior is, and how wide, by coordinate.
    names : list of str
        Names of the coordinates.
    """

    gradient: Callable[[np.ndarray], Tuple[float, np.ndarray]]
    values: Callable[[np.ndarray], Dict[str, np.ndarray]]
    centre: np.ndarray
    spread: np.ndarray
    names: List[str]
