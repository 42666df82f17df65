"""The machine itself: when this line moves, so does every other, and no release is to blame."""

import time

try:
    from nutsbench.inside import yardstick
except ImportError:  # A commit from before there was a host.
    from nutsbench import yardstick  # type: ignore[no-redef]


def time_plain_python() -> None:
    """Time a piece of work that uses the interpreter alone: this program's own, whichever the stack."""
    yardstick.plain_work()


time_plain_python.version = "2"  # type: ignore[attr-defined]
time_plain_python.unit = "seconds"  # type: ignore[attr-defined]
time_plain_python.pretty_name = "machine: plain Python"  # type: ignore[attr-defined]
time_plain_python.timer = time.process_time  # type: ignore[attr-defined]
time_plain_python.sample_time = 0.02  # type: ignore[attr-defined]
time_plain_python.repeat = (10, 20, 5.0)  # type: ignore[attr-defined]
time_plain_python.rounds = 2  # type: ignore[attr-defined]
