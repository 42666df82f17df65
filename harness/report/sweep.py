"""What a sweep tells: which settings take a model to an ESS of 400 in the least time.

The expected time is what a user waits for until there are so many effective draws: building and compiling
the model, tuning, and drawing at the rate that was seen. How many draws a run had matters little for
it: draws are a beginning of a longer run's, so of settings that differ in draws only the longest tells.
"""

import functools
import math
import statistics
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from nutsbench.compare import records as compared
from nutsbench.compare.statistics import Interval, welch
from nutsbench.judge import quality
from nutsbench.judge.remedy import WANTED_ESS
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.stored import Stored
from nutsbench.records.stored import setting as setting_of
from nutsbench.records.table import counted, number, settings_text
from nutsbench.report import verdicts, words
from nutsbench.report.data import Source
from nutsbench.report.verdicts import Row
from nutsbench.track.gaps import UNMIXED

SETTINGS = ("draws", "tune", "chains", "cores", "target_accept")
#: What draws enough lead to, the best first: all checks pass, or all but one, that is a cost and no fault.
_ABLE = ("good", "treedepth limited")
_CURED = "too few draws"
#: Chance that an interval misses, and that any settings of a model are told apart which are alike.
LEVEL = 0.05
#: One seed has no spread, so nothing is the best by it.
_LEAST_SEEDS = 2


@dataclass(frozen=True)
class Tried:
    """Some settings of a model, by all their records.

    Parameters
    ----------
    row : Row
        The records.
    times : list of float
        Of each record whose chains have mixed, the expected seconds to an ESS of 400.
    draws : float or None
        Draws a chain for it, the median over records; ``None`` where there is no time.
    """

    row: Row
    times: List[float]
    draws: Optional[float]

    @property
    def interval(self) -> Optional[Interval]:
        """Geometric mean over seeds of the expected time (s), with its interval; of one seed none."""
        if not self.times:
            return None
        logs = [math.log(time) for time in self.times]
        mean = statistics.mean(logs)
        if len(logs) < _LEAST_SEEDS:
            return Interval(math.exp(mean), 0.0, math.inf, 1)
        from scipy import stats

        half = (
            float(stats.t.ppf(1 - LEVEL / 2, len(logs) - 1)) * statistics.stdev(logs) / math.sqrt(len(logs))
        )
        return Interval(math.exp(mean), math.exp(mean - half), math.exp(mean + half), len(logs))

    @functools.cached_property
    def lasting(self) -> str:
        """The verdict over seeds that more draws would not change, of :data:`verdicts.VERDICTS`."""
        verdict = self.row.verdict
        if verdict in ("failed", "inaccurate", *UNMIXED):
            return verdict
        order = verdicts.VERDICTS.index
        each = [
            min((one.verdict for one in found if one.verdict != _CURED), key=order, default="good")
            for found in (quality.findings(quality.Seen.of(record)) for record in self.row.ended)
        ]
        # As a verdict over seeds is: what half of them have, or worse.
        return sorted(each, key=order)[(len(each) - 1) // 2]

    @property
    def text(self) -> str:
        """The expected time in words, with its interval and the number of seeds."""
        found = self.interval
        if found is None:
            return "-"
        if found.pairs < _LEAST_SEEDS:
            return f"{number(found.ratio)} s (1 seed: no interval)"
        ends = f"{number(found.lower)} to {number(found.upper)} s"
        return f"{number(found.ratio)} s ({ends}, {found.pairs} seeds)"

    @property
    def rank(self) -> Tuple[int, float, float]:
        """What settings are sorted by, the best first: the verdict over seeds, then the expected time."""
        found, hats = self.interval, self.row.values("rhat_max")
        place = len(verdicts.VERDICTS) - verdicts.VERDICTS.index(self.lasting)
        return place, found.ratio if found else math.inf, max(hats, default=math.inf)


@dataclass(frozen=True)
class Best:
    """Which settings of a model are fastest.

    Parameters
    ----------
    first : Tried
        Those with the least expected time.
    tied : list of Tried
        Those that cannot be told apart from them.
    slower : list of Tried
        Those that are slower beyond chance.
    """

    first: Tried
    tied: List[Tried]
    slower: List[Tried]

    @property
    def level(self) -> float:
        """Chance that the interval of one comparison misses: all with the fastest share it."""
        return LEVEL / max(1, len(self.tied) + len(self.slower))

    @property
    def passes(self) -> bool:
        """Whether all checks pass, given draws enough."""
        return self.first.lasting == "good"


def varied(records: Sequence[Stored], setting: str) -> List[Stored]:
    """Return the records in which, of a model's sweep, no other setting is varied."""
    others = [name for name in SamplerSettings.names() if name != setting]
    groups: Dict[Any, List[Stored]] = {}
    for record in records:
        rest = tuple(setting_of(record, name) for name in others)
        groups.setdefault((record["model"], record["stack"], rest), []).append(record)
    best: Dict[Any, List[Stored]] = {}
    for (name, stack, _), group in groups.items():
        values = {setting_of(record, setting) for record in group}
        known = best.get((name, stack), [])
        if len(values) > max(1, len({setting_of(record, setting) for record in known})):
            best[name, stack] = group
    return [record for group in best.values() for record in group]


def ranking(records: Sequence[Stored], every: Sequence[Stored] = ()) -> List[Tried]:
    """Return what some records' settings gave, each of them once, the best first.

    That is by the verdict over seeds that draws enough would lead to, and by the expected time to an ESS
    of 400.

    Parameters
    ----------
    records : sequence of dict
        Records of one model, stack and machine, oldest first.
    every : sequence of dict
        All records of the model that tell how long it takes to compile, if these are not all.
    """
    groups: Dict[Tuple[Any, ...], List[Stored]] = {}
    for record in records:
        groups.setdefault(tuple(setting_of(record, n) for n in SamplerSettings.names()), []).append(record)
    compiling = _compiling_s(every or records)
    return sorted(
        (_tried(Row(group[::-1]), compiling) for group in groups.values()), key=lambda one: one.rank
    )


def _compiling_s(records: Sequence[Stored]) -> float:
    """Return the seconds of building and compiling a model, which are the same under all settings."""
    known = [
        record["phases"]["build"]["wall_s"] + record["phases"]["compile"]["wall_s"]
        for record in records
        if record["status"] == "ok" and {"build", "compile"} <= set(record["phases"])
    ]
    return statistics.median(known) if known else 0.0


def _tried(row: Row, compiling: float) -> Tried:
    able = [(record, _more(record)) for record in row.ended] if row.mixed else []
    known = [(record, more) for record, more in able if more is not None]
    times = [_seconds(record, more, compiling) for record, more in known]
    draws = [record["settings"]["draws"] * more for record, more in known]
    return Tried(row, times, statistics.median(draws) if draws else None)


def _more(record: Stored) -> Optional[float]:
    """Return how many times its draws a record would need, ``None`` where it has no ESS."""
    bulk, tail = (record["metrics"].get(name) for name in ("ess_bulk_min", "ess_tail_min"))
    return WANTED_ESS / min(bulk, tail) if bulk and tail else None


def _seconds(record: Stored, more: float, compiling: float) -> float:
    phases = record["phases"]
    return float(compiling + phases["tune"]["wall_s"] + phases["draw"]["wall_s"] * more)


def seconds(record: Stored) -> Optional[float]:
    """Return the expected time of a record to an ESS of 400 (s), with its own time of compiling."""
    more = _more(record)
    return None if more is None else _seconds(record, more, _compiling_s([record]))


def best(records: Sequence[Stored], every: Sequence[Stored] = ()) -> Optional[Best]:
    """Return which of some records' settings are fastest, and which cannot be told apart from them.

    Parameters
    ----------
    records : sequence of dict
        Records of one model, stack and machine, oldest first.
    every : sequence of dict
        As in :func:`ranking`.

    Returns
    -------
    Best or None
        ``None`` where no settings with two seeds or more pass all checks, nor would with more draws,
        nor are only treedepth limited.

    Notes
    -----
    Expected times of two settings are compared by Welch's interval of the ratio of their geometric means
    over seeds, at 5 % over all comparisons with the fastest (Bonferroni), with the drift between runs that
    were not interleaved added to either side.
    """
    able = [one for one in ranking(records, every) if len(one.times) >= _LEAST_SEEDS]
    for wanted in _ABLE:
        chosen = _longest([one for one in able if one.lasting == wanted])
        if chosen:
            first, *others = sorted(chosen, key=lambda one: one.rank[1])
            told = [one for one in others if ratio(first, one, LEVEL / len(others)).lower > 1]
            return Best(first, [one for one in others if one not in told], told)
    return None


def ratio(one: Tried, other: Tried, level: float = LEVEL) -> Interval:
    """Return the ratio of two expected times, the other over the one, with its interval.

    Parameters
    ----------
    one, other : Tried
        Of two seeds or more each.
    level : float
        Chance that the interval misses.
    """
    found, drift = welch(one.times, other.times, level), 1 + compared.DRIFT
    return Interval(found.ratio, found.lower / drift, found.upper * drift, found.pairs)


def alike(settings: Any) -> Tuple[Any, ...]:
    """Return what settings that differ in their draws only have in common."""
    return tuple(settings[name] for name in SamplerSettings.names() if name != "draws")


def _longest(tried: Sequence[Tried]) -> List[Tried]:
    """Return of settings that differ in their draws only those with most draws."""
    found: Dict[Tuple[Any, ...], Tried] = {}
    for one in sorted(tried, key=lambda one: int(one.row.newest["settings"]["draws"])):
        found[alike(one.row.newest["settings"])] = one
    return list(found.values())


def words_of(source: Source, tried: Tried) -> str:
    """Return the settings in words but for the draws, of which it says how many are needed."""
    record = tried.row.newest
    changed = [name for name in source.changed(record) if name != "draws"]
    spec = source.specs.get(record["model"])
    own = "the tutorial's" if spec and spec.section else "the model's own"
    return settings_text(record["settings"], changed) if changed else own


def summary(source: Source, tried: Tried) -> Dict[str, Any]:
    """Return what some settings gave over their seeds.

    Parameters
    ----------
    source : Source
        What knows the model's own settings.
    tried : Tried
        Of :func:`ranking`.

    Returns
    -------
    dict
        ``settings`` in words, ``verdict`` over seeds, the ``share`` of records that have it by themselves
        and ``why``, ``seeds``; ``time_to_ess_400_s``, the expected time (s), with ``_low`` and ``_high``,
        and ``draws_for_ess_400`` a chain; medians ``ess_per_s`` (1/s) and ``wall_s``, smallest and largest
        ``ess_per_s``, largest ``rhat_max``, ``z`` and ``divergences``. ``None`` where no seed
        has it.
    """
    row, found = tried.row, tried.interval
    rates, hats = row.values("ess_per_s"), row.values("rhat_max")
    scores = [z for z in map(verdicts.worst_z, row.ended) if z is not None]
    several = found is not None and found.pairs >= _LEAST_SEEDS
    return {
        "settings": source.settings_words(row.newest),
        "verdict": row.verdict,
        "share": row.count / len(row.records),
        "time_to_ess_400_s": found.ratio if found else None,
        "time_to_ess_400_s_low": found.lower if found and several else None,
        "time_to_ess_400_s_high": found.upper if found and several else None,
        "draws_for_ess_400": tried.draws,
        "ess_per_s": row.median("ess_per_s") if row.mixed else None,
        "ess_per_s_min": min(rates, default=None) if row.mixed else None,
        "ess_per_s_max": max(rates, default=None) if row.mixed else None,
        "wall_s": row.median("wall_s"),
        "rhat_max": max(hats, default=None),
        "divergences": int(max(row.values("divergences"), default=0)),
        "z": max(scores, default=None),
        "seeds": len(row.records),
        "why": words.why_over_seeds(row),
    }


def advice(source: Source, swept: Optional[Sequence[Stored]] = None) -> Dict[Tuple[str, str], str]:
    """Say of each model and stack whose own settings are not good what a sweep found in their place.

    Parameters
    ----------
    source : Source
        Everything.
    swept : sequence of dict, optional
        Records of sweeps; all that there are if not given.
    """
    groups: Dict[Tuple[str, str], List[Stored]] = {}
    for record in source.swept if swept is None else swept:
        groups.setdefault((record["model"], record["stack"]), []).append(record)
    return {place: said for place, group in groups.items() for said in [_advice(source, group)] if said}


def _advice(source: Source, records: Sequence[Stored]) -> str:
    tried = ranking(records)
    usual = next((one for one in tried if source.is_tutorial(one.row.newest)), None)
    if usual is None or usual.row.verdict == "good":
        return ""
    found = best(records)
    if found is None:
        return f"None of {counted(len(tried), 'setting')} tried passes all checks."
    less = "" if found.passes else f" (though {found.first.lasting})"
    more = f"; not told apart: {len(found.tied)} others" if found.tied else ""
    return (
        f"Fastest to ESS {WANTED_ESS} of {len(tried)} settings tried: {words_of(source, found.first)},"
        f" {number(found.first.draws, 2)} draws a chain{less}, {found.first.text}{more}."
    )
