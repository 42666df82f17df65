"""Which of PyMC3's step methods takes which variable, and how NUTS is given its arguments among them.

``pm.sample`` gives every continuous variable with a gradient to NUTS, and each other one to the step
method that suits it. Its arguments then go to a step method by name: ``nuts={"target_accept": 0.9}``.
"""

import contextlib
from typing import Any, Dict, Iterator, List, Mapping
from unittest import mock

from nutsbench.models.spec import ModelSpec, SamplerSettings

#: The settings that are NUTS's own; the others are of ``pm.sample``.
_OF_NUTS = ("target_accept", "max_treedepth")


class UnsampleableError(Exception):
    """NUTS has nothing to sample in a model; the message says why, and what to write instead.

    Parameters
    ----------
    message : str
        The message.
    clause : str
        Which clause of :mod:`nutsbench.inside.contract` the model breaks.
    """

    def __init__(self, message: str, clause: str = "builds") -> None:
        super().__init__(message)
        self.clause = clause


class NoGradientError(Exception):
    """``pm.sample`` gave up NUTS for a model of continuous variables, one of which has no gradient."""


def build(spec: ModelSpec) -> Any:
    """Build a model, or say in one line why it cannot be sampled.

    Parameters
    ----------
    spec : ModelSpec
        The model.

    Returns
    -------
    pymc3.Model
        The model.

    Raises
    ------
    UnsampleableError
        If its build function returns no model, or a model without free variables, or one whose
        data are drawn anew at each step.
    Exception
        Whatever its functions raise.
    """
    import pymc3 as pm

    batches: List[str] = []
    with contextlib.ExitStack() as watching:
        # Watched rather than looked for in the graph: this takes no time of a model without them.
        for name in ("Minibatch", "GeneratorAdapter"):
            watching.enter_context(_noting(getattr(pm.data, name), name, batches))
        model = spec.build(spec.data())
    if not isinstance(model, pm.Model):
        given = "nothing" if model is None else f"a {type(model).__name__}"
        raise UnsampleableError(
            f"the build function of {spec.name} returns {given}, not a model: end it with `return model`"
        )
    if batches:
        raise UnsampleableError(
            f"{spec.name} draws minibatches of its data (pm.{batches[0]}), so that its density is another one"
            " at each step, which NUTS cannot sample: give it the whole data"
        )
    if not model.free_RVs:
        raise UnsampleableError(f"{spec.name} has no free variable: there is nothing to sample", "continuous")
    return model


@contextlib.contextmanager
def _noting(kind: Any, name: str, made: List[str]) -> Iterator[None]:
    initialise = kind.__init__

    def noted(*args: Any, **kwargs: Any) -> None:
        made.append(name)
        initialise(*args, **kwargs)

    with mock.patch.object(kind, "__init__", noted):
        yield


def untransformed(name: str) -> str:
    """Return the name that a model's author gave a variable: ``error`` of ``error_log__``."""
    import pymc3 as pm

    return str(pm.util.get_untransformed_name(name) if pm.util.is_transformed_name(name) else name)


def assigned(model: Any) -> Dict[str, str]:
    """Return which step method ``pm.sample`` takes for each free variable, by the variable's name.

    Asked of PyMC3 itself, so that it is what this release does; nothing is compiled.
    """
    import pymc3 as pm

    chosen: Dict[str, str] = {}

    def note(_model: Any, steps: Any, selected: Mapping[Any, Any], *_: Any, **__: Any) -> Any:
        chosen.update({v.name: method.__name__ for method, found in selected.items() for v in found})
        return steps

    with mock.patch.object(pm.sampling, "instantiate_steppers", note), model:
        try:
            pm.sampling.assign_step_methods(model)
        except Exception as error:
            # PyMC3 takes no such variable unless NUTS takes all.
            if type(error).__name__ != "DisconnectedInputError":
                raise
            raise UnsampleableError(
                "a continuous variable does not enter the log-probability, which pm.sample takes of no model"
                " with several step methods: give it a proper prior, or take it out",
                "proper",
            ) from error
    return {untransformed(variable.name): chosen[variable.name] for variable in model.free_RVs}


def gradient(model: Any) -> Any:
    """Return log density and gradient of a model, compiled, if NUTS takes all of its variables, else None.

    It does where all free variables are continuous and have a gradient.
    """
    import pymc3 as pm
    from theano.gradient import NullTypeGradError

    if not pm.sampling.all_continuous(model.vars):
        return None
    try:
        return model.logp_dlogp_function(model.vars)
    except (AttributeError, NotImplementedError, NullTypeGradError):  # What pm.sample takes for an answer.
        return None


def check(spec: ModelSpec, samplers: Mapping[str, str]) -> None:
    """Refuse a model none of whose variables is for NUTS.

    Raises
    ------
    UnsampleableError
        Which says what takes its variables instead.
    """
    if "NUTS" not in samplers.values():
        others = ", ".join(f"{name} ({method})" for name, method in samplers.items())
        raise UnsampleableError(
            f"{spec.name} has nothing for NUTS, which needs a continuous variable with a gradient: {others};"
            " sample it with pm.sample, or give it one",
            "continuous",
        )


def arguments(settings: SamplerSettings, compound: bool) -> Dict[str, Any]:
    """Return the settings as the arguments of ``pm.sample``.

    Parameters
    ----------
    settings : SamplerSettings
        The settings.
    compound : bool
        Whether other step methods than NUTS are taken too, so that arguments need an address.
    """
    values = settings.to_dict()
    if compound:
        values["nuts"] = {name: values.pop(name) for name in _OF_NUTS}
    return values


def notes(samplers: Mapping[str, str], settings: SamplerSettings) -> List[str]:
    """Say what is not known of draws that several step methods made, or that were not tuned for.

    Parameters
    ----------
    samplers : dict of str
        By variable, the name of its step method.
    settings : SamplerSettings
        What was asked for.
    """
    said = []
    if not settings.tune:
        said.append("tune=0: step size and mass matrix are not tuned to the model")
    nuts = [name for name, method in samplers.items() if method == "NUTS"]
    others = {name: method for name, method in samplers.items() if method != "NUTS"}
    if not others:
        return said
    who = ", ".join(f"{name} by {method}" for name, method in others.items())
    said.append(
        f"{who}, not by NUTS: divergences, step size, tree depth and E-BFMI are those of NUTS's part"
        f" ({', '.join(nuts)}) alone, and nothing like them is known of the rest"
    )
    if settings.init not in ("auto", "adapt_diag"):
        said.append(
            f"init={settings.init} is not for several step methods: the chains start at the test point"
        )
    return said


def nuts_of(step: Any) -> Any:
    """Return NUTS's own step of a step method, ``None`` where there is none."""
    for one in getattr(step, "methods", [step]):
        if type(one).__name__ == "NUTS":
            return one
    return None
