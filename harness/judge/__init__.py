"""What draws are worth: diagnostics, metrics, verdicts, and what to do.

Arrays in, numbers and sentences out: it starts nothing, and reads and writes no file.

Files, lowest first:
mixing estimators kinetic diagnostics goal metrics hints checks remedy accuracy quality claims
"""
