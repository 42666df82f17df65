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
from harness.paths import write_whole
from harness.tracking import cells

_READINGS = 300


def usual_s() -> float:
    """Return the CPU seconds that a piece of plain work takes when this machine is itself.

    The first quartile of some readings: what interrupts a machine only makes it slower.
    """
    path = cells.folder() / "speed.json"
    known, kind = _known(path), _kind()
    if kind not in known:
        readings = [yardstick.piece_s() for _ in range(_READINGS)]
        known[kind] = sorted(readings)[_READINGS // 4]
        write_whole(path, json.dumps(known, indent=1, sort_keys=True) + "\n")
    return known[kind]


def _known(path: Path) -> Dict[str, float]:
    try:
        return {str(kind): float(seconds) for kind, seconds in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path.name} in {path.parent.name} does not hold this machine's usual speed: {error}; "
            "take it away to have it measured again (then older times are not to be compared with)"
        ) from None


def _kind() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{environment.processor()}, {environment.usable_cores()} cores, {python}"
