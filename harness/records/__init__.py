"""What is kept of a cell: which cells there are, their records, where those lie, and how they are shown.

It measures nothing, and changes nothing that was measured.

Files, lowest first:
grid draws stored record lines configuration columns store indexed views index table export
"""
