"""The NUTS core of every model at work that does not change: quick, and what to look at first."""

import sys

from harness.inside import compile_cache
from harness.tracking import cells, classes, speed

# asv forks its benchmarks from a process that has imported this: what is loaded here is loaded
# once. PyMC3, Theano's index of its compile cache, and what it cannot cache. The processes
# that asv starts to discover benchmarks and to fill caches compile nothing of their own.
if not {"discover", "setup_cache", "check"}.intersection(sys.argv):
    compile_cache.warm_up()
    # A second, where it is not known yet: too late within the first benchmark, whose calls asv counts by it.
    speed.usual_s()

globals().update(classes.core_classes(__name__, cells.profile(), cells.asked_for(sys.argv)))
