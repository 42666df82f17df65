"""A model's page: what it is, its posterior against the reference, and what explains its verdict."""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from nutsbench.judge import quality
from nutsbench.judge.metrics import METRICS
from nutsbench.records.stored import Stored
from nutsbench.records.table import number, settings_text
from nutsbench.report import data, sweep, verdicts, words
from nutsbench.report.data import Source
from nutsbench.report.draw import diagnosed, graph, panels, plots
from nutsbench.report.section import Chart, Table
from nutsbench.report.site import Page, ids, slug
from nutsbench.report.sweep import Tried

#: Cells that a page offers: the tutorial's settings first, then the newest.
_CELLS = 8
#: Cells whose draws are drawn; more would make the page too large.
_DRAWN = 2
#: Correlation from which on the posterior of two scalars is called a ridge.
_RIDGE = 0.9
#: Scalars that are shown of a cell: a model of thousands would make a page that no browser opens.
_SCALARS = 40
_TRIED = (
    "settings",
    "verdict over seeds",
    "expected time to ESS 400 (95 % interval)",
    "draws a chain for it",
    "ESS/s (1/s), median and range",
    "wall (s)",
    "largest R-hat",
    "most divergences",
    "largest |z| (MCSE)",
    "seeds",
    "why",
)


#: After all others: what links to it are the other pages.
PLACE = 9


def pages(source: Source, _: Path) -> List[Page]:
    """Return a page for each model."""
    return [page(source, name) for name in source.names()]


def page(source: Source, name: str) -> Page:
    """Return a model's page.

    Parameters
    ----------
    source : Source
        Everything.
    name : str
        The model.
    """
    records = chosen(source, name)
    files = [path for path in map(source.draws_file, records) if path is not None]
    kept = [[path.name, path.stat().st_mtime_ns] for path in files]
    spec, known = source.specs.get(name), data.find_truth(source.specs.get(name))
    what = [spec.describe() if spec else None, known.digest if known is not None else None]
    swept = [record for record in source.swept if record["model"] == name]
    inputs = [name, ids(records), ids(source.of_model(name)), source.main, kept, what, ids(swept)]
    return Page(
        f"models/{slug(name)}.html", "model.html", inputs, lambda: _variables(source, name, records, swept)
    )


def chosen(source: Source, name: str) -> List[Stored]:
    """Return the cells that are shown: of each stack the newest of the model's own settings, then others.

    Every stack has one, and all together are :data:`_CELLS`, or as many as there are stacks. Of several
    seeds, one whose draws were kept tells more than a newer one.
    """
    every = sorted(
        source.of_model(name),
        key=lambda record: (not source.is_tutorial(record), source.draws_file(record) is None),
    )
    first = {record["stack"]: record for record in reversed(every)}
    # The stack that the overview opens with is what a reader comes from.
    firsts = sorted(first.values(), key=lambda one: (one["stack"] != source.main_stack, every.index(one)))
    return [*firsts, *(record for record in every if record not in firsts)][: max(_CELLS, len(firsts))]


def _variables(
    source: Source, name: str, records: Sequence[Stored], swept: Sequence[Stored]
) -> Dict[str, Any]:
    spec = source.specs.get(name)
    drawn = [record["id"] for record in records if source.draws_file(record) is not None][:_DRAWN]
    more = len(source.of_model(name)) - len(records)
    return {
        "title": name,
        "registered": spec is not None,
        "spec": spec.describe() if spec else None,
        "graph": graph.svg(spec.notation) if spec else None,
        "cells": [_cell(source, record, record["id"] in drawn) for record in records],
        "more": more,
        "rows": _rows(source, name),
        **_tried(source, swept),
    }


def _rows(source: Source, name: str) -> List[Dict[str, Any]]:
    """Return the verdicts of the overview: a model's own settings on each stack, over its seeds."""
    own = [
        record
        for record in reversed(source.of_model(name))
        if source.is_tutorial(record) and data.machine(record) == source.main
    ]
    found = sorted(verdicts.rows(own), key=lambda row: row.newest["stack"] != source.main_stack)
    return [
        {
            "stack": row.newest["stack"],
            "verdict": row.verdict,
            "over": row.over,
            "singles": row.singles,
            "accuracy": row.accuracy,
            "why": words.why_over_seeds(row),
            "remedy": words.remedy(row),
        }
        for row in found
    ]


def _tried(source: Source, records: Sequence[Stored]) -> Dict[str, Any]:
    """Return what a model's sweep gave: a chart a setting, and a row for each of the settings tried."""
    if not records:
        return {"tried": None}
    shown = [
        panels.Panel("", setting, found)
        for setting in sweep.SETTINGS
        for found in [sweep.varied(records, setting)]
        if found
    ]
    charts = [
        Chart(
            f"tried-{metric}",
            f"{panels.title(metric)}: median over seeds, bars from the smallest to the largest seed;"
            f" the other settings are the model's own{panels.limit_words(metric)}",
            panels.multiples(shown, metric, columns=len(sweep.SETTINGS)),
            choice=panels.title(metric),
        )
        for metric in panels.SHOWN
    ]
    stacks = list(dict.fromkeys(record["stack"] for record in records))
    tables = {
        f"All settings tried on {stack}, first those that pass all checks given draws enough": Table(
            _TRIED,
            [
                _tried_row(tried, sweep.summary(source, tried))
                for tried in sweep.ranking([record for record in records if record["stack"] == stack])
            ],
        )
        for stack in stacks
    }
    advice = sweep.advice(source, records)
    said = [
        f"{stack}: {text}" for stack in stacks for text in [advice.get((records[0]["model"], stack))] if text
    ]
    machine = source.machine_name(data.machine(records[0]))
    tried = {
        "charts": charts,
        "tables": tables,
        "said": said,
        "machine": machine,
    }
    return {"charts": True, "tried": tried}


def _tried_row(tried: Tried, found: Mapping[str, Any]) -> List[str]:
    low, high = found["ess_per_s_min"], found["ess_per_s_max"]
    span = f" ({number(low)} to {number(high)})" if found["seeds"] > 1 and low is not None else ""
    return [
        found["settings"],
        tried.row.verdict_text,
        tried.text,
        number(tried.draws),
        f"{number(found['ess_per_s'])}{span}",
        number(found["wall_s"]),
        "-" if found["rhat_max"] is None else f"{found['rhat_max']:.3f}",
        str(found["divergences"]),
        "-" if found["z"] is None else f"{found['z']:.1f}",
        str(found["seeds"]),
        found["why"],
    ]


def _cell(source: Source, record: Stored, drawn: bool) -> Dict[str, Any]:
    known = data.find_truth(source.specs.get(record["model"]))
    found = {
        "id": record["id"][:12],
        "name": f"{record['stack']}, {source.settings_words(record)}, seed {record['seed']},"
        f" {record['started_at'][:10]}",
        "settings": settings_text(record["settings"], list(record["settings"])),
        "status": record["status"],
        "verdict": verdicts.verdict(record),
        "why": words.why(record),
        "accuracy": verdicts.accuracy_of(record),
        "remedy": _remedy(record),
        "command": words.command(record),
        "log": "\n".join(record["log_tail"]) or record["reason"],
        "metrics": _metrics(record),
        "measured": f"Measured {record['started_at'][:16].replace('T', ' ')} UTC on"
        f" {data.machine_text(record)}; {data.stack_text(record)};"
        f" commit {str(record['environment'].get('commit'))[:8]}.",
    }
    if record["status"] != "ok":
        return found
    labels = _most_interesting(record)
    return {
        **found,
        "posterior": plots.svg(
            plots.posterior(record, known, labels),
            f"Posterior of {record['model']} against the reference posterior",
        ),
        "truth": _truth_text(known, record) + _left_out(record, labels),
        "has_truth": known is not None,
        "scalars": _scalars(record, known, labels),
        "claims": [_claim(one) for one in record.get("claims", [])],
        "slow": words.why_slow(record),
        "phases": {phase: time["wall_s"] for phase, time in record["phases"].items() if phase != "import"},
        **_diagnosed(source.draws_file(record), drawn, record),
    }


def _remedy(record: Stored) -> Dict[str, str]:
    told = record["quality"].get("remedy") if record["status"] == "ok" else None
    return {"says": told["says"], "command": quality.command(record)} if told else {"says": "", "command": ""}


def _most_interesting(record: Stored) -> List[str]:
    """Return the scalars that are shown, in the model's order: all, or those with the smallest bulk ESS."""
    labels = list(record["quantities"])
    by_ess = sorted(labels, key=lambda label: record["quantities"][label].get("ess_bulk") or 0.0)
    chosen = set(by_ess[:_SCALARS])
    return [label for label in labels if label in chosen]


def _left_out(record: Stored, labels: Sequence[str]) -> str:
    count = len(record["quantities"]) - len(labels)
    return f" {count} more scalars, with larger ESS, are in the record." if count else ""


def _truth_text(known: Optional[Any], record: Stored) -> str:
    judged_by = record.get("accuracy", {}).get("truth")
    if known is None and judged_by:
        return (
            "The reference posterior that it was judged by is not known here: it comes with the model's file"
            " (--models)."
        )
    if known is None:
        return "There is no reference posterior to compare with."
    other = judged_by is not None and judged_by.get("digest") not in (None, known.digest)
    changed = " The record was judged by an earlier one: z is of that." if other else ""
    return f"Reference posterior: {known.method}.{changed}"


def _diagnosed(path: Optional[Path], drawn: bool, record: Stored) -> Dict[str, Any]:
    if path is None:
        return {"figures": [], "missing": "not kept", "ridge": ""}
    if not drawn:
        return {"figures": [], "missing": f"kept, and drawn of {_DRAWN} cells only", "ridge": ""}
    try:
        draws = plots.Draws(path)
    except Exception as error:  # Whatever a damaged file makes of ArviZ's readers, the page is whole.
        return {"figures": [], "missing": f"in a file that cannot be read: {error!r}", "ridge": ""}
    return {"figures": diagnosed.diagnostics(draws, record), "missing": "", "ridge": ridge(draws, record)}


def ridge(draws: plots.Draws, record: Stored) -> str:
    """Say which free scalar goes most closely with that of the smallest ESS; empty if none does.

    Two that are nearly a function of each other leave the sampler a narrow ridge, along which the
    data tell little: the commonest cause of a small ESS and of deep trees in regressions.

    Parameters
    ----------
    draws : Draws
        The draws.
    record : dict
        The record.
    """
    paths = draws.scalars
    free = [name for name, one in record["quantities"].items() if one["free"] and name in paths]
    worst = next((name for name in draws.worst(record["quantities"], len(paths)) if name in free), None)
    if worst is None:
        return ""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            name: float(np.corrcoef(paths[worst].ravel(), paths[name].ravel())[0, 1])
            for name in free
            if name != worst
        }
    known = {name: value for name, value in found.items() if np.isfinite(value)}
    other = max(known, key=lambda name: abs(known[name]), default=None)
    if other is None or abs(known[other]) < _RIDGE:
        return ""
    return (
        f"{worst}, whose ESS is the smallest, and {other} have a correlation of {known[other]:.4f}: the data"
        " tell little but a combination of the two, and the sampler has to follow a narrow ridge. Settings"
        " make that no easier; centred or standardised predictors, tighter priors or one parameter less do."
    )


def _metrics(record: Stored) -> List[Dict[str, str]]:
    return [
        {"name": name, "text": number(record["metrics"].get(name)), "unit": metric.unit}
        for name, metric in METRICS.items()
        if name in record["metrics"]
    ]


def _claim(one: Mapping[str, Any]) -> Dict[str, Any]:
    shown = [
        part["text"]
        + (f": {part['mean']:.3g} [{part['q05']:.3g}, {part['q95']:.3g}]" if "mean" in part else "")
        for part in one["parts"]
    ]
    return {"holds": one["holds"], "says": one["says"], "figures": "; ".join(shown)}


def _scalars(record: Stored, known: Optional[Any], labels: Sequence[str]) -> List[Dict[str, str]]:
    scores = (record.get("accuracy") or {}).get("scores", {})
    rows = []
    for label in labels:
        one = record["quantities"][label]
        true = known.quantities.get(label) if known is not None else None
        zs = [abs(score[0]) for score in scores.get(label, {}).values()]
        rows.append(
            {
                "label": label,
                "mean": number(one["mean"], 4),
                "interval": _interval(one),
                "true_mean": number(true["mean"], 4) if true else "-",
                "true_interval": _interval(true) if true else "-",
                "z": f"{max(zs):.1f}" if zs else "-",
                "ess": number(one["ess_bulk"]),
                "rhat": f"{one['rhat']:.3f}" if one["rhat"] is not None else "-",
            }
        )
    return rows


def _interval(one: Mapping[str, Any]) -> str:
    return f"[{number(one['q05'], 4)}, {number(one['q95'], 4)}]"
