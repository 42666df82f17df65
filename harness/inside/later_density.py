"""A model of PyMC 4 and later as functions of its unconstrained vector, as its sampler compiles it."""

from typing import Any, Callable, Dict, List, Tuple

import numpy as np

from nutsbench.inside import engines
from nutsbench.inside.unconstrained import Density
from nutsbench.models.exact import PROBABILITIES
from nutsbench.models.exact.posterior import labels
from nutsbench.models.truths import Truth

#: Returns log density and gradient at a value of each free variable, in their order.
Gradient = Callable[[Dict[str, np.ndarray]], Tuple[float, np.ndarray]]


def open_model(model: Any, truth: Truth, engine: str = "pymc") -> Density:
    """Return a built model as functions of its unconstrained vector.

    Parameters
    ----------
    model : pymc.Model
        The model, of continuous variables alone.
    truth : Truth
        Its truth, which says where the posterior is.
    engine : str
        Key in :data:`nutsbench.inside.engines.TABLE`: log density and gradient are those that it is given.
    """
    compiled = _compiled(model, engine)
    outputs = [one for one in model.unobserved_value_vars if not one.name.endswith("__")]
    evaluate = model.compile_fn(outputs, inputs=model.value_vars, on_unused_input="ignore")
    shapes = {name: np.shape(value) for name, value in _start(model).items()}
    values_of = {free.name: model.rvs_to_values[free] for free in model.free_RVs}

    def point(vector: np.ndarray) -> Dict[str, np.ndarray]:
        found, at = {}, 0
        for value in values_of.values():
            size = int(np.prod(shapes[value.name], dtype=int))
            found[value.name] = np.asarray(vector[at : at + size]).reshape(shapes[value.name])
            at += size
        return found

    def gradient(vector: np.ndarray) -> Tuple[float, np.ndarray]:
        return compiled(point(vector))

    def values(vector: np.ndarray) -> Dict[str, np.ndarray]:
        return {one.name: np.asarray(value) for one, value in zip(outputs, evaluate(point(vector)))}

    ends = {
        quantile: np.concatenate([_coordinates(model, free, truth, quantile) for free in model.free_RVs])
        for quantile in PROBABILITIES
    }
    names: List[str] = [
        label for free, value in values_of.items() for label in labels(free, shapes[value.name])
    ]
    spread = np.abs(ends["q95"] - ends["q05"]) / 3.29
    return Density(gradient, values, ends["q50"], spread, names)


def _compiled(model: Any, engine: str) -> Gradient:
    """Return log density and gradient as a sampler has them compiled."""
    if engine == "nutpie":
        return _of_nutpie(model)
    if engine in engines.ON_JAX:
        return _of_jax(model)
    logp, dlogp = model.compile_logp(), model.compile_dlogp()
    return lambda at: (float(logp(at)), np.array(dlogp(at)))


def _of_nutpie(model: Any) -> Gradient:
    """Return the function that nutpie compiles by Numba and calls from Rust; its vector has our order."""
    import nutpie

    function = nutpie.compile_pymc_model(model).logp_func

    def gradient(at: Dict[str, np.ndarray]) -> Tuple[float, np.ndarray]:
        logp, slope = function(np.concatenate([value.ravel() for value in at.values()]))
        return float(logp), np.array(slope)

    return gradient


def _of_jax(model: Any) -> Gradient:
    """Return what PyMC translates to JAX for its samplers, with JAX's own gradient."""
    import jax
    from pymc.sampling.jax import get_jaxified_logp

    # Despite its name, ``negative_logp=True``, the default, leaves the sign as it is.
    function = jax.jit(jax.value_and_grad(get_jaxified_logp(model)))
    order = [value.name for value in model.value_vars]

    def gradient(at: Dict[str, np.ndarray]) -> Tuple[float, np.ndarray]:
        logp, slopes = function([at[name] for name in order])
        of = dict(zip(order, slopes))
        return float(logp), np.concatenate([np.asarray(of[name]).ravel() for name in at])

    return gradient


def _start(model: Any) -> Dict[str, np.ndarray]:
    return dict(model.initial_point())


def _coordinates(model: Any, free: Any, truth: Truth, quantile: str) -> np.ndarray:
    """Return a quantile of each scalar of a variable, in PyMC's unconstrained coordinates, as a vector."""
    shape = tuple(int(size) for size in free.shape.eval())
    values = np.array([truth.quantities[label][quantile] for label in labels(free.name, shape)])
    values = values.reshape(shape)
    transform = _transform(model, free)
    if transform is None:
        return values.ravel()
    tensors = type(free.owner.inputs[0]).__module__.partition(".")[0]
    constant = __import__(f"{tensors}.tensor", fromlist=["constant"]).constant
    found: np.ndarray = np.asarray(transform.forward(constant(values), *free.owner.inputs).eval()).ravel()
    return found


def _transform(model: Any, free: Any) -> Any:
    known = getattr(model, "rvs_to_transforms", None)
    # PyMC 4.0 keeps it with the value.
    return getattr(model.rvs_to_values[free].tag, "transform", None) if known is None else known[free]
