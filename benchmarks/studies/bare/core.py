"""A plain benchmark of asv's: its process compiles, and asv's own clock and repeats time it."""

import os

from nutsbench import models
from nutsbench.inside.core import Core


class Bare:
    """NUTS transitions from a fixed start, of the model that ``NUTSBENCH_BARE`` names."""

    def setup(self) -> None:
        """Build and compile."""
        self._core = Core(models.get(os.environ.get("NUTSBENCH_BARE", "simple_regression")))

    def time_transitions(self) -> None:
        """Time transitions."""
        self._core.transitions()
