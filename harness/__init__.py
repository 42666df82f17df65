"""nutsbench: benchmarks and diagnostics of PyMC3's NUTS. See ``nutsbench --help``."""
