"""Samples the cells that are tracked: one model, its settings under a profile, several seeds.

Each cell is sampled once, in a fork of its own, and its record is kept under the results
of asv too; all figures are read off the records.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Generator, Iterator, List, Sequence

from nutsbench import models
from nutsbench.base import lock
from nutsbench.base.errors import unknown
from nutsbench.base.paths import results_dir
from nutsbench.models import truths
from nutsbench.models.spec import ModelSpec, SamplerSettings
from nutsbench.records import grid
from nutsbench.records.grid import DEFAULT_SEED, Cell
from nutsbench.records.record import SCHEMA, Record, Status
from nutsbench.records.store import Store, utc_now
from nutsbench.records.stored import Stored
from nutsbench.run import plan, runner
from nutsbench.run.options import Options
from nutsbench.stacks import install
from nutsbench.stacks.stack import current

#: What ``NUTSBENCH_PROFILE`` can be.
PROFILES = ("quick", "tutorial")
#: Files of users' own models.
OWN_MODELS = "NUTSBENCH_MODELS"
#: asv's test (Mann-Whitney, p < 0.002) can reach its level from seven against seven on.
SEEDS = tuple(range(DEFAULT_SEED, DEFAULT_SEED + 7))
#: Counted up when a benchmark measures something else although model and settings are the same.
_EDITION = 1
_TIMEOUT_S = 1800.0


def profile() -> str:
    """Return the profile that ``NUTSBENCH_PROFILE`` asks for, ``quick`` if it is not set.

    Raises
    ------
    UserError
        If there is no such profile.
    """
    name = os.environ.get("NUTSBENCH_PROFILE") or PROFILES[0]
    if name not in PROFILES:
        raise unknown("profile (NUTSBENCH_PROFILE)", name, PROFILES)
    return name


def load_own_models() -> None:
    """Register the models of the files that ``NUTSBENCH_MODELS`` names, apart by colons as in ``PATH``.

    Raises
    ------
    models.ModelError
        If one of them does not load.
    """
    for name in filter(None, os.environ.get(OWN_MODELS, "").split(os.pathsep)):
        models.load_file(Path(name).expanduser())


def asked_for(arguments: Sequence[str]) -> Sequence[str]:
    """Return the models that a process of asv's needs, by its arguments.

    It starts one for each model to fill its cache, and working out versions of all takes longer than that.
    """
    if len(arguments) > 3 and arguments[1] == "setup_cache":
        named = [name for name in models.names() if f".{name}." in arguments[3]]
        if len(named) == 1:
            return named
    return models.names()


def folder() -> Path:
    """Return where asv's results and the records behind them go: ``NUTSBENCH_ASV``, else ``results/asv``."""
    return Path(os.environ.get("NUTSBENCH_ASV") or results_dir() / "asv")


def label(settings: SamplerSettings) -> str:
    """Return settings as asv's pages name them; what is PyMC3's default is left out."""
    values, defaults = settings.to_dict(), SamplerSettings().to_dict()
    named = [name for name in values if name in ("draws", "tune", "chains") or values[name] != defaults[name]]
    return " ".join(f"{name}={values[name]}" for name in named)


def settings(spec: ModelSpec, name: str) -> Dict[str, SamplerSettings]:
    """Return the settings of a model under a profile, by their labels."""
    cells = grid.expand(grid.Grid((spec.name,), name))
    return {label(cell.settings): cell.settings for cell in cells}


def version(spec: ModelSpec, *parts: Any) -> str:
    """Return a digest of all that decides what a benchmark of a model measures.

    Model, data and truth, the schema of records (which counts the definitions of metrics),
    and whatever ``parts`` say. asv draws a new line when it changes.
    """
    exact = truths.find(spec.name)[0]
    known = [
        models.model_digest(spec),
        exact.digest if exact else "",
        SCHEMA,
        _EDITION,
        list(map(str, parts)),
    ]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def sample(
    spec: ModelSpec, name: str, speed: Callable[[], float], seeds: Sequence[int] = SEEDS
) -> Dict[str, List[Stored]]:
    """Sample a model with every seed, and return its records by the label of their settings.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    name : str
        Profile.
    speed : callable
        How fast the machine is now, of its baseline speed; asked before and after each cell.
    seeds : sequence of int
        Seeds; each cell is sampled once with each.

    Returns
    -------
    dict of str to list of dict
        Records; one of a cell that failed says why. ``speed`` is how fast the machine was around it.
    """
    by_label = settings(spec, name)
    cells = [Cell(spec.name, chosen, seed) for chosen in by_label.values() for seed in seeds]
    found: Dict[str, List[Stored]] = {text: [] for text in by_label}
    before = speed()
    for record in _records(cells, name, prepare=spec.name):
        after = speed()
        found[label(record.settings)].append({**record.to_dict(), "speed": (before + after) / 2})
        before = after
    return found


def one_of_each(names: Sequence[str], profile: str) -> Generator[Stored, None, None]:
    """Sample one cell of each model, one after the other, and yield their records.

    Parameters
    ----------
    names : sequence of str
        Models.
    profile : str
        Whose settings they are sampled with; the first, if it has several.
    """
    cells = [
        Cell(name, next(iter(settings(models.get(name), profile).values())), DEFAULT_SEED) for name in names
    ]
    for record in _records(cells, profile):
        yield record.to_dict()


def _records(cells: Sequence[Cell], name: str, prepare: str = "") -> Iterator[Record]:
    stack = current()
    install.create(stack)
    options = Options(
        profile=name,
        timeout_s=_TIMEOUT_S,
        memory_bytes=0,
        threads=1,
        models_files=tuple(models.loaded_files()),
    )
    store = Store(folder())
    run_file = store.begin(name, utc_now())
    jobs = plan.jobs(list(cells), [stack], options.threads)
    with lock.machine(f"the suite of {name} cells", say):
        for record in runner.run(jobs, options, store.origin(), run_file, lambda *_: None, prepare=prepare):
            if record.status is Status.INTERRUPTED:
                # Now, not when the next one is asked for: of the last cell nobody would hear of it.
                raise KeyboardInterrupt
            yield record


def say(text: str) -> None:
    """Say why a benchmark does not begin yet; what runs it shows what goes to standard error."""
    print(text, file=sys.stderr, flush=True)


def why_failed(records: Sequence[Stored]) -> str:
    """Return why a cell cannot be reported, empty if all of its seeds are ok."""
    bad = [
        f"seed {one['seed']}: {one['status']}, {one['reason']}" for one in records if one["status"] != "ok"
    ]
    return "; ".join(bad)


def expected_version(benchmark: str) -> str:
    """Return the version under which asv is about to store a benchmark; empty if it cannot be told.

    asv asks the newest of the commits that it runs, and stores the results of all of them
    under that. An older commit whose model is another one must not be stored so.
    """
    try:
        known = json.loads((folder() / "benchmarks.json").read_text())
        return str(known[benchmark]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
