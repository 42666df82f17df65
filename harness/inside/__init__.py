"""What runs inside a stack: builds, compiles, samples and times models, and hands back arrays.

Everything here is Python 3.8 and imports the standard library, numpy, :mod:`nutsbench.models` and this
package; PyMC3 and Theano are imported when they are called for. It judges nothing: what draws are worth, the
host says, which reads what is handed out. A stack needs nothing of this project but this folder and
the models.

Files, lowest first:
whole system calls task clock isolated arrays callgrind yardstick precompiled modules ahead compile_cache
facts mismatch steppers start sampling engines jit watching later preparing core samples instructions faults
clauses observed improper unconstrained later_density density contract calibrate cell measure worker pair
"""
