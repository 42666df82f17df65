"""What a precompiled header saves, and that it changes nothing.

``python -m benchmarks.studies.precompiled_header``

Each model is compiled from two empty caches, with the header and without, in turns. Every module that both
hold is disassembled. Some ten minutes; prints a line a model.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Tuple

from nutsbench import models
from nutsbench.base import lock, paths
from nutsbench.stacks import environment, stack

_SCRIPT = """
import sys
from nutsbench import models
from nutsbench.inside import compile_cache, core, precompiled
if sys.argv[2] == "with":
    precompiled.use()
core.Core(models.get(sys.argv[1]))
"""


def _compile(one: stack.Stack, model: str, way: str, cache: Path) -> float:
    """Build and compile a model in a process of its own, and return its wall seconds."""
    variables = environment.worker_variables(cache, one.has_theano_pymc, 1)
    began = time.perf_counter()
    command = [str(one.python), "-W", "ignore", "-c", _SCRIPT, model, way]
    subprocess.run(command, env=variables, cwd=paths.ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _modules(cache: Path) -> Dict[str, Path]:
    """Return the libraries of a cache by what they were compiled from."""
    found = {}
    for source in cache.glob("compiledir_*/tmp*/mod.cpp"):
        (library,) = source.parent.glob("*.so")
        found[hashlib.sha256(source.read_bytes()).hexdigest()] = library
    return found


def _code(library: Path) -> str:
    done = subprocess.run(["objdump", "-d", str(library)], capture_output=True, text=True, check=True)
    return done.stdout.partition("Disassembly")[2]


def _compare(one: stack.Stack, model: str, turn: int) -> Tuple[Dict[str, float], int, List[str]]:
    """Return the seconds of both ways, how many modules both made, and which of these differ."""
    with tempfile.TemporaryDirectory(prefix="nutsbench-header-") as folder:
        caches = {way: Path(folder, way) for way in ("with", "without")}
        order = list(caches)[:: 1 if turn % 2 else -1]
        seconds = {way: _compile(one, model, way, caches[way]) for way in order}
        made = [_modules(cache) for cache in caches.values()]
        both = sorted(set(made[0]) & set(made[1]))
        return seconds, len(both), [key for key in both if _code(made[0][key]) != _code(made[1][key])]


def main() -> int:
    """Compare all models, or those that are named; 1 if any module differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies.precompiled_header")
    parser.add_argument("models", nargs="*", default=models.names())
    parser.add_argument("--stack", default=stack.DEFAULT, choices=stack.NAMES)
    options = parser.parse_args()
    one = stack.named(options.stack)
    total, modules, different = {"with": 0.0, "without": 0.0}, 0, 0
    with lock.machine("the study of precompiled headers", print):
        for turn, model in enumerate(options.models):
            seconds, both, unlike = _compare(one, model, turn)
            print(
                f"{model}: {both} modules, {len(unlike)} differ;"
                f" {seconds['with']:.1f} s with the header, {seconds['without']:.1f} s without",
                flush=True,
            )
            total = {way: total[way] + seconds[way] for way in total}
            modules, different = modules + both, different + len(unlike)
    ratio = total["with"] / total["without"]
    print(f"all: {modules} modules, {different} differ; {ratio:.2f} of the time")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
