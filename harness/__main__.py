"""``python -m harness`` is ``nutsbench``."""

from harness.cli import main

main()
