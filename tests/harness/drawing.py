"""Draws the house from the source for docs/design.md: ``python -m tests.harness.drawing`` writes it there."""

import ast
import re
from pathlib import Path

from tests.conftest import ROOT
from tests.harness.test_layers import HARNESS, ROOMS, of_ours, order_in

PAGE = ROOT / "docs" / "design.md"
#: Where what is not a room of the harness runs.
_SIDES = {"inside": "stack", "dialect": "both"}


def summary(path: Path) -> str:
    """Return the first sentence of a file's docstring, on one line."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    first = " ".join(text.partition("\n\n")[0].split())
    first = re.sub(r":\w+:`[~.]?([^`]+)`", r"`\1`", first).replace("``", "`").replace("|", "\\|")
    return first.rstrip(".")


def rooms() -> str:
    """Return the rooms as a table: where each runs, which others it imports from, what it is for."""
    rows = ["| room | runs in | imports from | is |", "| --- | --- | --- | --- |"]
    for room in ROOMS:
        used = {rest[0] for path in (HARNESS / room).rglob("*.py") for rest in of_ours(path)} & set(ROOMS)
        uses = " ".join(one for one in ROOMS if one in used and one != room) or "-"
        rows.append(
            f"| `{room}/` | {_SIDES.get(room, 'host')} | {uses} | {summary(HARNESS / room / '__init__.py')} |"
        )
    return "\n".join(rows)


def files() -> str:
    """Return the files of all rooms as a table, in the order in which each imports from those before it."""
    rows = ["| file | does |", "| --- | --- |"]
    for room in ROOMS:
        for name in order_in(HARNESS / room):
            path = HARNESS / room / f"{name}.py"
            inner = [path] if path.exists() else sorted((HARNESS / room / name).glob("*.py"))
            for one in inner:
                shown = one.relative_to(HARNESS)
                if one.name == "__init__.py":
                    rows.append(f"| `{shown.parent}/` | {summary(one)} |")
                else:
                    rows.append(f"| `{shown}` | {summary(one)} |")
    return "\n".join(rows)


TABLES = {"rooms": rooms, "files": files}


def write() -> None:
    """Write the tables into the page."""
    text = PAGE.read_text()
    for name, made in TABLES.items():
        head = f"<!-- table: {name} -->\n\n"
        before, after = text.split(head)
        text = before + head + made() + "\n" + re.sub(r"\A(?:\|.*\n)*", "", after)
    PAGE.write_text(text)


if __name__ == "__main__":
    write()
