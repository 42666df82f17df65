"""Which environments there are, what is in them, how they are made, and the machine that they run on.

It starts no sampler and knows no model. Each lock in ``locks/`` is one stack.

Files, lowest first:
relocate rows stack install releases environment doctor
"""
