"""The truth of a model: computed from its exact posterior, or from a long run; written, read and compared.

It judges no draws.

Files, lowest first:
truth reference
"""
