"""A pair of fresh processes, one of each arm, whose bursts take turns."""

import contextlib
import json
import os
import random
import re
import select
import signal
import subprocess
import tempfile
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple, TypeVar

from nutsbench import models
from nutsbench.base.paths import importable
from nutsbench.compare import statistics
from nutsbench.compare.arms import Arm
from nutsbench.stacks import environment
from nutsbench.stacks.install import in_use

#: CPU seconds that a burst should take.
BURST_S = 0.1
#: Standard deviations: another build of the same arithmetic rounds in another way, and so walks apart.
_SAME_PLACE = 1e-3
#: Under valgrind, and with an empty compile cache, even compiling takes minutes.
_TIMEOUT_S = 900.0
_PADDING = "NUTSBENCH_PADDING"
_MOST_TRANSITIONS = 2000
#: What answers in commits from before there was a host.
Done = TypeVar("Done")


class ArmError(Exception):
    """An arm could not do what it was asked for; the message says which, and why."""


_running: "Set[Process]" = set()


def side_by_side(work: Callable[[Arm], Done], arms: Sequence[Arm]) -> List[Done]:
    """Do the same for each arm, all at once, where nothing is timed.

    Whatever ends it, ctrl-C included, ends the processes that were started meanwhile: a thread that
    waits for one of them would keep the command from ending.

    Parameters
    ----------
    work : callable
        What is done for an arm.
    arms : sequence of Arm
        The arms.
    """
    before = set(_running)
    with ThreadPoolExecutor(len(arms)) as pool:
        begun = [pool.submit(work, arm) for arm in arms]
        try:
            ended, _ = wait(begun, return_when=FIRST_EXCEPTION)
            # The first that failed, whichever it is, and not what the others make of their end.
            for one in ended:
                one.result()
            return [one.result() for one in begun]
        except BaseException:
            for process in _running - before:
                process.kill()
            raise


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
        files = map(str, models.loaded_files())
        module, code = _entry(arm.code)
        command = [*prefix, str(stack.python), "-m", module, model, *files]
        with contextlib.ExitStack() as opened:
            self._log = opened.enter_context(tempfile.TemporaryFile())
            opened.enter_context(in_use(stack))
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=code,
                    env={**given, "PYTHONPATH": str(code), **more, "THEANO_FLAGS": flags},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._log,
                    start_new_session=True,
                )
            except OSError as error:
                raise ArmError(f"{arm.label} cannot be started: {error.strerror}") from error
            self._open = opened.pop_all()
        _running.add(self)

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
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return f"{self._arm.label}: its process answers no more"
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return ": ".join([f"{self._arm.label}: its process {how}", *filter(None, [" ".join(lines[-2:])])])

    def kill(self) -> None:
        """End the process at once; whoever waits for its answer is told that it has ended."""
        self._process.kill()

    def close(self) -> None:
        """End the process."""
        # It has nothing to save, and an interpreter takes a third of a second to end by itself.
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                # A request that was never read is still to be written.
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        _running.discard(self)
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

    @property
    def log_ratio(self) -> float:
        """Log of HEAD over BASE in seconds per leapfrog."""
        return statistics.pair_ratio(*self.times())

    def times(self, figure: str = "cpu_s") -> Tuple[List[float], List[float]]:
        """Return seconds per leapfrog of each burst, of BASE and of HEAD."""
        return (
            [burst[figure] / burst["leapfrogs"] for burst in self.base],
            [burst[figure] / burst["leapfrogs"] for burst in self.head],
        )


def _entry(code: Optional[Path]) -> Tuple[str, Path]:
    """Return the module that a process of an arm runs, and the folder that it is imported from.

    Parameters
    ----------
    code : Path or None
        A commit of this project; None for this one.
    """
    if code is None:
        return "nutsbench.inside.pair", importable()
    if (code / "src" / "nutsbench").exists():
        return "nutsbench.inside.pair", code / "src"
    # Its packages had names of their own, and before that the program ran in the stack.
    return (
        "harness.inside.pair" if (code / "harness" / "inside").is_dir() else "harness.compare.child"
    ), code


def close(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether two trajectories ended in one place, but for what roundings grow to on the way."""
    return len(one) == len(other) and all(abs(a - b) <= _SAME_PLACE for a, b in zip(one, other))


def measure(base: Arm, head: Arm, model: str, number: int, bursts: int) -> Pair:
    """Start a process pair and let them make interleaved bursts.

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
    caches = caches_of(base, head, model)
    with Process(base, model, compiledir=caches[0], variables=padding[0]) as first, Process(
        head, model, compiledir=caches[1], variables=padding[1]
    ) as second:
        arms = [first, second]
        # Importing and compiling take longest, so both arms do it at once: it is as slow for either.
        for step in ("load", "prepare"):
            if step == "prepare" and not any(caches[0].glob("*/*/key.pkl")):
                # Then it compiles on all processors, and what the other arm has in common is compiled.
                facts = {process: process.ask(step) for process in arms}
                continue
            for process in order.sample(arms, 2):
                process.begin(step)
            facts = {process: process.answer() for process in arms}
        check_alike(model, facts[first], facts[second])
        _pin(arms, number)
        transitions = _calibrated(first, second)
        pair = Pair(facts=(facts[first], facts[second]), transitions=transitions)
        for burst in range(bursts):
            request = {"seed": 1000 * number + burst, "transitions": pair.transitions}
            turns = [(first, pair.base), (second, pair.head)]
            order.shuffle(turns)
            for process, answers in turns:
                answers.append(process.ask("burst", **request))
        for process in arms:
            facts[process].update(process.ask("memory"))
    return pair


def caches_of(base: Arm, head: Arm, model: str) -> Tuple[Path, Path]:
    """Return a compile cache for each arm, which holds that model's modules and no others.

    Theano reads all keys of its cache when it compiles the first module: an arm whose cache holds more models
    takes more memory, by 8 % of a process's peak with 16 models. And arms that share a cache would wait
    seconds for each other's lock.

    Parameters
    ----------
    base, head : Arm
        The arms.
    model : str
        The model.
    """
    name = re.sub(r"[^\w.-]", "-", model)
    shared = base.stack.home == head.stack.home
    first, second = (
        arm.stack.home / f"{arm.stack.compiledir.name}-compare" / f"{name}{suffix}"
        for arm, suffix in ((base, ""), (head, ".head" if shared else ""))
    )
    return first, second


def _pin(arms: Sequence[Process], number: int) -> None:
    """Have both processes of a pair run on one CPU, another one in each pair.

    A neighbour on a virtual machine's host slows one CPU at a time. Left to the scheduler, each process has a
    CPU of its own for as long as the pair lasts, and what slows one of them is taken for a difference.
    """
    cpus = sorted(os.sched_getaffinity(0))
    for process in arms:
        with contextlib.suppress(OSError):  # A container may not allow it.
            os.sched_setaffinity(process.pid, {cpus[number % len(cpus)]})


def check_alike(model: str, base: Mapping[str, Any], head: Mapping[str, Any]) -> None:
    """Raise :class:`ArmError` if what two processes say of a model is not of the same model and data.

    Parameters
    ----------
    model : str
        The model.
    base, head : dict
        What either answered when it was prepared.
    """
    if base["model_digest"] != head["model_digest"]:
        raise ArmError(f"the arms have different data of {model}: they depend on the packages, or on chance")
    if base["workload"] != head["workload"]:
        raise ArmError(f"the arms have different densities of {model}: start, metric or step size differ")


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
