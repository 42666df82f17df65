"""The page of what moving to a later PyMC gives: models down, engines across."""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from nutsbench.judge.metrics import METRICS
from nutsbench.migrate import words
from nutsbench.migrate.moves import Answer, Move
from nutsbench.migrate.sides import COLD, ENOUGH, SAMPLING, WARM, Side, mean
from nutsbench.records.stored import Stored
from nutsbench.records.table import counted, number
from nutsbench.report import moved
from nutsbench.report.data import Source
from nutsbench.report.draw import engines
from nutsbench.report.moved import Moves
from nutsbench.report.pages import model
from nutsbench.report.section import Chart, Link, Section, Table
from nutsbench.report.site import Page, ids, slug
from nutsbench.stacks import stack

#: Among the links of all pages.
PLACE = 6
_KINDS = {
    WARM: (
        f"Time to an ESS of {ENOUGH}, compiled before",
        "Build, compile with what earlier runs have left in the compile cache, tune, and draw until every"
        f" scalar has a bulk and tail ESS of {ENOUGH}: a script that is run again. JAX keeps nothing between"
        " runs, and nutpie next to nothing, so what they compile counts here.",
    ),
    SAMPLING: (
        "Sampling alone",
        "Tune and draw, once all is compiled: what counts where sampling takes long, or one model is sampled"
        " many times in a process.",
    ),
    COLD: (
        f"Time to an ESS of {ENOUGH}, nothing compiled",
        "The same from an empty compile cache, with no help of this program: the first run of a new model.",
    ),
}


def pages(source: Source, _: Path) -> List[Page]:
    """Return the page of moves, if anything was measured on a later PyMC."""
    chosen = moved.records(source)
    if not chosen:
        return []
    return [
        Page(
            *("migration.html", "charts.html", [ids(chosen), ids(source.records)]),
            lambda: _variables(source, chosen),
            link="Migration",
        )
    ]


def is_there(source: Source) -> bool:
    """Return whether there is such a page."""
    return bool(moved.records(source))


def _variables(source: Source, records: Sequence[Stored]) -> Dict[str, Any]:
    found = moved.found(records)
    # Where a model's page shows its posterior on a stack, against the truth.
    shown = {
        (name, one["stack"]): f"models/{slug(name)}.html#cell-{one['id'][:12]}"
        for name in {name for name, _ in found}
        for one in reversed(model.chosen(source, name))
    }
    targets = [name for name in moved.order(records) if name != stack.DEFAULT]
    return {
        "title": "What moving gives",
        "charts": True,
        "lead": f"Every model, unchanged, on {stack.DEFAULT} and on later PyMCs, with the same settings: the"
        " ratio of times, new over old, with an interval over seeds whose chance to miss is shared among all"
        " that stand here, and whether the answers stay right. Below 1 the new one is faster.",
        "sections": [
            _answers(found, targets),
            *(_section(kind, found, targets, shown) for kind in _KINDS),
            *_variants(records),
            _courses(found, targets),
            _gradients(found, targets),
        ],
        "contents": True,
        "meanings": {
            "right": "The draws of all seeds agree with the exact posterior, but for chance among so many.",
            "wrong": "They do not, by more than chance, or differ from those of the other stack.",
            "not judged": "The cell failed, or its chains have not mixed: nothing can be said.",
            "ESS": METRICS["ess_bulk_min"].definition,
        },
        "empty": "",
    }


def _answers(found: Moves, targets: Sequence[str]) -> Section:
    counts = {answer: sum(move.answer is answer for move in found.values()) for answer in Answer}
    said = ", ".join(f"{count} {answer.value}" for answer, count in counts.items() if count)
    rows = []
    for target in targets:
        of = [move for (_, name), move in found.items() if name == target]
        seeds = sorted({len(move.new.ended) for move in of})
        ratios, alone = (
            [one.ratio for move in of if (one := move.ratios[kind])] for kind in (WARM, SAMPLING)
        )
        memory = [move.new.median("peak_rss_bytes") for move in of]
        rows.append(
            [
                target,
                next((move.new.engine for move in of if move.new.engine), "-"),
                f"{sum(move.answer in (Answer.RIGHT, Answer.AGREES) for move in of)} of {len(of)}",
                str(sum(move.answer is Answer.WRONG for move in of)),
                " to ".join(str(one) for one in dict.fromkeys((seeds[0], seeds[-1]))) if seeds else "0",
                number(mean(ratios), 2),
                number(mean(alone), 2),
                number(mean([one / 2**20 for one in memory if one]), 2),
                str(max((len(move.new.adaptations) for move in of), default=0)),
            ]
        )
    header = (
        *("stack", "sampler, as it reports itself", "answers right", "wrong", "seeds"),
        *("time compiled before, geometric mean over models", "sampling alone, likewise"),
        *("peak MB, likewise", "places to change in a model's file, at most"),
    )
    reasons = words.reasons(sorted(found.values(), key=lambda move: (move.new.stack, move.model)))
    return Section(
        "answers",
        "Whether the answers stay right",
        answer=[f"Of {counted(len(found), 'model')} on a stack: {said}."],
        lines=reasons,
        table=Table(header, rows),
    )


def _section(
    kind: str,
    found: Moves,
    targets: Sequence[str],
    shown: Mapping[Tuple[str, str], str],
) -> Section:
    title, says = _KINDS[kind]
    names = list(dict.fromkeys(name for name, _ in found))
    known = {
        target: {
            name: ratio
            for name in names
            if (name, target) in found
            for ratio in [found[name, target].ratios[kind]]
            if ratio is not None
        }
        for target in targets
    }
    known = {target: of_model for target, of_model in known.items() if of_model}
    best = {name: min((of[name].ratio for of in known.values() if name in of), default=9e9) for name in names}
    names.sort(key=lambda name: best[name])
    if not known:
        return Section(kind, title, lines=[says, "Not measured yet: nutsbench migrate --cold does it."])
    rows = [
        [
            name,
            number(mean(_old(name, found).times(kind))),
            *(_cell(found.get((name, target)), kind, shown) for target in known),
        ]
        for name in names
    ]
    return Section(
        kind,
        title,
        lines=[says],
        charts=[
            Chart(
                f"ratios-{kind}",
                f"{title}: ratio to {stack.DEFAULT}, bars are intervals over seeds; one seed has none",
                engines.ratios(known, names, stack.DEFAULT),
            )
        ],
        table=Table(("model", f"{stack.DEFAULT}, s", *known), rows),
    )


def _variants(records: Sequence[Stored]) -> List[Section]:
    """Show what each way to write one posterior takes on each engine."""
    known = moved.variants(records)
    if not known:
        return []
    of = {(move.old.model, move.model, move.new.stack): move for move in known}
    stacks = [name for name in moved.order(records) if any(on == name for _, _, on in of)]
    rows = [
        [
            f"{name}, of {base}",
            *(_variant(of.get((base, name, on))) for on in stacks),
        ]
        for base, name in dict.fromkeys((base, name) for base, name, _ in of)
    ]
    return [
        Section(
            "variants",
            "Variants of one posterior",
            lines=[
                f"The time to an ESS of {ENOUGH} of what both have, compiled before, over that of the model"
                " that it is a variant of, on the same stack: below 1 the variant is faster there. Where that"
                " is not known, that of sampling alone, which is said."
            ],
            table=Table(("variant", *stacks), rows),
        )
    ]


def _variant(move: Optional[Move]) -> str:
    if move is None:
        return "-"
    ratio, alone = move.ratios[WARM], move.ratios[SAMPLING]
    said = words.span(ratio) if ratio or not alone else f"{words.span(alone)} sampling alone"
    return f"{said}, {move.answer.value}"


def _courses(found: Moves, targets: Sequence[str]) -> Section:
    """Show, for each model, when effective draws come on each engine: after compiling and tuning."""
    charts = []
    for name in dict.fromkeys(name for name, _ in found):
        sides = [_old(name, found)]
        sides += [found[name, target].new for target in targets if (name, target) in found]
        of = {side.stack: course for side in sides if (course := side.course(WARM))}
        if not of:
            continue
        phases = list(dict.fromkeys(phase for course in of.values() for phase, _ in course))
        rows = [
            [engine, *(number(dict(course).get(phase)) for phase in phases)] for engine, course in of.items()
        ]
        charts.append(
            Chart(
                f"course-{slug(name)}",
                f"{name}: ESS of the scalar that has least, over wall seconds",
                engines.courses(of, ENOUGH),
                choice=name,
                table=Table(("stack", *(f"{phase}, s" for phase in phases)), rows),
            )
        )
    return Section(
        "course",
        f"What is waited for until an ESS of {ENOUGH}",
        lines=[
            "Of the seed in the middle, with what was compiled before: nothing while it is built, compiled"
            " and tuned (the first points of a line), then effective draws, taken to come at a constant rate."
            " Stacks that were measured on several days stand together here; the ratios above are of one day."
        ],
        charts=charts,
    )


def _gradients(found: Moves, targets: Sequence[str]) -> Section:
    """Show the gradients that each engine needs: what does not depend on the machine."""
    names = list(dict.fromkeys(name for name, _ in found))
    rows = [
        [
            name,
            number(_old(name, found).gradients),
            *(
                number(found[name, target].new.gradients if (name, target) in found else None)
                for target in targets
            ),
        ]
        for name in names
    ]
    return Section(
        "gradients",
        f"Gradients until an ESS of {ENOUGH}",
        lines=[
            "Of tuning and drawing, the median over seeds: how well each samples, whatever a gradient costs."
            " A sampler that does not say how many it took has none here."
        ],
        table=Table(("model", stack.DEFAULT, *targets), rows),
        folded=True,
    )


def _old(name: str, found: Moves) -> Side:
    return next(move.old for (own, _), move in found.items() if own == name)


def _cell(move: Any, kind: str, shown: Mapping[Tuple[str, str], str]) -> Union[str, Link]:
    if move is None:
        return "-"
    words_of = "" if move.answer in (Answer.RIGHT, Answer.AGREES) else f", {move.answer.value}"
    said = f"{words.span(move.ratios[kind])}{words_of}"
    href = shown.get((move.model, move.new.stack))
    return Link(said, href) if href else said
