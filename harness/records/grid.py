"""Settings' ranges into cells: pure, without touching a file or a sampler."""

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from nutsbench import models
from nutsbench.base.errors import UserError, unknown
from nutsbench.models.spec import ModelSpec, SamplerSettings

DEFAULT_SEED = 2019

#: What the quick profile samples a model with that does not say; target_accept stays the model's own.
QUICK: Mapping[str, Any] = {"draws": 400, "tune": 500, "chains": 2, "cores": 2}

#: One of these at a time replaces a tutorial setting in the sweep.
SWEEP: Mapping[str, Sequence[Any]] = {
    "draws": (250, 500, 1000),
    "tune": (250, 500, 1000, 1500),
    "chains": (1, 2, 4),
    "cores": (1, 2),
    "target_accept": (0.8, 0.9, 0.95, 0.99),
}

#: In its place for models of this tag: a cell of theirs takes one or two minutes, and three seeds
#: of the whole sweep would take half a day.
SWEEP_DEAR: Mapping[str, Sequence[Any]] = {"draws": (500,), "tune": (500,), "target_accept": (0.9, 0.99)}
DEAR = "collinear"


def _quick(spec: ModelSpec) -> List[SamplerSettings]:
    return [spec.quick or dataclasses.replace(spec.settings, **QUICK)]


def _tutorial(spec: ModelSpec) -> List[SamplerSettings]:
    return [spec.settings]


def _sweep(spec: ModelSpec) -> List[SamplerSettings]:
    varied = [
        dataclasses.replace(spec.settings, **{name: value})
        for name, values in (SWEEP_DEAR if DEAR in spec.tags else SWEEP).items()
        for value in values
    ]
    return [spec.settings, *varied]


@dataclass(frozen=True)
class Profile:
    """A named set of cells.

    Parameters
    ----------
    says : str
        What it is, in words.
    settings : callable
        Returns the settings that it samples a model with.
    """

    says: str
    settings: Callable[[ModelSpec], List[SamplerSettings]]


#: By name; the first is what is run where none is asked for.
PROFILES: Mapping[str, Profile] = {
    "quick": Profile("every model with few draws, and fewer where a draw is dear", _quick),
    "tutorial": Profile("every model with the tutorial's own settings", _tutorial),
    "sweep": Profile("the tutorial's settings with one of them varied at a time", _sweep),
}

#: numpy seeds are below 2**32, and PyMC3 adds to them.
_MAX_SEED = 2**31


@dataclass(frozen=True)
class Cell:
    """The unit of work: a model, settings and a seed.

    Parameters
    ----------
    model : str
        Name of the model.
    settings : SamplerSettings
        What it is sampled with.
    seed : int
        ``random_seed`` of ``pm.sample``.
    """

    model: str
    settings: SamplerSettings
    seed: int

    def to_dict(self) -> Dict[str, Any]:
        """Return the cell, ready for JSON."""
        return {"model": self.model, "settings": self.settings.to_dict(), "seed": self.seed}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Cell":
        """Make a cell from :meth:`to_dict`'s dictionary."""
        return cls(values["model"], SamplerSettings.from_dict(values["settings"]), values["seed"])


@dataclass(frozen=True)
class Grid:
    """A set of cells, as it is asked for.

    Parameters
    ----------
    models : tuple of str
        Names of models; empty for all of them.
    profile : str
        One of :data:`PROFILES`.
    values : dict of str to tuple
        For a setting the values to take in place of the profile's; crossed.
    seeds : tuple of int
        Seeds; crossed with all else.
    """

    models: Tuple[str, ...] = ()
    profile: str = "quick"
    values: Mapping[str, Tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    seeds: Tuple[int, ...] = (DEFAULT_SEED,)


def expand(grid: Grid) -> List[Cell]:
    """Return the cells of a grid, each once, in the order of models, settings and seeds.

    Raises
    ------
    UserError
        If a model or the profile is unknown, or a setting cannot be sampled with.
    """
    if grid.profile not in PROFILES:
        raise unknown("profile", grid.profile, PROFILES)
    cells = {
        Cell(spec.name, check(settings), check_seed(seed)): None
        for spec in select(grid.models)
        for base in PROFILES[grid.profile].settings(spec)
        for settings in _cross(base, grid.values)
        for seed in grid.seeds
    }
    return list(cells)


def select(names: Iterable[str]) -> List[ModelSpec]:
    """Return the models of these names, or all of them for none.

    Raises
    ------
    UserError
        If there is no model of a name.
    """
    try:
        return [models.get(name) for name in (list(names) or models.names())]
    except models.UnknownModelError as error:
        raise unknown("model", error.name, error.choices) from error


def _cross(base: SamplerSettings, values: Mapping[str, Tuple[Any, ...]]) -> List[SamplerSettings]:
    combinations = itertools.product(*values.values())
    return [dataclasses.replace(base, **dict(zip(values, chosen))) for chosen in combinations]


def check(settings: SamplerSettings) -> SamplerSettings:
    """Return the settings unchanged if they can be sampled with.

    Raises
    ------
    UserError
        If one of them is out of its range; it names the value and the range.
    """
    ranges = (
        ("draws", settings.draws >= 1, "at least 1"),
        ("tune", settings.tune >= 0, "0 or more"),
        ("chains", settings.chains >= 1, "at least 1"),
        ("cores", settings.cores >= 1, "at least 1"),
        ("target_accept", 0 < settings.target_accept < 1, "above 0 and below 1"),
        ("max_treedepth", settings.max_treedepth >= 1, "at least 1"),
    )
    for name, good, expected in ranges:
        if not good:
            raise UserError(f"{name} has to be {expected}, not {getattr(settings, name)}.")
    return settings


def check_seed(seed: int) -> int:
    """Return the seed unchanged if PyMC3 can take it, else raise :class:`UserError`."""
    if not 0 <= seed < _MAX_SEED:
        raise UserError(f"seed has to be 0 or more and below {_MAX_SEED}, not {seed}.")
    return seed


def warnings_of(cell: Cell, machine_cores: int) -> List[str]:
    """Return what should be said of a cell's settings, though it can be run.

    Parameters
    ----------
    cell : Cell
        The cell.
    machine_cores : int
        Processors that this process may use.
    """
    settings = cell.settings
    said = []
    if settings.cores > machine_cores:
        shared = min(settings.cores, settings.chains) > machine_cores
        effect = "chains share a core, so times are longer" if shared else "no more than that run at a time"
        said.append(f"cores {settings.cores} is more than this machine's {machine_cores}: {effect}")
    return said


@dataclass(frozen=True)
class Estimate:
    """What a cell is going to take, wall seconds.

    Parameters
    ----------
    make_s : float
        To build and compile.
    sampling_s : float
        To tune and draw.
    diagnose_s : float
        To diagnose.
    """

    make_s: float
    sampling_s: float
    diagnose_s: float

    @property
    def total_s(self) -> float:
        """Return all of it."""
        return self.make_s + self.sampling_s + self.diagnose_s


def estimate(cell: Cell, known: Sequence[Mapping[str, Any]], stack: str = "") -> Optional[Estimate]:
    """Estimate the wall seconds of a cell from records of its model.

    Time grows with the transitions of each chain and the rounds that the cores need;
    build and compile are added as they were. A target_accept other than the record's
    changes the cost of a transition, which is left out: so where there are some, those records count that
    have a warm compile cache, the same stack, the nearest target_accept, and as many chains and cores.

    Parameters
    ----------
    cell : Cell
        The cell.
    known : sequence of dict
        Records; those of other models or that failed are passed over.
    stack : str
        Name of the stack that it is to run on.

    Returns
    -------
    Estimate or None
        The median of those records; ``None`` where no record helps.
    """
    # One that ran beside others has no phases: its times tell nothing.
    usable = [
        record
        for record in known
        if record["model"] == cell.model and record["status"] == "ok" and "draw" in record["phases"]
    ]
    if not usable:
        return None
    wanted = cell.settings

    def distance(record: Mapping[str, Any]) -> Tuple[Any, ...]:
        had = record["settings"]
        return (
            record["details"].get("compile_cache", {}).get("state") == "cold",
            record["stack"] != stack,
            round(abs(had["target_accept"] - wanted.target_accept), 6),
            (had["chains"], had["cores"]) != (wanted.chains, wanted.cores),
        )

    nearest = min(map(distance, usable))
    usable = [record for record in usable if distance(record) == nearest]
    guesses = [_scaled(cell, record) for record in usable]
    return sorted(guesses, key=lambda guess: guess.total_s)[len(guesses) // 2]


def _scaled(cell: Cell, record: Mapping[str, Any]) -> Estimate:
    """Return what a record says of a cell with other settings."""
    phases = {name: time["wall_s"] for name, time in record["phases"].items()}
    work = _transitions(cell.settings) / _transitions(SamplerSettings.from_dict(record["settings"]))
    return Estimate(
        phases["build"] + phases["compile"],
        (phases["tune"] + phases["draw"]) * work,
        phases["diagnose"],
    )


def _transitions(settings: SamplerSettings) -> int:
    rounds = -(-settings.chains // settings.cores)
    return rounds * (settings.draws + settings.tune)
