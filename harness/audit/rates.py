"""What a power study found: how often each tool says slower, as tables."""

import math
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from nutsbench.audit import replay
from nutsbench.audit.power import CALIBRATION, MODELS, sized_by
from nutsbench.compare import callgrind, statistics
from nutsbench.compare.result import THRESHOLDS, Options
from nutsbench.compare.statistics import Interval, Verdict

#: Comparisons of all of the tutorial's models that are played: more where nothing has changed, for it is
#: rare errors that count there.
_WHOLE, _PLAYS, _PLAYS_OF_NOTHING = 16, 50, 200
#: What a reader sees for a tool.
_NAMES = {
    "pair": "compare",
    "asv continuous": "earlier core suite",
    "asv times": "core suite, times",
    "asv instructions": "core suite, instructions",
    "asv bare": "defaults",
}
#: Slowdowns from which the share of a piece is worked out.
_LARGE = 0.1


def said_slower(tool: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Return how many times a tool that is run whole says slower.

    Parameters
    ----------
    tool : str
        One of those that are not played over pairs.
    rows : sequence of dict
        Of one condition.
    """
    if tool == "callgrind":
        ratios = [math.exp(row["log_ratio"]) for row in rows]
        bounds = [Interval(r, r * (1 - callgrind.SPREAD), r * (1 + callgrind.SPREAD), 1) for r in ratios]
        found = [statistics.judge(one, THRESHOLDS["callgrind"]) is Verdict.SLOWER for one in bounds]
    else:
        found = [row["slower"] for row in rows]
    return sum(found)


def share(rows: Sequence[Mapping[str, Any]], model: str, place: str, tool: str = "pair") -> Optional[float]:
    """Return by what part a leapfrog gets slower when a piece is run once more.

    Parameters
    ----------
    rows : sequence of dict
        Trials; those that are slow enough for noise not to matter count.
    model, place : str
        Model, and what is slowed down.
    tool : str
        Whose share: of the time that a leapfrog takes, or of its instructions.

    Returns
    -------
    float or None
        The median; None if none of them was measured.

    Notes
    -----
    The study is run with the share of a dozen trials, which is known to a third where it is
    small. So the sizes that were meant are not quite those that were made; this tells which were.
    """
    found = [
        math.expm1(row["log_ratio"]) / row["times"]
        for row in rows
        if (row["tool"], row["model"], row["place"]) == (sized_by(tool), model, place)
        and row["size"] >= _LARGE
    ]
    return float(np.median(found)) if found else None


def table(rows: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return a row a condition: what was measured, and how often the tool says slower.

    Parameters
    ----------
    rows : sequence of dict
        Trials; those of each machine stand by themselves.
    """
    found = []
    for here in _by_machine(rows):
        groups = _groups(here, ("tool", "place", "model", "load", "size"))
        parts = {(row["model"], row["place"], row["tool"]) for row in here}
        made = {part: share(here, *part) for part in parts}
        found += [_condition(key, groups[key], made[key[2], key[1], key[0]]) for key in sorted(groups)]
    return found


def split(
    rows: Sequence[Mapping[str, Any]],
) -> Tuple[List[Mapping[str, Any]], List[Mapping[str, Any]]]:
    """Return the trials of asv, and all others."""
    found: Tuple[List[Mapping[str, Any]], List[Mapping[str, Any]]] = ([], [])
    for row in rows:
        found[not row["tool"].startswith("asv")].append(row)
    return found


def asv_table(rows: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return a row a condition of asv's trials: how often it says slower, and how often it flags anything.

    Parameters
    ----------
    rows : sequence of dict
        Trials of asv; those of each machine stand by themselves.
    """
    found = []
    for here in _by_machine(rows):
        groups = _groups(here, ("tool", "place", "model", "load", "size"))
        for key in sorted(groups):
            tool, place, model, load, size = key
            group = groups[key]
            logs = np.array([row["log_ratio"] for row in group])
            found.append(
                {
                    "machine": _machine(group[0]),
                    "asv": _NAMES.get(tool, tool),
                    "models": model,
                    "slower": "nothing" if size == 0 else f"{place}, {size:.0%}",
                    "busy core": "yes" if load else "no",
                    "runs": len(group),
                    "measured": f"{math.expm1(float(logs.mean())):+.1%}",
                    "spread": f"{float(logs.std(ddof=1)):.1%}" if len(group) > 1 else "-",
                    "says slower": f"{said_slower(tool, group)} of {len(group)}",
                    "flags anything": _flagged(group),
                    "asv ends with 1": _ended_with_1(group),
                    "seconds": round(sorted(row["seconds"] for row in group)[len(group) // 2]),
                }
            )
    return found


def _by_machine(rows: Sequence[Mapping[str, Any]]) -> List[List[Mapping[str, Any]]]:
    machines = dict.fromkeys(row["machine"] for row in rows)
    return [[row for row in rows if row["machine"] == one] for one in machines]


def _groups(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> Dict[Any, List[Mapping[str, Any]]]:
    groups: Dict[Any, List[Mapping[str, Any]]] = {}
    for row in rows:
        if row["size"] != CALIBRATION:
            groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def _machine(row: Mapping[str, Any]) -> str:
    # The first trials that were published tell no more than a digest.
    return str(row.get("processor", row["machine"]))


def whole_table(rows: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return a row a condition: what comparisons of sixteen models would have said.

    Half of the models have the one measured model's pairs, half the other's, drawn with
    replacement: so a play knows no more of a pair's spread than some twenty pairs tell.

    Parameters
    ----------
    rows : sequence of dict
        Trials; conditions that only one of the models was measured in are left out.
    """
    found = []
    for here in _by_machine(rows):
        pairs = (row for row in here if row["tool"] == "pair" and row["place"] != "compile")
        for (place, load, size), group in sorted(_groups(pairs, ("place", "load", "size")).items()):
            kinds = [[row for row in group if row["model"] == model] for model in MODELS]
            if not all(kinds):
                continue
            made = [
                kind[0]["times"] * (share(here, model, place) or 0.0) for kind, model in zip(kinds, MODELS)
            ]
            plays = _PLAYS if size else _PLAYS_OF_NOTHING
            played = replay.play_whole(kinds, Options(), _WHOLE, plays)
            found.append(
                {
                    "machine": _machine(group[0]),
                    "place": place,
                    "meant": f"{size:.0%}",
                    "slower by": " and ".join(f"{one:.1%}" for one in made),
                    "load": "yes" if load else "no",
                    "says slower": f"{played.verdicts['slower']} of {played.runs}",
                    "faster": played.verdicts["faster"],
                    "same": played.verdicts["same"],
                    "models found": f"{played.found:.0%}",
                    "seconds a model": round(played.seconds, 1),
                }
            )
    return found


def _condition(
    key: Tuple[Any, ...], rows: Sequence[Mapping[str, Any]], made: Optional[float]
) -> Dict[str, Any]:
    tool, place, model, load, size = key
    logs = np.array([row["log_ratio"] for row in rows])
    seconds: float = sorted(row["seconds"] for row in rows)[len(rows) // 2]
    of_many = None
    if place == "compile" and tool == "pair":
        says = "not judged"  # Told beside the verdict.
    elif tool == "pair":
        alone, many = replay.play(rows, Options(), models=1), replay.play(rows, Options(), models=16)
        says, of_many, seconds = _counted(alone), _counted(many), alone.seconds
    else:
        says = f"{said_slower(tool, rows)} of {len(rows)}"
    return {
        "machine": _machine(rows[0]),
        "tool": _NAMES.get(tool, tool),
        "model": model,
        "place": place,
        "meant": f"{size:.0%}",
        "slower by": None if made is None else f"{rows[0]['times'] * made:.1%}",
        "load": "yes" if load else "no",
        "trials": len(rows),
        "measured": f"{math.expm1(float(logs.mean())):+.2%}",
        "spread": f"{float(logs.std(ddof=1)):.2%}" if len(rows) > 1 else "-",
        "says slower": says,
        "as one of 16": of_many,
        "seconds": round(seconds, 1),
    }


def _flagged(rows: Sequence[Mapping[str, Any]]) -> Optional[str]:
    """Return in how many runs a tool of many benchmarks called any of them changed, either way."""
    known = [row["flags"] for row in rows if "flags" in row]
    return f"{sum(map(bool, known))} of {len(known)}" if known else None


def _ended_with_1(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return in how many runs asv itself said that performance decreased, at the factor it was asked for."""
    return f"{sum(row['code'] == 1 if 'code' in row else row['slower'] for row in rows)} of {len(rows)}"


def _counted(played: replay.Played) -> str:
    cut = f" ({played.cut} ran out of pairs)" if played.cut else ""
    return f"{played.verdicts['slower']} of {played.runs}{cut}"
