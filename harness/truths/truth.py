"""Truths written to files, and compared with each other.

:mod:`nutsbench.models.truths` reads and computes them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

from nutsbench.base.paths import write_whole
from nutsbench.models.exact import STATISTICS
from nutsbench.models.truths import Truth, TruthError


def write(truth: Truth, path: Path) -> None:
    """Write a truth file, whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    write_whole(path, json.dumps(truth.to_dict(), indent=1, allow_nan=False) + "\n")


@dataclass(frozen=True)
class Difference:
    """How far two truths of one model are apart.

    Parameters
    ----------
    scalar : str
        Where they differ most, in units of the posterior sd.
    in_sds : float
        By how much.
    in_errors : float
        The largest difference in units of both error bounds together.
    """

    scalar: str
    in_sds: float
    in_errors: float


def compare(one: Truth, other: Truth) -> Difference:
    """Compare two exact truths of one model, figure by figure, the first being the one to trust.

    Raises
    ------
    TruthError
        If they have other scalars, or are about other claims.
    """
    first, second = ({**each.quantities, **each.combinations} for each in (one, other))
    if set(first) != set(second):
        odd = sorted(set(first) ^ set(second))
        raise TruthError(f"only one of the two has {', '.join(odd)}")
    rows: List[Tuple[float, float, str]] = []
    for scalar, figures in first.items():
        for statistic in STATISTICS:
            apart = abs(figures[statistic] - second[scalar][statistic])
            # The other's own word counts only as far as it is of the same order.
            own = figures["error"]
            bound = own + min(second[scalar]["error"], 10 * own + 1e-9 * figures["sd"])
            rows.append((apart / figures["sd"], apart / max(bound, 1e-300), scalar))
    worst = max(rows)
    return Difference(worst[2], worst[0], max(row[1] for row in rows))
