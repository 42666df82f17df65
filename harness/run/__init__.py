"""Runs cells: the host's end of a stack's process, what is made of its draws, and the next cell.

It prints nothing, and does not know who asked.

Files, lowest first:
elsewhere options watch process judged plan session runner
"""
