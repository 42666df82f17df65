"""Checks the truth against PyMC3's own log density, in a stack's own process.

``python -m nutsbench.inside.density`` prints one JSON line a model. Two checks that share nothing
with the integration but the model: at random points the closed form has to equal
``model.logp`` up to a constant, and importance sampling from ``model.logp`` has to give
the same figures within its error.
"""

import argparse
import contextlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from nutsbench import models
from nutsbench.dialect import reading
from nutsbench.inside import isolated, later, later_density, modules, precompiled, preparing
from nutsbench.inside.unconstrained import Density
from nutsbench.models.exact import PROBABILITIES, STATISTICS
from nutsbench.models.exact.posterior import labels
from nutsbench.models.spec import ModelSpec
from nutsbench.models.truths import Truth, TruthError, compute, load

#: Points near the posterior, and as many far from it.
POINTS = 12
#: Draws of the importance sampler.
DRAWS = 60_000
#: Degrees of freedom of its multivariate t: tails heavier than any posterior here.
_FREEDOM = 5


def open_model(model: Any, function: Any, truth: Truth) -> Density:
    """Return a built model as functions of its unconstrained vector.

    Parameters
    ----------
    model : pymc3.Model
        The model, of continuous variables alone.
    function : callable
        Its log density and gradient, as ``model.logp_dlogp_function`` compiles it.
    truth : Truth
        Its truth, which says where the posterior is.
    """
    wanted = [variable for variable in model.unobserved_RVs if not variable.name.endswith("__")]
    # In Python: compiling it for a few points would take longer than calling it.
    evaluate = model.fastfn(wanted, mode="FAST_COMPILE")

    def gradient(vector: np.ndarray) -> Tuple[float, np.ndarray]:
        logp, slope = function(vector)
        return float(logp), np.array(slope)

    def values(vector: np.ndarray) -> Dict[str, np.ndarray]:
        found = evaluate(function.array_to_full_dict(vector))
        return {variable.name: np.asarray(value) for variable, value in zip(wanted, found)}

    transformed = {
        variable.transformed.name: variable for variable in wanted if hasattr(variable, "transformed")
    }
    ends = {
        quantile: function.dict_to_array(
            {
                free.name: _coordinates(transformed.get(free.name, free), truth, quantile)
                for free in model.free_RVs
            }
        )
        for quantile in PROBABILITIES
    }
    names = [label for free in model.free_RVs for label in labels(free.name, tuple(free.dshape))]
    spread = np.abs(ends["q95"] - ends["q05"]) / 3.29
    return Density(gradient, values, ends["q50"], spread, names)


def _coordinates(variable: Any, truth: Truth, quantile: str) -> np.ndarray:
    """Return a quantile of each scalar of a variable, in PyMC3's unconstrained coordinates."""
    shape = tuple(int(size) for size in variable.tag.test_value.shape)
    values = np.array([truth.quantities[label][quantile] for label in labels(variable.name, shape)])
    values = values.reshape(shape)
    transform = getattr(variable, "transformation", None)
    return values if transform is None else np.asarray(transform.forward_val(values))


def check_density(spec: ModelSpec, density: Density, seed: int = 1) -> Dict[str, Any]:
    """Compare the closed form with ``model.logp``, and its gradient with finite differences.

    Parameters
    ----------
    spec : ModelSpec
        A model with an exact posterior.
    density : Density
        The built model.
    seed : int
        Of the random points; the same points on every stack.

    Returns
    -------
    dict
        ``logp_difference``: largest difference of the two log densities, each less its
        value at the posterior's centre, relative to that or to 1 if it is smaller.
        ``gradient_difference``: largest difference of ``dlogp`` from finite differences of
        the closed form, coordinates scaled by the posterior's width, relative likewise.
        ``logp`` and ``gradient``: at each point, to be compared between stacks.
    """
    assert spec.exact is not None
    exact = spec.exact(spec.data())
    rng = np.random.RandomState(seed)
    size = len(density.centre)
    near = density.centre + 2 * density.spread * rng.normal(size=(POINTS, size))
    far = density.centre + rng.normal(size=(POINTS, size))

    def closed(points: np.ndarray) -> np.ndarray:
        rows = [density.values(point) for point in points]
        stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        return exact.log_density(stacked)

    points = np.concatenate([density.centre[None, :], near, far])
    found = [density.gradient(point) for point in points]
    logp, gradient = np.array([value for value, _ in found]), np.stack([slope for _, slope in found])
    ours = closed(points)
    differences = _relative(ours - ours[0], logp - logp[0])
    slopes = [_slope(closed, point, density.spread) for point in points[: POINTS + 1]]
    gradient_differences = _relative(np.stack(slopes), gradient[: POINTS + 1] * density.spread)
    return {
        "points": 2 * POINTS,
        "logp_difference": float(differences.max()),
        "gradient_difference": float(gradient_differences.max()),
        "logp": [float(value) for value in logp],
        "gradient": [[float(part) for part in slope * density.spread] for slope in gradient],
    }


def _relative(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    relative: np.ndarray = np.abs(one - other) / np.maximum(np.abs(other), 1.0)
    return relative


def _slope(function: Callable[[np.ndarray], np.ndarray], point: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Differentiate by central differences of fourth order, in units of the spread."""
    step = 0.02
    slope = np.empty(len(point))
    for index in range(len(point)):
        direction = np.zeros(len(point))
        direction[index] = step * spread[index]
        far, near, close, beyond = function(np.stack([point + k * direction for k in (-2, -1, 1, 2)]))
        slope[index] = (far - 8 * near + 8 * close - beyond) / (12 * step)
    return slope


def check_independently(density: Density, truth: Truth, seed: int = 1, draws: int = DRAWS) -> Dict[str, Any]:
    """Compare the truth with importance sampling from ``model.logp``.

    Parameters
    ----------
    density : Density
        The built model.
    truth : Truth
        Its truth.
    seed : int
        Of the importance sampler.
    draws : int
        Its draws, after those that fit the proposal.

    Returns
    -------
    dict
        ``z``: the largest distance of a figure in units of its standard error; ``figure``:
        which; ``size``: the distance in posterior sds; ``ess``: effective sample size of the
        weights; ``compared``: number of figures.

    Notes
    -----
    Self-normalised importance sampling with a multivariate t, fitted by two rounds of its
    own weighted moments (Owen 2013, "Monte Carlo theory, methods and examples", sections
    9.2 and 10.5). Neither Markov chains nor an integral have a part in it.
    """
    rng = np.random.RandomState(seed)
    centre, covariance = density.centre, _curvature(density)
    for _ in range(3):
        points, weights = _weighted(density, centre, covariance, draws // 6, rng)
        centre = weights @ points
        covariance = (points - centre).T @ (weights[:, None] * (points - centre))
    points, weights = _weighted(density, centre, covariance, draws, rng)
    rows = [density.values(point) for point in points]
    worst: Tuple[float, float, str] = (0.0, 0.0, "")
    compared = 0
    for name in rows[0]:
        values = np.stack([row[name] for row in rows])
        for label, column in zip(labels(name, values.shape[1:]), values.reshape(len(values), -1).T):
            if label not in truth.quantities:
                continue
            for z, size, statistic in _distances(column, weights, label, truth):
                compared += 1
                found = (abs(z) if np.isfinite(z) else np.inf, size, f"{statistic} of {label}")
                worst = max(worst, found)
    return {
        "z": worst[0],
        "size": worst[1],
        "figure": worst[2],
        "compared": compared,
        "ess": float(1 / (weights**2).sum()),
    }


def _curvature(density: Density) -> np.ndarray:
    """Return the inverse of the negative Hessian near the centre, made positive definite."""
    size, step = len(density.centre), 0.1
    hessian = np.empty((size, size))
    for index in range(size):
        direction = np.zeros(size)
        direction[index] = step * density.spread[index]
        up, down = (density.gradient(density.centre + sign * direction)[1] for sign in (1, -1))
        hessian[index] = (up - down) * density.spread / (2 * step)
    values, vectors = np.linalg.eigh(-(hessian + hessian.T) / 2)
    # No direction is taken for much wider than the widest coordinate is.
    scaled = vectors / np.maximum(values, 0.05) @ vectors.T
    covariance: np.ndarray = scaled * np.outer(density.spread, density.spread)
    return covariance


def _weighted(
    density: Density, centre: np.ndarray, covariance: np.ndarray, count: int, rng: np.random.RandomState
) -> Tuple[np.ndarray, np.ndarray]:
    """Draw from the multivariate t, and weigh each draw by the posterior."""
    size = len(centre)
    factor = np.linalg.cholesky(covariance + 1e-12 * np.diag(np.diag(covariance)))
    normal = rng.normal(size=(count, size))
    stretch = np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, size=count))
    points = centre + (normal * stretch[:, None]) @ factor.T
    distance = (normal**2).sum(axis=1) * stretch**2
    log_proposal = -0.5 * (_FREEDOM + size) * np.log1p(distance / _FREEDOM)
    logp = np.array([density.gradient(point)[0] for point in points])
    log_weights = np.where(np.isfinite(logp), logp - log_proposal, -np.inf)
    weights = np.exp(log_weights - log_weights.max())
    return points, weights / weights.sum()


def _distances(
    values: np.ndarray, weights: np.ndarray, label: str, truth: Truth
) -> List[Tuple[float, float, str]]:
    """Return z, size and name of each figure; quantiles as the probability below the true one."""
    figures = truth.quantities[label]
    mean = float(weights @ values)
    variance = float(weights @ (values - mean) ** 2)
    found = []
    away: float
    influence: np.ndarray
    for statistic in STATISTICS:
        if truth.kind == "reference" and statistic == "q50":
            continue  # The ESS of its own share is not kept.
        if statistic == "mean":
            away, influence = mean - figures["mean"], values - mean
        elif statistic == "sd":
            away = variance**0.5 - figures["sd"]
            influence = ((values - mean) ** 2 - variance) / (2 * variance**0.5)
        else:
            below = values <= figures[statistic]
            share = float(weights @ below)
            away, influence = share - PROBABILITIES[statistic], below - share
        error = math.hypot(math.sqrt((weights**2) @ influence**2), _own_error(truth, label, statistic))
        size = away / figures["sd"] if statistic in ("mean", "sd") else away
        found.append((away / error, size, statistic))
    return found


def _own_error(truth: Truth, label: str, statistic: str) -> float:
    """Return the truth's own error of a figure, of a quantile as a probability."""
    figures = truth.quantities[label]
    if statistic in ("mean", "sd"):
        return truth.error(label, statistic)
    if truth.kind == "reference":
        probability = PROBABILITIES[statistic]
        return math.sqrt(probability * (1 - probability) / figures[f"ess_{statistic}"])
    return figures["error"] / figures["sd"]


def check(spec: ModelSpec, independently: bool) -> Dict[str, Any]:
    """Make the checks of one model that can be made, and say why others cannot."""
    result: Dict[str, Any] = {"model": spec.name, "said": ""}
    if spec.variant_of:
        # Its variables are others: what they have in common, its draws are judged by.
        result["said"] = f"it is a variant of {spec.variant_of}, which is compared itself"
        return result
    try:
        truth: Optional[Truth] = load(spec)
    except TruthError as error:
        result["said"] = str(error)
        truth = compute(spec) if spec.exact is not None else None
    if truth is None:
        return result
    if spec.exact is None and not independently:
        result["said"] = result["said"] or "there is no closed form to compare with"
        return result
    if reading.is_later():
        built = later.build(spec)
        density = later_density.open_model(built, truth, later.expected(built))
    else:
        model = spec.build(spec.data())
        function = model.logp_dlogp_function(model.free_RVs)
        function.set_extra_values({})
        density = open_model(model, function, truth)
    if spec.exact is not None:
        result.update(check_density(spec, density))
    if independently:
        result["independent"] = check_independently(density, truth)
    return result


def main(arguments: Sequence[str]) -> int:
    """Check the named models, and print one JSON line each."""
    parser = argparse.ArgumentParser(prog="python -m nutsbench.inside.density")
    parser.add_argument("names", nargs="+")
    parser.add_argument("--independent", action="store_true")
    parser.add_argument("--models", action="append", default=[], type=Path)
    parser.add_argument("--folder", default=".", help="working directory, for models' data")
    options = parser.parse_args(arguments)
    output = isolated.own_output()
    os.chdir(options.folder)
    reading.begin()
    for file in options.models:
        models.load_file(file)
    with contextlib.ExitStack() as helped:
        if not reading.is_later():
            precompiled.use()
            helped.enter_context(modules.taken_over())
        for name in options.names:
            spec = models.get(name)
            if not reading.is_later():
                preparing.compiled_ahead(spec, models.model_digest(spec))
            output.write(json.dumps(check(spec, options.independent)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
