"""A pair of fresh processes, one of each arm, whose bursts take turns."""

import contextlib
import json
import random
import select
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import models
from harness import environment
from harness.compare.arms import Arm
from harness.install import in_use
from harness.paths import ROOT

#: CPU seconds that a burst should take.
BURST_S = 0.1
#: Standard deviations: another build of the same arithmetic rounds in another way, and so walks apart.
_SAME_PLACE = 1e-3
#: Under valgrind, and with an empty compile cache, even compiling takes minutes.
_TIMEOUT_S = 900.0
_PADDING = "NUTSBENCH_PADDING"
_MOST_TRANSITIONS = 2000


class ArmError(Exception):
    """An arm could not do what it was asked for; the message says which, and why."""


class Process:
    """One arm's process.

    Parameters
    ----------
    arm : Arm
        The arm.
    model : str
        The model.
    prefix : sequence of str
        Words before the interpreter, such as valgrind's.
    compiledir : Path, optional
        Theano's compile cache; the stack's if not given.
    variables : dict of str, optional
        Environment variables on top; its ``THEANO_FLAGS`` are added to the stack's.
    """

    def __init__(
        self,
        arm: Arm,
        model: str,
        prefix: Sequence[str] = (),
        compiledir: Optional[Path] = None,
        variables: Optional[Mapping[str, str]] = None,
    ) -> None:
        self._arm = arm
        stack = arm.stack
        cache = compiledir or stack.compiledir
        cache.mkdir(parents=True, exist_ok=True)
        given = environment.worker_variables(cache, stack.has_theano_pymc, 1)
        more = {**arm.variables, **(variables or {})}
        flags = ",".join([given["THEANO_FLAGS"], *filter(None, [more.pop("THEANO_FLAGS", "")])])
        self._open = contextlib.ExitStack()
        self._log = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self._open.enter_context(in_use(stack))
        self._process = subprocess.Popen(
            [
                *prefix,
                str(stack.python),
                "-m",
                "harness.compare.child",
                model,
                *map(str, models.loaded_files()),
            ],
            cwd=ROOT,
            env={**given, **more, "THEANO_FLAGS": flags},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def ask(self, do: str, **values: Any) -> Dict[str, Any]:
        """Send a request and return the answer.

        Raises
        ------
        ArmError
            With what the process says, or its last words.
        """
        self.begin(do, **values)
        return self.answer()

    def begin(self, do: str, **values: Any) -> None:
        """Send a request; :meth:`answer` waits for what comes of it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write((json.dumps({"do": do, **values}) + "\n").encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ArmError(self._why_ended()) from None

    def answer(self) -> Dict[str, Any]:
        """Wait for the answer to the request that was sent."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _TIMEOUT_S)
        if not ready:
            raise ArmError(f"{self._arm.label} gave no answer for {_TIMEOUT_S:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise ArmError(self._why_ended())
        answer: Dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ArmError(f"{self._arm.label}: {answer['error']}")
        return answer

    def _why_ended(self) -> str:
        self._process.wait(timeout=10)
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"{self._arm.label}: its process ended. {' '.join(lines[-2:])}"

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        # It has nothing to save, and an interpreter takes a third of a second to end by itself.
        self._process.kill()
        self._process.wait()
        self._open.close()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Pair:
    """What one pair of processes of a model gave: the answers of each, in the order of seeds.

    Parameters
    ----------
    base, head : list of dict
        Answers to the bursts, in the order of seeds.
    facts : tuple of dict
        What the two processes said of themselves.
    transitions : int
        Of each burst.
    """

    base: List[Dict[str, Any]] = field(default_factory=list)
    head: List[Dict[str, Any]] = field(default_factory=list)
    facts: Tuple[Dict[str, Any], Dict[str, Any]] = ({}, {})
    transitions: int = 0

    @property
    def same_work(self) -> bool:
        """Whether both arms made the same leapfrogs and ended in the same places, burst by burst."""
        return all(
            one["leapfrogs"] == other["leapfrogs"] and close(one["end"], other["end"])
            for one, other in zip(self.base, self.head)
        )

    def times(self, figure: str = "cpu_s") -> Tuple[List[float], List[float]]:
        """Return seconds per leapfrog of each burst, of BASE and of HEAD."""
        return (
            [burst[figure] / burst["leapfrogs"] for burst in self.base],
            [burst[figure] / burst["leapfrogs"] for burst in self.head],
        )


def close(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether two trajectories ended in one place, but for what roundings grow to on the way."""
    return len(one) == len(other) and all(abs(a - b) <= _SAME_PLACE for a, b in zip(one, other))


def measure(base: Arm, head: Arm, model: str, number: int, bursts: int) -> Pair:
    """Start a pair of processes and let them make bursts in turns.

    Parameters
    ----------
    base, head : Arm
        The arms.
    model : str
        The model.
    number : int
        Which pair of this model it is: seeds and order follow from it.
    bursts : int
        How many bursts each arm makes.

    Raises
    ------
    ArmError
        If one of them cannot.
    """
    order = random.Random(number)
    # What follows the environment on the stack is laid out anew by it, differently in each process.
    padding = [{_PADDING: "x" * order.randrange(4096)} for _ in range(2)]
    # Arms that share a compile cache would wait seconds for each other's lock.
    cache = head.stack.home / "compiledir-head" if base.stack.home == head.stack.home else None
    with Process(base, model, variables=padding[0]) as first, Process(
        head, model, compiledir=cache, variables=padding[1]
    ) as second:
        arms = [first, second]
        # Importing and compiling take longest, so both arms do it at once: it is as slow for either.
        for step in ("load", "prepare"):
            for process in order.sample(arms, 2):
                process.begin(step)
            facts = {process: process.answer() for process in arms}
        if facts[first]["workload"] != facts[second]["workload"]:
            raise ArmError(f"the arms have different densities of {model}: start, metric or step size differ")
        pair = Pair(facts=(facts[first], facts[second]), transitions=_calibrated(first, second))
        for burst in range(bursts):
            request = {"seed": 1000 * number + burst, "transitions": pair.transitions}
            turns = [(first, pair.base), (second, pair.head)]
            order.shuffle(turns)
            for process, answers in turns:
                answers.append(process.ask("burst", **request))
    return pair


def _calibrated(first: Process, second: Process) -> int:
    """Return how many transitions take the time of a burst; both arms warm up by it."""
    transitions = 1
    while True:
        spent = [
            float(process.ask("burst", seed=0, transitions=transitions)["cpu_s"])
            for process in (first, second)
        ]
        if min(spent) >= BURST_S / 4 or transitions >= _MOST_TRANSITIONS:
            wanted = round(transitions * BURST_S / max(*spent, 1e-6))
            return max(1, min(_MOST_TRANSITIONS, wanted))
        transitions = min(_MOST_TRANSITIONS, transitions * 4)


def chains(arm: Arm, model: str, seeds: Sequence[int], transitions: int) -> List[Tuple[Any, int]]:
    """Return for each seed a chain's positions, shape (transition, dimension), and its leapfrogs.

    Parameters
    ----------
    arm : Arm
        The arm.
    model : str
        The model.
    seeds : sequence of int
        One chain each.
    transitions : int
        Length of a chain.
    """
    import numpy as np

    found = []
    with tempfile.TemporaryDirectory(prefix="nutsbench-") as folder, Process(arm, model) as process:
        process.ask("prepare")
        for seed in seeds:
            path = Path(folder, f"{seed}.npy")
            answer = process.ask("chain", seed=seed, transitions=transitions, path=str(path))
            found.append((np.load(path), int(answer["leapfrogs"])))
    return found
