"""Fixed work is the same work on every stack, and a shared compilation changes no draw."""

import importlib.util
import json
import subprocess
from typing import Any

import pytest

from nutsbench.stacks import environment, stack
from tests.conftest import ROOT

#: One with a transformed scalar by day; with a covariance, with a group of effects, and all transformed.
MODELS = (
    "simple_regression",
    *(
        pytest.param(name, marks=pytest.mark.nightly)
        for name in ("heterogenous", "no_heterogenous", "coin_toss")
    ),
)


def in_stack(name: Any, script: Any) -> Any:
    """Run a script as workers are run, and return the JSON that it prints last."""
    one = stack.named(name)
    variables = environment.worker_variables(one.compiledir, one.has_theano_pymc, 1)
    done = subprocess.run(
        [str(one.python), "-c", script], cwd=ROOT, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("model", MODELS)
def test_every_stack_does_the_same_leapfrogs_from_the_same_state(model: str) -> None:
    script = f"""
import json
from nutsbench import models
from nutsbench.inside.core import Core
core = Core(models.get({model!r}))
print(json.dumps([core.transitions(), core.transitions(), core.gradient(), core.leapfrog(),
                  core.workload.step_size]))
"""
    # Of log odds the releases differ in the seventh digit; the work is the same.
    old, new = (in_stack(name, script) for name in stack.NAMES)
    assert old[0] == old[1], "transitions repeat"
    assert old[0] >= 5
    assert old == pytest.approx(new, rel=1e-6)


#: A cold cell's test counts by day what these two compile: compiled from nothing, and from a full cache.
@pytest.mark.nightly
def test_compiling_with_an_empty_cache_takes_longer_than_with_a_full_one() -> None:
    script = """
import json
from nutsbench.inside import compile_cache
from nutsbench.inside.core import cold_compile_s, compile_s
compile_cache.warm_up()
compile_s("addition")  # Fills the cache.
print(json.dumps([cold_compile_s("addition"), compile_s("addition")]))
"""
    cold, warm = in_stack(stack.DEFAULT, script)
    # A compiler's run is many times a look-up, on a busy machine too.
    assert cold > 3 * warm


def test_this_program_has_neither_pymc3_nor_theano_and_a_stack_needs_nothing_of_it() -> None:
    assert importlib.util.find_spec("pymc3") is None
    assert importlib.util.find_spec("theano") is None
    script = """
import importlib.util, json
names = ("click", "rich", "jinja2", "plotly", "asv", "pytest")
print(json.dumps([name for name in names if importlib.util.find_spec(name)]))
"""
    assert in_stack(stack.DEFAULT, script) == []
