"""One arm's process: a model's NUTS core, compiled once, that makes bursts of transitions when told to.

``python -m nutsbench.inside.pair MODEL [FILE]...`` reads one JSON line a request and writes one JSON
line an answer. Step size, metric and start are fixed and the seed comes with the request, so
both arms are asked for the same work; what they answer tells whether they did it.

A pair of processes serves one model and is timed. Where nothing is timed, a process that has imported PyMC3
serves many: a fork of it for each (``fork``).
"""

import gc
import json
import os
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Sequence

from nutsbench.inside import calls
from nutsbench.inside.whole import whole

_STARTED = time.perf_counter()


class Child:
    """Answers requests about one model.

    Parameters
    ----------
    model : str
        The model.
    files : sequence of str
        Files of the user's own models.
    """

    def __init__(self, model: str, files: Sequence[str]) -> None:
        self._model, self._files = model, files
        self._import_s = 0.0
        self._core: Any = None

    def load(self) -> Dict[str, Any]:
        """Import PyMC3."""
        import pymc3  # noqa: F401

        self._import_s = time.perf_counter() - _STARTED
        return {"import_s": self._import_s}

    def prepare(self) -> Dict[str, Any]:
        """Build and compile the model, and return what it took and what the workload is."""
        from nutsbench import models
        from nutsbench.inside import ahead, modules, precompiled
        from nutsbench.inside.core import Core

        precompiled.use()
        for file in self._files:
            models.load_file(Path(file))
        spec = models.get(self._model)
        # Once for each stack: the first pair fills the cache for those that follow, and what that takes is
        # told of none of them.
        ahead.compile_ahead(f"core of {self._model} {models.model_digest(spec)}", lambda: Core(spec))
        # Some of Theano's modules are compiled by every process anew. That is a second of g++ which says
        # nothing of either arm, and more pairs are worth more.
        with modules.taken_over():
            self._core = Core(spec)
        # What PyMC3 and Theano have made stays: the collector need not look through it in a burst.
        gc.collect()
        gc.freeze()
        return {
            "model_digest": models.model_digest(spec),
            "workload": self._core.workload.digest,
            "import_s": self._import_s,
            "build_s": self._core.build_s,
            "compile_s": self._core.compile_s,
        }

    def fork(self, model: str) -> Dict[str, Any]:
        """Answer what follows in a fork, of another model, up to ``end``; this process waits meanwhile."""
        pid = os.fork()
        if pid:
            _, status = os.waitpid(pid, 0)
            # The fork has said why.
            return {} if status == 0 else {"ended": status}
        self._model = model
        return {"forked": True}

    def end(self) -> Dict[str, Any]:
        """End this process, which is a fork."""
        os._exit(0)

    def memory(self) -> Dict[str, Any]:
        """Return the most memory that the process has held so far."""
        return {"peak_rss_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}

    def burst(self, seed: int, transitions: int) -> Dict[str, Any]:
        """Make transitions from the fixed start; return their time, and what identifies the work."""
        found = self._core.burst(seed, transitions)
        return {
            "cpu_s": found.cpu_s,
            "wall_s": found.wall_s,
            "leapfrogs": found.leapfrogs,
            "end": found.positions[-1].tolist(),
        }

    def calls(self, seed: int, transitions: int) -> Dict[str, Any]:
        """Make transitions as :meth:`burst` does, and return how often which function was called in them."""
        counted = calls.Calls()
        with counted:
            found = self._core.burst(seed, transitions)
        return {"leapfrogs": found.leapfrogs, "end": found.positions[-1].tolist(), "calls": counted.counts}

    def pickled(self, path: str) -> Dict[str, Any]:
        """Write the core to a file, for a process that counts its instructions; tell whether it could be."""
        from nutsbench.inside import instructions

        return {"pickled": instructions.dump(self._core, Path(path))}

    def chain(self, seed: int, transitions: int, path: str) -> Dict[str, Any]:
        """Write the positions of a chain to a file, shape (transition, dimension); return its leapfrogs."""
        import numpy as np

        found = self._core.burst(seed, transitions)
        with whole(Path(path)) as part, part.open("wb") as file:
            np.save(file, found.positions)
        return {"leapfrogs": found.leapfrogs}


def _told(error: Exception) -> str:
    """Return an error's kind and its last lines, which are the compiler's where it was the compiler's."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[-3:])[-500:]}"


def main(model: str, *files: str) -> None:
    """Serve requests from standard input until it ends; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(call: Callable[[], Dict[str, Any]]) -> None:
        try:
            answer = call()
        except Exception as error:
            answers.write(json.dumps({"error": _told(error)}) + "\n")
            raise
        answers.write(json.dumps(answer) + "\n")

    child = Child(model, files)
    for line in sys.stdin:
        request = json.loads(line)
        say(partial(getattr(child, request.pop("do")), **request))


if __name__ == "__main__":
    main(*sys.argv[1:])
