"""What is said of a move: rows of a table, and the sentence that a person acts on."""

import math
import re
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from nutsbench.compare.statistics import Interval
from nutsbench.migrate.moves import Answer, Move, Speed
from nutsbench.migrate.sides import COLD, ENOUGH, SAMPLING, WARM, mean
from nutsbench.records.table import counted, number


def rows(moves: Sequence[Move]) -> List[List[str]]:
    """Return the table of some moves from one stack to another: a header, and the largest gain first."""
    first = moves[0]
    head = [
        *("model", "answers", f"{first.old.stack}, s", f"{first.new.stack}, s", "new / old", "speed"),
        *("sampling alone", "cold", "compile, s", "peak MB", "divergences", "changes"),
    ]
    return [head, *(_row(move) for move in sorted(moves, key=_gain))]


def _gain(move: Move) -> float:
    found = move.ratios[WARM]
    return found.ratio if found else math.inf


def _row(move: Move) -> List[str]:
    sides = (move.old, move.new)
    return [
        move.model,
        move.answer.value,
        *(number(mean(side.times(WARM))) for side in sides),
        span(move.ratios[WARM]),
        move.speed.value,
        span(move.ratios[SAMPLING]),
        span(move.ratios[COLD]),
        _both([side.phase("compile", WARM) for side in sides]),
        _both([None if one is None else one / 2**20 for one in (s.median("peak_rss_bytes") for s in sides)]),
        _both([side.median("divergences") for side in sides]),
        str(len(move.new.adaptations)),
    ]


def _both(values: Sequence[Optional[float]]) -> str:
    return " > ".join("-" if one is None else number(one, 2) for one in values)


def span(found: Optional[Interval]) -> str:
    """Return a ratio with its interval: ``0.31 [0.27, 0.35]``; without one where there is none."""
    if found is None:
        return "-"
    if not math.isfinite(found.upper):
        return f"{number(found.ratio, 2)} [one seed]"
    return f"{number(found.ratio, 2)} [{number(found.lower, 2)}, {number(found.upper, 2)}]"


def reasons(moves: Sequence[Move]) -> List[str]:
    """Return, of each move whose answer is not plainly right, why."""
    return [f"{move.model}: {move.why}" for move in moves if move.why]


def variants(moves: Sequence[Move]) -> List[str]:
    """Return what each variant takes over the model that it is one of, on the same stack."""
    return [
        f"{move.model} over {move.old.model}, on {move.new.stack}: {span(move.ratios[WARM])} times the time"
        f" to an ESS of {ENOUGH}, {span(move.ratios[SAMPLING])} sampling alone; answers {move.answer.value}"
        + (f" ({move.why})" if move.why else "")
        for move in moves
    ]


def settings(moves: Sequence[Move]) -> List[str]:
    """Return what each side was sampled with, where it is not the same for both."""
    return [f"{move.model}, {side.stack}: {side.settings}" for move in moves for side in (move.old, move.new)]


def code(moves: Sequence[Move]) -> int:
    """Return the exit code of some moves: 0 agrees and not slower, 1 not, 3 undecided."""
    codes = [move.code for move in moves]
    return 1 if 1 in codes else 3 if 3 in codes else 0


def sentence(moves: Sequence[Move], install: str) -> str:
    """Return what a person can do of what is known of a move to one stack.

    Parameters
    ----------
    moves : sequence of Move
        One of each model.
    install : str
        What to install, as pip has it.
    """
    old, new = moves[0].old.stack, moves[0].new.stack
    by: Dict[Answer, List[Move]] = {}
    for move in moves:
        by.setdefault(move.answer, []).append(move)
    wrong = by.get(Answer.WRONG, [])
    missing = [move for move in moves if not (move.old.records and move.new.records)]
    refused = [move for move in moves if move.new.records and move.new.problem]
    if wrong:
        return (
            f"Do not move to {new} yet: the answers differ for {_named(wrong)}. Look at nutsbench show"
            f" {wrong[0].model} --stack {new}."
        )
    if refused:
        return f"{_named(refused)} cannot be sampled on {new} as it is: {refused[0].new.problem}"
    if missing:
        return (
            f"{_named(missing)} is not measured on both {old} and {new} yet: leave out --no-run and --within."
        )
    broken = [move for move in moves if move.old.problem]
    if broken:
        return f"{_named(broken)} cannot be compared, as it failed on {old}: {broken[0].old.problem}"
    unknown = by.get(Answer.UNKNOWN, [])
    if unknown:
        return (
            f"Whether the answers stay right on {new} is not decided for {_named(unknown)}: sample longer,"
            f" nutsbench migrate {unknown[0].model} --to {new} --draws 4000 --tune 2000."
        )
    change = len(changes(moves))
    files = sorted({str(one["file"]) for move in moves for one in move.new.adaptations})
    lines = (
        f"change {counted(change, 'place')} in {', '.join(files)} (nutsbench migrate --diff)"
        if change
        else ""
    )
    todo = ", ".join(filter(None, (f"install {install}", lines)))
    slower = [move for move in moves if move.speed is Speed.SLOWER]
    open_ = [move for move in moves if move.speed is Speed.UNDECIDED]
    right = f"The answers stay right on {new}"
    if slower:
        return (
            f"{right}, and it is slower than {old} for {_named(slower)}: {_how(slower)}; sampling alone"
            f" takes {_times(slower, SAMPLING)}. To move: {todo}."
        )
    if open_:
        return (
            f"{right}; whether it is slower than {old} is not decided for {_named(open_)} ({_how(open_)}):"
            f" add seeds, --seed 1,2,3,4,5. To move: {todo}."
        )
    took = f"takes {_times(moves, WARM)} that it takes on {old}"
    return f"{right}, and an ESS of {ENOUGH} {took}: {todo}."


def _named(moves: Sequence[Move]) -> str:
    names = [move.model for move in moves]
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _how(moves: Sequence[Move]) -> str:
    return f"an ESS of {ENOUGH} takes {_times(moves, WARM)}"


def _times(moves: Sequence[Move], kind: str) -> str:
    found = [move.ratios[kind].ratio for move in moves if move.ratios[kind] is not None]  # type: ignore[union-attr]
    if not found:
        return "an unknown part of the time"
    low, high = number(min(found), 2), number(max(found), 2)
    return f"{low if low == high else f'{low} to {high}'} times the time"


def changes(moves: Sequence[Move]) -> List[str]:
    """Return what was changed in the models' files for them to run, each place once."""
    found: Dict[Tuple[str, int, str], Mapping[str, object]] = {}
    for move in moves:
        for one in move.new.adaptations:
            found.setdefault((str(one["file"]), int(one["line"]), str(one["before"])), one)
    return [
        f"{Path(file).name}:{line}: {before} -> {one['after']}"
        for (file, line, before), one in sorted(found.items())
    ]


def install_of(lock_text: str) -> str:
    """Return what pip is to install of a stack's own list of packages, without comments and files."""
    words = [line.partition("#")[0].strip() for line in lock_text.splitlines()]
    return " ".join(re.sub(r"\s+", "", word) for word in words if word and not word.startswith("-"))
