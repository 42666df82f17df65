"""Is HEAD slower than BASE: the workload, the statistics, and what is said of them.

It knows nothing of how often it errs: that is measured in the room after it.

Files, lowest first:
statistics arms pair callgrind efficiency result study words records
"""
