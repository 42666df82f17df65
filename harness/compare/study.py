"""Compares two arms: pair after pair of processes, until each model is decided or the budget is spent."""

import math
import random
import time
from functools import partial
from typing import Callable, Dict, List, Optional, Sequence

from nutsbench.base.paths import scrub
from nutsbench.compare import callgrind, efficiency, statistics
from nutsbench.compare.arms import Arm
from nutsbench.compare.pair import ArmError, Pair, measure
from nutsbench.compare.result import Comparison, Given, Options, Result
from nutsbench.compare.statistics import Interval, Verdict

#: What a process says of itself that is compared too, each under its own name.
BESIDE = {"import_s": "import", "compile_s": "compile", "peak_rss_bytes": "peak memory"}


def _log_of(figure: str, pair: Pair) -> float:
    base, head = pair.facts
    return math.log(head[figure] / base[figure])


class Study(Comparison):
    """A comparison that is measured here, and goes on until it is decided.

    Parameters
    ----------
    base, head : Arm
        The arms.
    models : sequence of str
        Models.
    options : Options
        How long, and what counts.
    measured_by : callable
        Measures a pair, as :func:`nutsbench.compare.pair.measure` does.
    clock : callable
        Tells the seconds that have passed.
    """

    base: Arm
    head: Arm

    def __init__(
        self,
        base: Arm,
        head: Arm,
        models: Sequence[str],
        options: Options,
        measured_by: Callable[[Arm, Arm, str, int, int], Pair] = measure,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(base, head, models, options)
        self._measure, self._clock = measured_by, clock
        self._rounds: List[Dict[str, float]] = []
        self._order = random.Random(0)

    @property
    def unit(self) -> str:  # type: ignore[override]
        """How it is measured."""
        return "instructions" if self.options.counter == "callgrind" else "time"

    @property
    def more(self) -> str:  # type: ignore[override]
        """What would tell more."""
        if self.options.counter == "callgrind":
            return "a comparison by time, which takes the mean of many runs"
        return "a longer --budget"

    @property
    def overall(self) -> Optional[Interval]:
        """The geometric mean over models; of the same work, over the rounds that have a pair of each."""
        if self.options.counter == "callgrind" or not all(result.same_work for result in self.measured):
            return super().overall
        names = {result.model for result in self.measured}
        whole = [one for one in self._rounds if names and names <= set(one)]
        means = [sum(one[name] for name in names) / len(names) for one in whole]
        return statistics.interval(means, self.options.level / 2) if means else None

    def beside(self) -> Dict[str, Interval]:
        """Return import, compile time and peak memory: of each round the mean over its models."""
        measured = self.measured
        # The first pair of a model may have compiled what the later ones found in the cache; and
        # rounds that only some models had are of these models.
        rounds = range(1, min((len(result.pairs) for result in measured), default=0))
        found: Dict[str, Interval] = {}
        for figure, name in BESIDE.items():
            means = [
                sum(_log_of(figure, result.pairs[number]) for result in measured) / len(measured)
                for number in rounds
            ]
            if means:
                found[name] = statistics.interval(means, self.options.level)
        return found

    def run(self, listen: Callable[["Study"], None]) -> None:
        """Measure, and tell of every step."""
        if self.options.counter == "callgrind":
            with callgrind.Counter(self.base, self.head) as counter:
                for result in self.measured:
                    self._try(result, partial(self._count, counter))
                    listen(self)
                    if self._is_enough:
                        break
        else:
            self._run_pairs(listen)
        for result in self.measured:
            if result.same_work is False:
                self._try(result, self._weigh)
                listen(self)

    @property
    def _is_enough(self) -> bool:
        return self.options.fail_fast and self.verdict is Verdict.SLOWER

    def _run_pairs(self, listen: Callable[["Study"], None]) -> None:
        while True:
            # What models that were decided soon have left goes to those that are noisier.
            todo = [result for result in self.measured if self._goes_on(result)] or self._overtime()
            if not todo:
                return
            self._order.shuffle(todo)
            self._rounds.append({})
            for result in todo:
                self._try(result, self._pair)
                listen(self)
                if self._is_enough:
                    return

    def _goes_on(self, result: Result) -> bool:
        if self._is_spent(result):
            return False
        if statistics.judge(result.speed, result.threshold) is Verdict.UNDECIDED:
            return True
        # A model that is decided goes on as long as the whole needs all of them, and can have them.
        needed = len(self.measured) > 1 and all(one.same_work for one in self.measured)
        able = not any(self._is_spent(one) for one in self.measured)
        return needed and able and self.overall_verdict is Verdict.UNDECIDED

    def _overtime(self) -> List[Result]:
        """Return the undecided models, if enough is left of all budgets for a pair of each."""
        todo = [
            one for one in self.measured if statistics.judge(one.speed, one.threshold) is Verdict.UNDECIDED
        ]
        left = sum(self.options.budget_s - self._spent(one) for one in self.measured)
        wanted = sum(self._spent(one) / max(1, len(one.pairs) - 1) for one in todo)
        return todo if left > wanted / 2 else []

    def _spent(self, result: Result) -> float:
        # The first pair fills the compile caches where they are empty: that is no part of the budget.
        return result.seconds - result.first_s

    def _is_spent(self, result: Result) -> bool:
        spent, later = self._spent(result), max(0, len(result.pairs) - 1)
        return later > 0 and spent + spent / later / 2 >= self.options.budget_s

    def _try(self, result: Result, step: Callable[[Result], None]) -> None:
        began = self._clock()
        try:
            step(result)
        except ArmError as error:
            result.problem = scrub(str(error))
        result.seconds += self._clock() - began

    def _pair(self, result: Result) -> None:
        number = len(result.pairs) + 1
        began = self._clock()
        result.pairs.append(self._measure(self.base, self.head, result.model, number, self.options.bursts))
        if number == 1:
            result.first_s = self._clock() - began
        self._rounds[-1][result.model] = result.logs[-1]

    def _count(self, counter: callgrind.Counter, result: Result) -> None:
        base, head = counter.of_model(result.model)
        details = [base.to_dict(), head.to_dict()]
        moved = [one.to_dict() for one in callgrind.moved(base, head)]
        result.given = Given(callgrind.ratio(base, head), callgrind.same_work(base, head), details, moved)

    def _weigh(self, result: Result) -> None:
        given = result.given
        transitions = given.details[0]["transitions"] if given else result.pairs[-1].transitions
        result.cost = efficiency.compare(self.base, self.head, result.model, transitions, result.level / 2)
