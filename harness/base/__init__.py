"""What every room stands on: errors, places, locks, the terminal, the end of processes.

It knows neither models nor samplers nor records, and needs the standard library alone to be imported, but for
psutil where processes are ended: what installs the environments runs on any Python of 3.8 or later.

Files, lowest first:
errors terminal crash paths git lock descendants
"""
