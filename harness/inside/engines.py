"""Which NUTS a stack with a later PyMC samples with, and what each calls what it tells: one row a sampler."""

import os
from dataclasses import dataclass
from typing import Dict, Mapping

#: Says which sampler ``pm.sample`` is asked for, and after a space how it is to run chains; where it is not
#: set, PyMC takes what it takes by itself.
VARIABLE = "NUTSBENCH_SAMPLER"


@dataclass(frozen=True)
class Engine:
    """One NUTS behind ``pm.sample``.

    Parameters
    ----------
    name : str
        As ``pm.sample(nuts_sampler=...)`` has it.
    stats : dict of str
        By PyMC3's name of a sampler statistic, this one's. What is in no row it does not tell, or
        means otherwise, so that it is in no record.
    max_treedepth : str
        What it calls the largest tree depth.
    on_jax : bool
        Whether JAX compiles it inside the call that samples.
    """

    name: str
    stats: Mapping[str, str]
    max_treedepth: str = "max_treedepth"
    on_jax: bool = False


#: What PyMC's own tells in its traces, under the names of PyMC3.
_OWN = ("diverging", "tree_size", "depth", "energy", "mean_tree_accept", "step_size", "step_size_bar")
#: What those that return InferenceData tell.
_CONVERTED = {"diverging": "diverging", "tree_size": "n_steps", "energy": "energy"}
_JAX = {**_CONVERTED, "depth": "tree_depth", "mean_tree_accept": "acceptance_rate"}

TABLE: Dict[str, Engine] = {
    row.name: row
    for row in (
        Engine("pymc", {name: name for name in (*_OWN, "max_energy_error", "model_logp")}),
        # Its energy is the Hamiltonian plus a term of the mass matrix: the kinetic energy cannot be told.
        Engine(
            "nutpie",
            {**_CONVERTED, **{name: name for name in ("depth", "mean_tree_accept", "step_size")}},
        ),
        # Their energy is that of the trajectory, not of the draw.
        Engine("numpyro", {**_JAX, "step_size": "step_size"}, "max_tree_depth", on_jax=True),
        Engine("blackjax", _JAX, "max_num_doublings", on_jax=True),
    )
}

ON_JAX = tuple(name for name, row in TABLE.items() if row.on_jax)


def asked() -> str:
    """Return which sampler ``pm.sample`` is to be asked for; empty to let it choose."""
    return os.environ.get(VARIABLE, "").partition(" ")[0]


def chain_method() -> str:
    """Return how JAX is to run chains, as it calls it; empty for chains in parallel where there are cores."""
    return os.environ.get(VARIABLE, "").partition(" ")[2]
