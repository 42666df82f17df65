"""How the cells of each release or commit sampled, and which of their models have not mixed.

The ESS of chains that have not mixed is of the order of their number, whatever the sampler does:
a time per effective sample made of it, and a ratio of two such times, say nothing of the sampler.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Container, Dict, List, Optional, Sequence, Set, Tuple

import pandas as pd

from nutsbench.judge import quality
from nutsbench.judge.accuracy import VERDICTS
from nutsbench.records.stored import Stored

Place = Callable[[Stored], str]

#: What asv keeps of R-hat, the median over seeds, and the limit for it: that of Gelman and Rubin (1992),
#: which mixed chains hardly exceed by chance.
_RHAT = ("quick", "track_rhat_max")
_LARGEST_RHAT = 1.1
#: Verdicts on chains that have not mixed; energies that are not explored (E-BFMI) are called so as well.
UNMIXED = ("stuck", "not converged")


@dataclass(frozen=True)
class Gap:
    """A model that has not mixed at a release or commit, which therefore has no ESS there.

    Parameters
    ----------
    place, model : str
        Release or commit, and model.
    verdict : str
        One of :data:`UNMIXED`, over all records.
    rhat : float or None
        Largest R-hat of the records that have not mixed; ``None`` where none has one.
    unmixed, records : int
        How many have not mixed, of how many.
    """

    place: str
    model: str
    verdict: str
    rhat: Optional[float]
    unmixed: int
    records: int

    @property
    def reason(self) -> str:
        """Why there is no ESS, in words."""
        rhat = "" if self.rhat is None else f", R-hat up to {self.rhat:.2f}"
        return f"{self.verdict}{rhat} ({self.unmixed} of {_counted(self.records, 'seed')})"

    def to_dict(self) -> Dict[str, Any]:
        """Return the gap, ready for JSON."""
        return {**vars(self), "reason": self.reason}


def _stack(record: Stored) -> str:
    return str(record["stack"])


def release(record: Stored) -> str:
    """Return the release that a record of its stack is of."""
    return _stack(record)[len("release-") :]


def commit(record: Stored) -> str:
    """Return the beginning of the commit that a record was measured at."""
    return str(record["environment"]["commit"])[:8]


def unmixed(record: Stored) -> bool:
    """Return whether a record's chains have not mixed, so that it has no ESS."""
    return record["quality"]["verdict"] in UNMIXED and bool(quality.not_mixed(quality.Seen.of(record)))


def judged(records: Sequence[Stored], place: Place = _stack) -> Set[Tuple[str, str]]:
    """Return the place and model of every record that ended well: what :func:`find` can tell of."""
    return {(place(record), str(record["model"])) for record in records if record["status"] == "ok"}


def find(records: Sequence[Stored], place: Place = _stack) -> List[Gap]:
    """Return the models that have not mixed, and where.

    Parameters
    ----------
    records : sequence of dict
        Records.
    place : callable
        What a record is of: a release, a commit.
    """
    groups: Dict[Tuple[str, str], List[Stored]] = {}
    for record in records:
        if record["status"] == "ok":
            groups.setdefault((place(record), str(record["model"])), []).append(record)
    found = []
    for (where, model), own in groups.items():
        verdict, bad = quality.over_seeds(own).verdict, [one for one in own if unmixed(one)]
        if verdict in UNMIXED and bad:
            known = [one["metrics"].get("rhat_max") for one in bad]
            largest = max((value for value in known if value is not None), default=None)
            found.append(Gap(where, model, verdict, largest, len(bad), len(own)))
    return found


def sentences(found: Sequence[Gap], places: Sequence[str], noun: str) -> List[str]:
    """Say which models give no ESS, where, and why: a sentence for all that are alike in where.

    Parameters
    ----------
    found : sequence of Gap
        Of :func:`find`.
    places : sequence of str
        All places that are shown, in their order.
    noun : str
        What they are: releases, commits.
    """
    by_model: Dict[str, List[Gap]] = {}
    for gap in found:
        if gap.place in places:
            by_model.setdefault(gap.model, []).append(gap)
    alike: Dict[Tuple[str, ...], List[str]] = {}
    for model, own in by_model.items():
        where = tuple(sorted({gap.place for gap in own}, key=list(places).index))
        alike.setdefault(where, []).append(f"{model} ({_extent(own)})")
    return [
        f"{', '.join(models)}: chains have not mixed {_where(where, places, noun)}, so there is no ESS, no"
        " time per effective sample, and no change of either to tell."
        for where, models in alike.items()
    ]


def by_asv(values: pd.DataFrame, judged: Container[Tuple[str, str]]) -> List[Gap]:
    """Return the models that have not mixed by the R-hat that asv stored, where records do not tell.

    Parameters
    ----------
    values : pandas.DataFrame
        Of :class:`nutsbench.track.history.Measured`.
    judged : container of (str, str)
        Version and model of which there are records.
    """
    if _RHAT not in {tuple(column[:2]) for column in values.columns}:
        return []
    hats = values[_RHAT].stack()
    return [
        Gap(str(version), str(model), "not converged", float(rhat), 1, 1)
        for (version, model), rhat in hats.items()
        if rhat > _LARGEST_RHAT and (str(version), str(model)) not in judged
    ]


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _extent(own: Sequence[Gap]) -> str:
    hats = [gap.rhat for gap in own if gap.rhat is not None]
    words = " or ".join(dict.fromkeys(gap.verdict for gap in own))
    few, many = min(gap.unmixed for gap in own), max(gap.unmixed for gap in own)
    seeds = f"{few if few == many else f'{few} to {many}'} of {_counted(max(g.records for g in own), 'seed')}"
    return f"{words} with {seeds}" + (f", R-hat up to {max(hats):.2f}" if hats else "")


def _where(where: Sequence[str], places: Sequence[str], noun: str) -> str:
    if len(where) == len(places) > 1:
        return f"at any of {len(places)} {noun}"
    return f"at {', '.join(where)}"


def of_machine(records: Sequence[Stored], folder: Path) -> List[Stored]:
    """Return the records that were measured on the kind of machine of a folder of asv's results.

    Parameters
    ----------
    records : sequence of dict
        Records.
    folder : Path
        The machine's, with ``machine.json`` in it.
    """
    try:
        content = json.loads((folder / "machine.json").read_text())
        kind = (content["cpu"], str(content["num_cpu"]))
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [
        record
        for record in records
        if (record["environment"].get("processor"), str(record["environment"].get("cores"))) == kind
    ]


def counts(records: Sequence[Stored], place: Place = _stack) -> pd.DataFrame:
    """Count how the records of each place sampled.

    Parameters
    ----------
    records : sequence of dict
        Records.
    place : callable
        What to count by: the stack, the commit.

    Returns
    -------
    pandas.DataFrame
        A row a place: records, those that did not end well, the verdicts against the reference
        posterior, divergences, and the models with inaccurate records or divergences, with
        their number.
    """
    rows: Dict[str, Dict[str, Any]] = {}
    for record in records:
        row = rows.setdefault(
            place(record),
            {
                **dict.fromkeys(("records", "failed", *VERDICTS, "divergences"), 0),
                "inaccurate in": Counter(),
                "divergences in": Counter(),
            },
        )
        row["records"] += 1
        if record["status"] != "ok":
            row["failed"] += 1
            continue
        # Of a sampler that is not NUTS there are no divergences; the first records had no accuracy.
        verdict = (record.get("accuracy") or {}).get("verdict", "inconclusive")
        divergences = record["metrics"].get("divergences") or 0
        row[verdict] += 1
        row["divergences"] += divergences
        row["inaccurate in"][record["model"]] += verdict == "inaccurate"
        row["divergences in"][record["model"]] += divergences
    for row in rows.values():
        for name in ("inaccurate in", "divergences in"):
            counted = [(model, count) for model, count in row[name].most_common() if count]
            row[name] = ", ".join(f"{model} {count}" for model, count in counted)
    return pd.DataFrame.from_dict(rows, orient="index")
