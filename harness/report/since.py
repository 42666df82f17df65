"""What has changed since the run before, beyond chance: an interval or a test decides, over all rows at once.

Two runs of one cell on one machine make the same draws, so their times differ by the machine's noise
alone, which all models share. Where draws are others, as they are of another stack, the spread over
seeds tells. Verdicts can change by chance as well: how often was measured (docs/calibration.md).
"""

import math
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from nutsbench.compare import records as compared
from nutsbench.judge import accuracy
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.stored import Stored, setting
from nutsbench.records.table import counted, percent
from nutsbench.report.data import Source, machine
from nutsbench.report.verdicts import VERDICTS, Row, verdict
from nutsbench.track.gaps import UNMIXED

#: Chance that anything at all is shown as a change where nothing has changed.
LEVEL = 0.05
#: Chance that chains that mix are said not to, at the most: what the test of mixing is made for.
_FALSE_ALARM = 0.01
#: So many rows of one pair each are needed to know the machine's noise from the spread between them.
_ROWS = 6
#: From a median of deviations to the standard deviation of a Gaussian.
_MAD = 1.4826

Key = Tuple[Any, ...]
Pair = Tuple[Stored, Stored]


@dataclass(frozen=True)
class Change:
    """What is different between two sets of records, and whether it is beyond chance.

    Parameters
    ----------
    text : str
        What it is, in words, with its interval and what it rests on.
    beyond : bool
        Whether it is beyond chance.
    """

    text: str
    beyond: bool


@dataclass(frozen=True)
class Since:
    """All changes since the run before.

    Parameters
    ----------
    changes : dict
        By :func:`key` of a row, its changes that are beyond chance.
    rows : int
        How many rows had been measured before.
    within : int
        How many differences are within chance, and not shown.
    """

    changes: Dict[Key, List[str]]
    rows: int
    within: int

    @property
    def rule(self) -> str:
        """What decides, in words."""
        return (
            "A change is shown where its interval leaves out no change, or its test says so, at"
            f" {100 * LEVEL:g} % over all {counted(2 * self.rows, 'comparison')} together (Bonferroni; time"
            f" per effective sample and verdict of {counted(self.rows, 'row')}). {100 * compared.DRIFT:.0f} %"
            " are added to either side of an interval, since the two runs were not interleaved."
        )


def key(record: Stored) -> Key:
    """Return what a record shares with those that differ from it in their seed only."""
    settings = tuple(setting(record, name) for name in SamplerSettings.names())
    return (record["model"], record["stack"], machine(record), settings)


def since(source: Source) -> Since:
    """Compare each row with the run before it.

    Parameters
    ----------
    source : Source
        Everything.
    """
    rows: Dict[Key, List[Pair]] = {}
    for record in source.records:
        before = source.earlier.get(record["id"])
        if before is not None:
            rows.setdefault(key(record), []).append((before, record))
    level = LEVEL / max(1, 2 * len(rows))
    noise = _noise(list(rows.values()))
    found: Dict[Key, List[str]] = {}
    within = 0
    for name, pairs in rows.items():
        told = [_slower(pairs, noise, level), another([a for a, _ in pairs], [b for _, b in pairs], level)]
        for change in filter(None, told):
            within += not change.beyond
            if change.beyond:
                found.setdefault(name, []).append(change.text)
    return Since(found, len(rows), within)


def _logs(pairs: Sequence[Pair]) -> List[float]:
    """Return the log ratio of time per effective sample of each pair that has one on both sides."""
    values = [tuple(one["metrics"].get("pace_s") for one in pair) for pair in pairs]
    return [math.log(after / before) for before, after in values if before and after]


def _identical(pairs: Sequence[Pair]) -> bool:
    """Return whether both runs made the same trajectories, so that times are of the same work."""
    steps = [tuple(one["metrics"].get("leapfrogs") for one in pair) for pair in pairs]
    return all(before is not None and before == after for before, after in steps)


def _noise(rows: Sequence[Sequence[Pair]]) -> Optional[Tuple[float, int]]:
    """Return the standard deviation of a log ratio of times of the same work, and its degrees of freedom.

    From the spread within rows; where all are of one pair, from that between rows, about their median.
    """
    logs = [_logs(pairs) for pairs in rows if _identical(pairs)]
    freedom = sum(len(row) - 1 for row in logs if row)
    if freedom:
        squares = sum((one - statistics.mean(row)) ** 2 for row in logs if row for one in row)
        return math.sqrt(squares / freedom), freedom
    single = [row[0] for row in logs if row]
    if len(single) < _ROWS:
        return None
    middle = statistics.median(single)
    return _MAD * statistics.median(abs(one - middle) for one in single), len(single) - 1


def _slower(pairs: Sequence[Pair], noise: Optional[Tuple[float, int]], level: float) -> Optional[Change]:
    """Return how the time per effective sample changed, ``None`` where there is none, or no interval."""
    from scipy import stats

    sides = [Row([pair[side] for pair in pairs]) for side in range(2)]
    logs = _logs(pairs)
    if not logs or not all(side.mixed for side in sides):
        return None
    same = _identical(pairs)
    if not same:
        noise = (statistics.stdev(logs), len(logs) - 1) if len(logs) > 1 else None
    if noise is None:
        return None
    spread, freedom = noise
    mean = statistics.mean(logs)
    half = float(stats.t.ppf(1 - level / 2, freedom)) * spread / math.sqrt(len(logs))
    half += math.log(1 + compared.DRIFT)
    return Change(
        f"time per effective sample {percent(math.exp(mean))} ({percent(math.exp(mean - half))} to"
        f" {percent(math.exp(mean + half))}, {counted(len(logs), 'seed')},"
        f" {'identical' if same else 'different'} trajectories)",
        abs(mean) > half,
    )


def another(before: Sequence[Stored], after: Sequence[Stored], level: float) -> Optional[Change]:
    """Return how the verdict over seeds differs between two sets of records, ``None`` where it does not.

    Parameters
    ----------
    before, after : sequence of dict
        Records that differ in their seeds only.
    level : float
        Chance that it is called beyond chance where it is not.
    """
    old, new = Row(list(before)), Row(list(after))
    if old.verdict == new.verdict:
        return None
    worse, better = (new, old) if _place(new) < _place(old) else (old, new)
    way = "worse" if worse is new else "better"
    return Change(
        f"{way}: {new.verdict} ({new.over}), before {old.verdict} ({old.over})",
        _by_chance(worse, better) <= level,
    )


def _place(row: Row) -> int:
    return VERDICTS.index(row.verdict)


def _by_chance(worse: Row, better: Row) -> float:
    """Return the chance of so bad a verdict, and not on the other side, if nothing is different.

    A right sampler does not fail, and what is inaccurate or not converged by chance is so at a rate that was
    measured; whether records of the other verdicts are more on one side is Fisher's exact test.
    """
    from scipy import stats

    counts = [
        Counter(VERDICTS.index(verdict(record)) <= _place(worse) for record in row.records)
        for row in (worse, better)
    ]
    table = [[one[True], one[False]] for one in counts]
    exact = float(stats.fisher_exact(table)[1])
    if table[1][0]:
        return exact
    if worse.verdict == "failed":
        return 0.0
    if worse.verdict in ("inaccurate", *UNMIXED):
        rate = accuracy.LEVEL if worse.verdict == "inaccurate" else _FALSE_ALARM
        return min(exact, float(stats.binom.sf(max(1, table[0][0]) - 1, len(worse.records), rate)))
    return exact
