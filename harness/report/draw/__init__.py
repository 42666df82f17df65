"""What is drawn: matplotlib's plots of draws, plotly's charts, and the graph of a model.

Files, lowest first:
plots diagnosed graph charts panels timeline engines
"""
