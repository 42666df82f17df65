"""A model's page: what it is, its posterior against truth, and what explains its verdict."""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from harness.metrics import METRICS
from harness.report import data, figures, graph, words
from harness.report.data import Record, Source
from harness.report.site import Page, ids, slug
from harness.table import number

#: Cells that a page offers: the tutorial's settings first, then the newest.
_CELLS = 8
#: Cells whose draws are drawn; more would make the page too large.
_DRAWN = 2
_WORST = 2


def page(source: Source, name: str) -> Page:
    """Return a model's page.

    Parameters
    ----------
    source : Source
        Everything.
    name : str
        The model.
    """
    records = sorted(source.of_model(name), key=lambda record: record["profile"] != "tutorial")[:_CELLS]
    kept = [str(path) for path in map(source.draws_file, records) if path is not None]
    spec, known = source.specs.get(name), data.find_truth(source.specs.get(name))
    what = [spec.describe() if spec else None, known.digest if known is not None else None]
    inputs = [name, ids(records), kept, what]
    return Page(f"models/{slug(name)}.html", "model.html", inputs, lambda: _variables(source, name, records))


def _variables(source: Source, name: str, records: Sequence[Record]) -> Dict[str, Any]:
    spec = source.specs.get(name)
    drawn = [record["id"] for record in records if source.draws_file(record) is not None][:_DRAWN]
    return {
        "title": name,
        "spec": spec.describe() if spec else None,
        "graph": graph.svg(spec.notation) if spec else None,
        "cells": [_cell(source, record, record["id"] in drawn) for record in records],
    }


def _cell(source: Source, record: Record, drawn: bool) -> Dict[str, Any]:
    known = data.find_truth(source.specs.get(record["model"]))
    found = {
        "id": record["id"][:8],
        "name": f"{record['stack']}, {record['profile']}, seed {record['seed']}, {record['started_at'][:10]}",
        "status": record["status"],
        "verdict": data.verdict(record),
        "why": words.why(record),
        "command": words.command(record),
        "log": "\n".join(record["log_tail"]) or record["reason"],
        "metrics": _metrics(record),
        "measured": f"Measured {record['started_at'][:16].replace('T', ' ')} UTC on"
        f" {data.machine_text(record)}; {data.stack_text(record)};"
        f" commit {str(record['environment'].get('commit'))[:8]}.",
    }
    if record["status"] != "ok":
        return found
    return {
        **found,
        "posterior": figures.svg(
            figures.posterior(record, known), f"Posterior of {record['model']} against truth"
        ),
        "truth": _truth_text(known, record),
        "has_truth": known is not None,
        "scalars": _scalars(record, known),
        "claims": [_claim(one) for one in record.get("claims", [])],
        "slow": words.why_slow(record),
        "phases": {phase: time["wall_s"] for phase, time in record["phases"].items() if phase != "import"},
        **_diagnosed(source.draws_file(record) if drawn else None, record),
    }


def _truth_text(known: Optional[Any], record: Record) -> str:
    if known is None:
        return "There is no truth to check against."
    judged_by = (record.get("accuracy") or {}).get("truth") or {}
    other = judged_by.get("digest") not in (None, known.digest)
    changed = " The record was judged by an earlier truth: z is of that one." if other else ""
    return f"Truth: {known.method}.{changed}"


def _diagnosed(path: Optional[Path], record: Record) -> Dict[str, Any]:
    try:
        return {"figures": diagnostics(path, record), "damaged": ""}
    except Exception as error:  # Whatever a damaged file makes of ArviZ's readers, the page is whole.
        return {"figures": [], "damaged": f"The file of draws cannot be read: {error!r}."}


def _metrics(record: Record) -> List[Dict[str, str]]:
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


def _scalars(record: Record, known: Optional[Any]) -> List[Dict[str, str]]:
    scores = (record.get("accuracy") or {}).get("scores", {})
    rows = []
    for label, one in record["quantities"].items():
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


def diagnostics(path: Optional[Path], record: Record) -> List[Dict[str, str]]:
    """Return the diagnostic figures of a cell as SVG; none if its draws were not kept.

    Parameters
    ----------
    path : Path or None
        Its draws.
    record : dict
        The record.
    """
    if path is None:
        return []
    draws = figures.Draws(path)
    worst = draws.worst(record["quantities"], _WORST) or list(draws.scalars)[:_WORST]
    made = [
        (
            figures.trace(draws, worst),
            "Density and path of the worst scalars: good chains overlap.",
        ),
        (
            figures.rank(draws, worst),
            "Ranks over all chains: flat where each visits the whole posterior.",
        ),
        (
            figures.ess_evolution(draws, worst),
            "ESS as draws are added: straight where more bring more.",
        ),
        (figures.autocorrelation(draws, worst), "Autocorrelation: how many draws it takes to forget."),
        (figures.over_the_run(draws), "Step size and tree depth over the run, tuning first."),
    ]
    if "energy" in draws.stats:
        text = "Energy and its changes: alike where the sampler explores quickly."
        made.insert(3, (figures.energy(draws), text))
    if len(worst) > 1:
        text = "The worst two against each other; divergences are crosses."
        made.append((figures.pair(draws, worst), text))
    return [{"svg": figures.svg(figure, caption), "caption": caption} for figure, caption in made]
