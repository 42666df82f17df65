"""The table of docs/findings.md on what moving gives: ``python -m tests.harness.moved`` prints it."""

import gzip
import json
from typing import Dict, List

from nutsbench.judge import quality
from nutsbench.migrate import moves, words
from nutsbench.migrate.moves import Answer
from nutsbench.migrate.sides import SAMPLING, WARM, Side
from nutsbench.records.stored import Stored
from nutsbench.stacks import stack
from tests.conftest import ROOT

#: Measured in one folder on one day, on one machine.
PUBLISHED = sorted((ROOT / "results" / "runs" / "published").glob("2026-11-30-later-pymcs*.jsonl.gz"))
BASE = "pymc3-3.8"


def table(kind: str = WARM) -> str:
    """Return the table: models down, engines across.

    Parameters
    ----------
    kind : str
        Which time: one of those of :mod:`nutsbench.migrate.sides`.
    """
    lines = [line for path in PUBLISHED for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    records: List[Stored] = [quality.present(json.loads(line)) for line in lines]  # type: ignore[misc]
    of: Dict[str, Dict[str, List[Stored]]] = {}
    for record in records:
        of.setdefault(record["stack"], {}).setdefault(record["model"], []).append(record)
    engines, names = [name for name in stack.LATER if name in of], list(of[BASE])
    pairs = [
        (Side(name, BASE, of[BASE][name]), Side(name, engine, of[engine][name]))
        for engine in engines
        for name in names
    ]
    found = {(move.model, move.new.stack): move for move in moves.moves(pairs)}
    rows = [["model", *engines]]
    for name in names:
        row = [name]
        for engine in engines:
            move = found[name, engine]
            right = "" if move.answer in (Answer.RIGHT, Answer.AGREES) else f" {move.answer.value}"
            row.append(words.span(move.ratios[kind]) + right)
        rows.append(row)
    ruler = ["---"] * len(rows[0])
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], ruler, *rows[1:]))


if __name__ == "__main__":
    print(table(), table(SAMPLING), sep="\n\n")
