"""One model on one stack, over its seeds: how long until effective draws are enough, and are they right.

The times are estimates from runs as they are: see :func:`seconds`.
"""

import functools
import itertools
import statistics
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from nutsbench.judge import accuracy, quality
from nutsbench.records.stored import Stored
from nutsbench.records.table import counted

#: Effective draws of every scalar, in bulk and tail, that times are told for.
ENOUGH = 400
#: What is waited for once all is compiled, before, and with nothing compiled yet.
SAMPLING, WARM, COLD = "sampling", "warm", "cold"
_PHASES: Mapping[str, Tuple[str, ...]] = {
    SAMPLING: (),
    WARM: ("build", "compile"),
    COLD: ("build", "compile"),
}


def seconds(record: Stored, kind: str, enough: int = ENOUGH) -> Optional[float]:
    """Return the wall seconds until a run like that of a record has enough effective draws of every scalar.

    Parameters
    ----------
    record : dict
        Of a cell that ended well.
    kind : str
        ``sampling``, of tune and draw; ``warm``, of build and compile too, with what is compiled before
        taken over; ``cold``, the same with nothing compiled before.
    enough : int
        Effective draws.

    Returns
    -------
    float or None
        ``None`` where the record has no ESS, or was compiled otherwise than is asked.

    Notes
    -----
    Tuning counts in full, and drawing in proportion: effective draws come at a constant rate. Where it is not
    known how long tuning took, all of sampling counts in full, and more than in proportion if it has not
    given enough. Importing the packages is not counted.
    """
    ess = effective(record)
    if kind not in kinds(record) or ess is None:
        return None
    phases = {name: one["wall_s"] for name, one in record["phases"].items()}
    more = enough / ess
    if record["details"].get("split_source") == "not_known":
        sampled = (phases["tune"] + phases["draw"]) * max(1.0, more)
    else:
        sampled = phases["tune"] + phases["draw"] * more
    return float(sum(phases[name] for name in _PHASES[kind]) + sampled)


def effective(record: Stored) -> Optional[float]:
    """Return the smallest bulk or tail ESS of any scalar, ``None`` where one is not known."""
    found = [record["metrics"].get(name) for name in ("ess_bulk_min", "ess_tail_min")]
    known = [one for one in found if one is not None and one > 0]
    return min(known) if len(known) == len(found) else None


def gradients(record: Stored, enough: int = ENOUGH) -> Optional[float]:
    """Return the gradients until there are enough effective draws; ``None`` where not all are known."""
    tuned, drawn = (record["metrics"].get(name) for name in ("tune_leapfrogs", "leapfrogs"))
    ess = effective(record)
    if tuned is None or drawn is None or ess is None:
        return None
    return tuned + drawn * enough / ess


def mean(values: Sequence[float]) -> Optional[float]:
    """Return the geometric mean of times or ratios, ``None`` of nothing."""
    return statistics.geometric_mean(values) if values else None


def kinds(record: Stored) -> FrozenSet[str]:
    """Return which of the three times a record tells.

    What was compiled for the first time, with this program's help, is neither what a new user waits for nor
    what is waited for from then on. JAX keeps nothing: it always takes as long.
    """
    details = record["details"]
    if (details.get("engine") or {}).get("chain_method"):
        return frozenset((SAMPLING, WARM, COLD))
    if details.get("compiled_plainly"):
        return frozenset((SAMPLING, COLD))
    is_warm = (details.get("compile_cache") or {}).get("state") == "warm"
    return frozenset((SAMPLING, WARM) if is_warm else (SAMPLING,))


@dataclass(frozen=True)
class Differs:
    """By what draws differ from the truth.

    Parameters
    ----------
    says : str
        In words.
    is_sure : bool
        Whether all seeds together are beyond chance, or each of several is.
    """

    says: str
    is_sure: bool


@dataclass(frozen=True)
class Side:
    """A model on a stack under some settings, over its seeds.

    Parameters
    ----------
    model, stack : str
        Which.
    records : list of dict
        All of them, the failed included.
    """

    model: str
    stack: str
    records: Sequence[Stored]

    @property
    def ended(self) -> List[Stored]:
        """The records of cells that ended well."""
        return [record for record in self.records if record["status"] == "ok"]

    @property
    def problem(self) -> str:
        """Why there is nothing to compare; empty where there is."""
        # What its user has stopped says nothing of it.
        failed = [record for record in self.records if record["status"] not in ("ok", "interrupted")]
        if not self.ended and not failed:
            return "not measured"
        if failed:
            said = " ".join(str(failed[-1]["reason"]).split())
            refused = "refused" if failed[-1]["details"].get("refused") else failed[-1]["status"]
            return f"{refused}: {said}"
        return ""

    @functools.cached_property
    def quality(self) -> Optional[quality.Quality]:
        """What all seeds together say of the draws, ``None`` if no cell ended well."""
        return quality.over_seeds(self.ended) if self.ended else None

    @property
    def mixed(self) -> bool:
        """Whether the chains of every seed have mixed, so that their draws can be compared."""
        return self.quality is not None and not any(quality.not_mixed(quality.Seen.of(r)) for r in self.ended)

    @property
    def accuracy(self) -> str:
        """The verdict of all seeds' draws against the truth: the worst that one has; empty without one."""
        judged = [one for one in map(_verdict, self.ended) if one]
        if "inaccurate" in judged:
            return "inaccurate"
        if judged and all(one == "accurate" for one in judged):
            return "accurate"
        return "inconclusive" if judged else ""

    def differs(self, count: int) -> Optional["Differs"]:
        """Return by what the draws differ from the truth; ``None`` where that is within chance.

        Parameters
        ----------
        count : int
            Of how many models this is one, which share the level.

        Notes
        -----
        One seed of many differs by chance now and then, and one model of many, so all seeds decide: of each
        statistic the sum of its z over the seeds that were judged, over the root of their number, which is
        standard normal where the sampler is right. It is sure that they differ where the largest is beyond
        chance at a level that the models share, or where each of several seeds is inaccurate. It is not
        known where a seed is inaccurate, and is so by itself at a level that all seeds share, or all together
        are at that of one model alone.
        """
        judged = [one for one in self.ended if _verdict(one) in ("accurate", "inaccurate")]
        bad = [one for one in judged if _verdict(one) == "inaccurate"]
        sums: Dict[str, List[float]] = {}
        for record in judged:
            for scalar, of in (record["accuracy"].get("scores") or {}).items():
                for statistic, score in of.items():
                    sums.setdefault(f"{statistic} of {scalar}", []).append(score[0])
        z, figure = max(
            ((abs(sum(each)) / len(each) ** 0.5, name) for name, each in sums.items()), default=(0.0, "")
        )
        limit = accuracy.threshold(len(sums), accuracy.LEVEL / count) if sums else 0.0
        chance = f"{figure}, z {z:.1f}, where up to {limit:.1f} may be chance among {counted(count, 'model')}"
        if len(self.ended) == 1 and bad:
            said = "; ".join(bad[0]["accuracy"]["reasons"])
            return Differs(f"{said}; {chance}" if sums else said, z > limit or not sums)
        are_all = len(bad) == len(self.ended) > 1
        alone = accuracy.LEVEL / count / max(1, len(judged))
        is_odd = bool(bad) and (
            not sums
            or z > accuracy.threshold(len(sums), accuracy.LEVEL)
            or max(map(abs, itertools.chain(*sums.values()))) > accuracy.threshold(len(sums), alone)
        )
        if not (z > limit or are_all or is_odd):
            return None
        said = f"{len(bad)} of {counted(len(self.ended), 'seed')}"
        said += f": {'; '.join(bad[0]['accuracy']['reasons'])}" if bad else " by themselves"
        return Differs(f"{said}; all seeds together: {chance}" if sums else said, z > limit or are_all)

    @property
    def are_right(self) -> bool:
        """Whether the draws of all seeds agree with the truth, but for what is chance by :meth:`differs`."""
        found = [_verdict(one) for one in self.ended]
        return "accurate" in found and all(one in ("accurate", "inaccurate") for one in found)

    def times(self, kind: str) -> List[float]:
        """Return the seconds of :func:`seconds`, of each seed that has them."""
        if not self.mixed:
            return []
        found = [seconds(record, kind) for record in self.ended]
        return [one for one in found if one is not None]

    def course(self, kind: str) -> List[Tuple[str, float]]:
        """Return on what the time until there are enough effective draws goes, of the seed in the middle.

        Parameters
        ----------
        kind : str
            As of :func:`seconds`.

        Returns
        -------
        list of (str, float)
            Phases in their order with their wall seconds; effective draws come in the last of them. Empty
            where no seed has such a time.
        """
        timed = [(seconds(record, kind), record) for record in self.ended] if self.mixed else []
        known = sorted(((one, record) for one, record in timed if one is not None), key=lambda pair: pair[0])
        if not known:
            return []
        total, record = known[(len(known) - 1) // 2]
        names = [*_PHASES[kind], *([] if record["details"].get("split_source") == "not_known" else ["tune"])]
        before = [(name, float(record["phases"][name]["wall_s"])) for name in names]
        last = "draw" if "tune" in names else "tune and draw"
        return [*before, (last, total - sum(one for _, one in before))]

    def median(self, name: str) -> Optional[float]:
        """Return the median over seeds of a metric, ``None`` if no record has it."""
        known = [record["metrics"].get(name) for record in self.ended]
        values = [one for one in known if one is not None]
        return statistics.median(values) if values else None

    def phase(self, name: str, kind: str) -> Optional[float]:
        """Return the median over seeds of the wall seconds of a phase, of cells compiled as is asked."""
        values = [r["phases"][name]["wall_s"] for r in self.ended if kind in kinds(r)]
        return statistics.median(values) if values else None

    @property
    def gradients(self) -> Optional[float]:
        """The median over seeds of :func:`gradients`."""
        found = [gradients(record) for record in self.ended]
        known = [one for one in found if one is not None]
        return statistics.median(known) if known else None

    @property
    def adaptations(self) -> List[Dict[str, Any]]:
        """What was changed in the model's file for it to run."""
        return list(self.ended[-1]["details"].get("adaptations", [])) if self.ended else []

    @property
    def settings(self) -> str:
        """What it was sampled with, in words."""
        if not self.records:
            return "not measured"
        had = self.records[-1]["settings"]
        return ", ".join(
            f"{name} {had[name]}" for name in ("target_accept", "tune", "draws", "chains", "cores")
        )

    @property
    def engine(self) -> str:
        """Which sampler it was, as it reports itself."""
        if not self.ended:
            return ""
        engine = self.ended[-1]["details"].get("engine")
        if not engine:
            return str(self.ended[-1]["details"].get("sampler", ""))
        how = f", chains {engine['chain_method']}" if engine.get("chain_method") else ""
        return f"{engine['name']} {engine['version']}{how}"

    def pooled(self) -> Mapping[str, Tuple[float, float, float, float]]:
        """Return mean, its MCSE, sd and its MCSE of each free scalar, all seeds together."""
        found: Dict[str, List[Tuple[float, float, float, float]]] = {}
        for record in self.ended:
            for name, one in record["quantities"].items():
                four = tuple(one.get(key) for key in ("mean", "mcse_mean", "sd", "mcse_sd"))
                if None not in four:
                    found.setdefault(name, []).append(four)  # type: ignore[arg-type]
        return {name: _pooled(each) for name, each in found.items() if len(each) == len(self.ended)}


def _verdict(record: Stored) -> str:
    """Return whether a record's draws agree with the truth; empty without one."""
    return str((record.get("accuracy") or {}).get("verdict", ""))


def _pooled(each: Sequence[Tuple[float, float, float, float]]) -> Tuple[float, float, float, float]:
    count = len(each)
    mean, mcse, sd, mcse_sd = zip(*each)

    def error(values: Sequence[float]) -> float:
        return float(sum(value**2 for value in values) ** 0.5 / count)

    return statistics.fmean(mean), error(mcse), statistics.fmean(sd), error(mcse_sd)
