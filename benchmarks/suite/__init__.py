"""What asv runs: `core` first, the machine itself, then the cells of a profile (`quick`, `tutorial`)."""

import os

from . import earlier

if os.environ.get("NUTSBENCH_EARLIER"):
    earlier.use()

try:
    from nutsbench.tracking import broker  # noqa: F401
except ImportError:
    # A commit from before there was a host: it measures in the stack's own process.
    from nutsbench import environment

    environment.prepare_this_process()

from nutsbench.tracking import cells

cells.load_own_models()
