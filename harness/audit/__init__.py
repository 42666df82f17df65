"""How often the harness itself errs: verdicts on wrong samplers, comparisons of equal and of slower ones.

It changes no verdict: what is wrong is changed where it is made.

Files, lowest first:
error_rates calibration slowdown others replay power rates
"""
