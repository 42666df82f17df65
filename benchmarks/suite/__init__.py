"""What asv runs: `core` first, the machine itself, then the cells of a profile (`quick`, `tutorial`)."""

from . import earlier

if earlier.is_named_otherwise():
    earlier.use()

try:
    from nutsbench.track import broker  # noqa: F401
except ImportError:
    # A commit from before there was a host: it measures in the stack's own process.
    from nutsbench import environment

    environment.prepare_this_process()

from nutsbench.track import cells

cells.load_own_models()
