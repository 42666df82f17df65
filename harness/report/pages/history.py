"""The page of history: times over releases and commits, with accuracy and divergences beside them."""

import functools
import math
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from nutsbench.base.errors import UserError
from nutsbench.judge.accuracy import VERDICTS
from nutsbench.records.stored import Stored
from nutsbench.report import changes, data, later, moved
from nutsbench.report.data import Source, asv_commits
from nutsbench.report.draw import timeline
from nutsbench.report.section import Chart, Section, Table
from nutsbench.report.site import Page, ids, slug

#: What asv calls a machine that was measured again, for the noise.
_AGAIN = "{}-again"


#: The metric that is shown until another is chosen.
_FIRST = "time / ESS"
#: What their axes are called where the label is too short.
_AXES = {
    "time / ESS": "time per effective sample, s/ESS",
    "leapfrogs / ESS": "leapfrogs per effective sample",
}
#: What is counted of the cells at each place.
_COUNTED = (*VERDICTS, "failed", "divergences")
_UNDER = (
    "Under the lines, on the same axis: all records (one model, one seed) that were made there, by the"
    " verdict of each against the reference posterior, and the divergences of all of them. The fault of a"
    " release would be a step."
)
_MEANINGS = {
    "time / ESS": "Time per effective sample (s/ESS): seconds of tune and draw over the smallest bulk ESS;"
    " the inverse of ESS/s. It does not exist where chains have not mixed.",
    "leapfrogs / ESS": "Leapfrog steps per effective sample: what the algorithm is worth. It does not exist"
    " where chains have not mixed.",
    "time / leapfrog": "Time of a leapfrog step in a sampled cell (us): what the code is worth.",
    "transitions, leapfrog, gradient": "Fixed work of the NUTS core (s): five transitions, one leapfrog step,"
    " one call of the compiled log-probability and gradient.",
    "warm compile": "Building and compiling a model that Theano's cache holds already (s).",
    "peak memory": "Largest resident set of the process that makes the transitions (B).",
    "against the reference posterior": "How many records have draws that agree with it (accurate), do not"
    " (inaccurate), are too few to say (inconclusive), or have not mixed (not judged).",
}


#: Among the links of all pages.
PLACE = 3


def pages(source: Source, output: Path) -> List[Page]:
    """Return the page of history.

    Parameters
    ----------
    source : Source
        Everything.
    output : Path
        Where the pages will lie.
    """
    files = sorted(f"{path.relative_to(source.folder)} {path.stat().st_mtime_ns}" for path in _files(source))
    links = _links(source, output)
    make = functools.partial(_variables, source, links)
    known = [files, links, ids(moved.records(source))]
    return [Page("history.html", "charts.html", known, make, link="History")]


def _files(source: Source) -> Iterator[Path]:
    for name in ("releases", "asv"):
        yield from (source.folder / name).glob("*/*.json")
        yield from (source.folder / name).glob("benchmarks.json")
        yield from (source.folder / name / "runs").rglob("*.jsonl*")


def _variables(source: Source, links: List[Dict[str, str]]) -> Dict[str, Any]:
    sections = [*_releases(source), *later.sections(source), *_commits(source)]
    return {
        "title": "What changed over releases and commits",
        "charts": True,
        "lead": "A line is a model, over its own first value; bars are two standard errors over the samples"
        " of a run, and runs differ by more. A dotted line, and a sentence in bold, is a change of all"
        " models together (geometric mean) that is beyond the noise of repeated runs. Where the chains of a"
        " model have not mixed there is no effective sample size: a gap with its reason, and no change."
        " Smaller is better.",
        "links": links,
        "sections": sections,
        "meanings": _MEANINGS,
        "empty": "No history yet: nutsbench releases --run measures PyMC3's releases, make asv the commits.",
    }


def _links(source: Source, output: Path) -> List[Dict[str, str]]:
    """Return where asv's own pages lie, if they were published."""
    texts = {"releases-html": "asv's pages of the releases", "asv-html": "asv's pages of the commits"}
    found = []
    for folder, text in texts.items():
        index = source.folder / folder / "index.html"
        if index.is_file():
            found.append({"href": os.path.relpath(index, output).replace(os.sep, "/"), "text": text})
    return found


def _releases(source: Source) -> List[Section]:
    from nutsbench.stacks import releases
    from nutsbench.track import gaps, history

    folder = source.folder / "releases"
    machines = [path.parent.name for path in sorted(folder.glob("*/machine.json"))]
    if not machines:
        return []
    try:
        commits = releases.make_history()
    except (UserError, OSError) as error:
        return [_unread("PyMC3's releases", error)]
    records = source.release_records()
    found: List[Section] = []
    for machine in machines:
        if machine.endswith(_AGAIN.format("")):
            continue
        here = gaps.of_machine(records, folder / machine)
        # Of another machine they tell as well whether chains mix.
        missing = gaps.find(here or records, gaps.release)
        judged = gaps.judged(here or records, gaps.release)
        try:
            raw = history.read(folder / machine, commits)
            missing += gaps.by_asv(raw.values, judged)
            measured = raw.without(missing)
            again = history.read(folder / _AGAIN.format(machine), commits).without(missing)
        except UserError as error:
            found.append(_unread(machine, error))
            continue
        if measured.values.dropna(how="all").shape[0] < 2:
            continue
        # What has lines above it needs no table of its own.
        taken = set(ids(here))
        records = [record for record in records if record["id"] not in taken]
        noise = history.noise(measured, again)
        # What the machine itself did is no news of a release.
        overall = [step for step in history.overall(measured, noise) if step.figure != "machine"]
        found += _sections(
            measured,
            history.steps(measured, noise),
            f"PyMC3's releases ({_machine(machine, here)})",
            slug(f"releases-{machine}"),
            gaps.counts(here, gaps.release) if here else None,
            "releases",
            overall=overall,
            cells=_sizes(here),
        )
    return found + _without_lines(records, list(commits))


def _machine(name: str, records: Sequence[Stored]) -> str:
    kinds = dict.fromkeys(map(data.machine_text, records))
    return "; ".join([f"machine {name}", *kinds])


def _without_lines(records: Sequence[Stored], versions: Sequence[str]) -> List[Section]:
    """Return a table for each machine whose records have no times of asv's beside them."""
    from nutsbench.track import gaps

    by_machine: Dict[str, List[Stored]] = {}
    for record in records:
        by_machine.setdefault(data.machine_text(record), []).append(record)
    found = []
    for name, own in by_machine.items():
        counts = gaps.counts(own, gaps.release)
        rows = [[version, *_row(counts, version)] for version in versions if version in counts.index]
        found.append(
            Section(
                f"accuracy-{name}",
                f"Accuracy and divergences over PyMC3's releases, on {name}",
                lines=[
                    "Records by the verdict of each against the reference posterior. asv has no times of this"
                    " machine to show above them."
                ],
                table=Table(["release", *_COUNTED], rows),
            )
        )
    return found


def _row(counts: Any, place: str) -> List[str]:
    known = counts is not None and place in counts.index
    return [str(int(counts.loc[place, name])) if known else "-" for name in _COUNTED]


def _unread(what: str, error: Exception) -> Section:
    """Return a section that says which of asv's results could not be read; the others are shown."""
    said = f"The results of {what} are left out: {error}"
    return Section(f"unread-{what}", f"Results of {what}", lines=[said])


def _commits(source: Source) -> List[Section]:
    from nutsbench.track import gaps, history

    found: List[Section] = []
    records = source.commit_records()
    for machine, environment, commits in asv_commits(source.folder / "asv"):
        try:
            raw = history.read(source.folder / "asv" / machine, commits, environment)
        except UserError as error:
            found.append(_unread(machine, error))
            continue
        if raw.values.dropna(how="all").shape[0] > 1:
            here = gaps.of_machine(records, source.folder / "asv" / machine)
            here = [record for record in here if record["stack"] == environment]
            missing = gaps.find(here, gaps.commit) + gaps.by_asv(raw.values, gaps.judged(here, gaps.commit))
            measured = raw.without(missing)
            found += _sections(
                measured,
                history.steps(measured, {}),
                f"commits, {environment} ({_machine(machine, here)})",
                slug(f"commits-{machine}-{environment}"),
                gaps.counts(here, gaps.commit) if here else None,
                "commits",
            )
    return found


def _sections(
    measured: Any,
    steps: Sequence[Any],
    over: str,
    prefix: str,
    counts: Any,
    noun: str,
    overall: Sequence[Any] = (),
    cells: Sequence[str] = (),
) -> List[Section]:
    """Return one section whose chart can be switched between figures, accuracy and divergences under each."""
    from nutsbench.track import gaps, history

    order = sorted(history.FIGURES.items(), key=lambda row: row[1] != _FIRST)
    charts = []
    for key, label in order:
        beyond = [step for step in steps if step.figure == label and step.beyond_noise]
        chart = _chart(measured, key, beyond, f"chart-{prefix}-{slug(label)}", counts)
        if chart is not None:
            charts.append(chart)
    if not charts:
        return []
    beyond = sorted(
        (step for step in steps if step.beyond_noise),
        key=lambda step: list(measured.values.index).index(step.release),
    )
    told = changes.changes(beyond)
    return [
        Section(
            prefix,
            f"Speed and cost, over {over}",
            answer=[*changes.whole(overall), *told],
            lines=[
                *gaps.sentences(measured.gaps, list(map(str, measured.values.index)), noun),
                *_unmarked(steps, bool(told)),
                *_under(counts, measured),
                *cells,
            ],
            charts=charts,
            table=changes.table([*overall, *beyond]),
        )
    ]


def _sizes(records: Sequence[Stored]) -> List[str]:
    """Say how long the cells are that are counted: not as long as the tutorial's."""
    if not records:
        return []
    told = []
    for name in ("draws", "tune", "chains"):
        values = [record["settings"][name] for record in records]
        low, high = min(values), max(values)
        told.append(f"{low} {name}" if low == high else f"{low} to {high} {name}")
    told.append(f"up to {len({record['seed'] for record in records})} seeds a model")
    return [
        f"A record here is one run of one model with one seed: {', '.join(told)}. It is"
        " shorter than the tutorial's, so that all releases can be measured. Its verdict is not that of the"
        " overview, which is over all seeds of the tutorial's own settings."
    ]


def _under(counts: Any, measured: Any) -> List[str]:
    """Say what lies under the lines, and of the newest place which models it is of."""
    if counts is None:
        return []
    known = [str(place) for place in measured.values.index if place in counts.index]
    if not known:
        return [_UNDER]
    last = counts.loc[known[-1]]
    named = [(word, last[f"{word} in"]) for word in ("inaccurate", "divergences")]
    told = "; ".join(f"{word}: {models}" for word, models in named if models)
    whole = f"Of the {last['records']} records of {known[-1]}, by model: {told}."
    return [_UNDER, whole] if told else [_UNDER]


def _unmarked(steps: Sequence[Any], marked: bool) -> List[str]:
    """Say of which figures no change could be marked, and that there was none in the others."""
    judged = sorted({step.figure for step in steps if step.limit is not None})
    not_judged = sorted({step.figure for step in steps} - set(judged))
    said = []
    if judged and not marked:
        said.append(f"No change of all models together is beyond the noise ({', '.join(judged)}).")
    if not_judged:
        said.append(
            f"Of {', '.join(not_judged)} nothing was measured twice, so their noise is not known and no"
            " change is marked: read single steps with care."
        )
    return said


def _chart(
    measured: Any, key: Tuple[str, str], marked: Sequence[Any], chart_id: str, counts: Any
) -> Optional[Chart]:
    from nutsbench.track import history

    label = history.FIGURES[key]
    if key not in {column[:2] for column in measured.values.columns}:
        return None
    missing = {(gap.place, gap.model): gap for gap in measured.gaps_of(key)}
    table = measured.values[key].dropna(how="all")
    if len(table) < 2:
        return None
    values: Dict[str, List[Optional[float]]] = {}
    errors: Dict[str, List[float]] = {}
    for name in table.columns:
        known = table[name].dropna()
        if len(known):
            ratio = table[name] / known.iloc[0]
            values[str(name)] = [None if value != value else round(float(value), 5) for value in ratio]
            spread = measured.errors.loc[table.index, (*key, name)]
            # Of a ratio to the first: its own error and the first's; the first has none to itself.
            first = float(spread[known.index[0]])
            errors[str(name)] = [
                0.0 if place == known.index[0] else math.hypot(float(one), first)
                for place, one in zip(table.index, spread)
            ]
    marks = [(step.release, changes.text(step)) for step in marked]
    places = [str(place) for place in table.index]
    under = None
    if counts is not None:
        told = [[None if text == "-" else int(text) for text in _row(counts, place)] for place in places]
        under = dict(zip(_COUNTED, zip(*told)))
    axis = f"{_AXES.get(label, label)} (ratio to the first)"
    here = [gap for gap in missing.values() if gap.place in places]
    figure = timeline.history(values, errors, places, marks, axis, under, here)
    names = dict.fromkeys([*values, *(model for _, model in missing)])
    rows = [
        [
            place,
            *(_figure(values.get(name), number, missing.get((place, name))) for name in names),
            *(_row(counts, place) if counts is not None else []),
        ]
        for number, place in enumerate(places)
    ]
    header = ["", *names, *(_COUNTED if counts is not None else ())]
    lacking = [
        name
        for name, line in values.items()
        if any(one is None and (place, name) not in missing for place, one in zip(places, line))
    ]
    said = (
        f"{label} of each model, over its own first value"
        + ("; x: no value, since chains have not mixed" if missing else "")
        + (f"; not measured at every place: {', '.join(lacking)}" if lacking else "")
    )
    return Chart(chart_id, said, figure, choice=label, table=Table(header, rows))


def _figure(line: Optional[Sequence[Optional[float]]], number: int, gap: Optional[Any]) -> str:
    if gap is not None:
        return str(gap.reason)
    value = None if line is None else line[number]
    return "-" if value is None else f"{value:.3f}"
