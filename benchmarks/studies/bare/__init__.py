"""What asv makes of transitions when it is left to its defaults, to compare with the suites."""
