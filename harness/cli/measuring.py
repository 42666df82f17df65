"""Measures what ``nutsbench migrate`` lacks, with the settings that each side is to have."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from nutsbench import models
from nutsbench.cli import run
from nutsbench.cli.common import machine_to_oneself, make_ready, say_problems
from nutsbench.migrate import settings
from nutsbench.migrate.settings import DEFAULTS, SAME
from nutsbench.migrate.sides import Side
from nutsbench.models.spec import SamplerSettings
from nutsbench.records import grid
from nutsbench.records.record import newest
from nutsbench.records.store import Store, utc_now
from nutsbench.records.stored import Stored, is_untimed
from nutsbench.run import plan
from nutsbench.run.options import Options
from nutsbench.run.plan import Job
from nutsbench.stacks import environment, stack

_KEPT = "What was measured is kept; the same command goes on from here."


@dataclass
class Measuring:
    """Measures what is missing, and knows whether it was stopped, and how much time is left.

    Parameters
    ----------
    sides : sequence of Stack
        The stacks.
    no_run : bool
        Whether nothing is to be measured.
    no_wait : bool
        Whether to end where another command measures.
    profile : str
        What records are to say.
    results : Path
        Where they are.
    within : float or None
        Wall seconds that are left.
    """

    sides: Sequence[stack.Stack]
    no_run: bool
    no_wait: bool
    profile: str
    results: Path
    within: Optional[float]
    is_stopped: bool = False

    def records(self, wanted: Sequence[Job], cold: bool = False) -> List[Stored]:
        """Measure what is missing of some jobs, and return all records of them."""
        store = Store(self.results)
        first = wanted[0].cell.seed
        rounds = [(False, [job for one in plan.early_first([[job] for job in wanted]) for job in one])]
        rounds += [(True, [job for job in wanted if job.cell.seed == first])] if cold else []
        for is_cold, jobs in rounds:
            own, known, problems = run.measured(self.results, store.origin(), jobs)
            say_problems(problems)
            done = run.done_before(_compiled(own, is_cold), None, is_cold, False, None)
            todo = [job for job in jobs if job.key not in done]
            if self.no_run or not todo or self.is_stopped:
                continue
            options = Options(
                profile=self.profile,
                timeout_s=3600.0,
                memory_bytes=0,
                threads=1,
                models_files=tuple(models.loaded_files()),
                store=not is_cold,
                cold=is_cold,
            )
            with machine_to_oneself(self.no_wait, _KEPT):
                make_ready(self.sides)
                begun = utc_now()
                run_file = store.begin(self.profile, begun)
                code = run.run_jobs(todo, options, store.origin(), run_file, known, {}, self.within)
                self.is_stopped = code == 130
                if self.within is not None:
                    self.within = max(0.0, self.within - (utc_now() - begun).total_seconds())
        return _known(self.results, None if self.no_run else store.origin(), wanted)


def wanted(
    cells: Sequence[grid.Cell], sides: Sequence[stack.Stack], how: str, measuring: Measuring
) -> List[Job]:
    """Return what is to be judged: each cell on each stack, with the settings that it is to have there."""
    if how == SAME:
        return plan.jobs(list(cells), list(sides), 1)
    if how == DEFAULTS:
        cores = environment.usable_cores()
        of = {side: [settings.defaults(cell, side, cores) for cell in cells] for side in sides}
    else:
        of = _best_of(cells, sides, measuring)
    return [job for side, own in of.items() for job in plan.jobs(own, [side], 1)]


def _best_of(
    cells: Sequence[grid.Cell], sides: Sequence[stack.Stack], measuring: Measuring
) -> Dict[stack.Stack, List[grid.Cell]]:
    """Choose settings for each model on each stack, and return the cells with them; its own where none is."""
    found: Dict[Tuple[str, str, SamplerSettings], List[Stored]] = {}
    for record in measuring.records(plan.jobs(settings.tried(cells), list(sides), 1)):
        had = SamplerSettings.from_dict(record["settings"])
        found.setdefault((record["model"], record["stack"], had), []).append(record)
    chosen = {
        (model, side.name): settings.best(
            [
                (had, Side(model, side.name, own))
                for (name, on, had), own in found.items()
                if (name, on) == (model, side.name)
            ]
        )
        for model in dict.fromkeys(cell.model for cell in cells)
        for side in sides
    }
    return {
        side: [
            dataclasses.replace(cell, settings=chosen[cell.model, side.name] or cell.settings)
            for cell in cells
        ]
        for side in sides
    }


def _compiled(records: Sequence[Stored], is_cold: bool) -> List[Stored]:
    """Return those that were compiled from nothing, or those that were not."""
    return [one for one in records if bool(one["details"].get("compiled_plainly")) == is_cold]


def _known(results: Path, origin: Optional[str], wanted: Sequence[Any]) -> List[Stored]:
    """Return the newest record of each job, of each way to compile, all measured in one results folder.

    On another day, or another machine, times are others: what is compared was measured side by side.

    Parameters
    ----------
    results : Path
        The results folder.
    origin : str or None
        Its mark; None to take what was measured elsewhere too.
    wanted : list of Job
        The jobs.
    """
    own, _, _ = run.measured(results, origin, wanted)
    keys = {job.key for job in wanted}
    found = [one for one in own if plan.answered(one, False) in keys and not is_untimed(one)]
    if found:
        last = max(found, key=lambda one: one["started_at"])
        found = [one for one in found if one["origin"] == last["origin"]]
    kept: List[Stored] = []
    for is_cold in (False, True):
        kept += newest(_compiled(found, is_cold), lambda one: plan.answered(one, False)).values()
    return kept
