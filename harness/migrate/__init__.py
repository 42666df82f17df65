"""What moving models to another PyMC asks for: which lines of a file are to be changed, and into what.

It reads files as text: nothing of a model is imported, built or sampled, so no stack is needed.

Files, lowest first:
names table source changes
"""
