"""What moving models to another PyMC asks for and gives: changes in code, time, the same answers or not.

It measures nothing: it reads records of one stack and of another, and files as text.

Files, lowest first:
files seeds sides settings moves words
"""
