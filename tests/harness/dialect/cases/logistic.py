"""A logistic regression with starting values, sampled, as written for PyMC3."""

import numpy as np
import pymc3
import theano
import theano.tensor

x = np.linspace(-2.0, 2.0, 20)
passed = (x > 0.3).astype(int)


def build():
    with pymc3.Model() as built:
        predictor = theano.shared(x)
        a = pymc3.Normal("a", mu=0, sd=2, testval=0.1)
        b = pymc3.Normal("b", mu=0, sd=2, testval=1.0)
        p = pymc3.Deterministic("p", theano.tensor.nnet.sigmoid(a + b * predictor))
        pymc3.Bernoulli("passed", p=p, observed=passed)
    return built


def draws(model):
    with model:
        trace = pymc3.sample(20, tune=20, chains=1, njobs=1, progressbar=False)
    return trace["a"]
