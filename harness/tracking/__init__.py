"""What asv and pytest-benchmark are given to track: figures of cells, and times of the core."""
