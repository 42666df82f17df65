"""What a comparison says, as rows of a table and as sentences."""

import math
from typing import List, Optional, Sequence

from nutsbench.compare import statistics
from nutsbench.compare.result import Comparison, Result
from nutsbench.compare.statistics import Interval, Verdict
from nutsbench.records.table import duration, percent
from nutsbench.records.table import markdown as as_markdown

HEADER = ("model", "ratio", "interval", "", "verdict", "trajectories", "measured")
#: Columns of the bar; odd, so that 1 has one of its own.
_BAR = 21
#: The bar ends here at the most: a factor.
_WIDEST = 2.0


def rows(study: Comparison) -> List[List[str]]:
    """Return a row a model, worst first, and one of the whole."""
    reach = _reach(study)
    found = sorted(study.results.values(), key=_worst_first)
    table = [_row(result, reach) for result in found]
    whole = study.overall
    if whole is not None and len(study.measured) > 1:
        what = f"{len(study.measured)} models"
        seconds = duration(sum(result.seconds for result in study.results.values()))
        table.append(["all", *_figures(whole, reach), study.overall_verdict.value, what, seconds])
    return table


def _worst_first(result: Result) -> float:
    return -result.interval.ratio if result.is_known else -math.inf


def _row(result: Result, reach: float) -> List[str]:
    if result.problem and not result.is_known:
        return [result.model, "-", "-", "", "not measured", "-", result.problem]
    if result.same_work is None:
        return [result.model, "-", "-", "", "", "-", ""]
    work = "identical" if result.same_work else "different"
    count = f"{len(result.pairs)} pairs, " if result.pairs else ""
    return [
        result.model,
        *_figures(result.interval, reach),
        result.verdict.value,
        work,
        f"{count}{duration(result.seconds)}",
    ]


def _figures(found: Interval, reach: float) -> List[str]:
    return [f"{found.ratio:.3f}", span(found), bar(found, reach)]


def span(found: Interval) -> str:
    """Return an interval's ends as text."""
    if not math.isfinite(found.upper):
        return "not yet"
    return f"{found.lower:.3f} to {found.upper:.3f}"


def _reach(study: Comparison) -> float:
    """Return the factor at which the bars end: what the intervals need, within bounds."""
    ends = [
        max(found.upper, 1 / found.lower)
        for found in (result.interval for result in study.measured)
        if math.isfinite(found.upper) and found.lower > 0
    ]
    return min(_WIDEST, max([1 + 2 * study.options.threshold, *ends]))


def bar(found: Interval, reach: float) -> str:
    """Draw an interval around 1 on a log scale; arrows where it goes on.

    Parameters
    ----------
    found : Interval
        The interval.
    reach : float
        Factor at which the bar ends, on either side.
    """
    middle = _BAR // 2

    def column(value: float) -> int:
        if value <= 0 or not math.isfinite(value):
            return -1 if value <= 0 else _BAR
        return middle + round(middle * math.log(value) / math.log(reach))

    first, last = column(found.lower), column(found.upper)
    cells = [" "] * _BAR
    for place in range(max(0, first), min(_BAR - 1, last) + 1):
        cells[place] = "─"
    cells[middle] = "┼" if first <= middle <= last else "│"
    cells[min(_BAR - 1, max(0, column(found.ratio)))] = "●"
    if first < 0:
        cells[0] = "◂"
    if last >= _BAR:
        cells[-1] = "▸"
    return "".join(cells)


def beside(study: Comparison) -> List[List[str]]:
    """Return a row for each of what is compared beside the sampler's speed; they are not judged."""
    return [[name, f"{found.ratio:.3f}", span(found)] for name, found in study.beside().items()]


def sentences(study: Comparison) -> List[str]:
    """Say the answer in plain words: what it is, and what it rests on."""
    said = [_answer(study)]
    other = [result for result in study.results.values() if result.same_work is False]
    for result in other:
        said.append(_other_work(result))
    said += [told for result in study.results.values() for told in _moved(result)]
    unclear = [r.model for r in study.measured if r.same_work and r.verdict is Verdict.UNDECIDED]
    if unclear and study.verdict is not Verdict.UNDECIDED and len(study.measured) > 1:
        said.append(f"By itself not decided: {', '.join(unclear)}; {study.more} would tell.")
    for result in study.results.values():
        if result.problem:
            how = "was measured in part only" if result.is_known else "was not measured"
            said.append(f"{result.model} {how}: {result.problem}.")
    return said


def _moved(result: Result) -> List[str]:
    """Say in which functions one arm spends more than the other, where counts differ beyond their spread."""
    given = result.given
    if given is None or given.speed.lower <= 1 <= given.speed.upper:
        return []
    of_c = [one for one in given.moved if one["unit"] == "instructions"]
    of_python = [one for one in given.moved if one["unit"] == "calls"]
    told = [", ".join(f"{one['head'] - one['base']:+,.0f} in {one['function']}" for one in of_c)]
    told += [f"calls, from {one['base']:.3g} to {one['head']:.3g}: {one['function']}" for one in of_python]
    found = "; ".join(filter(None, told))
    return [f"{result.model}, instructions of a leapfrog: {found}."] if found else []


def _answer(study: Comparison) -> str:
    whole = study.overall
    verdict = study.verdict
    base, head = study.base.label, study.head.label
    if not study.measured:
        return f"Nothing could be measured of {head} against {base}."
    known = [result for result in study.results.values() if result.is_known]
    if not known:
        return f"Nothing is known yet of {head} against {base}."
    slower = [result for result in known if result.verdict is Verdict.SLOWER]
    names = ", ".join(f"{result.model} ({percent(result.interval.ratio)})" for result in slower)
    several = len(study.measured) > 1
    if several and whole is None:
        told = f"; slower: {names}" if names else ""
        return f"It cannot be told yet of all models together whether {head} is slower than {base}{told}."
    found = whole if several and whole is not None else study.measured[0].interval
    limit = f"{100 * study.options.threshold:g} %"
    over = f", over {len(study.measured)} models" if several else f" in {study.measured[0].model}"
    figures = f"{percent(found.ratio)} ({_range(found)})"
    if verdict is Verdict.UNDECIDED:
        decided = statistics.judge(found, study.options.threshold) is not Verdict.UNDECIDED
        why = (
            "not every model could be measured" if decided else f"what narrows the interval is {_more(study)}"
        )
        return (
            f"It cannot be told yet whether {head} is slower than {base}: {_unit(study)} {figures}{over};"
            f" {why}."
        )
    if verdict is Verdict.SAME:
        return f"{head} is as fast as {base}, within {limit}: {_unit(study)} {figures}{over}."
    if verdict is Verdict.FASTER:
        return f"{head} is faster than {base}: {_unit(study)} {figures}{over}."
    whole_too = several and whole is not None and whole.lower > 1
    if slower == study.measured and (whole_too or not several):
        return f"{head} is slower than {base}: {_unit(study)} {figures}{over}."
    if whole_too:
        return (
            f"{head} is slower than {base}: {_unit(study)} {figures}{over}; {names or 'no model by itself'}."
        )
    # Not that all of them together are: the models come first.
    return f"{head} is slower than {base} in {names}; {_unit(study)} {figures}{over}."


def _more(study: Comparison) -> str:
    """Return what would narrow the interval that was too wide."""
    if any(result.cost is not None for result in study.measured):
        # What an effective sample takes is of a fixed number of chains.
        return "fewer models at a time (-m), which share the chance of error"
    return study.more


def _unit(study: Comparison) -> str:
    """Return what the figure of the whole is: per leapfrog, or per effective sample where work differs."""
    other = any(result.same_work is False for result in study.measured)
    return f"{study.unit} per {'effective sample' if other else 'leapfrog'}"


def _other_work(result: Result) -> str:
    if result.cost is None:
        unknown = "what a leapfrog is worth was not measured"
        return f"{result.model}: the arms make different trajectories, and {unknown}."
    return (
        f"{result.model}: the arms make different trajectories. A leapfrog costs {_changed(result.speed)};"
        f" an effective sample takes {_changed(result.cost, 'fewer leapfrogs', 'more leapfrogs')};"
        f" so an effective sample costs {_changed(result.interval)}."
    )


def _changed(found: Interval, below: str = "less", above: str = "more") -> str:
    """Return a ratio as words: ``5.0 % more (+1.0 to +9.1 %)``."""
    return f"{abs(100 * (found.ratio - 1)):.1f} % {below if found.ratio < 1 else above} ({_range(found)})"


def _range(found: Interval) -> str:
    if not math.isfinite(found.upper):
        return "interval not known yet"
    return f"{100 * (found.lower - 1):+.1f} to {100 * (found.upper - 1):+.1f} %"


def exit_code(verdict: Verdict) -> int:
    """Return what the command ends with: 0 same or faster, 1 slower, 3 undecided."""
    return {Verdict.SLOWER: 1, Verdict.UNDECIDED: 3}.get(verdict, 0)


def markdown(study: Comparison, known: Sequence[str]) -> str:
    """Return the answer, the table in a fold, and notes, for a comment on a pull request."""
    said = sentences(study)
    lines = as_markdown([[_cell(cell) for cell in row] for row in (HEADER, *rows(study))])
    more = [f"- {name}: {ratio} ({interval})" for name, ratio, interval in beside(study)]
    return "\n".join(
        [
            f"**{study.verdict.value}**: {said[0]}",
            "",
            *[f"- {line}" for line in said[1:]],
            *[f"- {line}" for line in known],
            "",
            f"<details><summary>{study.head.label} over {study.base.label}</summary>",
            "",
            lines,
            "",
            *more,
            "",
            "</details>",
        ]
    )


def _cell(text: str) -> str:
    # A bar keeps its blanks only as code, and a bar of a table is not one of its cells.
    is_bar = len(text) == _BAR and {"│", "┼", "●", "─"} & set(text)
    return f"`{text}`" if is_bar else text.replace("|", "\\|")


def notes(same_stack: bool, cores: int, busy: Optional[float]) -> List[str]:
    """Say what a reader has to know of the conditions.

    Parameters
    ----------
    same_stack : bool
        Whether both arms are one.
    cores : int
        Cores that may be used.
    busy : float or None
        Cores that others use, if so many that times show it.
    """
    said = []
    if same_stack:
        said.append("BASE and HEAD are the same stack: this is an A/A check, and a difference is an error.")
    if cores < 2:
        said.append("One core only: the arms compile in turn, so this takes longer; times are not affected.")
    if busy is not None:
        said.append(
            f"Others use {busy:.1f} cores: bursts of both arms suffer alike, so ratios stay right on average,"
            " but they spread more, and a small difference takes longer to tell."
        )
    return said
