"""Records as tables for people: on a terminal, in CSV; and as lines where there is no terminal."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from rich.table import Table
from rich.text import Text

from nutsbench.judge import claims
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.stored import Stored, is_untimed, setting

_SHORT = {"target_accept": "accept", "max_treedepth": "depth"}
_STYLES = {"good": "green", "too few draws": "yellow", "treedepth limited": "cyan", "unknown": "cyan"}
_ACCURACY_STYLES = {"accurate": "green", "inaccurate": "red", "inconclusive": "cyan", "not judged": "cyan"}
_WIDE = 130
_PHASES = ("build", "compile", "tune", "draw", "diagnose")


def number(value: Optional[float], digits: int = 3) -> str:
    """Return a figure with some significant digits, ``-`` where there is none."""
    if value is None:
        return "-"
    if value == 0 or 0.001 <= abs(value) < 10**digits - 0.5:
        return f"{value:.{digits}g}"
    return f"{value:,.0f}" if abs(value) >= 1 else f"{value:.1e}"


def varying(records: Sequence[Stored]) -> List[str]:
    """Return the names of the settings in which the records of any one model differ."""
    found = []
    for name in SamplerSettings.names():
        by_model: Dict[str, Set[Any]] = {}
        for record in records:
            by_model.setdefault(record["model"], set()).add(setting(record, name))
        if any(len(values) > 1 for values in by_model.values()):
            found.append(name)
    return found


def settings_text(settings: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return some settings in one short line: ``draws 200, accept 0.95``."""
    return ", ".join(f"{_SHORT.get(name, name)} {settings[name]}" for name in names)


def verdict(record: Stored) -> str:
    """Return in words how a cell ended: its quality and the reasons, or its status and why."""
    if record["status"] != "ok":
        return f"{record['status']}: {record['reason']}"
    quality, judged = record["quality"], record.get("accuracy") or {}
    text = ": ".join([quality["verdict"], *(["; ".join(quality["reasons"])] if quality["reasons"] else [])])
    # Of draws that are not good, doubts about the draws are not said twice.
    told = (
        judged.get("verdict") in ("inconclusive", "not judged") and judged.get("truth") and quality["reasons"]
    )
    if judged.get("reasons") and not told:
        text += f"; {judged['verdict']}: {'; '.join(judged['reasons'])}"
    return text


def accuracy(record: Stored) -> str:
    """Return in short whether a cell agrees with the truth, and its largest z: ``accurate 1.9``."""
    judged = record.get("accuracy") or {}
    if not judged:
        return "-"
    worst = judged["worst"]
    return f"{judged['verdict']} {abs(worst['z']):.1f}" if worst else str(judged["verdict"])


def results_table(records: Sequence[Stored], width: int = 200) -> Table:
    """Return one line a cell: what it gave, where its time went, and whether to trust it.

    Parameters
    ----------
    records : sequence of dict
        Records, in the order in which they are to be shown.
    width : int
        Columns that there are; where they are few, the phases are left out.
    """
    phases = _PHASES if width >= _WIDE else ()
    settings = varying(records)
    with_stack = len({record["stack"] for record in records}) > 1
    with_seed = len({record["seed"] for record in records}) > 1
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
    table.add_column("model", no_wrap=True)
    if with_stack:
        table.add_column("stack", no_wrap=True)
    if settings:
        table.add_column("settings")
    if with_seed:
        table.add_column("seed", justify="right")
    for title in ("ESS/s", "ESS", "R-hat", "div", "depth", "wall s"):
        table.add_column(title, justify="right", no_wrap=True)
    for phase in phases:
        table.add_column(phase, justify="right", no_wrap=True, style="dim")
    table.add_column("accuracy, z", no_wrap=True)
    table.add_column("claims", no_wrap=True)
    table.add_column("quality and why", ratio=1, overflow="fold")
    for record in records:
        cells = [record["model"]]
        cells += [record["stack"]] if with_stack else []
        cells += [settings_text(record["settings"], settings)] if settings else []
        cells += [str(record["seed"])] if with_seed else []
        cells += [*_figures(record), *_phase_times(record, phases)]
        seen = claims.counted(record.get("claims", []))
        table.add_row(*cells, _accuracy_text(record), seen, _verdict_text(record))
    return table


def _figures(record: Stored) -> List[str]:
    metrics = record["metrics"]
    rhat = metrics.get("rhat_max")
    divergences = metrics.get("divergences")
    return [
        number(metrics.get("ess_per_s")),
        number(metrics.get("ess_bulk_min")),
        "-" if rhat is None else f"{rhat:.3f}",
        "-" if divergences is None else str(divergences),
        number(metrics.get("tree_depth_mean"), 2),
        wall(record),
    ]


def wall(record: Stored) -> str:
    """Return the wall seconds of a cell, ``-`` where other cells ran beside it."""
    return "-" if is_untimed(record) else f"{record['metrics'].get('wall_s') or record['elapsed_s']:.1f}"


def _phase_times(record: Stored, phases: Sequence[str]) -> List[str]:
    times = record["phases"]
    return [f"{times[phase]['wall_s']:.1f}" if phase in times else "-" for phase in phases]


def claims_table(records: Sequence[Stored]) -> Table:
    """Return one line a claim and record: what one should see, and whether one does.

    Parameters
    ----------
    records : sequence of dict
        Records, in the order in which they are to be shown.
    """
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
    for title in ("model", "stack", "claim", "holds"):
        table.add_column(title, no_wrap=title != "claim")
    table.add_column("mean and 90 % interval", ratio=1, overflow="fold")
    for record in records:
        for claim in record.get("claims", []):
            figures = "; ".join(
                part["text"]
                + (f": {part['mean']:.4g} [{part['q05']:.4g}, {part['q95']:.4g}]" if "mean" in part else "")
                for part in claim["parts"]
            )
            holds = {True: "holds", False: "does not", None: "unknown"}[claim["holds"]]
            style = "green" if claim["holds"] else "red"
            table.add_row(record["model"], record["stack"], claim["says"], Text(holds, style=style), figures)
    return table


def _accuracy_text(record: Stored) -> Text:
    judged = record.get("accuracy") or {}
    return Text(accuracy(record), style=_ACCURACY_STYLES.get(judged.get("verdict", ""), ""))


def _verdict_text(record: Stored) -> Text:
    style = _STYLES.get(record["quality"]["verdict"], "red") if record["status"] == "ok" else "red"
    return Text(verdict(record), style=style)


def percent(ratio: float, digits: int = 1) -> str:
    """Return a ratio as the change that it is: ``+4.2 %`` of 1.042."""
    return f"{100 * (ratio - 1):+.{digits}f} %"


def counted(count: int, thing: str) -> str:
    """Return a count with its thing: ``1 cell``, ``2 cells``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def duration(seconds: float) -> str:
    """Return seconds as a person says them: ``45 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return rows, the first of them a header, as a table in Markdown."""
    ruler = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], ruler, *rows[1:]))
