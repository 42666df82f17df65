"""Who asks: what commands have a cluster do, in the place of this machine."""

import uuid
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

import dask

from nutsbench import models
from nutsbench.audit.calibration import Task
from nutsbench.base.errors import UserError
from nutsbench.cluster import member, order, place
from nutsbench.cluster.asking import Asking, Wish
from nutsbench.cluster.order import Order
from nutsbench.judge.goal import Goal
from nutsbench.records.grid import Cell
from nutsbench.records.store import RunFile
from nutsbench.records.stored import Stored
from nutsbench.run import plan, runner
from nutsbench.run.options import Options
from nutsbench.run.plan import Job
from nutsbench.stacks.stack import Stack

__all__ = ["Wish", "calibrate", "run"]


def run(
    todo: Sequence[Job],
    options: Options,
    origin: str,
    run_file: RunFile,
    wish: Wish,
    seconds: Sequence[Optional[float]] = (),
    goal: Optional[Goal] = None,
    measure: Callable[[str], str] = member.measure,
) -> Iterator[Stored]:
    """Have jobs run on a cluster, and yield the record of each once it is on disk here.

    Parameters
    ----------
    todo, options, origin, run_file, goal
        As of :func:`nutsbench.run.runner.run`.
    wish : Wish
        How and where.
    seconds : sequence of float or None
        How long each run of :func:`nutsbench.run.plan.together` will take; the longest are first.
    measure : callable
        What members do with an order, as text, to answer it, as text; another one in simulations alone.

    Raises
    ------
    KeyboardInterrupt
        On ctrl-C, once what was interrupted is told; the cluster has no orders of this command any more.
    UserError
        If there is no such cluster, or nobody there runs this very program.
    """
    runs = plan.together(todo, options.share and goal is None)
    longest = sorted(range(len(runs)), key=lambda n: -((seconds[n] if seconds else None) or float("inf")))
    mark = uuid.uuid4().hex[:8] if wish.is_fresh else ""
    orders: Dict[str, Order] = {}
    jobs: Dict[str, List[Job]] = {}
    for number in longest:
        one = order.of_run(runs[number], options, goal, origin, mark, wish.at.is_here)
        orders[one.key], jobs[one.key] = one, runs[number]

    def lost(key: str, reason: str) -> List[Stored]:
        why = f"its worker was lost: {reason}"
        return [runner.lost(job, options, origin, why).to_dict() for job in jobs[key]]

    yield from _asked(orders, origin, wish, run_file.append_stored, lost, measure)


def calibrate(
    tasks: Sequence[Task],
    one: Stack,
    origin: str,
    taken: Callable[[Mapping[str, Any]], None],
    wish: Wish,
) -> Iterator[Mapping[str, Any]]:
    """Have tasks of a calibration sampled and judged on a cluster, and yield each row once it was taken.

    Parameters
    ----------
    tasks : list of Task
        The tasks.
    one : Stack
        The stack.
    origin, wish
        As of :func:`run`.
    taken : callable
        Takes a row, which is safe when it returns.

    Raises
    ------
    KeyboardInterrupt, UserError
        As of :func:`run`; a task that nobody could sample is an error, too.
    """
    orders: Dict[str, Order] = {}
    for task in tasks:
        spec = models.get(task.model)
        (job,) = plan.jobs([Cell(spec.name, spec.settings, task.seeds[0])], [one], threads=1)
        made = order.of_task(task, job, origin, wish.at.is_here)
        orders[made.key] = made

    def lost(key: str, reason: str) -> List[Stored]:
        task = orders[key].task or {}
        raise UserError(f"{task['model']} could not be sampled: {reason}")

    yield from _asked(orders, origin, wish, taken, lost, member.measure)


def _asked(
    orders: Mapping[str, Order],
    origin: str,
    wish: Wish,
    taken: Callable[[Any], None],
    lost: Callable[[str, str], Sequence[Stored]],
    measure: Callable[[str], str],
) -> Iterator[Any]:
    member.quiet()
    # Dask keeps a thousand of its last messages, which have orders in them.
    dask.config.set({"distributed.admin.low-level-log-length": 10})
    is_timed = any(one.is_timed for one in orders.values())
    with place.opened(wish.at, wish.certs, is_timed) as (address, security):
        asking = Asking(address, security, orders, origin, wish, taken, lost, measure)
        try:
            yield from asking.records()
        except KeyboardInterrupt:
            yield from asking.interrupted()
            raise
        finally:
            asking.close()
