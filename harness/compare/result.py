"""What is known of a comparison: of each model, and of all of them together."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Protocol, Sequence

from nutsbench.compare import statistics
from nutsbench.compare.pair import Pair
from nutsbench.compare.statistics import Interval, Verdict

COUNTERS = ("time", "callgrind")
#: What lies within is the same: counts are nearly free of noise, times are not.
THRESHOLDS = {"time": 0.03, "callgrind": 0.01}


class Side(Protocol):
    """BASE or HEAD, whatever it is."""

    @property
    def label(self) -> str:
        """Role and name, for messages."""

    def to_dict(self) -> Dict[str, str]:
        """Return what it is, ready for JSON."""


@dataclass(frozen=True)
class Options:
    """How long to measure, and what to call a difference.

    Parameters
    ----------
    counter : str
        One of :data:`COUNTERS`.
    threshold : float
        How far from 1 an interval may reach and still be the same, 0.03 for 3 %.
    level : float
        Chance that any verdict of the whole comparison is wrong, where there is no difference.
    budget_s : float
        Wall seconds for each model.
    bursts : int
        Bursts of each arm in a pair: what a process happens to get is more than half of a pair's spread, and
        more bursts leave that as it is.
    fail_fast : bool
        Whether to end as soon as anything is called slower.
    """

    counter: str = "time"
    threshold: float = THRESHOLDS["time"]
    level: float = 0.01
    budget_s: float = 60.0
    bursts: int = 6
    fail_fast: bool = False


@dataclass(frozen=True)
class Given:
    """What a leapfrog takes, where it does not rest on process pairs.

    Parameters
    ----------
    speed : Interval
        HEAD over BASE.
    same_work : bool
        Whether both arms made the same leapfrogs.
    details : list of dict
        What it rests on, ready for JSON.
    moved : list of dict
        Functions that one arm spends more on than the other: ``function``, ``base``, ``head``, ``unit``.
    """

    speed: Interval
    same_work: bool
    details: Sequence[Dict[str, Any]]
    moved: Sequence[Dict[str, Any]] = ()


@dataclass
class Result:
    """What is known of one model.

    Parameters
    ----------
    model : str
        The model.
    level : float
        Chance that its verdict may be wrong.
    threshold : float
        As in :class:`Options`.
    pairs : list of Pair
        What was timed.
    given : Given or None
        What was counted or read instead.
    cost : Interval or None
        Leapfrogs per effective sample, where the arms did not do the same work.
    seconds, first_s : float
        Wall seconds that it took, and of them those of the first pair.
    problem : str
        Why it could not be measured, or not any further; empty if it could.
    """

    model: str
    level: float
    threshold: float
    pairs: List[Pair] = field(default_factory=list)
    given: Optional[Given] = None
    cost: Optional[Interval] = None
    seconds: float = 0.0
    first_s: float = 0.0
    problem: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is a figure; whatever became of an arm later, it was measured."""
        return self.given is not None or bool(self.pairs)

    @property
    def logs(self) -> List[float]:
        """The log ratio of each pair, HEAD over BASE."""
        return [pair.log_ratio for pair in self.pairs]

    @property
    def speed(self) -> Interval:
        """The ratio of what a leapfrog takes, in seconds or instructions, with its interval."""
        if self.given is not None:
            return self.given.speed
        # Of other work, half of the level is kept for what a leapfrog is worth.
        return statistics.interval(self.logs, self.level if self.same_work else self.level / 2)

    @property
    def interval(self) -> Interval:
        """The ratio that is judged: of a leapfrog, or of an effective sample where the work is another."""
        return self.speed if self.cost is None else self.speed * self.cost

    @property
    def verdict(self) -> Verdict:
        """What the interval says."""
        if self.same_work is False and self.cost is None:
            return Verdict.UNDECIDED
        return statistics.judge(self.interval, self.threshold)

    @property
    def same_work(self) -> Optional[bool]:
        """Whether the arms did the same work every time; ``None`` before the first."""
        if self.given is not None:
            return self.given.same_work
        return all(pair.same_work for pair in self.pairs) if self.pairs else None

    def to_dict(self) -> Dict[str, Any]:
        """Return the result, ready for JSON."""
        return {
            "model": self.model,
            "verdict": self.verdict.value,
            **self.interval.to_dict(),
            "same_work": self.same_work,
            "speed": self.speed.to_dict(),
            "cost": None if self.cost is None else self.cost.to_dict(),
            "log_ratios": self.logs,
            "details": [] if self.given is None else list(self.given.details),
            "moved": [] if self.given is None else list(self.given.moved),
            "seconds": self.seconds,
            "problem": self.problem,
        }


class Comparison:
    """What is known of HEAD against BASE.

    Parameters
    ----------
    base, head : Side
        The two sides.
    models : sequence of str
        Models.
    options : Options
        How long, and what counts.
    """

    #: How it was measured, for the reader; and what would tell more.
    unit = "time"
    more = "a longer --budget"

    def __init__(self, base: Side, head: Side, models: Sequence[str], options: Options) -> None:
        self.base, self.head, self.options = base, head, options
        # Half of the level for the whole, which a reader sees first; the models share the rest.
        share = options.level / 2 / max(1, len(models))
        self.results = {name: Result(name, share, options.threshold) for name in models}

    @property
    def measured(self) -> List[Result]:
        """The results of models that could be measured, to the end."""
        return [result for result in self.results.values() if not result.problem]

    @property
    def overall(self) -> Optional[Interval]:
        """The geometric mean over models of what is judged; ``None`` before every model has a figure.

        Of other work that is the time per effective sample, so that the whole never counts
        leapfrogs that are worth less.
        """
        ready = [result for result in self.measured if result.same_work is not None]
        if not ready or len(ready) < len(self.measured):
            return None
        if any(result.same_work is False and result.cost is None for result in ready):
            return None
        return statistics.mean_of([result.interval for result in ready])

    @property
    def verdict(self) -> Verdict:
        """The answer: slower if the whole or any model is; else what the whole is.

        A model that is undecided leaves the whole as it is, so long as there are several: the
        whole rests on all of them, and each has its own row. Nothing is as fast as before
        where a model could not be measured.
        """
        if any(one.is_known and one.verdict is Verdict.SLOWER for one in self.results.values()):
            return Verdict.SLOWER
        verdicts = [result.verdict for result in self.measured]
        found = self.overall_verdict if len(verdicts) > 1 else next(iter(verdicts), Verdict.UNDECIDED)
        broken = len(verdicts) < len(self.results)
        return Verdict.UNDECIDED if broken and found is not Verdict.SLOWER else found

    @property
    def overall_verdict(self) -> Verdict:
        """What the geometric mean over models says."""
        found = self.overall
        return Verdict.UNDECIDED if found is None else statistics.judge(found, self.options.threshold)

    def beside(self) -> Dict[str, Interval]:
        """Return what is compared beside the sampler's speed, by name."""
        return {}

    def to_dict(self) -> Dict[str, Any]:
        """Return all that is known, ready for JSON."""
        found = self.overall
        return {
            "base": self.base.to_dict(),
            "head": self.head.to_dict(),
            "options": dict(vars(self.options)),
            "verdict": self.verdict.value,
            "other_work": any(result.same_work is False for result in self.measured),
            "overall": None if found is None else {**found.to_dict(), "verdict": self.overall_verdict.value},
            "models": [result.to_dict() for result in self.results.values()],
            "beside": {name: one.to_dict() for name, one in self.beside().items()},
        }
