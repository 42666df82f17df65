"""Why a chain could not begin: what of the log-probability or its gradient is not finite, and where."""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from nutsbench.inside.steppers import untransformed

#: Starts that are tried where PyMC3 did not get as far as to choose its own.
_STARTS = 10
#: How PyMC3's errors of a bad start begin, on every release.
_BEGINNINGS = (
    "Bad initial energy",
    "Mass matrix contains",
    "Initial evaluation of model at starting point failed",
    "Initial evaluation results",
)

Point = Mapping[str, np.ndarray]


class BadStartError(Exception):
    """A chain could not begin; the cause is PyMC3's own error.

    Parameters
    ----------
    model : pymc3.Model
        The model.
    starts : list of dict
        Where the chains were to begin; empty if PyMC3 did not get as far.
    jittered : bool
        Whether those starts are jittered ones.
    """

    def __init__(self, model: Any, starts: Sequence[Point], jittered: bool) -> None:
        super().__init__("a chain could not begin")
        self.model, self.starts, self.jittered = model, list(starts), jittered


def is_bad_start(error: BaseException) -> bool:
    """Return whether an error of ``pm.sample`` is that a chain could not begin."""
    return type(error).__name__ == "SamplingError" or str(error).strip().startswith(_BEGINNINGS)


@dataclass(frozen=True)
class Seen:
    """What is wrong at one point.

    Parameters
    ----------
    terms : dict of str to float
        The parts of the log-probability that are not finite, by the name of variable or potential.
    broken, flat : tuple of str
        Variables with a gradient that is not finite, or is zero in all elements.
    """

    terms: Dict[str, float]
    broken: Tuple[str, ...] = ()
    flat: Tuple[str, ...] = ()


def look(model: Any, points: Sequence[Point]) -> List[Seen]:
    """Evaluate every part of the log-probability, and the gradient, at some points.

    Parameters
    ----------
    model : pymc3.Model
        The model; two functions are compiled.
    points : sequence of dict
        Points, as ``model.test_point``.
    """
    import theano.tensor as tt

    parts = {variable.name: variable.logpt for variable in model.basic_RVs}
    # PyMC3 leaves potentials out of its own check.
    parts.update({term.name: tt.sum(term) for term in model.potentials})
    terms = model.fastfn(list(parts.values()))
    gradient = model.logp_dlogp_function(model.cont_vars) if model.cont_vars else None
    found = []
    for point in points:
        with np.errstate(all="ignore"):
            values = {untransformed(name): float(v) for name, v in zip(parts, terms(dict(point)))}
            bad = {name: value for name, value in values.items() if not np.isfinite(value)}
            found.append(Seen(bad, *_gradients(gradient, point)))
    return found


def _gradients(gradient: Any, point: Point) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    if gradient is None:
        return (), ()
    gradient.set_extra_values(dict(point))
    _, slope = gradient(gradient.dict_to_array(dict(point)))
    by_name = {v.name: gradient.array_to_dict(np.array(slope))[v.name] for v in gradient._grad_vars}
    broken = [untransformed(name) for name, value in by_name.items() if not np.isfinite(value).all()]
    flat = [untransformed(name) for name, value in by_name.items() if np.size(value) and not np.any(value)]
    return tuple(broken), tuple(flat)


def jittered(model: Any, count: int = _STARTS) -> List[Dict[str, np.ndarray]]:
    """Return starts as PyMC3 jitters them: the test point, each coordinate moved by up to 1."""
    random = np.random.RandomState(1)
    return [
        {
            name: value + random.uniform(-1, 1, size=np.shape(value)) if _moves(model, name) else value
            for name, value in model.test_point.items()
        }
        for _ in range(count)
    ]


def _moves(model: Any, name: str) -> bool:
    return name in {variable.name for variable in model.cont_vars}


def explain(error: BadStartError) -> str:
    """Say which variables are at fault, at which starts, and what helps.

    Returns
    -------
    str
        Some sentences; empty if the model cannot be looked at, so that PyMC3's own words have to do.
    """
    try:
        chosen = [] if error.jittered and not error.starts else error.starts
        is_jittered = error.jittered or not error.starts
        starts = chosen or jittered(error.model)
        here, *there = look(error.model, [error.model.test_point, *starts])
    except Exception:  # The failure that is being explained has its own message.
        return ""
    return words(here, there, is_jittered)


def words(here: Seen, there: Sequence[Seen], is_jittered: bool) -> str:
    """Say what is wrong at the test point and at the starts, and what helps.

    Parameters
    ----------
    here : Seen
        What is wrong at the test point.
    there : sequence of Seen
        The same of the starts.
    is_jittered : bool
        Whether the starts are jittered ones.
    """
    kind = "jittered starts" if is_jittered else "starts"
    said = []
    names = list(dict.fromkeys([*here.terms, *(name for seen in there for name in seen.terms)]))
    for name in names:
        values = [seen.terms[name] for seen in (here, *there) if name in seen.terms]
        place = _place(name in here.terms, sum(name in seen.terms for seen in there), len(there), kind)
        what = "/".join(sorted({f"{value:g}" for value in values}))
        said.append(f"the log-probability of {name} is {what} {place}")
    for what, attribute in (("not finite", "broken"), ("zero", "flat")):
        of_all = [name for seen in (here, *there) for name in getattr(seen, attribute)]
        places: Dict[str, List[str]] = {}
        for name in dict.fromkeys(of_all):
            count = sum(name in getattr(seen, attribute) for seen in there)
            place = _place(name in getattr(here, attribute), count, len(there), kind)
            places.setdefault(place, []).append(name)
        said += [
            f"the gradient with respect to {', '.join(found)} is {what} {place}"
            for place, found in places.items()
        ]
    if not said:
        return (
            "all is finite at the test point and at the starts, so it broke on the way: narrower priors and"
            " predictors scaled to unit size help"
        )
    return f"{'; '.join(said)}. {_help(here, there)}"


def _place(at_test: bool, count: int, total: int, kind: str) -> str:
    at_starts = f"{count} of {total} {kind}" if count else ""
    if at_test:
        return "at the test point" + (f" and at {at_starts}" if at_starts else "")
    return f"at {at_starts}, not at the test point"


def _help(here: Seen, there: Sequence[Seen]) -> str:
    broken = bool(here.terms or here.broken)
    if not broken and any(seen.terms or seen.broken for seen in there):
        return (
            'What helps: settings=SamplerSettings(init="adapt_diag"), which starts all chains at the test'
            " point; narrower priors; predictors scaled to unit size"
        )
    if broken:
        return (
            "What helps: testval=... of a variable, so that the test point has a finite density; data that"
            " the likelihood allows; narrower priors"
        )
    return (
        "What helps: a start (testval=...) where the density is not flat, predictors scaled to unit size,"
        " and no variable that neither prior nor data inform"
    )
