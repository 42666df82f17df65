"""What asv and pytest-benchmark are given to track over time, and what is read out of their results.

It compares no two commits by itself: that is the room after it.

Files, lowest first:
figures flagged gaps history guard cells asv_results counts broker environment speed measured classes
"""
