"""Plays comparisons over process pairs that were measured before, as often as one likes.

What is played is a comparison itself; only its pairs come from what was measured, and its
seconds are those that they took. So it stops where it would have stopped.
"""

import itertools
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, List, Mapping, Sequence

import numpy as np

from nutsbench.compare.arms import Arm
from nutsbench.compare.pair import ArmError, Pair
from nutsbench.compare.result import Options
from nutsbench.compare.statistics import Verdict
from nutsbench.compare.study import Study
from nutsbench.stacks import stack

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Played:
    """What comparisons would have said.

    Parameters
    ----------
    verdicts : dict of int
        How often each verdict was reached.
    cut : int
        How many of the undecided had measured pairs run out before their budget.
    seconds : float
        Median wall seconds of each model.
    found : float
        Of comparisons of several models, the mean share of models that were called slower by themselves.
    """

    verdicts: Mapping[str, int]
    cut: int
    seconds: float
    found: float = 0.0

    @property
    def runs(self) -> int:
        """How many comparisons were played."""
        return sum(self.verdicts.values())


@dataclass
class _Replayed(Pair):
    """A pair of which no more is known than its figure."""

    measured: float = 0.0

    @property
    def log_ratio(self) -> float:
        return self.measured

    @property
    def same_work(self) -> bool:
        return True


class _Replay:
    """Hands out pairs in place of measuring them; its clock goes on by what they took."""

    def __init__(self, rows: Mapping[str, Iterator[Row]]) -> None:
        self._rows, self._now = rows, 0.0

    def clock(self) -> float:
        return self._now

    def measure(self, base: Arm, head: Arm, model: str, number: int, bursts: int) -> Pair:
        del base, head, number, bursts
        row = next(self._rows[model], None)
        if row is None:
            raise ArmError("no more pairs were measured")
        self._now += row["seconds"]
        return _Replayed(measured=row["log_ratio"])


def play(rows: Sequence[Row], options: Options, models: int) -> Played:
    """Play comparisons of one model over pairs that were measured, one from each pair on.

    They overlap, so they are not as many independent trials; what they say is what a
    comparison would have said that was begun at each of these moments.

    Parameters
    ----------
    rows : sequence of dict
        Pairs of one condition, in the order of measuring.
    options : Options
        Threshold, level and budget.
    models : int
        How many models the comparison is taken to have: they share half of the level.
    """
    shared = Options(**{**vars(options), "level": options.level / models})
    starts = [itertools.islice(itertools.cycle(rows), start, start + len(rows)) for start in range(len(rows))]
    return _summary([_played({"the model": pairs}, shared) for pairs in starts])


def play_whole(kinds: Sequence[Sequence[Row]], options: Options, models: int, plays: int) -> Played:
    """Play comparisons of many models, whose pairs are drawn with replacement from what was measured.

    Parameters
    ----------
    kinds : sequence of sequence of dict
        Pairs of each of the models that were measured; the models that are played take turns with them.
    options : Options
        Threshold, level and budget.
    models : int
        How many models a comparison has.
    plays : int
        How many comparisons.
    """
    order = random.Random(0)

    def endless(rows: Sequence[Row]) -> Iterator[Row]:
        while True:
            yield order.choice(rows)

    return _summary(
        [
            _played({str(place): endless(kinds[place % len(kinds)]) for place in range(models)}, options)
            for _ in range(plays)
        ]
    )


def _played(rows: Mapping[str, Iterator[Row]], options: Options) -> Study:
    here, replay = stack.named(stack.DEFAULT), _Replay(rows)
    base, head = Arm("BASE", "before", here), Arm("HEAD", "after", here)
    study = Study(base, head, list(rows), options, replay.measure, replay.clock)
    study.run(lambda _: None)
    return study


def _summary(studies: Iterable[Study]) -> Played:
    every = list(studies)
    counts = Counter(study.verdict for study in every)
    found: List[float] = [
        float(np.mean([result.verdict is Verdict.SLOWER for result in study.results.values()]))
        for study in every
    ]
    # As in a comparison, the first pair is no part of the budget.
    seconds = [
        float(np.mean([result.seconds - result.first_s for result in study.results.values()]))
        for study in every
    ]
    return Played(
        {one.value: counts[one] for one in Verdict},
        sum(any(result.problem for result in study.results.values()) for study in every),
        float(np.median(seconds)),
        float(np.mean(found)),
    )
