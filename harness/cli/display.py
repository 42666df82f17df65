"""Shows a run as it goes: a live display on a terminal, plain lines elsewhere."""

import time
from typing import Any, Dict, List, Optional

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from nutsbench.cli import summary
from nutsbench.inside.clock import Progress
from nutsbench.records import table
from nutsbench.records.stored import Stored
from nutsbench.run import plan
from nutsbench.run.plan import Job


class RunDisplay:
    """What a person sees of a run that is going on.

    Parameters
    ----------
    console : Console
        Where to write; it knows whether it is a terminal.
    todo : list of Job
        What is to be run.
    known : list of dict
        Records, to estimate the time left from.
    share : bool
        Whether cells share runs and compiled models.
    any_draws : bool
        Whether a cell is answered by a record of any number of draws.
    """

    def __init__(
        self,
        console: Console,
        todo: List[Job],
        known: List[Stored],
        share: bool,
        any_draws: bool = False,
    ) -> None:
        self._console = console
        self._known = list(known)
        self._share = share
        self._any_draws = any_draws
        self._left = list(todo)
        self._count, self._ended = len(todo), 0
        self._begun = time.monotonic()
        self._guesses = self._guess()
        self._current: Optional[Job] = None
        self._members = 1
        self._bars: Optional[Bars] = None
        self._task: Optional[TaskID] = None
        if console.is_terminal:
            self._bars = Bars(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[draws]}  {task.fields[divergences]}  {task.fields[left]}"),
                console=console,
                transient=True,
            )

    def __enter__(self) -> "RunDisplay":
        if self._bars is not None:
            self._bars.start()
            self._task = self._bars.add_task("starting", total=None, **self._fields(Progress("start")))
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def progress(self, job: Job, progress: Progress) -> None:
        """Show how far a cell is."""
        if self._bars is None or self._task is None:
            return
        if job != self._current:
            self._current, self._begun = job, time.monotonic()
        number = self._ended + 1
        self._bars.update(
            self._task,
            description=f"[{number}/{self._count}] {job.cell.model}  {progress.phase}",
            total=progress.total or None,
            completed=progress.done,
            **self._fields(progress),
        )

    def spread(self, members: int, out: int) -> None:
        """Show how far a cluster is.

        Parameters
        ----------
        members : int
            How many measure.
        out : int
            How many cells, or runs of several, they have.
        """
        self._members = max(1, members)
        if self._bars is not None and self._task is not None:
            at = f"{table.counted(min(members, out), 'cell')} at {table.counted(members, 'member')}"
            fields: Dict[str, Any] = {"draws": "", "divergences": "", "left": self._time_left()}
            self._bars.update(self._task, description=f"[{self._ended}/{self._count}] {at}", **fields)

    def done(self, record: Stored) -> None:
        """Show a cell that has ended."""
        ended = plan.answered(record, self._any_draws)
        self._left = [job for job in self._left if plan.asked(job, self._any_draws) != ended]
        self._known.append(record)
        self._guesses = self._guess()
        self._ended = self._count - len(self._left) if self._any_draws else self._ended + 1
        text = f"[{self._ended:>{len(str(self._count))}}/{self._count}] {summary.line(record)}"
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _fields(self, progress: Progress) -> Dict[str, Any]:
        draws = f"{progress.done}/{progress.total} draws" if progress.total else ""
        return {
            "draws": draws,
            "divergences": f"{progress.divergences} divergences" if progress.total else "",
            "left": self._time_left(),
        }

    def _guess(self) -> List[Optional[float]]:
        """Estimate what is left; only when a cell ends, for it takes all records into account."""
        return plan.estimates(plan.together(self._left, self._share), self._known, self._share)

    def _time_left(self) -> str:
        known = [guess for guess in self._guesses if guess is not None]
        if not known or len(known) < len(self._guesses):
            return ""
        seconds = sum(known) / self._members - (time.monotonic() - self._begun)
        return f"about {table.duration(max(0.0, seconds))} left"
