"""Instructions per leapfrog, counted by valgrind: nearly free of noise, some seconds a model.

The count is the program's own, so neither another program nor a slow machine moves it. It is
no time: an instruction that waits for memory counts as one that does not.

Either arm has a process under valgrind that has imported PyMC3 once (:mod:`nutsbench.track.counts`), and one
outside that builds and compiles each model, which takes ten times as long inside.
"""

import contextlib
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.compare.arms import Arm
from nutsbench.compare.pair import ArmError, Process, check_alike, close, side_by_side
from nutsbench.compare.statistics import Interval
from nutsbench.inside import callgrind
from nutsbench.track.counts import Counts

#: Two counts of one program differ by less: see docs/compare.md.
SPREAD = 0.005
#: A count of one program differs from process to process by 0.1 % over 100 leapfrogs, by half of it over 500.
_LEAPFROGS = 500
#: Of a process that serves many models: leapfrogs, and how often these are counted, the least being taken; of
#: a model whose leapfrog takes up to so many CPU seconds outside of valgrind.
_COUNTED = ((80e-6, 100, 2), (250e-6, 50, 2), (float("inf"), 25, 1))
_FEWEST, _MOST = 5, 200
_WARM = 20
_SEED = 1
#: A function is told of from this share of a leapfrog's instructions on; and so many are told of at the most.
_TOLD, _MOST_TOLD = 0.001, 6
#: Calls per leapfrog that are the same differ by less: where trajectories end does not divide them evenly.
_SAME_CALLS = 0.005


@dataclass(frozen=True)
class Count:
    """What one arm's leapfrogs cost.

    Parameters
    ----------
    per_leapfrog : float
        Instructions of a leapfrog, all code of the process.
    leapfrogs : int
        That were made by :attr:`transitions`.
    transitions : int
        That the arm was asked for.
    end : list of float
        Where it ended, in standard deviations.
    functions : dict of str to float
        Of a leapfrog, by function of C; empty if not known.
    calls : dict of str to float
        By function of Python, calls per leapfrog; empty if not known.
    """

    per_leapfrog: float
    leapfrogs: int
    transitions: int
    end: List[float]
    functions: Mapping[str, float] = field(default_factory=dict)
    calls: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> Dict[str, Any]:
        """Return the count, ready for JSON."""
        return {
            "instructions_per_leapfrog": round(self.per_leapfrog, 1),
            "leapfrogs": self.leapfrogs,
            "transitions": self.transitions,
        }


@dataclass(frozen=True)
class Moved:
    """A function that one arm spends more on than the other.

    Parameters
    ----------
    function : str
        Its name; of C with the kind of code before it.
    base, head : float
        Of a leapfrog, instructions (of C) or calls (of Python).
    unit : str
        ``instructions`` or ``calls``.
    """

    function: str
    base: float
    head: float
    unit: str

    @property
    def more(self) -> float:
        """HEAD less BASE."""
        return self.head - self.base

    def to_dict(self) -> Dict[str, Any]:
        """Return it, ready for JSON."""
        return {**vars(self), "base": round(self.base, 3), "head": round(self.head, 3)}


def moved(base: Count, head: Count) -> List[Moved]:
    """Return where instructions and calls have moved to and from, what moved most first.

    Parameters
    ----------
    base, head : Count
        The counts of both arms.

    Returns
    -------
    list of Moved
        Of C's functions those whose instructions changed by :data:`_TOLD` of a leapfrog's, of Python's all
        that are called more or less often; at most :data:`_MOST_TOLD` of either.
    """
    least = _TOLD * base.per_leapfrog
    of_c = [
        one for one in _differences(base.functions, head.functions, "instructions") if abs(one.more) > least
    ]
    of_python = [one for one in _differences(base.calls, head.calls, "calls") if abs(one.more) > _SAME_CALLS]
    return [*_most(of_c), *_most(of_python)]


def _differences(base: Mapping[str, float], head: Mapping[str, float], unit: str) -> Iterable[Moved]:
    if not base or not head:
        return []
    return [Moved(name, base.get(name, 0.0), head.get(name, 0.0), unit) for name in {**base, **head}]


def _most(found: List[Moved]) -> List[Moved]:
    return sorted(found, key=lambda one: (-abs(one.more), one.function))[:_MOST_TOLD]


def is_installed() -> bool:
    """Return whether instructions can be counted here."""
    return not callgrind.missing()


def check() -> None:
    """Say so if valgrind is not installed.

    Raises
    ------
    UserError
        With what to do.
    """
    missing = callgrind.missing()
    if missing:
        package = callgrind.package(missing[0])
        raise UserError(
            f"{missing[0]} is not installed: `apt install {package}` on Debian, or compare by time"
            " (--counter time)."
        )


class Counter:
    """Counts models of both arms, whose processes stay until the context ends.

    Parameters
    ----------
    base, head : Arm
        The arms.
    """

    def __init__(self, base: Arm, head: Arm) -> None:
        self._arms = (base, head)
        # Arms that share a cache would wait seconds for each other's lock.
        shared = base.stack.home == head.stack.home
        self._caches = {id(base): _cache(base), id(head): _cache(head, ".head" if shared else "")}
        self._counts = {
            id(arm): Counts(arm.stack, arm.variables, self._caches[id(arm)]) for arm in self._arms
        }
        self._compilers: Dict[int, Process] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "Counter":
        self._folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="nutsbench-")))
        for counts in self._counts.values():
            self._open.callback(counts.close)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._compilers.values():
            process.close()
        self._open.close()

    def of_model(self, model: str) -> Tuple[Count, Count]:
        """Count either arm's leapfrogs, side by side: what else runs does not change a count.

        Parameters
        ----------
        model : str
            The model.

        Raises
        ------
        ArmError
            If one of them cannot be run under valgrind.
        """
        if any(arm.code is not None for arm in self._arms):
            # A commit's own code answers what it knew of then.
            facts = [_fill(arm, model) for arm in self._arms]
            check_alike(model, *facts)
            first, second = side_by_side(lambda arm: _count_alone(arm, model), self._arms)
            return first, second
        compiled = side_by_side(lambda arm: self._compiled(arm, model), self._arms)
        check_alike(model, *compiled)
        # Of the same leapfrogs in both arms: by what one of them takes.
        leapfrog_s = compiled[0]["cpu_s"] / compiled[0]["leapfrogs"]
        how = next(how for most_s, *how in _COUNTED if leapfrog_s <= most_s)
        first, second = side_by_side(
            lambda arm: self._counted(arm, model, compiled[self._arms.index(arm)], how), self._arms
        )
        return first, second

    def _compiled(self, arm: Arm, model: str) -> Dict[str, Any]:
        """Compile a model, and return what is known of its trajectories and calls."""
        process = self._compilers.get(id(arm))
        if process is None:
            process = Process(arm, model, (), self._caches[id(arm)], _variables(arm))
            self._compilers[id(arm)] = process
            process.ask("load")
        try:
            process.ask("fork", model=model)
            found = process.ask("prepare")
            warm = process.ask("burst", seed=_SEED, transitions=_WARM)
            transitions = _transitions(warm["leapfrogs"])
            found.update(process.ask("burst", seed=_SEED, transitions=transitions))
            found.update(process.ask("calls", seed=_SEED, transitions=transitions))
            found.update(process.ask("pickled", path=str(self._pickle(arm))))
            process.ask("end")
        except ArmError:
            # The fork has ended, and may have taken its parent with it: the next model gets another process.
            self._compilers.pop(id(arm)).close()
            raise
        return {**found, "transitions": transitions}

    def _pickle(self, arm: Arm) -> Path:
        return self._folder / f"{arm.role}.pickle"

    def _counted(self, arm: Arm, model: str, compiled: Mapping[str, Any], how: Sequence[int]) -> Count:
        pickle = str(self._pickle(arm)) if compiled["pickled"] else ""
        try:
            files = list(map(str, models.loaded_files()))
            found = self._counts[id(arm)].of_model(model, files, pickle, *how)
        except (UserError, OSError) as error:
            raise ArmError(f"{arm.label}: {error}") from error
        leapfrogs = int(compiled["leapfrogs"])
        return Count(
            found["instructions"]["transitions"],
            leapfrogs,
            compiled["transitions"],
            list(compiled["end"]),
            found["functions"],
            {name: calls / leapfrogs for name, calls in compiled["calls"].items()},
        )


def _transitions(leapfrogs: int) -> int:
    """Return how many transitions make :data:`_LEAPFROGS`, of which :data:`_WARM` made so many."""
    return max(_FEWEST, min(_MOST, round(_LEAPFROGS * _WARM / leapfrogs)))


def _count_alone(arm: Arm, model: str) -> Count:
    """Count the instructions of a burst in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="nutsbench-callgrind-") as folder:
        with Process(arm, model, callgrind.command(f"{folder}/out"), _cache(arm), _variables(arm)) as process:
            process.ask("prepare")
            # What is done once (imports, caches) is no part of a leapfrog.
            warm = process.ask("burst", seed=_SEED, transitions=_WARM)
            transitions = _transitions(int(warm["leapfrogs"]))
            _control(process.pid, "--instr=on")
            answer = process.ask("burst", seed=_SEED, transitions=transitions)
            _control(process.pid, "--instr=off")
            _control(process.pid, "--dump")
        found = _totals(Path(folder))
    if not found:
        raise ArmError(f"{arm.label}: valgrind wrote no count")
    leapfrogs = int(answer["leapfrogs"])
    return Count(max(found) / leapfrogs, leapfrogs, transitions, list(answer["end"]))


def _fill(arm: Arm, model: str) -> Dict[str, Any]:
    """Compile a model into the cache that counts read, and return what the process says of the model.

    A process that compiles lays its memory out otherwise.
    """
    with Process(arm, model, (), _cache(arm), _variables(arm)) as process:
        return process.ask("prepare")


def _cache(arm: Arm, suffix: str = "") -> Path:
    return arm.stack.home / f"compiledir-callgrind{suffix}"


def _variables(arm: Arm) -> Dict[str, str]:
    return callgrind.variables(arm.stack.has_theano_pymc)


def _control(pid: int, option: str) -> None:
    done = subprocess.run(["callgrind_control", option, str(pid)], capture_output=True, text=True)
    if done.returncode:
        raise ArmError(f"callgrind_control {option} failed: {done.stderr.strip()}")


def _totals(folder: Path) -> List[int]:
    found = []
    for path in folder.glob("out*"):
        with contextlib.suppress(ValueError):  # The file of the end: all was dumped before.
            found.append(callgrind.total(path))
    return found


def ratio(base: Count, head: Count) -> Interval:
    """Return HEAD over BASE of instructions per leapfrog; two counts of one program stay within it."""
    found = head.per_leapfrog / base.per_leapfrog
    return Interval(found, found * (1 - SPREAD), found * (1 + SPREAD), 1)


def same_work(base: Count, head: Count) -> bool:
    """Return whether both arms made the same leapfrogs to the same place."""
    return base.leapfrogs == head.leapfrogs and close(base.end, head.end)
