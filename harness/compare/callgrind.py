"""Instructions per leapfrog, counted by valgrind: nearly free of noise, and a minute a model.

The count is the program's own, so neither another program nor a slow machine moves it. It is
no time: an instruction that waits for memory counts as one that does not.
"""

import contextlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

from nutsbench.base.errors import UserError
from nutsbench.compare.arms import Arm
from nutsbench.compare.pair import ArmError, Process, check_alike, close, side_by_side
from nutsbench.compare.statistics import Interval
from nutsbench.inside import callgrind

#: Two counts of one program differ by less: see docs/compare.md.
SPREAD = 0.005
#: A count of one program differs from process to process by 0.1 % over 100 leapfrogs, by half of it over 500.
_LEAPFROGS = 500
_FEWEST, _MOST = 5, 200
_WARM = 20
_SEED = 1


@dataclass(frozen=True)
class Count:
    """What one arm's burst cost.

    Parameters
    ----------
    instructions : int
        Of the burst, all code of the process.
    leapfrogs : int
        That it made.
    transitions : int
        That it was asked for.
    end : list of float
        Where it ended, in standard deviations.
    """

    instructions: int
    leapfrogs: int
    transitions: int
    end: List[float]

    @property
    def per_leapfrog(self) -> float:
        """Instructions per leapfrog."""
        return self.instructions / self.leapfrogs

    def to_dict(self) -> Dict[str, int]:
        """Return the count, ready for JSON."""
        return {name: getattr(self, name) for name in ("instructions", "leapfrogs", "transitions")}


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


def count(arm: Arm, model: str) -> Count:
    """Count the instructions of a burst.

    Parameters
    ----------
    arm : Arm
        The arm.
    model : str
        The model.

    Raises
    ------
    ArmError
        If it cannot be run under valgrind.
    """
    with tempfile.TemporaryDirectory(prefix="nutsbench-callgrind-") as folder:
        with Process(arm, model, callgrind.command(f"{folder}/out"), _cache(arm), _variables(arm)) as process:
            process.ask("prepare")
            # What is done once (imports, caches) is no part of a leapfrog.
            warm = process.ask("burst", seed=_SEED, transitions=_WARM)
            transitions = round(_LEAPFROGS * _WARM / int(warm["leapfrogs"]))
            transitions = max(_FEWEST, min(_MOST, transitions))
            _control(process.pid, "--instr=on")
            answer = process.ask("burst", seed=_SEED, transitions=transitions)
            _control(process.pid, "--instr=off")
            _control(process.pid, "--dump")
        found = _totals(Path(folder))
    if not found:
        raise ArmError(f"{arm.label}: valgrind wrote no count")
    return Count(max(found), int(answer["leapfrogs"]), transitions, list(answer["end"]))


def fill(arm: Arm, model: str) -> Dict[str, Any]:
    """Compile a model into the cache that counts read, and return what the process says of the model.

    A process that compiles lays its memory out otherwise.

    Parameters
    ----------
    arm : Arm
        The arm.
    model : str
        The model.

    Raises
    ------
    ArmError
        If it cannot compile it.
    """
    with Process(arm, model, (), _cache(arm), _variables(arm)) as process:
        return process.ask("prepare")


def _cache(arm: Arm) -> Path:
    return arm.stack.home / "compiledir-callgrind"


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


def count_both(base: Arm, head: Arm, model: str) -> Tuple[Count, Count]:
    """Count either arm's burst, side by side: what else runs does not change a count.

    Parameters
    ----------
    base, head : Arm
        The arms.
    model : str
        The model.

    Raises
    ------
    ArmError
        If one of them cannot be run under valgrind.
    """
    facts = [fill(arm, model) for arm in (base, head)]
    check_alike(model, *facts)
    first, second = side_by_side(lambda arm: count(arm, model), (base, head))
    return first, second


def ratio(base: Count, head: Count) -> Interval:
    """Return HEAD over BASE of instructions per leapfrog; two counts of one program stay within it."""
    found = head.per_leapfrog / base.per_leapfrog
    return Interval(found, found * (1 - SPREAD), found * (1 + SPREAD), 1)


def same_work(base: Count, head: Count) -> bool:
    """Return whether both arms made the same leapfrogs to the same place."""
    return base.leapfrogs == head.leapfrogs and close(base.end, head.end)
