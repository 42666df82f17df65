"""What a sweep tells: the records in which one setting is varied, and which settings would have been best."""

from typing import Any, Dict, Iterable, List, Sequence, Tuple

from harness.report import verdicts, words
from harness.report.data import Record, Source
from harness.report.verdicts import Row
from harness.table import counted, number
from models.spec import SamplerSettings

SETTINGS = ("draws", "tune", "chains", "cores", "target_accept")
#: Verdicts on draws that nobody should use.
_NOT_TRUSTED = ("failed", "inaccurate", "poor")


def varied(records: Sequence[Record], setting: str) -> List[Record]:
    """Return the records in which, of a model's sweep, no other setting is varied."""
    others = [name for name in SamplerSettings.names() if name != setting]
    groups: Dict[Any, List[Record]] = {}
    for record in records:
        rest = tuple(record["settings"][name] for name in others)
        groups.setdefault((record["model"], record["stack"], rest), []).append(record)
    best: Dict[Any, List[Record]] = {}
    for (name, stack, _), group in groups.items():
        values = {record["settings"][setting] for record in group}
        known = best.get((name, stack), [])
        if len(values) > max(1, len({record["settings"][setting] for record in known})):
            best[name, stack] = group
    return [record for group in best.values() for record in group]


def ranking(records: Sequence[Record]) -> List[Row]:
    """Return a row for each of some records' settings, the best first.

    That is by verdict, those of all seeds first, and by median ESS/s or, where the draws should not be
    trusted, by the largest R-hat.

    Parameters
    ----------
    records : sequence of dict
        Records of one model, stack and machine, oldest first.

    Returns
    -------
    list of Row
        Of the seeds that all settings have, where there are such: one with more seeds would more
        often have one that is not good.
    """
    groups: Dict[Tuple[Any, ...], List[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record["settings"][n] for n in SamplerSettings.names()), []).append(record)
    seeds = [{record["seed"] for record in group} for group in groups.values()]
    common = set.intersection(*seeds) if seeds else set()
    rows = [
        Row([record for record in reversed(group) if not common or record["seed"] in common])
        for group in groups.values()
    ]
    return sorted(rows, key=_rank)


def _rank(row: Row) -> Tuple[int, float, float]:
    bad, seeds, _ = row.badness
    if row.verdict not in _NOT_TRUSTED:
        return -bad, -seeds, -(row.median("ess_per_s") or 0.0)
    # Draws that should not be trusted are not the better for being many: those are first that come nearest.
    return -bad, -seeds, max(row.values("rhat_max"), default=float("inf"))


def seeds_text(seeds: Iterable[int]) -> str:
    """Say which seeds settings are compared by, since the overview may have more."""
    named = ", ".join(map(str, sorted(set(seeds))))
    return (
        f"Settings are compared by the seeds that all settings of a model have ({named}). The overview has"
        " every seed, so a verdict there can be another."
    )


def summary(source: Source, row: Row) -> Dict[str, Any]:
    """Return what some settings gave over their seeds.

    Parameters
    ----------
    source : Source
        What knows the model's own settings.
    row : Row
        Of :func:`ranking`.

    Returns
    -------
    dict
        ``settings`` in words, ``verdict`` over seeds, the ``share`` of seeds that have it
        and ``why``, ``seeds``; medians ``ess_per_s`` (1/s) and ``wall_s``, smallest and largest
        ``ess_per_s``, largest ``rhat_max``, ``z`` and ``divergences``. ``None`` where no seed
        has it.
    """
    rates, hats = row.values("ess_per_s"), row.values("rhat_max")
    scores = [z for z in map(verdicts.worst_z, row.ended) if z is not None]
    return {
        "settings": source.settings_words(row.newest),
        "verdict": row.verdict,
        "share": row.count / len(row.records),
        "ess_per_s": row.median("ess_per_s"),
        "ess_per_s_min": min(rates, default=None),
        "ess_per_s_max": max(rates, default=None),
        "wall_s": row.median("wall_s"),
        "rhat_max": max(hats, default=None),
        "divergences": int(max(row.values("divergences"), default=0)),
        "z": max(scores, default=None),
        "seeds": len(row.records),
        "why": words.why_over_seeds(row),
    }


def advice(source: Source) -> Dict[Tuple[str, str], str]:
    """Say of each model and stack whose own settings are not good what a sweep found in their place.

    Parameters
    ----------
    source : Source
        Everything.
    """
    groups: Dict[Tuple[str, str], List[Record]] = {}
    for record in source.swept:
        groups.setdefault((record["model"], record["stack"]), []).append(record)
    return {place: said for place, group in groups.items() for said in [_advice(source, group)] if said}


def _advice(source: Source, records: Sequence[Record]) -> str:
    rows = ranking(records)
    usual = next((row for row in rows if source.is_tutorial(row.newest)), None)
    if usual is None or usual.sound:
        return ""
    best = rows[0]
    if not best.sound:
        return f"None of the {len(rows)} settings tried is good with every seed."
    rate = number(best.median("ess_per_s"))
    over = counted(len(best.records), "seed")
    return f"Good with {source.settings_words(best.newest)}: {rate} ESS/s, {over}."
