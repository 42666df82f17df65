"""What a model has to provide; checked in a stack's own process.

``python -m nutsbench.inside.contract`` checks one stack: it prints one JSON line a model. The
command line and the tests run it on every stack, for the models of this project and
for a user's own alike. docs/models.md is the same contract in words, made from
:data:`nutsbench.inside.clauses.CLAUSES`.
"""

import argparse
import contextlib
import json
import os
import re
import sys
from functools import cached_property
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Set

import numpy as np

from nutsbench import models
from nutsbench.inside import (
    density,
    improper,
    isolated,
    mismatch,
    modules,
    observed,
    precompiled,
    preparing,
    start,
    steppers,
)
from nutsbench.inside.clauses import CLAUSES, Finding
from nutsbench.models import truths
from nutsbench.models.exact.posterior import labels
from nutsbench.models.spec import ModelSpec

#: Largest relative difference of a closed form from ``model.logp`` that rounding explains.
MAX_LOGP_DIFFERENCE = 1e-8
#: The same of gradients, from finite differences.
MAX_GRADIENT_DIFFERENCE = 1e-4
#: Largest difference of a truth file from a coarse integral, in posterior sds.
MAX_COARSE_DIFFERENCE = 0.02
#: Starts that are tried, each the test point with PyMC3's jitter.
_STARTS = 10
#: Wall seconds that one stage of a check may take: a cold compile cache takes most of a minute.
TIMEOUT_S = 120.0


class Built:
    """A built model with its log density, which is compiled once for all that is checked of it.

    Parameters
    ----------
    model : pymc3.Model
        The model.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    @cached_property
    def gradient(self) -> Any:
        """Log density and gradient, compiled, if NUTS takes all variables, else None."""
        return steppers.gradient(self.model)

    @cached_property
    def density(self) -> Any:
        """Log density and gradient of the continuous variables, the others at the test point."""
        function = self.gradient or self.model.logp_dlogp_function(self.model.cont_vars)
        function.set_extra_values(self.model.test_point)
        return function


Check = Callable[[ModelSpec, Built], Iterator[Finding]]


def check(spec: ModelSpec, tell: isolated.Tell = lambda _: None) -> List[Finding]:
    """Return what a model lacks; nothing if it keeps the contract.

    Parameters
    ----------
    spec : ModelSpec
        The model; it is built and compiled, so PyMC3 has to be there.
    tell : callable
        Told of each stage: a clause of the contract.
    """
    findings = [*_words(spec)]
    tell("data")
    try:
        findings += _data(spec)
    except (Exception, SystemExit) as error:
        return [*findings, Finding("data", f"its data function fails: {_told(error)}")]
    tell("builds")
    try:
        built = Built(steppers.build(spec))
        tell("continuous")
        findings += _samplers(spec, built)
    except steppers.UnsampleableError as error:
        return [*findings, Finding(error.clause, str(error))]
    except (Exception, SystemExit) as error:
        return [*findings, Finding("builds", f"it does not build: {_told(error)}")]
    checks: Mapping[str, Check] = {
        "monitored": _monitored,
        "shapes": _shapes,
        "start": _start,
        "proper": _proper,
        "claims": _claims,
    }
    for clause, one in checks.items():
        tell(clause)
        try:
            findings += one(spec, built)
        except (Exception, SystemExit) as error:
            findings.append(Finding(clause, f"it cannot be checked: {_told(error)}"))
    if any(CLAUSES[found.clause].level == "must" for found in findings):
        return findings  # A truth is only looked at of a model that works.
    tell("exact")
    return [*findings, *_truth(spec, built)]


def check_apart(spec: ModelSpec, timeout_s: float) -> Dict[str, Any]:
    """Check a model in a process of its own, whatever it does there.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    timeout_s : float
        Wall seconds that one stage of the check may take.

    Returns
    -------
    dict
        ``model``; ``findings``, as :meth:`Finding.to_dict`; ``data``: digest of each of its data, by name.
    """

    def checked(tell: isolated.Tell) -> Dict[str, Any]:
        findings = [finding.to_dict() for finding in check(spec, tell)]
        tell("data")
        with contextlib.suppress(Exception, SystemExit):
            return {"findings": findings, "data": mismatch.data_digests(spec)}
        return {"findings": findings, "data": {}}

    ended = isolated.call(checked, timeout_s)
    if ended.result is not None:
        findings = list(ended.result["findings"])
        data = ended.result["data"]
    else:
        lost = Finding(ended.stage or "builds", f"{_STAGES.get(ended.stage, _CHECKED)}: {ended.how}")
        findings, data = [finding.to_dict() for finding in (*_words(spec), lost)], {}
    if ended.printed:
        text = f"it prints {len(ended.printed)} lines, the first of them {ended.printed[0][:60]!r}"
        findings.append(Finding("quiet", text).to_dict())
    return {"model": spec.name, "findings": findings, "data": data}


#: What was going on in a stage, of a check that did not end.
_STAGES = {"data": "its data function was called", "builds": "it was built"}
_CHECKED = "it was compiled and evaluated"


def _told(error: BaseException) -> str:
    """Return an error in one line: of the compiler's its last lines."""
    if isinstance(error, SystemExit):
        return f"it ends the program (sys.exit({error.code!r}))"
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300] if lines else 'without a message'}"


def _words(spec: ModelSpec) -> Iterator[Finding]:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", spec.name):
        yield Finding("name", f"its name {spec.name!r} is not of lower case letters, digits and underscores")
    if not spec.teaches:
        yield Finding("words", "`teaches` is empty: a reader has to learn what the model is for")
    if "~" not in spec.notation:
        yield Finding("words", "`notation` has no `~`: a reader has to see the model without its code")


def _data(spec: ModelSpec) -> Iterator[Finding]:
    before: Sequence[Any] = tuple(np.random.get_state())
    data = spec.data()
    if not isinstance(data, Mapping):
        yield Finding("data", f"its data function returns a {type(data).__name__}, not a dictionary")
        return
    moving = mismatch.differing(mismatch.data_digests(spec), mismatch.data_digests(spec))
    if moving:
        yield Finding("data", mismatch.from_call_to_call(spec.name, moving))
    after: Sequence[Any] = tuple(np.random.get_state())
    if any(not np.array_equal(one, other) for one, other in zip(before, after)):
        text = "its data function moves numpy's global random state, on which the draws depend"
        yield Finding("data", text)
    bad = list(observed.look(data))
    broken = ", ".join(str(one) for one in bad if not one.imputed)
    missing = ", ".join(str(one) for one in bad if one.imputed)
    if broken:
        yield Finding(
            "data",
            f"its data hold values that are not finite: {broken}; leave them out, or have them imputed:"
            " np.ma.masked_invalid(...)",
        )
    if missing:
        yield Finding("missing", f"its data hold missing values, which PyMC3 imputes if observed: {missing}")


def _unobserved(built: Any) -> Dict[str, Any]:
    return {v.name: v for v in built.unobserved_RVs if not v.name.endswith("__")}


def _monitored(spec: ModelSpec, built: Built) -> Iterator[Finding]:
    there = _unobserved(built.model)
    for name in spec.monitored:
        if name not in there:
            yield Finding("monitored", f"it monitors {name!r}, which it does not have")
    for name in () if spec.variant_of else there:
        if spec.monitored and name not in spec.monitored:
            yield Finding("monitored", f"it does not monitor {name!r}, so nobody would see it go wrong")


def _samplers(spec: ModelSpec, built: Built) -> Iterator[Finding]:
    if built.gradient is not None:
        return
    samplers = steppers.assigned(built.model)
    steppers.check(spec, samplers)
    for note in steppers.notes(samplers, spec.settings):
        yield Finding("mixed", note)


def _shape_of(variable: Any) -> List[int]:
    return [int(size) for size in np.shape(variable.tag.test_value)]


def _shapes(spec: ModelSpec, built: Built) -> Iterator[Finding]:
    first = {name: _shape_of(variable) for name, variable in _unobserved(built.model).items()}
    again = {name: _shape_of(v) for name, v in _unobserved(spec.build(spec.data())).items()}
    if first != again:
        yield Finding("shapes", f"it is built differently the second time: {first}, then {again}")


def _start(_: ModelSpec, built: Built) -> Iterator[Finding]:
    function, model = built.density, built.model
    begin = function.dict_to_array(model.test_point)
    logp, gradient = function(begin)
    if not np.isfinite(logp) or not np.isfinite(gradient).all():
        here = start.look(model, [model.test_point])[0]
        yield Finding("start", start.words(here, [], is_jittered=False))
        return
    starts = start.jittered(model, _STARTS)
    bad = sum(not np.isfinite(function(function.dict_to_array(point))[0]) for point in starts)
    if bad:
        here, *there = start.look(model, [model.test_point, *starts])
        yield Finding("jitter", start.words(here, there, is_jittered=True))


def _proper(_: ModelSpec, built: Built) -> Iterator[Finding]:
    found = improper_directions(built)
    if found:
        which = "; ".join(found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        yield Finding(
            "proper",
            f"its posterior is improper: neither prior nor data end it in the direction of {which}{more};"
            " give that a proper prior, or take it out",
        )


def improper_directions(built: Built) -> List[str]:
    """Return the directions in which nothing ends a model's posterior, in words.

    Parameters
    ----------
    built : Built
        The model.
    """
    function, point = built.density, built.model.test_point
    sizes = [(v.name, tuple(np.shape(point[v.name]))) for v in function._grad_vars]
    order = {v.var: v.slc for v in function._ordering.vmap}
    names = [""] * function.size
    for name, shape in sizes:
        names[order[name]] = labels(steppers.untransformed(name), shape)
    found = improper.lines(function, function.dict_to_array(point))
    return [improper.words(line, names) for line in found]


def _scalars(spec: ModelSpec, built: Built) -> Set[str]:
    there = _unobserved(built.model)
    names = [name for name in spec.monitored or there if name in there]
    return {label for name in names for label in labels(name, tuple(_shape_of(there[name])))}


def _claims(spec: ModelSpec, built: Built) -> Iterator[Finding]:
    known = _scalars(spec, built)
    asked = [name for claim in spec.claims for part in claim.parts for name, _ in part.terms]
    for name in dict.fromkeys(asked):
        if name not in known:
            yield Finding("claims", f"it makes a claim on {name!r}, which is none of its scalars")


def _truth(spec: ModelSpec, built: Built) -> Iterator[Finding]:
    known, why_none = truths.find(spec.name)
    if known is None and not spec.no_truth:
        yield Finding("truth", why_none)
    if known is not None and spec.variant_of:
        odd = sorted(set(known.quantities) ^ _scalars(spec, built))
        if odd:
            yield Finding("truth", f"only one of it and {spec.variant_of} has {', '.join(odd)}")
    if spec.exact is None:
        return
    try:
        coarse = spec.exact(spec.data()).summaries(0, {})
        problem = _unlike(coarse, _scalars(spec, built), known)
        found = {} if problem else _density(spec, built, known or truths.compute(spec))
    except Exception as error:
        yield Finding("exact", f"its exact posterior fails: {type(error).__name__}: {error}")
        return
    if problem:
        yield Finding("exact", problem)
    elif not found["logp_difference"] <= MAX_LOGP_DIFFERENCE:
        yield Finding(
            "exact",
            f"its exact posterior is not that of the model: log densities differ by"
            f" {found['logp_difference']:.1e} of their size",
        )
    elif not found["gradient_difference"] <= MAX_GRADIENT_DIFFERENCE:
        yield Finding(
            "exact", f"its gradient differs from finite differences by {found['gradient_difference']:.1e}"
        )


def _density(spec: ModelSpec, built: Built, truth: truths.Truth) -> Dict[str, Any]:
    return density.check_density(spec, density.open_model(built.model, built.density, truth))


def _unlike(coarse: Dict[str, Dict[str, float]], scalars: Set[str], known: Any) -> str:
    """Say in what an exact posterior differs from the model's scalars, or from the truth that is kept.

    A coarse grid will do: this is about a file of another posterior, not about digits.
    """
    odd = sorted(set(coarse) ^ scalars)
    if odd:
        return f"only one of the model and its exact posterior has {', '.join(odd)} (sums go in as `linear`)"
    again = "make it again with `nutsbench truth --write`"
    if known is None or known.kind != "exact":
        return ""
    if set(known.quantities) != scalars:
        odd = sorted(set(known.quantities) ^ scalars)
        return f"only one of the model and the file of its posterior has {', '.join(odd)}: {again}"
    for name, figures in known.quantities.items():
        for statistic in ("mean", "sd"):
            apart = abs(coarse[name][statistic] - figures[statistic]) / figures["sd"]
            if not apart <= MAX_COARSE_DIFFERENCE:
                return (
                    f"the file of its posterior is not of its exact posterior: {statistic} of {name} is"
                    f" {apart:.2g} posterior sds away; {again}"
                )
    return ""


def main(arguments: Sequence[str]) -> int:
    """Check the named models, or all, and print one JSON line each."""
    parser = argparse.ArgumentParser(prog="python -m nutsbench.inside.contract")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--models", action="append", default=[], type=Path)
    parser.add_argument("--folder", default=".", help="working directory, for models' data")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S, help="seconds that a stage may take")
    options = parser.parse_args(arguments)
    output = isolated.own_output()
    os.chdir(options.folder)
    for file in options.models:
        models.load_file(file)
    import pymc3  # noqa: F401  # Imported once, the forks have it.

    precompiled.use()
    with modules.taken_over():
        for name in options.names or models.names():
            spec = models.get(name)
            if not spec.source:
                # One of a user's may hang, or print: that is what is looked for.
                preparing.compiled_ahead(spec, models.model_digest(spec))
            output.write(json.dumps(check_apart(spec, options.timeout)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
