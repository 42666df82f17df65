"""Is HEAD slower than BASE: the workload, the statistics, and what is said of them."""
