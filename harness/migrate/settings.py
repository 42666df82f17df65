"""What both sides of a move are sampled with: the same settings, each one's defaults, or each one's best."""

import dataclasses
from typing import Dict, List, Optional, Sequence, Tuple

from nutsbench.migrate.sides import SAMPLING, Side, mean
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.grid import Cell
from nutsbench.stacks.stack import Stack

SAME, DEFAULTS, BEST = "same", "defaults", "best"
HOW = (SAME, DEFAULTS, BEST)
#: Seeds that settings are chosen with. They judge nothing: the best of many is best by chance, too.
SEARCHED = (900001, 900002)
#: What is tried for each engine, crossed.
TARGETS, TUNES = (0.8, 0.9, 0.95), (250, 500, 1000)
#: Draws and tuning draws that ``pm.sample`` takes by itself: up to 3.8, and from 3.9 on.
_FIRST, _LATER = 500, 1000
#: The most chains that ``pm.sample`` runs at a time by itself.
_CORES = 4


def defaults(cell: Cell, stack: Stack, cores: int) -> Cell:
    """Return a cell with what an engine takes where its user says nothing.

    Parameters
    ----------
    cell : Cell
        Whose model and seed it has.
    stack : Stack
        The engine.
    cores : int
        Processors of this machine: there are as many chains, two to four.
    """
    pymc3 = stack.versions().get("pymc3", "")
    length = _FIRST if pymc3 and tuple(map(int, pymc3.split(".")[:2])) <= (3, 8) else _LATER
    beside = min(_CORES, cores)
    chosen = SamplerSettings(draws=length, tune=length, chains=max(2, beside), cores=beside)
    return dataclasses.replace(cell, settings=chosen)


def tried(cells: Sequence[Cell]) -> List[Cell]:
    """Return the cells that settings are chosen by: all of :data:`TARGETS` and :data:`TUNES`.

    Parameters
    ----------
    cells : sequence of Cell
        What is going to be judged: of each model and settings the search has as many draws and chains.
    """
    found = {
        dataclasses.replace(
            cell, settings=dataclasses.replace(cell.settings, target_accept=accept, tune=tune), seed=seed
        ): None
        for cell in cells
        for accept in TARGETS
        for tune in TUNES
        for seed in SEARCHED
    }
    return list(found)


def best(sides: Sequence[Tuple[SamplerSettings, Side]]) -> Optional[SamplerSettings]:
    """Return the settings with which effective draws come soonest; ``None`` where chains mixed with none.

    Parameters
    ----------
    sides : sequence of (SamplerSettings, Side)
        A model on one stack, with each of the settings that were tried.

    Notes
    -----
    By the geometric mean over seeds of the time to tune and draw. What did not end or mix with every seed is
    no choice, for nobody knows how long it would have taken.
    """
    known: Dict[SamplerSettings, float] = {}
    for settings, side in sides:
        times = side.times(SAMPLING)
        took = mean(times) if len(times) == len(SEARCHED) else None
        if took is not None:
            known[settings] = took
    return min(known, key=lambda one: known[one]) if known else None
