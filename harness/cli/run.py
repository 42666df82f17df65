"""``nutsbench run``: cells in, records and a table out."""

import dataclasses
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import click
from rich.console import Console

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.cli.common import (
    Several,
    duration,
    load_models,
    machine_to_oneself,
    make_ready,
    memory_size,
    models_option,
    no_wait_option,
    results_option,
    say_problems,
)
from nutsbench.cli.display import RunDisplay
from nutsbench.cli.results import print_records
from nutsbench.cli.worker import certs_option, cluster_option
from nutsbench.cluster import client, place
from nutsbench.judge.goal import BLOCK, Goal
from nutsbench.records import grid, index, table
from nutsbench.records.record import newest
from nutsbench.records.store import Store, utc_now
from nutsbench.records.stored import Stored, is_untimed
from nutsbench.run import plan, runner
from nutsbench.run.options import Options
from nutsbench.stacks import environment, stack

#: What an interrupted user is told.
#: Records of a model by which it is estimated how long its cells will take: the newest.
_KNOWN = 500
_KEPT = "What was measured is kept; the same command goes on from here."


@click.command("run")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option("--profile", default="quick", show_default=True, help=f"{', '.join(grid.PROFILES)}.")
@click.option("--draws", type=Several(int), help="Draws of each chain.")
@click.option("--tune", type=Several(int), help="Tuning draws of each chain.")
@click.option("--chains", type=Several(int), help="Number of chains.")
@click.option("--cores", type=Several(int), help="Chains run at a time.")
@click.option("--target-accept", type=Several(float), help="Acceptance rate to tune for.")
@click.option("--max-treedepth", type=Several(int), help="Largest tree depth.")
@click.option("--seed", type=Several(int), default=str(grid.DEFAULT_SEED), show_default=True, help="Seeds.")
@click.option(
    "--stack",
    "stacks",
    multiple=True,
    default=(stack.DEFAULT,),
    show_default=True,
    help="A stack's name, or the path of a PyMC3 or Theano checkout or of a requirements file.",
)
@click.option("--timeout", default=3600.0, show_default=True, help="Wall seconds that a cell may take.")
@click.option(
    "--memory-limit", callback=memory_size, metavar="SIZE", help="Address space of a process: 4G, 500M."
)
@click.option("--threads", default=1, show_default=True, help="Threads of BLAS and OpenMP.")
@click.option("--keep-draws", is_flag=True, help="Store draws and sampler statistics as netCDF.")
@click.option("--fresh", is_flag=True, help="Run cells again that are done already.")
@click.option(
    "--apart",
    is_flag=True,
    help="Share nothing: build and compile the model in every cell, and sample each, also where another"
    " one's draws hold its own.",
)
@click.option(
    "--cold",
    is_flag=True,
    help="Compile from nothing in every cell, as Theano does by itself: what a new user waits for. Shares"
    " nothing.",
)
@click.option(
    "--untimed",
    is_flag=True,
    help="Sample as many cells at a time as there are processors for, and keep no times: for calibration and"
    " convergence. --cores 1 leaves room for most.",
)
@click.option(
    "--within",
    callback=duration,
    metavar="TIME",
    help="Begin nothing that would take longer than this: 90s, 10m, 2h. One seed of each configuration comes"
    " first; what is left out is said.",
)
@click.option(
    "--until-ess",
    type=click.FloatRange(min=1),
    metavar="ESS",
    help="Sample on, from the given draws, until every scalar has this bulk and tail ESS.",
)
@click.option(
    "--until-rhat",
    type=click.FloatRange(min=1, min_open=True),
    metavar="RHAT",
    help="The same until every R-hat is at most this, 1.01 say.",
)
@click.option(
    "--max-draws",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Draws of each chain that are not exceeded for it.",
)
@cluster_option
@certs_option
@click.option("--wide", is_flag=True, help="Print the wide table, with phases and all reasons.")
@click.option("--dry-run", is_flag=True, help="Print the cells and an estimate of the time.")
@no_wait_option
@models_option
@results_option
def run_command(
    names: Tuple[str, ...],
    profile: str,
    seed: Tuple[int, ...],
    stacks: Tuple[str, ...],
    timeout: float,
    memory_limit: int,
    threads: int,
    keep_draws: bool,
    fresh: bool,
    apart: bool,
    cold: bool,
    untimed: bool,
    within: Optional[float],
    until_ess: Optional[float],
    until_rhat: Optional[float],
    max_draws: int,
    cluster: Optional[str],
    certs: Optional[Path],
    wide: bool,
    dry_run: bool,
    no_wait: bool,
    models_files: Tuple[Path, ...],
    results: Path,
    **values: Optional[Tuple[Any, ...]],
) -> int:
    """Sample models, and keep a record of each cell.

    Every combination of the values given is one cell; what is not given is the
    profile's. Cells that are done already are not run again.
    """
    load_models(models_files)
    share = not (apart or cold)
    goal = None if until_ess is until_rhat is None else Goal(until_ess, until_rhat, BLOCK, max_draws)
    if untimed and cold:
        raise UserError("--cold asks for times, and --untimed keeps none: give one of them.")
    if cluster is not None and within is not None:
        raise UserError("--within is for one machine: leave it out, or --cluster.")
    at = place.parse(cluster) if cluster is not None else None
    if timeout <= 0:
        raise UserError(f"timeout has to be above 0, not {timeout:g}.")
    if threads < 1:
        raise UserError(f"threads has to be at least 1, not {threads}.")
    given = {name: value for name, value in values.items() if value is not None}
    cells = grid.expand(grid.Grid(names, profile, given, seed))
    for cell in cells if goal else ():
        if cell.settings.draws > max_draws:
            raise UserError(
                f"{cell.model} begins with {cell.settings.draws} draws, above --max-draws {max_draws}:"
                " raise that, or give fewer --draws."
            )
        if until_rhat is not None and cell.settings.chains < 2:
            raise UserError("R-hat needs two chains: give --chains 2 or more, or leave out --until-rhat.")
    chosen = [stack.resolve(text) for text in dict.fromkeys(stacks)]
    later = [one.name for one in chosen if one.is_later]
    if goal and later:
        raise UserError(
            f"{later[0]} has a later PyMC, of which no run is known to be the first draws of a longer one:"
            " leave out --until-ess and --until-rhat, and give --draws."
        )
    store = Store(results)
    wanted = plan.jobs(cells, chosen, threads)
    draws_dir = results / "draws" if keep_draws else None
    own, known, problems = measured(results, store.origin(), wanted)
    say_problems(problems)
    done = {} if fresh else done_before(own, draws_dir, cold, untimed, goal)
    names_of = {job: plan.asked(job, goal is not None) for job in wanted}
    todo = [job for job in wanted if names_of[job] not in done]
    if dry_run:
        runs = plan.together(todo, share)
        guesses = plan.estimates(runs, known, share)
        return _print_plan(runs, guesses, len(wanted) - len(todo))

    options = Options(
        profile=profile,
        timeout_s=timeout,
        memory_bytes=memory_limit,
        threads=threads,
        models_files=tuple(models.loaded_files()),
        draws_dir=draws_dir,
        store=not cold,
        share=share,
        cold=cold,
        at_a_time=(at.local or 2 if at else _at_a_time(cells, threads)) if untimed else 0,
    )
    run_file = store.begin(profile, utc_now())
    code = 0
    if todo and at is not None:
        if at.is_here:
            make_ready(chosen)
        wish = client.Wish(at, certs, lambda says: click.echo(says, err=True), is_fresh=fresh)
        records = {name: done[name] for name in names_of.values() if name in done}
        code = run_jobs(todo, options, store.origin(), run_file, known, records, goal=goal, wish=wish)
    elif todo:
        with machine_to_oneself(no_wait, _KEPT):
            if not fresh:
                # Another run may have sampled some of these cells meanwhile.
                own, known, _ = measured(results, store.origin(), wanted)
                done = done_before(own, draws_dir, cold, untimed, goal)
                todo = [job for job in wanted if names_of[job] not in done]
            make_ready(chosen)
            records = {name: done[name] for name in names_of.values() if name in done}
            if within is not None:
                todo = [job for run in plan.early_first(plan.together(todo, share)) for job in run]
            code = run_jobs(todo, options, store.origin(), run_file, known, records, within, goal)
    else:
        records = dict(done)
    found = [records[name] for name in names_of.values() if name in records]
    if found:
        print_records(found, models_files, wide)
    _say_done(len(wanted) - len(todo))
    return code


def measured(
    results: Path, origin: Optional[str], jobs: Sequence[Any]
) -> Tuple[List[Stored], List[Stored], List[str]]:
    """Return what may answer some jobs, what tells how long they will take, and what could not be read.

    Parameters
    ----------
    results : Path
        The results folder.
    origin : str or None
        Its mark: what was measured elsewhere answers no job; None if it does.
    jobs : sequence of Job
        The jobs.
    """
    with index.opened(results, lambda says: click.echo(says, err=True)) as found:
        asked = {
            **({} if origin is None else {"origin": [origin]}),
            "model": sorted({job.cell.model for job in jobs}),
            "stack": sorted({job.stack.name for job in jobs}),
            "seed": sorted({job.cell.seed for job in jobs}),
        }
        own = found.read(found.where("found", *index.among(asked)))
        ended = index.among({"model": asked["model"], "status": ["ok"]})
        return own, found.read(found.latest("model", _KNOWN, *ended)), found.problems


def _at_a_time(cells: Sequence[grid.Cell], threads: int) -> int:
    """Return how many cells there is room for at a time."""
    of_a_cell = max(min(cell.settings.cores, cell.settings.chains) for cell in cells) * threads
    room = max(1, environment.usable_cores() // of_a_cell)
    if room == 1:
        click.echo("One cell at a time: each takes all processors. --cores 1 leaves room for more.", err=True)
    return room


def done_before(
    records: Sequence[Stored], draws_dir: Optional[Path], cold: bool, untimed: bool, goal: Any
) -> Dict[str, Stored]:
    """Find the cells that need not be run: ok the last time, of what was measured in this very folder.

    Where it is to be known what compiling from nothing takes, only what was compiled so will do; where a goal
    is to be reached, only what has reached it; where times are, only what has them.
    """

    def reached(record: Stored) -> bool:
        until = record["details"].get("until")
        wanted = {**goal.to_dict(), "reached": record["settings"]["draws"]} if goal else {}
        return goal is None or until == wanted

    def has_draws(record: Stored) -> bool:
        name = record["details"].get("draws_file")
        return draws_dir is None or (name is not None and (draws_dir / name).exists())

    own = [record for record in records if reached(record) and (untimed or not is_untimed(record))]
    return {
        name: record
        for name, record in newest(own, lambda record: plan.answered(record, goal is not None)).items()
        if record["status"] == "ok"
        and has_draws(record)
        and (record["details"].get("compiled_plainly") or not cold)
    }


def run_jobs(
    todo: List[Any],
    options: Any,
    origin: str,
    run_file: Any,
    known: Sequence[Stored],
    records: Dict[str, Stored],
    within_s: Optional[float] = None,
    goal: Any = None,
    wish: Optional[client.Wish] = None,
) -> int:
    """Run jobs, show them, add their records to ``records``, and return the exit code."""
    if environment.compiler() is None and todo:
        click.echo("Warning: no C++ compiler: Theano runs in Python, and times mean little.", err=True)
    if todo and environment.is_busy(environment.busy_cores()):
        click.echo("Warning: this machine is busy: times will be longer and noisier.", err=True)
    said = dict.fromkeys(w for job in todo for w in grid.warnings_of(job.cell, environment.usable_cores()))
    for warning in said:
        click.echo(f"Warning: {warning}.", err=True)
    begun, so_far = time.monotonic(), list(known)
    names = [plan.asked(job, goal is not None) for job in todo]

    def goes_on(run: Sequence[Any]) -> bool:
        if within_s is None:
            return True
        left_s = within_s - (time.monotonic() - begun)
        (guess,) = plan.estimates([run], so_far, options.share)
        return left_s > (guess or 0.0)

    try:
        console = Console(stderr=True)
        with RunDisplay(console, todo, list(known), options.share, goal is not None) as display:
            if wish is None:
                measured_here = runner.run(
                    todo, options, origin, run_file, display.progress, goes_on=goes_on, goal=goal
                )
                coming: Iterator[Stored] = (record.to_dict() for record in measured_here)
            else:
                runs = plan.together(todo, options.share and goal is None)
                seconds = plan.estimates(runs, so_far, share=False)
                wish = dataclasses.replace(wish, shown=display.spread)
                coming = client.run(todo, options, origin, run_file, wish, seconds, goal)
            for stored in coming:
                records[plan.answered(stored, goal is not None)] = stored
                so_far.append(stored)
                display.done(stored)
    except KeyboardInterrupt:
        left = table.counted(sum(name not in records for name in names), "cell")
        click.echo(f"Interrupted; {left} not begun. The same command goes on from here.", err=True)
        return 130
    left_out = [job for job, name in zip(todo, names) if name not in records]
    if left_out:
        of = ", ".join(dict.fromkeys(job.cell.model for job in left_out))
        cells = table.counted(len(left_out), "cell")
        click.echo(f"Left out, as they would not end in time: {cells} of {of}.", err=True)
        click.echo("The same command goes on from here, without --within to the end.", err=True)
    ran = [records[name] for name in names if name in records]
    _say_not_reached(ran)
    bad = [record for record in ran if record["status"] != "ok"]
    if bad and all(record["details"].get("refused") for record in bad):
        return 2  # What was asked for cannot be sampled here; nothing went wrong.
    return 1 if bad else 0


def _say_not_reached(records: Sequence[Stored]) -> None:
    for record in records:
        until = record["details"].get("until")
        if until and until["reached"] is None:
            after = f"after {record['settings']['draws']} draws of each chain"
            which = f"{record['model']}, seed {record['seed']}"
            click.echo(f"Not reached: {which}, {after}: raise --max-draws, or --within.", err=True)


def _print_plan(runs: Sequence[Sequence[Any]], guesses: Sequence[Optional[float]], skipped: int) -> int:

    for run, seconds in zip(runs, guesses):
        for job in run:
            settings = table.settings_text(job.cell.settings.to_dict(), models.SamplerSettings.names()[:5])
            guess = "never measured" if seconds is None else f"about {table.duration(seconds)}"
            if job is not run[0]:
                guess = f"the first draws of the run of {run[0].cell.settings.draws}"
            click.echo(f"{job.cell.model}  {settings}, seed {job.cell.seed}  {job.stack.name}  {guess}")
    known = [seconds for seconds in guesses if seconds is not None]
    total = f"about {table.duration(sum(known))} by earlier records" if known else "no records to estimate by"
    missing = sum(len(run) for run, seconds in zip(runs, guesses) if seconds is None)
    click.echo(
        f"{table.counted(sum(map(len, runs)), 'cell')} to run: {total}"
        + (f", {missing} of them never measured" if known and missing else "")
        + (f"; {skipped} more done already" if skipped else "")
    )
    return 0


def _say_done(skipped: int) -> None:

    if skipped:
        click.echo(f"Done already, and not run again: {table.counted(skipped, 'cell')} (--fresh does).")
