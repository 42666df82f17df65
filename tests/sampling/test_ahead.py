"""Modules that are compiled ahead, on all processors: they are those that are asked for afterwards."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from nutsbench.stacks import environment, stack
from tests.conftest import MODEL_FILE, ROOT, Run
from tests.sampling.conftest import EITHER, Records

SCRIPT = """
import json, os
import numpy as np
import pymc3  # It sets flags of the compiler.
import theano, theano.tensor as tt
from nutsbench.inside import ahead, compile_cache, modules, precompiled

precompiled.use()

def build():
    x, y = tt.dvector("x"), tt.dmatrix("y")
    return theano.function([x, y], [tt.exp(x).sum(), tt.dot(y, x), tt.alloc(x[0], 3), y[1:, ::2] + x[0]])

def fails():
    build()
    raise ValueError("not to be built")

def dies():
    os.abort()

known = compile_cache.loaded_modules()
found = {"fails": ahead.compile_ahead("fails", fails), "dies": ahead.compile_ahead("dies", dies)}
found["again"] = ahead.compile_ahead("fails", fails)
found["first"] = ahead.compile_ahead("these", build)
found["done"] = ahead.compile_ahead("these", build)
found["loaded"] = len(compile_cache.loaded_modules() - known)
with modules.taken_over() as taken:
    values = build()(np.arange(3.0), np.ones((4, 3)))
found["values"] = [np.asarray(value).tolist() for value in values]
found["taken"] = len(taken)
found["made"] = len(compile_cache.loaded_modules() - known)
found["files"] = [str(target) for target in taken]
print(json.dumps(found))
"""


#: The same, as Theano compiles it by itself.
PLAIN = (
    SCRIPT.split("known =")[0].replace("precompiled.use()", "")
    + """
build()
print(json.dumps(sorted(compile_cache.loaded_modules())))
"""
)


def instructions(file: Any) -> Any:
    """Return a module's instructions without where constants and functions lie: its source's path is one."""
    command = ["objdump", "-d", "--no-show-raw-insn", "--section", ".text", file]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.split("\t", 1)[1] for line in shown.splitlines() if "\t" in line]
    return [re.sub(r"-?0x[0-9a-f]+\(%rip\).*|\b[0-9a-f]+ (?=<)", "", line) for line in lines]


def run(one: Any, script: Any, place: Any, store: Any) -> Any:
    variables = environment.worker_variables(place, one.has_theano_pymc, 1)
    variables["NUTSBENCH_MODULES_STORE"] = str(store)
    done = subprocess.run(
        [str(one.python), "-c", script], env=variables, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", EITHER)
def test_what_is_compiled_ahead_is_what_is_asked_for(name: Any, tmp_path: Path) -> None:
    one = stack.named(name)
    found = run(one, SCRIPT, tmp_path / "ahead", tmp_path / "store")
    # What fails is not done, and tried again; what it had compiled by then is kept.
    assert found["fails"]["modules"] == found["dies"]["modules"] == found["again"]["modules"] == 0
    assert found["first"]["modules"] == 0 < found["first"]["wall_s"]
    assert found["done"] == {}
    # Nothing of it is in the process that asked for it.
    assert found["loaded"] == 0
    assert found["taken"] == found["made"] > 4
    assert found["values"][0] == pytest.approx(1 + 2.718281828 + 7.389056099)
    assert found["values"][1:] == [[3.0] * 4, [0.0] * 3, [[1.0, 1.0]] * 3]

    if name != stack.DEFAULT:
        return  # Once is enough for what is the compiler's.
    plain = run(one, PLAIN, tmp_path / "plain", tmp_path / "none")
    by_name = {Path(file).name: file for file in plain}
    # Those that a process cannot leave to others are gone with it.
    pairs = [(file, by_name[Path(file).name]) for file in found["files"]]
    pairs = [(file, other) for file, other in pairs if Path(file).exists() and Path(other).exists()]
    assert len(pairs) > 4
    for file, other in pairs:
        assert instructions(file) == instructions(other) != []


def test_a_cell_says_what_was_compiled_for_it_ahead(
    nutsbench: Run, records: Records, models_file: Callable[..., Path]
) -> None:
    # A model that nothing has been compiled for: no other has its digest.
    text = MODEL_FILE.replace("NAME", "of_now").replace('"mu", 0, 1', f'"mu", 0, 1.{time.time_ns()}')
    run = ("run", "of_now", "--models", str(models_file("of_now", text)), "--draws", "10", "--tune", "10")
    for _ in range(2):
        assert nutsbench(*run, "--fresh").returncode == 0
    first, second = (record["details"]["compile_cache"] for record in records())
    assert first["ahead_modules"] >= 0 < first["ahead_wall_s"]
    assert "ahead_modules" not in second


# It compiles a whole model as Theano does by itself, which takes half a minute of a processor.
@pytest.mark.nightly
def test_a_cold_cell_is_compiled_as_theano_does_by_itself(
    nutsbench: Run, records: Records, models_file: Callable[..., Path]
) -> None:
    run = ("run", "four_numbers", "--models", str(models_file()), "--draws", "10", "--tune", "10")
    assert nutsbench(*run).returncode == 0
    # What is done warm does not do.
    assert nutsbench(*run, "--cold").returncode == 0
    assert "not run again" in nutsbench(*run, "--cold").stdout
    assert nutsbench(*run, "--fresh").returncode == 0
    _, cold, warm = records()
    assert cold["details"]["compiled_plainly"]
    assert cold["details"]["compile_cache"]["state"] == "cold"
    assert cold["details"]["compile_cache"]["modules_from_store"] == 0
    assert cold["details"]["compile_cache"]["modules_compiled"] > 10
    assert cold["quantities"] == warm["quantities"]
    assert warm["details"]["compile_cache"].get("modules_compiled", 0) < 5
