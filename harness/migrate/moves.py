"""A model on one stack against the same on another: what is gained, and whether the answers stay right."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from nutsbench.compare.statistics import Interval
from nutsbench.judge import accuracy
from nutsbench.migrate import seeds
from nutsbench.migrate.seeds import Both
from nutsbench.migrate.sides import COLD, SAMPLING, WARM, Side, mean

#: Chance that any interval of a table misses.
LEVEL = 0.05
#: A ratio of times that is not above this is not slower.
SLOWER = 1.1


class Answer(Enum):
    """Whether the posteriors of both sides are the same."""

    RIGHT = "right"
    AGREES = "agrees"
    WRONG = "wrong"
    UNKNOWN = "not judged"


class Speed(Enum):
    """What can be said of a ratio of times, new over old."""

    FASTER = "faster"
    NOT_SLOWER = "not slower"
    SLOWER = "slower"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Move:
    """One model, from one stack to another.

    Parameters
    ----------
    old, new : Side
        Both sides.
    answer : Answer
        Whether the posteriors are the same.
    why : str
        Why the answer is not known, or by what they differ.
    ratios : dict of Interval or None
        By kind of :func:`nutsbench.migrate.sides.seconds`, the ratio of times new over old with its interval;
        of one seed each, one that knows nothing where there are no other models to learn its spread from.
    """

    old: Side
    new: Side
    answer: Answer
    why: str
    ratios: Dict[str, Optional[Interval]]

    @property
    def model(self) -> str:
        """The model."""
        return self.new.model

    @property
    def speed(self) -> Speed:
        """What can be said of the time until there are enough effective draws, compiled before."""
        return speed(self.ratios[WARM])

    @property
    def code(self) -> int:
        """0 where the answers stay and it is not slower, 1 where not, 3 where it is not decided."""
        if not (self.old.records and self.new.records) or self.old.problem:
            return 3
        if self.new.problem or self.answer is Answer.WRONG or self.speed is Speed.SLOWER:
            return 1
        return 3 if self.answer is Answer.UNKNOWN or self.speed is Speed.UNDECIDED else 0

    def to_dict(self) -> Dict[str, Any]:
        """Return the move, ready for JSON."""
        return {
            "model": self.model,
            **({"variant_of": self.old.model} if self.old.model != self.model else {}),
            "from": self.old.stack,
            "to": self.new.stack,
            "answer": self.answer.value,
            "why": self.why,
            "speed": self.speed.value,
            "seeds": [len(self.old.records), len(self.new.records)],
            "settings": [self.old.settings, self.new.settings],
            "ratios": {name: one.to_dict() if one else None for name, one in self.ratios.items()},
            "seconds": {
                kind: [mean(side.times(kind)) for side in (self.old, self.new)]
                for kind in (SAMPLING, WARM, COLD)
            },
            "engine": [self.old.engine, self.new.engine],
            "gradients": [self.old.gradients, self.new.gradients],
            "compile_s": {
                kind: [side.phase("compile", kind) for side in (self.old, self.new)] for kind in (WARM, COLD)
            },
            "peak_rss_bytes": [side.median("peak_rss_bytes") for side in (self.old, self.new)],
            "divergences": [side.median("divergences") for side in (self.old, self.new)],
            "quality": [side.quality.verdict if side.quality else None for side in (self.old, self.new)],
            "accuracy": [side.accuracy for side in (self.old, self.new)],
            "problem": [self.old.problem, self.new.problem],
            "changes": self.new.adaptations,
        }


def speed(ratio: Optional[Interval]) -> Speed:
    """Return what an interval of a ratio of times, new over old, says."""
    if ratio is None:
        return Speed.UNDECIDED
    if ratio.upper < 1:
        return Speed.FASTER
    if ratio.lower > 1:
        return Speed.SLOWER
    return Speed.NOT_SLOWER if ratio.upper <= SLOWER else Speed.UNDECIDED


def moves(pairs: Sequence[Tuple[Side, Side]]) -> List[Move]:
    """Compare the sides of some models, with a level that is shared among all of them.

    Parameters
    ----------
    pairs : sequence of (Side, Side)
        Old and new of each.
    """
    kinds = (SAMPLING, WARM, COLD)
    ratios = {
        kind: seeds.ratios([Both(old.times(kind), new.times(kind)) for old, new in pairs], LEVEL)
        for kind in kinds
    }
    return [
        Move(old, new, *_answer(old, new, len(pairs)), {kind: ratios[kind][place] for kind in kinds})
        for place, (old, new) in enumerate(pairs)
    ]


def variants(sides: Sequence[Side], of: Mapping[str, str]) -> List[Move]:
    """Compare models that have one posterior with each other, on each stack, with a level that they share.

    Parameters
    ----------
    sides : sequence of Side
        Models on stacks.
    of : mapping of str
        By variant, the model that it is a variant of.

    Returns
    -------
    list of Move
        From a model to each of its variants that was measured on the same stack.
    """
    known = {(side.model, side.stack): side for side in sides if side.records}
    pairs = [
        (known[of[name], stack], side)
        for (name, stack), side in known.items()
        if name in of and (of[name], stack) in known
    ]
    return moves(pairs)


def _answer(old: Side, new: Side, count: int) -> Tuple[Answer, str]:
    """Return whether both posteriors are the same, and why not, or why that is not known."""
    if new.problem or old.problem:
        side = new if new.problem else old
        return Answer.UNKNOWN, f"{side.stack}: {side.problem}"
    for side in (new, old):
        differs = side.differs(count)
        if differs is not None and side is old and new.are_right:
            # An old side that is wrong says nothing against the new one that is right.
            return Answer.RIGHT, f"{old.stack} is not: {differs.says}"
        if differs is not None:
            answer = Answer.WRONG if differs.is_sure else Answer.UNKNOWN
            return answer, f"{side.stack} differs from the exact posterior: {differs.says}"
    for side in (new, old):
        if not side.mixed:
            verdict = side.quality.verdict if side.quality else "unknown"
            return Answer.UNKNOWN, f"the chains of {side.stack} have not mixed: {verdict}"
    if new.are_right:
        return Answer.RIGHT, ""
    return _compared(old, new, count)


def _compared(old: Side, new: Side, count: int) -> Tuple[Answer, str]:
    """Compare the draws of both sides, where there is no truth or it does not decide.

    Notes
    -----
    Means and standard deviations of all scalars, each difference in units of both Monte Carlo standard errors
    together; the largest has to be below the bound that independent standard normals exceed with a chance of
    :data:`nutsbench.judge.accuracy.LEVEL`, shared among the models.
    """
    one, other = old.pooled(), new.pooled()
    names = sorted(set(one) & set(other))
    if not names:
        return Answer.UNKNOWN, "they have no scalar in common"
    scores = []
    for name in names:
        for place, statistic in ((0, "mean"), (2, "sd")):
            away = other[name][place] - one[name][place]
            error = math.hypot(one[name][place + 1], other[name][place + 1])
            scores.append(
                (abs(away) / error if error else 0.0, f"{statistic} of {name}", away / one[name][2])
            )
    z, figure, size = max(scores)
    limit = accuracy.threshold(len(scores), accuracy.LEVEL / count)
    if z > limit:
        return Answer.WRONG, f"they differ: {figure} by {size:.2g} sds, z {z:.1f}, above {limit:.1f}"
    missing = sorted(set(one) ^ set(other))
    return Answer.AGREES, f"not compared: {', '.join(missing)}" if missing else ""
