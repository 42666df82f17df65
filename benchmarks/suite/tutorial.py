"""Every model, sampled with the tutorial's own settings and several seeds: NUTSBENCH_PROFILE=tutorial."""

from nutsbench.track import cells, classes

if cells.profile() == "tutorial":
    globals().update(classes.sampling_classes(__name__, "tutorial"))
