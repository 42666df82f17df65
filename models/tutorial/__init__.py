"""The models of the tutorial: one file for each of its sections."""
