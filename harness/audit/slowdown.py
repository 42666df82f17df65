"""A stack that is slower by a known part, to find out whether a comparison notices.

The slowdown is real work of the kind that is there already: a piece of the sampler is run once
more in a fixed share of its calls. So it costs time and instructions alike, and needs no clock.
"""

import difflib
import shutil
from pathlib import Path
from typing import Mapping

from nutsbench.base.paths import stacks_dir
from nutsbench.compare.arms import Arm
from nutsbench.stacks import install, stack
from nutsbench.stacks.stack import Stack

VARIABLE = "NUTSBENCH_SLOWER"
PLACES = ("gradient", "leapfrog", "compile")
_NAME = "slower"
_INIT = "pymc3/__init__.py"

#: What is added to PyMC3: ``PLACE:TIMES``, how often a piece is run beside each call of it.
MODULE = '''"""Runs a piece of PyMC3 more often than it has to, as told: PLACE:TIMES."""
import os
import time

from pymc3 import model
from pymc3.step_methods.hmc import integration

place, _, times = os.environ.get("NUTSBENCH_SLOWER", "DEFAULT").partition(":")
times = float(times or 0)


def more(call, extra):
    due = [0.0]

    def wrapped(self, *arguments, **values):
        due[0] += times
        while due[0] >= 1:
            due[0] -= 1
            extra(self, *arguments, **values)
        return call(self, *arguments, **values)

    return wrapped


class Nothing:
    """Stands for the compiled function, and computes nothing."""

    def __init__(self, dtype):
        self.dtype = dtype

    def __call__(self, array, gradient):
        gradient.fill(0.0)
        return 0.0


def python_of_a_step(self, epsilon, state):
    """The leapfrog's own code: the compiled function is not called."""
    if not hasattr(self, "_shadow"):
        self._shadow = type(self)(self._potential, Nothing(self._dtype))
    real_step(self._shadow, epsilon, state)


def compile_longer(self, *arguments, **values):
    began = time.process_time()
    real_compile(self, *arguments, **values)
    until = time.process_time() + times * (time.process_time() - began)
    while time.process_time() < until:
        pass


real_step = integration.CpuLeapfrogIntegrator.step
real_call = model.ValueGradFunction.__call__
real_compile = model.ValueGradFunction.__init__
if place == "leapfrog":
    integration.CpuLeapfrogIntegrator.step = more(real_step, python_of_a_step)
if place == "gradient":
    model.ValueGradFunction.__call__ = more(real_call, real_call)
if place == "compile":
    model.ValueGradFunction.__init__ = compile_longer
'''


def write(folder: Path, default: str = "") -> Path:
    """Write a lock of the default stack, and a patch beside it that can slow the stack down.

    Parameters
    ----------
    folder : Path
        Where ``requirements.txt`` and ``requirements.patch`` go.
    default : str
        ``PLACE:TIMES`` where the variable is not set.

    Returns
    -------
    Path
        The lock.
    """
    base = stack.named(stack.DEFAULT)
    (site,) = base.home.glob("env/lib/python*/site-packages")
    text = (site / _INIT).read_text()
    # At the end: what it changes has to be there.
    after = text.rstrip("\n") + "\nimport pymc3.nutsbench_slower\n"
    changed = difflib.unified_diff(
        text.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{_INIT}", f"b/{_INIT}"
    )
    module = MODULE.replace("DEFAULT", default).splitlines(keepends=True)
    added = difflib.unified_diff([], module, "/dev/null", "b/pymc3/nutsbench_slower.py")
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "requirements.txt"
    shutil.copyfile(base.requirements, lock)
    lock.with_suffix(".patch").write_text("".join([*changed, *added]))
    return lock


def make() -> Stack:
    """Make the stack that can be slowed down by a variable."""
    home = stacks_dir() / _NAME
    found = Stack(_NAME, home, write(home))
    install.create(found)
    return found


def arm(role: str, made: Stack, place: str, times: float) -> Arm:
    """Return the arm that runs a piece so many times more; with 0 the wrapper is there and does nothing.

    Parameters
    ----------
    role : str
        ``BASE`` or ``HEAD``.
    made : Stack
        Of :func:`make`.
    place : str
        One of :data:`PLACES`.
    times : float
        How often it is run beside each call.
    """
    return Arm(role, f"{place} +{times:g}", made, variables=variables(place, times))


def variables(place: str, times: float) -> Mapping[str, str]:
    """Return what tells a process of the stack to be slower."""
    return {VARIABLE: f"{place}:{times!r}"}
