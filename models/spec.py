"""What a model of the registry is: frozen, and free of PyMC3.

Nothing here samples or judges; a model's definition is only data, two
functions, and the words that explain it.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

import numpy as np

from nutsbench.models.claims import Claim
from nutsbench.models.exact.posterior import Posterior

Data = Dict[str, np.ndarray]

#: Headings of the tutorial's sections, in its order; models are listed by it.
TUTORIAL_SECTIONS = (
    "what is probabilistic programming",
    "simple linear regression",
    "multivariate regression (independent predictors)",
    "mediator (the pipe)",
    "common cause (the fork)",
    "the collider",
    "multiple confounds all at once",
    "categories",
    "heterogeneity",
    "discrete binary events",
)


@dataclass(frozen=True)
class SamplerSettings:
    """The arguments of ``pm.sample`` that a cell is run with, under its names.

    The defaults are those of PyMC3 3.8 on a machine with two cores, where the
    tutorial leaves them out.

    Parameters
    ----------
    draws : int
        Draws kept of each chain, after tuning.
    tune : int
        Tuning draws of each chain.
    chains : int
        Number of chains.
    cores : int
        Number of chains run at a time.
    target_accept : float
        Acceptance rate that step-size adaptation aims at, inside (0, 1).
    init : str
        Initialisation of NUTS, as ``pm.init_nuts`` names it.
    max_treedepth : int
        Largest tree depth; a trajectory has at most 2**max_treedepth - 1 leapfrogs.
    """

    draws: int = 500
    tune: int = 500
    chains: int = 2
    cores: int = 2
    target_accept: float = 0.8
    init: str = "auto"
    max_treedepth: int = 10

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, np.generic):  # JSON knows Python's own numbers only.
                object.__setattr__(self, name, value.item())

    def to_dict(self) -> Dict[str, Any]:
        """Return the settings as a flat dictionary, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SamplerSettings":
        """Make settings from :meth:`to_dict`'s dictionary; unknown keys are refused."""
        return cls(**values)

    @classmethod
    def names(cls) -> Tuple[str, ...]:
        """Names of the settings, in order."""
        return tuple(f.name for f in fields(cls))


@dataclass(frozen=True)
class ModelSpec:
    """One model: its data, its definition, and what is known of it.

    Parameters
    ----------
    name : str
        Name in the registry: the build function's.
    build : callable
        Takes the data and returns a ``pymc3.Model``. It alone imports PyMC3 or Theano.
    data : callable
        Takes nothing and returns the observed data, a dictionary of arrays.
    notation : str
        The model in ``~`` notation, one statement a line.
    teaches : str
        A sentence or two on what the model is there to show.
    tutorial_name : str
        Name of the model's variable in the tutorial; empty for a user's own.
    section : str
        Heading of the tutorial's section; empty for a user's own.
    settings : SamplerSettings
        What the tutorial samples it with.
    quick : SamplerSettings or None
        What the quick profile samples it with; ``None`` for the profile's own, which suit
        a model whose draws are cheap.
    monitored : tuple of str
        Free variables and Deterministics whose scalars are summarised, transforms
        excluded. Empty: all of them.
    tags : tuple of str
        Words to select models by.
    exact : callable or None
        Takes the data and returns the posterior in closed form, a
        :class:`nutsbench.models.exact.Posterior`; ``None`` if there is none.
    no_truth : str
        Why there is no truth to check against, where there is none.
    variant_of : str
        The model that has the same posterior, written in another way, whose truth this one is judged by;
        ``monitored`` are the variables that both have. Empty for a posterior of its own.
    claims : tuple of Claim
        What one should see in the posterior.
    source : str
        Name of the file that defines it, without its folder.
    file : str
        The same with its folder; no part of what is described.
    """

    name: str
    build: Callable[[Data], Any] = field(repr=False)
    data: Callable[[], Data] = field(repr=False)
    notation: str
    teaches: str
    tutorial_name: str = ""
    section: str = ""
    settings: SamplerSettings = SamplerSettings()
    quick: Optional[SamplerSettings] = None
    monitored: Tuple[str, ...] = ()
    tags: Tuple[str, ...] = ()
    exact: Optional[Callable[[Data], Posterior]] = field(default=None, repr=False)
    no_truth: str = ""
    variant_of: str = ""
    claims: Tuple[Claim, ...] = ()
    source: str = ""
    file: str = field(default="", repr=False)

    def describe(self) -> Dict[str, Any]:
        """Return all that can be said in JSON: everything but the functions."""
        return {
            "name": self.name,
            "tutorial_name": self.tutorial_name,
            "section": self.section,
            "teaches": self.teaches,
            "notation": self.notation,
            "settings": self.settings.to_dict(),
            "monitored": list(self.monitored),
            "tags": list(self.tags),
            **({"variant_of": self.variant_of} if self.variant_of else {}),
            "claims": [claim.to_dict() for claim in self.claims],
            "source": self.source,
        }
