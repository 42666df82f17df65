"""The NUTS core of every model at work that does not change: quick, and what to look at first."""

import sys

from nutsbench.track import cells, classes, speed

try:
    from nutsbench.track.measured import tell_memory
except ImportError:  # A commit from before there was a host.
    from nutsbench import compile_cache

    def tell_memory() -> None:
        """Load once what all benchmarks need, which are forks of this process."""
        compile_cache.warm_up()


# The processes that asv starts to discover benchmarks and to fill caches measure nothing of their own.
if not {"discover", "setup_cache", "check"}.intersection(sys.argv):
    tell_memory()
    # A second, where it is not known yet: too late within the first benchmark, whose calls asv counts by it.
    speed.usual_s()

globals().update(classes.core_classes(__name__, cells.profile(), cells.asked_for(sys.argv)))
