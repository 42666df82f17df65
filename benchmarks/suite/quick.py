"""Every model, sampled with the settings of the quick profile and several seeds."""

from nutsbench.track import cells, classes

if cells.profile() == "quick":
    globals().update(classes.sampling_classes(__name__, "quick"))
