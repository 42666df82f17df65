"""What asv runs: `core` first, the machine itself, then the cells of a profile (`quick`, `tutorial`)."""

from harness import environment

# Under `asv run --python=same` nobody else has: Theano and NumPy read it when they are imported.
environment.prepare_this_process()

from harness.tracking import cells  # noqa: E402

cells.load_own_models()
