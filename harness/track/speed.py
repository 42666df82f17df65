"""How fast the machine usually is, beside asv's results: the unit that ratios are given in as seconds.

It is measured once for a kind of machine and kept, so that a figure of next month means
what one of today does. Which number it is does not matter to any comparison.
"""

import json
import statistics
from pathlib import Path
from typing import Dict

from nutsbench.base.errors import UserError
from nutsbench.inside import system
from nutsbench.stacks import environment
from nutsbench.track import broker, cells

_READINGS, _READINGS_OF_A_CPU = 300, 5
#: What a line of the file gives; lines of other work are of an earlier way of measuring.
_KEY = "reference_work_s"


def usual_s() -> float:
    """Return the CPU seconds that a piece of reference work takes when this machine is itself.

    The first quartile of some readings: what interrupts a machine only makes it slower.

    Raises
    ------
    UserError
        If what was kept cannot be read.
    """
    # No .json: asv would take it for a result.
    path = cells.folder() / "speed.jsonl"
    known, kind = _known(path), _kind()
    if kind not in known:
        readings = broker.ask("reference", readings=_READINGS)["readings"]
        known[kind] = sorted(readings)[_READINGS // 4]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps({"machine": kind, _KEY: known[kind]}) + "\n")
    return known[kind]


def share_of_usual() -> float:
    """Return how fast the machine is now: below 1 where reference work takes longer than it usually does.

    The mean over the CPUs, for chains run on any of them.
    """
    now = [
        statistics.median(broker.ask("reference", readings=_READINGS_OF_A_CPU, cpu=cpu)["readings"])
        for cpu in system.cpus()
    ]
    return usual_s() / float(statistics.mean(now))


def _known(path: Path) -> Dict[str, float]:
    lines = path.read_text().splitlines() if path.is_file() else []
    try:
        rows = [json.loads(line) for line in lines]
        return {str(row["machine"]): float(row[_KEY]) for row in rows if "plain_work_s" not in row}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path.name} in {path.parent.name} does not hold this machine's baseline speed: {error!r}; "
            "take it away to have it measured again (then older times are not to be compared with)."
        ) from None


def _kind() -> str:
    # Its arithmetic is NumPy's, so it is another unit with another one.
    facts = broker.ask("facts")
    python = f"{facts['python']}, NumPy {facts['packages']['numpy']}"
    machine = f"kind {environment.here()['machine']}"
    return f"{environment.processor()}, {environment.usable_cores()} cores, {machine}, {python}"
