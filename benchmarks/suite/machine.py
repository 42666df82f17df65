"""The machine itself: when this line moves, so does every other, and no release is to blame."""

import time

from harness.inside import yardstick


def time_plain_python() -> None:
    """Time a piece of work that uses the interpreter alone, which all stacks share."""
    yardstick.plain_work()


time_plain_python.version = "1"
time_plain_python.unit = "seconds"
time_plain_python.pretty_name = "machine: plain Python"
time_plain_python.timer = time.process_time
time_plain_python.sample_time = 0.02
time_plain_python.repeat = (10, 20, 5.0)
time_plain_python.rounds = 2
