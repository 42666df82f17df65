"""What a model has to provide; checked in a stack's own process.

``python -m harness.contract`` checks one stack: it prints one JSON line a model. The
command line and the tests run it on every stack, for the models of this project and
for a user's own alike. docs/models.md is the same contract in words, made from
:data:`CLAUSES`.
"""

import argparse
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence, Set

import numpy as np

import models
from harness import density, truth
from models.exact.posterior import labels
from models.spec import ModelSpec

#: Largest relative difference of a closed form from ``model.logp`` that rounding explains.
MAX_LOGP_DIFFERENCE = 1e-8
#: The same of gradients, from finite differences.
MAX_GRADIENT_DIFFERENCE = 1e-4
#: Largest difference of a truth file from a coarse integral, in posterior sds.
MAX_COARSE_DIFFERENCE = 0.02
#: Starts that are tried, each the test point with PyMC3's jitter.
_STARTS = 10


@dataclass(frozen=True)
class Clause:
    """One rule of the contract.

    Parameters
    ----------
    level : str
        ``must`` (without it the model cannot be benchmarked), ``should`` (without it the
        model can, and less is known of it) or ``may``.
    rule : str
        What a model provides.
    reason : str
        Why.
    """

    level: str
    rule: str
    reason: str


CLAUSES: Dict[str, Clause] = {
    "name": Clause(
        "must",
        "a name of lower case letters, digits and underscores",
        "it is a key in records, a file's name and part of an address",
    ),
    "words": Clause(
        "must",
        "`teaches` and `notation`, the latter with a `~`",
        "a reader of a dashboard has to see what the model is without its code",
    ),
    "data": Clause(
        "must",
        "a `data` function that gives the same finite arrays each time and leaves numpy's global"
        " random state alone",
        "records of different data cannot be compared, and the draws depend on the global state",
    ),
    "builds": Clause(
        "must",
        "a build function that takes the data and returns a `pymc3.Model`, and imports PyMC3 itself",
        "it is called in every stack, and listing models must not load Theano",
    ),
    "continuous": Clause(
        "must",
        "at least one free variable, and no discrete ones",
        "NUTS needs a gradient",
    ),
    "monitored": Clause(
        "must",
        "`monitored` empty, or all free variables and Deterministics by their names",
        "what nobody looks at goes wrong unseen",
    ),
    "shapes": Clause(
        "must",
        "the same variables of the same shapes each time that it is built",
        "a scalar is known by its index: coeff[2] has to be the same thing in every record",
    ),
    "start": Clause(
        "must",
        "a finite log-probability and gradient at its test point",
        "PyMC3 starts there",
    ),
    "exact": Clause(
        "must",
        "if it gives an `exact` posterior, one whose log density is that of the model",
        "a truth of another model would call right draws wrong",
    ),
    "claims": Clause(
        "must",
        "if it makes claims, claims on scalars that it has",
        "a claim that cannot be checked is no claim",
    ),
    "both": Clause(
        "must",
        "all of this on both stacks",
        "releases are compared on the same model",
    ),
    "jitter": Clause(
        "should",
        "a finite log-probability around its test point, too: up to 1 away in every coordinate",
        "PyMC3 jitters its starts by as much, and a chain that starts badly ends the whole cell",
    ),
    "truth": Clause(
        "should",
        "a truth: `exact` if there is a closed form, else reference draws (`nutsbench reference`);"
        " where neither can be, the reason as `no_truth`",
        'without one its accuracy is always "can\'t tell"',
    ),
    "settings": Clause(
        "may",
        "`settings`, and `quick` for the quick profile",
        "the defaults are PyMC3's, which need not suit it",
    ),
    "tags": Clause("may", "`tags`, and claims on what one should see", "a reader looks for models by them"),
}


@dataclass(frozen=True)
class Finding:
    """Something that a model lacks.

    Parameters
    ----------
    clause : str
        Key in :data:`CLAUSES`.
    text : str
        What is wrong, in a sentence.
    """

    clause: str
    text: str

    def to_dict(self) -> Dict[str, str]:
        """Return the finding, ready for JSON."""
        return {"clause": self.clause, "level": CLAUSES[self.clause].level, "text": self.text}


Check = Callable[[ModelSpec, Any], Iterator[Finding]]


def check(spec: ModelSpec) -> List[Finding]:
    """Return what a model lacks; nothing if it keeps the contract.

    Parameters
    ----------
    spec : ModelSpec
        The model; it is built and compiled, so PyMC3 has to be there.
    """
    findings = [*_words(spec)]
    try:
        findings += _data(spec)
    except Exception as error:
        return [*findings, Finding("data", f"its data function fails: {type(error).__name__}: {error}")]
    try:
        built = spec.build(spec.data())
    except Exception as error:
        return [*findings, Finding("builds", f"it does not build: {type(error).__name__}: {error}")]
    checks: Sequence[Check] = (_monitored, _continuous, _shapes, _start, _claims)
    findings += [finding for one in checks for finding in one(spec, built)]
    # A truth is only looked at of a model that works.
    return findings if findings else [*_truth(spec, built)]


def _words(spec: ModelSpec) -> Iterator[Finding]:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", spec.name):
        yield Finding("name", f"its name {spec.name!r} is not of lower case letters, digits and underscores")
    if not spec.teaches:
        yield Finding("words", "`teaches` is empty: a reader has to learn what the model is for")
    if "~" not in spec.notation:
        yield Finding("words", "`notation` has no `~`: a reader has to see the model without its code")


def _data(spec: ModelSpec) -> List[Finding]:
    state = np.random.get_state()[1].copy()
    data = spec.data()
    findings = []
    if models.data_digest(data) != models.data_digest(spec.data()):
        text = "its data differ from call to call: seed a RandomState of their own"
        findings.append(Finding("data", text))
    if not np.array_equal(np.random.get_state()[1], state):
        text = "its data function moves numpy's global random state, on which the draws depend"
        findings.append(Finding("data", text))
    bad = [
        name
        for name, values in data.items()
        if np.issubdtype(np.asarray(values).dtype, np.number) and not np.isfinite(values).all()
    ]
    if bad:
        findings.append(Finding("data", f"its data hold values that are not finite: {', '.join(bad)}"))
    return findings


def _unobserved(built: Any) -> Dict[str, Any]:
    return {v.name: v for v in built.unobserved_RVs if not v.name.endswith("__")}


def _monitored(spec: ModelSpec, built: Any) -> Iterator[Finding]:
    there = _unobserved(built)
    for name in spec.monitored:
        if name not in there:
            yield Finding("monitored", f"it monitors {name!r}, which it does not have")
    for name in there:
        if spec.monitored and name not in spec.monitored:
            yield Finding("monitored", f"it does not monitor {name!r}, so nobody would see it go wrong")


def _continuous(_: ModelSpec, built: Any) -> Iterator[Finding]:
    discrete = [variable.name for variable in built.disc_vars]
    if discrete:
        yield Finding("continuous", f"NUTS cannot sample its discrete variables: {', '.join(discrete)}")
    elif not built.free_RVs:
        yield Finding("continuous", "it has no free variable to sample")


def _shape_of(variable: Any) -> List[int]:
    return [int(size) for size in np.shape(variable.tag.test_value)]


def _shapes(spec: ModelSpec, built: Any) -> Iterator[Finding]:
    first = {name: _shape_of(variable) for name, variable in _unobserved(built).items()}
    again = {name: _shape_of(v) for name, v in _unobserved(spec.build(spec.data())).items()}
    if first != again:
        yield Finding("shapes", f"it is built differently the second time: {first}, then {again}")


def _start(_: ModelSpec, built: Any) -> Iterator[Finding]:
    if not built.free_RVs or built.disc_vars:
        return
    function = built.logp_dlogp_function(built.free_RVs)
    function.set_extra_values({})
    start = function.dict_to_array(built.test_point)
    logp, gradient = function(start)
    if not np.isfinite(logp):
        yield Finding("start", f"its log-probability at the start is {logp}")
    if not np.isfinite(gradient).all():
        count = np.sum(~np.isfinite(gradient))
        yield Finding("start", f"{count} components of its gradient at the start are not finite")
    if not (np.isfinite(logp) and np.isfinite(gradient).all()):
        return
    rng = np.random.RandomState(1)
    starts = [start + rng.uniform(-1, 1, size=start.shape) for _ in range(_STARTS)]
    bad = sum(not np.isfinite(function(point)[0]) for point in starts)
    if bad:
        yield Finding("jitter", f"its log-probability is not finite at {bad} of {_STARTS} jittered starts")


def _scalars(spec: ModelSpec, built: Any) -> Set[str]:
    there = _unobserved(built)
    names = [name for name in spec.monitored or there if name in there]
    return {label for name in names for label in labels(name, tuple(_shape_of(there[name])))}


def _claims(spec: ModelSpec, built: Any) -> Iterator[Finding]:
    known = _scalars(spec, built)
    asked = [name for claim in spec.claims for part in claim.parts for name, _ in part.terms]
    for name in dict.fromkeys(asked):
        if name not in known:
            yield Finding("claims", f"it makes a claim on {name!r}, which is none of its scalars")


def _truth(spec: ModelSpec, built: Any) -> Iterator[Finding]:
    known, why_none = truth.find(spec.name)
    if known is None and not spec.no_truth:
        yield Finding("truth", why_none)
    if spec.exact is None:
        return
    try:
        coarse = spec.exact(spec.data()).summaries(0, {})
        problem = _unlike(coarse, _scalars(spec, built), known)
        found = {} if problem else density.check_density(spec, known or truth.compute(spec))
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
        return f"only one of the model and its truth file has {', '.join(odd)}: {again}"
    for name, figures in known.quantities.items():
        for statistic in ("mean", "sd"):
            apart = abs(coarse[name][statistic] - figures[statistic]) / figures["sd"]
            if not apart <= MAX_COARSE_DIFFERENCE:
                return (
                    f"its truth file is not of its exact posterior: {statistic} of {name} is {apart:.2g}"
                    f" posterior sds away; {again}"
                )
    return ""


def markdown() -> str:
    """Return the contract as a table for docs/models.md."""
    rows = ["| | a model provides | because |", "| --- | --- | --- |"]
    rows += [f"| {clause.level} | {clause.rule} | {clause.reason} |" for clause in CLAUSES.values()]
    return "\n".join(rows)


def main(arguments: Sequence[str]) -> int:
    """Check the named models, or all, and print one JSON line each."""
    parser = argparse.ArgumentParser(prog="python -m harness.contract")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--models", action="append", default=[], type=Path)
    parser.add_argument("--folder", default=".", help="working directory, for models' data")
    options = parser.parse_args(arguments)
    os.chdir(options.folder)
    for file in options.models:
        models.load_file(file)
    for name in options.names or models.names():
        findings = [finding.to_dict() for finding in check(models.get(name))]
        print(json.dumps({"model": name, "findings": findings}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
