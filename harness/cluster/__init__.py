"""Runs cells on as many machines as there are: Dask's scheduler hands them out, and each is measured as here.

What travels is JSON: an order to a worker, its answer back. A record lies on its worker's disk until it is in
the results folder of who asked. Nothing here judges, and nothing schedules.

Files, lowest first:
order spool bench member security place asking client
"""
