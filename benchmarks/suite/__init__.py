"""What asv runs: `core` first, the machine itself, then the cells of a profile (`quick`, `tutorial`)."""

try:
    from harness.tracking import broker  # noqa: F401
except ImportError:
    # A commit from before there was a host: it measures in the stack's own process.
    from harness import environment

    environment.prepare_this_process()

from harness.tracking import cells

cells.load_own_models()
