"""What asv's benchmarks of a model's core share: values measured together, and a clock that tells them.

asv starts a process for each benchmark, and compiling a model takes longer than timing it. So the first
benchmark of a round measures for all of them, and keeps the values in asv's own folder for the model.
"""

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Mapping

from harness import lock
from harness.inside import core, instructions, samples
from harness.tracking import cells, counts, speed

#: A round compiles anew, minutes after the one before; asv takes a sample of each process in it.
ROUNDS, PROCESSES = 2, 4
#: In asv's folder for the model.
PICKLE = Path("core.pickle")


class Reader:
    """A clock for ``timeit`` that goes on by what it is told, and by nothing else."""

    def __init__(self) -> None:
        self._told_s = 0.0

    def __call__(self) -> float:
        """Return the seconds that it was told of, all together."""
        return self._told_s

    def add(self, seconds: float) -> None:
        """Go on by some seconds."""
        self._told_s += seconds


READER = Reader()


class Measured:
    """A model's core, measured when somebody asks; asv pickles it for the processes of its benchmarks.

    Parameters
    ----------
    name : str
        The model.
    compiles : int
        How often compiling is timed, at the least. Of a single value asv would take any tenth for a change,
        of less than seven it calls only what is far beyond their spread.
    """

    def __init__(self, name: str, compiles: int = 2) -> None:
        self._name, self._compiles = name, compiles

    def next_s(self, workload: str) -> float:
        """Return a process's seconds of a workload that nobody has asked for yet.

        Parameters
        ----------
        workload : str
            gradient, leapfrog or transitions.
        """
        kept = self._kept()
        if not kept.get(workload):
            kept = self._measure(kept)
        value = kept[workload].pop(0)
        self._keep(kept)
        return value

    def compiles_s(self) -> List[float]:
        """Return the seconds of building and compiling with a warm cache, each time."""
        kept = self._kept()
        found, cpus = kept.setdefault("compile", []), sorted(os.sched_getaffinity(0))
        while len(found) < self._compiles:
            self._wait()
            found.append(speed.usual_s() * samples.compiling(self._name, cpus[len(found) % len(cpus)]))
        self._keep(kept)
        return found

    def cold_compiles_s(self) -> List[float]:
        """Return the seconds of building and compiling with an empty cache, once, by two readings.

        They are those of the machine's speed, before and after. Of a single value asv would take any tenth
        for a change; of two it calls only what is many times as far off as they are from each other.
        """
        self._wait()
        usual_s, before = speed.usual_s(), samples.reference_s()
        spent = core.cold_compile_s(self._name)
        return [usual_s * spent / now for now in (before, samples.reference_s())]

    def transitions(self) -> int:
        """Build, compile and make the transitions, all in this process; return their leapfrogs.

        What forks of it do has no part in its memory.
        """
        self._wait()
        usual_s, kept = speed.usual_s(), self._kept()
        one, spent = samples.compiled(self._name)
        if spent is not None:
            kept.setdefault("compile", []).append(usual_s * spent)
        # It is compiled here, and asv runs this benchmark first: so the others' values come from here.
        self._add(kept, samples.of_compiled(one, PROCESSES))
        self._keep(kept)
        self._dump(one)
        return one.transitions()

    def counted(self) -> Dict[str, Any]:
        """Return the instructions of the model's core, which are counted once for all benchmarks."""
        path = Path("instructions.json")
        if not path.is_file():
            self._wait()
            if not PICKLE.is_file():
                self._dump(samples.compiled(self._name)[0])
            pickled = PICKLE if PICKLE.stat().st_size else None
            path.write_text(json.dumps(counts.of_model(self._name, pickled)))
        found: Dict[str, Any] = json.loads(path.read_text())
        return found

    def _measure(self, kept: Dict[str, List[float]]) -> Dict[str, List[float]]:
        self._wait()
        self._add(kept, samples.of_core(self._name, PROCESSES))
        return kept

    @staticmethod
    def _dump(one: core.Core) -> None:
        """Keep the compiled core for who counts its instructions; an empty file if it cannot be pickled."""
        # In a fork: it would be part of this process's peak memory.
        if not counts.why_not() and not samples.in_fork(lambda: instructions.dump(one, PICKLE)):
            PICKLE.write_bytes(b"")

    @staticmethod
    def _add(kept: Dict[str, List[float]], found: Mapping[str, List[float]]) -> None:
        usual_s = speed.usual_s()
        for workload, values in found.items():
            kept.setdefault(workload, []).extend(usual_s * value for value in values)

    def _wait(self) -> None:
        # In the process of a benchmark, which ends with it.
        lock.keep(f"asv's benchmark of {self._name}", cells.say)

    @staticmethod
    def _kept() -> Dict[str, List[float]]:
        # Where the cache is: asv runs all benchmarks of one cache in its folder, and removes it.
        path = Path("samples.json")
        found: Dict[str, List[float]] = json.loads(path.read_text()) if path.is_file() else {}
        return found

    @staticmethod
    def _keep(kept: Dict[str, List[float]]) -> None:
        Path("samples.json").write_text(json.dumps(kept))
