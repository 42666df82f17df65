"""The page of cells: every record in a table, its details in scripts that are loaded when asked for."""

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Sequence
from urllib.parse import quote

from nutsbench.judge import quality
from nutsbench.judge.metrics import METRICS
from nutsbench.records.stored import Stored
from nutsbench.report import data, verdicts, words
from nutsbench.report.data import Source
from nutsbench.report.site import DEFINITIONS, Page, ids
from nutsbench.track.gaps import unmixed

#: Records whose details share a script: oldest first, and none is ever taken away, so that new records
#: change only the last.
CHUNK = 200
_SHOWN = ("ess_per_s", "wall_s", "rhat_max", "divergences", "tree_depth_mean")
#: What columns are called where they would be too wide; they are searched by their names.
_LABELS = {
    "verdict": "this record",
    "target_accept": "accept",
    "ess_per_s": "ESS/s",
    "wall_s": "wall, s",
    "rhat_max": "R-hat",
    "divergences": "div",
    "tree_depth_mean": "depth",
}


#: Among the links of all pages.
PLACE = 5


def pages(source: Source, output: Path) -> List[Page]:
    """Return the page, the script of its table, and those of the details.

    Parameters
    ----------
    source : Source
        Everything.
    output : Path
        Where the pages will lie, for the links to files of draws.
    """
    everything = ids(source.every)
    chunks = [source.every[start : start + CHUNK] for start in range(0, len(everything), CHUNK)]
    details = [
        Page(
            f"cells/{number}.js",
            "",
            [ids(chunk), [str(source.draws_file(record)) for record in chunk]],
            lambda n=number, rows=chunk: {"text": _details(source, output, n, rows)},  # type: ignore[misc]
        )
        for number, chunk in enumerate(chunks)
    ]
    return [
        Page(
            "cells.html",
            "cells.html",
            bool(everything),
            lambda: {
                "title": "Every cell",
                "any": bool(everything),
                "meanings": {
                    **{_LABELS[name]: METRICS[name].definition for name in _SHOWN},
                    "|z|": DEFINITIONS["z"],
                },
            },
            link="Cells",
        ),
        Page("cells/table.js", "", everything, lambda: {"text": _table(source)}),
        *details,
    ]


def _link(path: Path, output: Path) -> str:
    return quote(os.path.relpath(path, output).replace(os.sep, "/"))


def _script(name: str, content: Any) -> str:
    text = json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f"{name}({text});\n"


def _table(source: Source) -> str:
    """Return the records as a script: columns, with words stored once."""
    records, newest = source.every, set(ids(source.records))
    columns: List[Dict[str, Any]] = []

    def of_words(name: str, values: Sequence[str]) -> None:
        known = {word: place for place, word in enumerate(dict.fromkeys(values))}
        column = {"name": name, "words": list(known), "values": [known[value] for value in values]}
        columns.append({**column, "label": _LABELS.get(name, name)})

    of_words("model", [record["model"] for record in records])
    of_words("verdict", [verdicts.verdict(record) for record in records])
    of_words("stack", [record["stack"] for record in records])
    of_words("why", [words.why(record) for record in records])
    for name in ("draws", "tune", "chains", "cores", "target_accept"):
        columns.append(
            {
                "name": name,
                "label": _LABELS.get(name, name),
                "values": [record["settings"][name] for record in records],
            }
        )
    columns.append({"name": "seed", "values": [record["seed"] for record in records]})
    for name in _SHOWN:
        # Chains that have not mixed have no ESS.
        values = [
            None
            if name == "ess_per_s" and (record["status"] == "ok" and unmixed(record))
            else record["metrics"].get(name)
            for record in records
        ]
        rounded = [None if value is None else float(f"{value:.4g}") for value in values]
        columns.append(
            {
                "name": name,
                "label": _LABELS[name],
                "definition": METRICS[name].definition,
                "values": rounded,
            }
        )
    scores = [
        None if (record["status"] == "ok" and unmixed(record)) else verdicts.worst_z(record)
        for record in records
    ]
    columns.append(
        {
            "name": "z",
            "label": "|z|",
            "definition": DEFINITIONS["z"],
            "values": [None if score is None else round(score, 2) for score in scores],
        }
    )
    of_words("profile", [record["profile"] for record in records])
    of_words("day", [record["started_at"][:10] for record in records])
    of_words("run", ["newest" if record["id"] in newest else "earlier" for record in records])
    if len(source.machines) > 1:
        of_words("machine", [source.machine_name(data.machine(record)) for record in records])
    return _script("NUTSBENCH_TABLE", {"columns": columns, "chunk": CHUNK})


def _details(source: Source, output: Path, number: int, records: Sequence[Stored]) -> str:
    rows = [_detail(source, output, record) for record in records]
    return _script("NUTSBENCH_DETAILS", {"number": number, "rows": rows})


def _remedy(record: Stored) -> List[List[str]]:
    told = record["quality"].get("remedy") if record["status"] == "ok" else None
    if not told:
        return []
    command = quality.command(record)
    return [["to do", told["says"]], *([["by typing", command]] if command else [])]


def _detail(source: Source, output: Path, record: Stored) -> List[List[str]]:
    """Return name and text of each detail, and where it leads if it is a link."""
    facts = record["environment"]
    draws = source.draws_file(record)
    packages = ", ".join(f"{name} {version}" for name, version in sorted(facts.get("packages", {}).items()))
    load = facts.get("load_at_start")
    phases = ", ".join(f"{name} {time['wall_s']:.2f} s" for name, time in record["phases"].items())
    blas = ", ".join(
        f"{pool.get('internal_api')} {pool.get('version')}, {pool.get('num_threads')} threads"
        for pool in facts.get("blas") or []
    )
    flags = ", ".join(f"{name}={value}" for name, value in (facts.get("theano_flags") or {}).items())
    return [
        ["this record", f"{verdicts.verdict(record)}: {words.why(record)}"],
        ["against the reference posterior", verdicts.accuracy_of(record) or "not compared"],
        *_remedy(record),
        ["command", words.command(record)],
        ["to run it", words.command_note(record)],
        ["started", str(record["started_at"])],
        ["phases", phases or "none was ended"],
        ["machine", source.machine_name(data.machine(record))],
        ["load at start", "-" if load is None else f"{load:.2f}"],
        ["commit", f"{facts.get('commit')}{', with changes' if facts.get('dirty') else ''}"],
        ["compiler", str(facts.get("compiler"))],
        ["BLAS", blas or "not known"],
        ["Theano's flags", flags or "not known"],
        ["draws", draws.name, _link(draws, output)]
        if draws
        else ["draws", "not kept (--keep-draws keeps them)"],
        ["warnings", "\n".join(record["warnings"]) or "none"],
        ["log", "\n".join(record["log_tail"]) or "empty"],
        ["packages", packages],
        ["record", str(record["id"])],
    ]
