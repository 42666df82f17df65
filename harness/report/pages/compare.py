"""The page of comparisons: what ``nutsbench compare`` has stored, and stacks by their records."""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from nutsbench.judge.metrics import METRICS
from nutsbench.records.stored import Stored
from nutsbench.records.table import percent
from nutsbench.report import data, side_by_side
from nutsbench.report.data import Source
from nutsbench.report.draw import charts
from nutsbench.report.section import Chart, Section, Table
from nutsbench.report.site import Page, ids, slug

_MOST = 10


#: Among the links of all pages.
PLACE = 4


def pages(source: Source, _: Path) -> List[Page]:
    """Return the page of comparisons."""
    inputs = [
        [one["name"] for one in source.comparisons],
        [ids(one) for one in _machines(source)],
        sorted(record["id"] for record in source.earlier.values()),
    ]
    return [Page("compare.html", "charts.html", inputs, lambda: _variables(source), link="Compare")]


def _machines(source: Source) -> List[List[Stored]]:
    """Return the records of cells that ended well by machine, that first which pages open with.

    Those of the models' own settings where there are any; else all.
    """
    order = sorted(source.machines, key=lambda name: name != source.main)
    found = []
    for name in order:
        ended = [r for r in source.records if r["status"] == "ok" and data.machine(r) == name]
        own = [record for record in ended if source.is_tutorial(record)]
        several = len({record["stack"] for record in own}) > 1
        found.append(own if several else ended)
    return found


def _variables(source: Source) -> Dict[str, Any]:
    stored = sorted(source.comparisons[:_MOST], key=_tells_less)
    # What was interleaved tells more: the records of the same two are there for who asks.
    told = {_names(one) for one in stored if not _tells_less(one)}
    return {
        "title": "One stack against another",
        "charts": True,
        "lead": "Ratios of HEAD, which is asked about, over BASE, on a logarithmic axis: below 1 HEAD is"
        " faster. What is judged is speed: the time per leapfrog, or per effective sample where trajectories"
        " are different; compiling is beside it. Whether the draws are good is another matter, and named so.",
        "sections": [
            *map(_stored, stored),
            *(
                section
                for records in filter(None, _machines(source))
                for section in side_by_side.sections(source, records, told)
            ),
        ],
        "meanings": {
            f"{label} ({METRICS[name].unit})": METRICS[name].definition
            for label, name in (
                ("time / ESS", "pace_s"),
                ("time / leapfrog", "us_per_leapfrog"),
                ("wall time", "wall_s"),
            )
        },
        "empty": "Nothing has been compared yet: nutsbench compare pymc3-3.8 pymc3-3.11 does it.",
    }


def _names(comparison: Mapping[str, Any]) -> Tuple[str, str]:
    return str(comparison["base"]["name"]), str(comparison["head"]["name"])


def _tells_less(comparison: Mapping[str, Any]) -> bool:
    """Return whether a comparison says nothing of two stacks: it was not ended, or is of one with itself."""
    base, head = _names(comparison)
    return bool(comparison.get("interrupted")) or base == head


def _stored(one: Dict[str, Any]) -> Section:
    counted_ = one["options"].get("counter") == "callgrind"
    unit = "Instructions" if counted_ else "Time"
    basis = "counted, not timed" if counted_ else "the interval is over fresh process pairs"
    chart = Chart(
        f"ratios-{slug(one['name'])}",
        f"{unit} per leapfrog, or per effective sample where trajectories are different, HEAD over BASE;"
        f" {basis}; grey: the margin of equivalence",
        charts.ratios(one),
    )
    rows = [
        [
            row["model"],
            f"{row['ratio']:.3f}",
            side_by_side.interval_text(row),
            row["verdict"],
            charts.trajectories(row["same_work"]),
            str(row.get("pairs") or "-"),
        ]
        for row in one["models"]
        if not row["problem"] and row["same_work"] is not None
    ]
    environment = one.get("environment") or {}
    place = (
        f" on {environment['processor']}, {environment.get('cores')} cores"
        if "processor" in environment
        else ""
    )
    when = [f"Measured {one['ended_at'][:16].replace('T', ' ')} UTC{place}."] if one.get("ended_at") else []
    failed = [row for row in one["models"] if row["problem"]]
    missing = [f"{row['model']} could not be measured: {row['problem']}." for row in failed]
    stopped = ["It was interrupted: this is what was known by then."] if one.get("interrupted") else []
    how = "by instructions" if counted_ else "interleaved"
    base, head = _names(one)
    what = f"{head} against itself" if base == head else f"{head} over {base}"
    return Section(
        one["name"],
        f"{what}, {how}{', interrupted' if stopped else ''}",
        answer=[*one.get("says", []), *_faster(one)],
        lines=[
            *when,
            *stopped,
            *_certainty(one),
            *_beside(one),
            *(f"Note: {note}" for note in one.get("notes", [])),
            *missing,
        ],
        charts=[chart],
        table=Table(
            [
                "model",
                f"{unit.lower()}, HEAD / BASE",
                "interval",
                "speed: HEAD against BASE",
                "trajectories",
                "process pairs",
            ],
            rows,
        ),
        folded=_tells_less(one),
    )


def _faster(one: Mapping[str, Any]) -> List[str]:
    """Name what the sentences of a comparison leave out: what is faster, and the whole."""
    names = [row["model"] for row in one["models"] if row["verdict"] == "faster" and not row["problem"]]
    whole = one.get("overall") or {}
    told = [f"It is faster in {', '.join(names)}."] if names else []
    if len(one["models"]) > 1 and "verdict" in whole:
        word = whole["verdict"] if whole["verdict"] != "undecided" else "not decided"
        told.append(f"All models together: {word}.")
    return [" ".join(told)] if told else []


def _certainty(one: Mapping[str, Any]) -> List[str]:
    """Say what the intervals rest on, how sure they are, and how a verdict comes of one."""
    options = one["options"]
    rule = (
        f"The margin of equivalence, grey, is {100 * options['threshold']:g} % to either side of 1. An"
        " interval within it is the same; one wholly above 1 that reaches out of it is slower, one wholly"
        " below 1 faster; else it is undecided."
    )
    pairs = [row["pairs"] for row in one["models"] if row.get("pairs")]
    if not pairs or "level" not in options:
        return [rule]
    return [
        f"Each interval is over {min(pairs)} to {max(pairs)} fresh process pairs. The chance that any of"
        f" them, that of the whole included, misses the true ratio is {100 * options['level']:g} % at most.",
        rule,
    ]


def _beside(one: Mapping[str, Any]) -> List[str]:
    """Say what was measured beside the sampler's speed, and not judged."""
    told = [
        f"{name} {percent(row['ratio'])}"
        + (f" ({percent(row['lower'])} to {percent(row['upper'])})" if row["upper"] is not None else "")
        for name, row in (one.get("beside") or {}).items()
    ]
    return [f"Beside it, and not judged: {'; '.join(told)}."] if told else []
