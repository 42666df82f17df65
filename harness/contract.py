"""What a model has to provide; checked in a stack's own process.

``python -m harness.contract`` checks one stack: it prints one JSON line a model. The
command line and the tests run it on every stack, for the models of this project and
for a user's own alike.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import numpy as np

import models
from models.spec import ModelSpec

Check = Callable[[ModelSpec, Any], List[str]]


def check(spec: ModelSpec) -> List[str]:
    """Return what a model lacks, one sentence each; none if it keeps the contract.

    Parameters
    ----------
    spec : ModelSpec
        The model; it is built and compiled, so PyMC3 has to be there.
    """
    problems = _check_words(spec)
    try:
        problems += _check_data(spec)
    except Exception as error:
        return [*problems, f"its data function fails: {type(error).__name__}: {error}"]
    try:
        built = spec.build(spec.data())
    except Exception as error:
        return [*problems, f"it does not build: {type(error).__name__}: {error}"]
    checks: Sequence[Check] = (_check_monitored, _check_continuous, _check_start)
    return problems + [problem for one in checks for problem in one(spec, built)]


def _check_words(spec: ModelSpec) -> List[str]:
    problems = []
    if not re.fullmatch(r"[a-z][a-z0-9_]*", spec.name):
        problems.append(
            "its name has to be lower case, digits and underscores: it is a key, a file and an URL"
        )
    if not spec.teaches:
        problems.append("`teaches` is empty: a reader has to learn what the model is for")
    if "~" not in spec.notation:
        problems.append("`notation` has no `~`: a reader has to see the model without its code")
    return problems


def _check_data(spec: ModelSpec) -> List[str]:
    state = np.random.get_state()[1].copy()
    data = spec.data()
    problems = []
    if models.data_digest(data) != models.data_digest(spec.data()):
        problems.append("its data differ from call to call: seed a RandomState of their own")
    if not np.array_equal(np.random.get_state()[1], state):
        problems.append("its data function moves numpy's global random state, on which the draws depend")
    bad = [
        name
        for name, values in data.items()
        if np.issubdtype(np.asarray(values).dtype, np.number) and not np.isfinite(values).all()
    ]
    if bad:
        problems.append(f"its data hold values that are not finite: {', '.join(bad)}")
    return problems


def _unobserved(built: Any) -> List[str]:
    return [variable.name for variable in built.unobserved_RVs if not variable.name.endswith("__")]


def _check_monitored(spec: ModelSpec, built: Any) -> List[str]:
    there = _unobserved(built)
    unknown = [name for name in spec.monitored if name not in there]
    missing = [name for name in there if spec.monitored and name not in spec.monitored]
    problems = [f"it monitors {name!r}, which it does not have" for name in unknown]
    return problems + [f"it does not monitor {name!r}, so nobody would see it go wrong" for name in missing]


def _check_continuous(_: ModelSpec, built: Any) -> List[str]:
    discrete = [variable.name for variable in built.disc_vars]
    if discrete:
        return [f"NUTS cannot sample its discrete variables: {', '.join(discrete)}"]
    return [] if built.free_RVs else ["it has no free variable to sample"]


def _check_start(_: ModelSpec, built: Any) -> List[str]:
    if not built.free_RVs or built.disc_vars:
        return []
    function = built.logp_dlogp_function(built.free_RVs)
    function.set_extra_values({})
    logp, gradient = function(function.dict_to_array(built.test_point))
    problems = []
    if not np.isfinite(logp):
        problems.append(f"its log-probability at the start is {logp}")
    if not np.isfinite(gradient).all():
        problems.append(
            f"{np.sum(~np.isfinite(gradient))} components of its gradient at the start are not finite"
        )
    return problems


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
        result: Dict[str, Any] = {"model": name, "problems": check(models.get(name))}
        print(json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
