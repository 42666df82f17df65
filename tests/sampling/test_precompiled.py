"""The precompiled header: it is taken, and the machine code is what it is without."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nutsbench.stacks import environment, stack
from tests.conftest import ROOT

SCRIPT = """
import json, subprocess, sys
from pathlib import Path
from nutsbench.inside import precompiled
import theano, theano.tensor as tt

commands = []
compiler, _ = precompiled._theano()
plain = compiler.compile_str
def kept(*arguments):
    commands.append(arguments)
    return plain(*arguments)
compiler.compile_str = staticmethod(kept)
precompiled.use()
precompiled.use()

x, y = tt.dvector("x"), tt.dmatrix("y")
theano.function([x, y], [tt.exp(x).sum(), tt.dot(y, x), tt.cumsum(x), y[1:, ::2] + x[0]])

flags = lambda arguments: arguments[6]
found = {"modules": 0, "with": 0, "taken": 0, "alike": 0}
for arguments in commands:
    name, source, location, *_ = arguments
    if not source.startswith("#include <Python.h>"):
        continue
    found["modules"] += 1
    if "-include" not in flags(arguments):
        continue
    found["with"] += 1
    folders = [f"-I{folder}" for folder in [*(arguments[3] or []), *precompiled._theano()[1]()] if folder]
    own = ["-g", *flags(arguments), *folders, "-fvisibility=hidden", str(Path(location, "mod.cpp"))]
    said = subprocess.run(["g++", "-H", "-fsyntax-only", *own], capture_output=True, text=True).stderr
    found["taken"] += said.startswith("! ")
    without = [part for part in own if part != "-include" and "precompiled" not in part]
    code = []
    for number, command in enumerate((own, without)):
        target = str(Path(location, f"{number}.o"))
        subprocess.run(["g++", "-c", *command, "-o", target], check=True, capture_output=True)
        shown = subprocess.run(["objdump", "-dr", target], capture_output=True, text=True).stdout
        code.append(shown.partition("Disassembly")[2])
    found["alike"] += bool(code[0]) and code[0] == code[1]
print(json.dumps(found))
"""


# By day the modules that are compiled ahead, with the header, are compared with those without.
@pytest.mark.nightly
@pytest.mark.parametrize("name", stack.NAMES)
def test_it_is_taken_and_changes_no_instruction(name: Any, tmp_path: Path) -> None:
    one = stack.named(name)
    variables = environment.worker_variables(tmp_path / "compiledir", one.has_theano_pymc, 1)
    done = subprocess.run(
        [str(one.python), "-c", SCRIPT], env=variables, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    # The first module of a kind is compiled without: a header takes as long as two.
    assert found["with"] >= found["modules"] - 2 > 2
    assert found["taken"] == found["alike"] == found["with"]


def test_without_gxx_modules_are_compiled_as_ever(tmp_path: Path) -> None:
    one = stack.named(stack.DEFAULT)
    variables = environment.worker_variables(tmp_path / "compiledir", one.has_theano_pymc, 1)
    script = (
        "from nutsbench.inside import precompiled; import theano\n"
        "folders = tuple(precompiled._theano()[1]())\n"
        "assert precompiled._header(('-O3', '-fPIC'), folders, True)\n"
        "assert precompiled._header(('-O3', '-no-such-flag'), folders, True) == ''\n"
        "theano.config.cxx = '/usr/bin/clang++'\n"
        "assert precompiled._header(('-O3', '-fPIC'), folders, True) == ''\n"
        "theano.config.cxx = '/nowhere/g++'\n"
        "assert precompiled._header(('-O3', '-fPIC'), folders, True) == ''\n"
    )
    done = subprocess.run([str(one.python), "-c", script], env=variables, cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]


# By day a second run of a cell is seen to compile nothing and to take what no cache keeps from the store.
@pytest.mark.nightly
def test_a_second_worker_compiles_nothing_before_its_first_cell(tmp_path: Path) -> None:
    one = stack.named(stack.DEFAULT)
    log = tmp_path / "log"
    compiler = tmp_path / "bin" / "g++"
    compiler.parent.mkdir()
    compiler.write_text(f'#!/bin/sh\ncase "$*" in *-shared*) echo x >> "{log}";; esac\nexec g++ "$@"\n')
    compiler.chmod(0o755)
    variables = environment.worker_variables(tmp_path / "compiledir", one.has_theano_pymc, 1)
    variables["NUTSBENCH_MODULES_STORE"] = str(tmp_path / "store")
    variables["THEANO_FLAGS"] += f",cxx={compiler}"
    compiled = []
    for _ in range(2):
        log.write_text("")
        done = subprocess.run(
            [str(one.python), "-m", "nutsbench.inside.worker"], env=variables, cwd=ROOT / "src",
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        assert '"ready"' in done.stdout, done.stderr
        compiled.append(len(log.read_text().split()))
    assert compiled[0] > 0
    assert compiled[1] == 0
