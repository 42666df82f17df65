"""What became of PyMC3's names in later PyMCs, and models written for it made to run on those.

Runs on both sides: the host says with it what is to be changed in a file, and a stack with a later PyMC has
its models' files changed just so as it reads them. Everything here is Python 3.8, and imports the standard
library and :mod:`nutsbench.models` alone; the packages themselves are looked at where they are installed.

Files, lowest first:
names table installed source changes reading
"""
