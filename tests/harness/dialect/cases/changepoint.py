"""A change in the rate of events, and what is left of it, as written for PyMC3."""

import numpy as np
import pymc3 as pm

counts = np.array([3, 4, 2, 5, 3, 1, 0, 1, 1, 0])
years = np.arange(10)

with pm.Model() as model:
    when = pm.DiscreteUniform("when", lower=0, upper=9, testval=5)
    early = pm.Exponential("early", 1.0)
    late = pm.Exponential("late", 1.0)
    rate = pm.math.switch(when >= years, early, late)
    pm.Poisson("counts", rate, observed=counts)
    drift = pm.SkewNormal("drift", 0.0, 1.0, alpha=2.0)
    pm.Normal("rest", 0, sd=1.0, observed=pm.math.abs_(counts - rate * drift))
