"""The history of speed past PyMC3: its later releases on one axis of days."""

from typing import Callable, Dict, List, Optional, Sequence, Tuple

from nutsbench.compare.statistics import Interval
from nutsbench.migrate import words
from nutsbench.migrate.moves import Move
from nutsbench.migrate.sides import ENOUGH, SAMPLING, WARM, mean
from nutsbench.records.table import number
from nutsbench.report import moved
from nutsbench.report.data import Source
from nutsbench.report.draw import timeline
from nutsbench.report.moved import Moves
from nutsbench.report.section import Chart, Section, Table
from nutsbench.stacks import stack

_SAYS = (
    "Time and gradients on later PyMCs with their own sampler, over those on {first}, of the models' own"
    " settings and on one machine. A line is a model. It is broken where the model becomes another program:"
    " PyMC 4 builds it with Aesara, PyMC 5 with PyTensor, and PyMC 6 compiles it with Numba. The thick line"
    " is the geometric mean, where all models were measured. Where chains have not mixed there is no point."
    " The table below has intervals over seeds."
)
#: What is shown: what a list calls it, its axis, and its ratio.
_KINDS: Sequence[Tuple[str, str, Callable[[Move], Optional[Interval]]]] = (
    (
        "time to ESS",
        f"time to an ESS of {ENOUGH}, compiled before (ratio to {{first}})",
        lambda move: move.ratios[WARM],
    ),
    (
        "sampling alone",
        f"tune and draw to an ESS of {ENOUGH} (ratio to {{first}})",
        lambda move: move.ratios[SAMPLING],
    ),
    ("gradients", f"gradients to an ESS of {ENOUGH} (ratio to {{first}})", lambda move: _gradients(move)),
)
_Point = Tuple[str, str, float]
#: The line that stands for all models.
_WHOLE = "geometric mean of all models"


def sections(source: Source) -> List[Section]:
    """Return the section of what was measured past PyMC3, if there is anything.

    Parameters
    ----------
    source : Source
        Everything.
    """
    known = moved.records(source)
    dates = {row.name: row.released for row in stack.TABLE if row.released}
    places = [name for name in moved.order(known) if name in dates]
    if len(places) < 2 or stack.DEFAULT not in places:
        return []
    found = moved.found(known)
    charts = [chart for kind in _KINDS if (chart := _chart(found, places, dates, *kind)) is not None]
    if not charts:
        return []
    return [
        Section(
            "past-pymc3",
            "Speed past PyMC3, over releases of later PyMCs",
            lines=[_SAYS.format(first=stack.DEFAULT), *_means(found, places)],
            charts=charts,
        )
    ]


def _gradients(move: Move) -> Optional[Interval]:
    """Return a ratio whose interval is not known: gradients are counted, and differ by seed."""
    old, new = move.old.gradients, move.new.gradients
    if not old or not new or not (move.old.mixed and move.new.mixed):
        return None
    return Interval(new / old, 0.0, float("inf"), 0)


def _parts(places: Sequence[str]) -> List[List[str]]:
    """Return the stacks whose models are one kind of program: those of one PyMC."""
    parts: Dict[str, List[str]] = {}
    for name in places:
        parts.setdefault(name.partition(".")[0], []).append(name)
    return list(parts.values())


def _chart(
    found: Moves,
    places: Sequence[str],
    dates: Dict[str, str],
    choice: str,
    axis: str,
    ratio: Callable[[Move], Optional[Interval]],
) -> Optional[Chart]:
    names = list(dict.fromkeys(name for name, _ in found))
    values: Dict[str, Dict[str, Interval]] = {}
    for name in names:
        of = {place: ratio(found[name, place]) for place in places if (name, place) in found}
        known = {place: one for place, one in of.items() if one is not None}
        if known:
            values[name] = {stack.DEFAULT: Interval(1.0, 1.0, 1.0, 0), **known}
    if not values:
        return None
    drawn = {name: {place: one.ratio for place, one in of.items()} for name, of in values.items()}
    whole = {
        place: one
        for place in places
        if all(place in of for of in drawn.values())
        and (one := mean([of[place] for of in drawn.values()])) is not None
    }
    lines: Dict[str, List[List[_Point]]] = {
        name: [
            part
            for own in _parts(places)
            if (part := [(dates[place], place, of[place]) for place in own if place in of])
        ]
        for name, of in {**drawn, _WHOLE: whole}.items()
    }
    rows = [
        [
            place,
            dates[place],
            number(whole.get(place), 2),
            *(_said(of.get(place)) for of in values.values()),
        ]
        for place in places
    ]
    label = axis.format(first=stack.DEFAULT)
    return Chart(
        f"past-{choice.replace(' ', '-')}",
        f"{choice} of each model on later PyMCs: {label}",
        timeline.dated(lines, [(dates[place], place) for place in places], label, _WHOLE),
        choice=choice,
        table=Table(["stack", "released", "geometric mean", *values], rows),
    )


def _said(ratio: Optional[Interval]) -> str:
    # Gradients, and the first by itself, are counted: no seeds are behind an interval.
    return words.span(ratio) if ratio is None or ratio.pairs else number(ratio.ratio, 2)


def _means(found: Moves, places: Sequence[str]) -> List[str]:
    """Say what all models together take on each."""
    told = []
    for place in places:
        of = [move for (_, name), move in found.items() if name == place]
        ratios = [one.ratio for move in of if (one := move.ratios[SAMPLING]) is not None]
        if ratios:
            told.append(f"{place} {number(mean(ratios), 2)} ({len(ratios)})")
    return [f"Sampling alone, geometric mean (over how many models): {', '.join(told)}."] if told else []
