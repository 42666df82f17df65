"""``python -m harness`` is ``nutsbench``."""

from harness.cli import main

if __name__ == "__main__":
    main()
