"""What asv's benchmarks of a model's core share: values measured together, and a clock that tells them.

asv starts a process for each benchmark, and compiling a model takes longer than timing it. So the first
benchmark of a round has the stack measure for all of them (:mod:`nutsbench.track.broker`), and keeps the
values in asv's own folder for the model.
"""

import json
from pathlib import Path
from typing import Any, Dict, List

from nutsbench.base import lock
from nutsbench.inside import system
from nutsbench.track import broker, cells, counts, speed

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


class Memory:
    """Stands in for what asv asks of its own process: the largest resident set of the stack's."""

    def __init__(self) -> None:
        self._told_bytes = 0

    def __call__(self) -> int:
        """Return the bytes that it was told last."""
        return self._told_bytes

    def tell(self, number: int) -> None:
        """Take in a number of bytes."""
        self._told_bytes = number


MEMORY = Memory()


def tell_memory() -> None:
    """Have asv's benchmarks of memory, in this process and its forks, tell that of the stack's process."""
    from asv_runner.benchmarks import peakmem

    peakmem.get_maxrss = MEMORY


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
        found, cpus = kept.setdefault("compile", []), system.cpus()
        tries = 2 * self._compiles
        while len(found) < self._compiles:
            if not tries:
                raise RuntimeError(
                    f"{self._name}: Theano compiles it anew each time, so compiling is not timed"
                )
            tries -= 1
            self._wait()
            spent = broker.ask("compiling", model=self._name, cpu=cpus[len(found) % len(cpus)])["compile"]
            # One that had to fill the compile cache tells nothing.
            found += [] if spent is None else [speed.usual_s() * spent]
        self._keep(kept)
        return found

    def cold_compiles_s(self) -> List[float]:
        """Return the seconds of building and compiling with an empty cache, once, by two readings.

        They are those of the machine's speed, before and after. Of a single value asv would take any tenth
        for a change; of two it calls only what is many times as far off as they are from each other.
        """
        self._wait()
        before = broker.ask("reference", readings=1)["readings"]
        spent = broker.ask("cold", model=self._name)["seconds"]
        after = broker.ask("reference", readings=1)["readings"]
        return [speed.usual_s() * spent / now for now in (*before, *after)]

    def transitions(self) -> None:
        """Have a process build, compile and make the transitions, and tell the memory that it took.

        What is timed meanwhile, in forks of it, has no part in its memory.
        """
        kept = self._kept()
        self._measure(kept, str(PICKLE.absolute()))
        self._keep(kept)

    def counted(self) -> Dict[str, Any]:
        """Return the instructions of the model's core, which are counted once for all benchmarks."""
        path = Path("instructions.json")
        if not path.is_file():
            self._wait()
            if not PICKLE.is_file():
                self._measure({}, str(PICKLE.absolute()))
            pickle = str(PICKLE.absolute()) if PICKLE.stat().st_size else ""
            path.write_text(json.dumps(broker.ask("counts", model=self._name, pickle=pickle)))
        found: Dict[str, Any] = json.loads(path.read_text())
        return found

    def _measure(self, kept: Dict[str, List[float]], pickle: str = "") -> Dict[str, List[float]]:
        """Have the core measured, add what was found, and keep it compiled for who counts instructions."""
        self._wait()
        wanted = "" if counts.why_not() else pickle
        found = broker.ask("core", model=self._name, processes=PROCESSES, pickle=wanted)
        usual_s = speed.usual_s()
        if found["compile"] is not None:
            kept.setdefault("compile", []).append(usual_s * found["compile"])
        for workload, values in found["values"].items():
            kept.setdefault(workload, []).extend(usual_s * value for value in values)
        if wanted and not found["pickled"]:
            PICKLE.write_bytes(b"")  # It is compiled again, then.
        MEMORY.tell(found["peak_rss_bytes"])
        return kept

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
