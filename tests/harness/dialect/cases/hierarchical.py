"""Intercepts and slopes of groups with a common covariance, as written for PyMC3."""

import numpy as np
import pymc3 as pm
import theano.tensor as tt
from pymc3 import HalfCauchy

group = np.repeat(np.arange(4), 6)
x = np.tile(np.linspace(-1.0, 1.0, 6), 4)
y = 1.0 + 0.5 * x + 0.1 * group

with pm.Model() as model:
    sd_dist = HalfCauchy.dist(beta=2)
    packed = pm.LKJCholeskyCov("packed", n=2, eta=2.0, sd_dist=sd_dist)
    chol = pm.expand_packed_triangular(2, packed)
    centre = pm.Normal("centre", 0, sd=1, shape=2)
    effects = pm.MvNormal("effects", mu=centre, chol=chol, shape=(4, 2))
    noise = pm.HalfNormal("noise", sd=1, testval=0.5)
    mu = effects[group, 0] + effects[group, 1] * x
    pm.StudentT("y", 4, mu, tt.inv(noise**2), observed=y)
