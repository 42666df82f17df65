"""``python -m nutsbench`` is ``nutsbench``."""

from nutsbench.cli import main

if __name__ == "__main__":
    main()
