"""What asv makes of transitions when it is left to its defaults, to compare with the suites."""

from harness import environment

environment.prepare_this_process()
