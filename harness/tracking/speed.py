"""How fast the machine usually is, beside asv's results: what times are corrected to.

It is measured once for a kind of machine and kept, so that a figure of next month means
what one of today does. Which number it is does not matter to any comparison.
"""

import json
import platform
from pathlib import Path
from typing import Dict

from harness import environment, yardstick
from harness.errors import UserError
from harness.tracking import cells

_READINGS = 300


def usual_s() -> float:
    """Return the CPU seconds that a piece of plain work takes when this machine is itself.

    The first quartile of some readings: what interrupts a machine only makes it slower.

    Raises
    ------
    UserError
        If what was kept cannot be read.
    """
    # No .json: asv would take it for a result.
    path = cells.folder() / "speed.jsonl"
    known, before = _known(path), _kind()
    kind = f"{before}, kind {environment.here()['machine']}"
    if kind not in known and before in known:
        # Of days when a machine was told by its processor's name alone; histories go on.
        return known[before]
    if kind not in known:
        readings = [yardstick.piece_s() for _ in range(_READINGS)]
        known[kind] = sorted(readings)[_READINGS // 4]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps({"machine": kind, "plain_work_s": known[kind]}) + "\n")
    return known[kind]


def _known(path: Path) -> Dict[str, float]:
    lines = path.read_text().splitlines() if path.is_file() else []
    try:
        rows = [json.loads(line) for line in lines]
        return {str(row["machine"]): float(row["plain_work_s"]) for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path.name} in {path.parent.name} does not hold this machine's usual speed: {error!r}; "
            "take it away to have it measured again (then older times are not to be compared with)."
        ) from None


def _kind() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{environment.processor()}, {environment.usable_cores()} cores, {python}"
