"""``nutsbench calibrate``: how often verdicts are wrong."""

import contextlib
import functools
import itertools
import json
import tempfile
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import click
from rich.console import Console
from rich.progress import Progress

from nutsbench import models
from nutsbench.audit import calibration, error_rates
from nutsbench.audit.calibration import SCHEMA, Task
from nutsbench.audit.error_rates import interval
from nutsbench.base.errors import UserError
from nutsbench.cli.common import (
    check_choice,
    json_option,
    load_models,
    machine_to_oneself,
    make_ready,
    models_option,
    no_wait_option,
    print_json,
    results_option,
    say_problems,
)
from nutsbench.cli.worker import certs_option, cluster_option
from nutsbench.cluster import client, place
from nutsbench.inside.faults import FAULTS
from nutsbench.judge import accuracy
from nutsbench.models import truths
from nutsbench.models.truths import find
from nutsbench.records import grid, lines
from nutsbench.records.store import Store, utc_now
from nutsbench.stacks import stack

#: Fast models, of one scalar to nine, with and without data.
MODELS = ("addition", "coin_toss", "simple_regression", "exclude_collider", "count_heterogenous")
#: Seeds that one process samples before it is started anew.
_CHUNK = 10

#: What a row is found by.
Key = Tuple[str, str, str, int, int, int]


#: What an interrupted user is told.
_KEPT = "What was sampled is kept; the same command goes on from here."


@click.command("calibrate")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option("--sampler", "samplers", multiple=True, help="right, or a fault; can be given more than once.")
@click.option("--records", default=200, show_default=True, help="Seeds of each model and sampler.")
@click.option("--draws", type=int, show_default="the tutorial's", help="Draws of each chain.")
@click.option("--chains", type=int, show_default="the tutorial's", help="Number of chains.")
@click.option("--stack", "stack_name", default=stack.DEFAULT, show_default=True, help="Stack.")
@click.option("--jobs", default=2, show_default=True, help="Processes at a time; no time is measured.")
@cluster_option
@certs_option
@click.option("--report", "only_report", is_flag=True, help="Sample nothing; judge what there is.")
@click.option(
    "--markdown", "as_markdown", is_flag=True, help="Print the report as docs/calibration.md has it."
)
@no_wait_option
@json_option
@models_option
@results_option
def calibrate_command(
    names: Tuple[str, ...],
    samplers: Tuple[str, ...],
    records: int,
    draws: Optional[int],
    chains: Optional[int],
    stack_name: str,
    jobs: int,
    cluster: Optional[str],
    certs: Optional[Path],
    only_report: bool,
    as_markdown: bool,
    no_wait: bool,
    as_json: bool,
    models_files: Tuple[Path, ...],
    results: Path,
) -> int:
    """Sample models with many seeds, rightly and wrongly, and count how they are judged.

    A right sampler that is called inaccurate is a false alarm; a wrong one that is not,
    a miss. What was sampled before is not sampled again.
    """
    load_models(models_files)
    specs = grid.select(names or MODELS)
    check_choice("sampler", samplers, FAULTS)
    given = {"draws": draws, "chains": chains}
    changed = {name: value for name, value in given.items() if value is not None}
    for what, value in {"records": records, "jobs": jobs, **changed}.items():
        if value < 1:
            raise UserError(f"{what} has to be at least 1, not {value}.")
    one = stack.of_pymc3(stack_name)
    path = results / "calibration" / f"{one.name}.jsonl"
    if not only_report:
        for spec, sampler in itertools.product(specs, samplers):
            if not FAULTS[sampler].applies(spec):
                click.echo(f"{spec.name} cannot have the fault {sampler}.", err=True)
        todo = _tasks(specs, samplers or ("right",), changed, records, _done(path))
        if todo and cluster is not None:
            at = place.parse(cluster)
            if at.is_here:
                make_ready([one])
            wish = client.Wish(at, certs, lambda says: click.echo(says, err=True))
            store = Store(results)
            store.begin("calibrate", utc_now())
            _sample_elsewhere(one, todo, path, store.origin(), wish)
        elif todo:
            with machine_to_oneself(no_wait, _KEPT):
                make_ready([one])
                # What another has sampled meanwhile is not sampled again.
                todo = _tasks(specs, samplers or ("right",), changed, records, _done(path))
                _sample(one, todo, path, jobs)
    rows = [row for row in _rows(path) if not names or row["model"] in names]
    if not rows:
        click.echo("Nothing was sampled yet: leave out --report.")
        return 0
    _print_report(rows, as_markdown, as_json)
    return 0


def _rows(path: Path) -> List[Dict[str, Any]]:
    return list(_rows_by_key(path).values())


def _rows_by_key(path: Path) -> Dict[Key, Dict[str, Any]]:
    """Return this folder's rows and those that were published, each once."""
    files = [*sorted((path.parent / "published").glob(f"{path.name}*")), path]
    rows: Dict[Key, Dict[str, Any]] = {}
    for file in files:
        for number, line in enumerate(_lines(file), start=1):
            try:
                row = json.loads(line)
                rows[_key(row)] = row
            except (ValueError, KeyError):
                say_problems([f"{file.name}, line {number}, is damaged; it is left out"])
    return rows


def _key(row: Mapping[str, Any]) -> Key:
    settings = row.get("settings", {})
    which = row["model"], row["truth_digest"], row["sampler"]
    return (*which, settings.get("draws", 0), settings.get("chains", 0), row["seed"])


def _lines(file: Path) -> List[str]:
    """Return a file's lines; published ones are compressed."""
    return lines.content(file).decode().splitlines() if file.is_file() else []


def _done(path: Path) -> Set[Key]:
    """Return what need not be sampled again: earlier rows lack what the verdict on mixing looks at."""
    return {key for key, row in _rows_by_key(path).items() if row.get("schema") == SCHEMA}


def _tasks(
    specs: Sequence[models.ModelSpec],
    samplers: Sequence[str],
    changed: Dict[str, int],
    records: int,
    done: Set[Key],
) -> List[Task]:

    tasks = []
    for spec in specs:
        exact, why = truths.find(spec.name)
        if exact is None:
            click.echo(f"{spec.name} is judged for convergence alone: {why}.", err=True)
        settings = {**spec.settings.to_dict(), **changed}
        which = settings["draws"], settings["chains"]
        for sampler in samplers:
            if not FAULTS[sampler].applies(spec):
                continue
            name = (spec.name, exact.digest if exact else "", sampler, *which)
            seeds = [seed for seed in range(1, records + 1) if (*name, seed) not in done]
            tasks += [
                Task(spec.name, sampler, changed, seeds[begin : begin + _CHUNK])
                for begin in range(0, len(seeds), _CHUNK)
            ]
    return tasks


def _append(path: Path, row: Mapping[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(row, allow_nan=False) + "\n")


def _sample_elsewhere(
    one: stack.Stack, tasks: Sequence[Task], path: Path, origin: str, wish: client.Wish
) -> None:
    """Have members of a cluster sample, and append each row as it comes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    total = sum(len(task.seeds) for task in tasks)
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("records", total=total)
        for _ in client.calibrate(tasks, one, origin, functools.partial(_append, path), wish):
            progress.advance(bar, 1)


def _sample(one: stack.Stack, tasks: Sequence[Task], path: Path, jobs: int) -> None:
    """Sample in so many processes, and append each line as it comes."""
    if not tasks:
        return

    path.parent.mkdir(parents=True, exist_ok=True)
    lock, running, stopping = threading.Lock(), set(), threading.Event()
    files = models.loaded_files()

    def sample(task: Task, judges: Any, folder: Path, advance: Any) -> None:
        with task.start(one, files, folder) as process:
            running.add(process)
            for sampled in calibration.told(process, stopping.is_set):
                draws = folder / f"{sampled['seed']}.npz"
                row = judges.submit(calibration.row, task.model, task.sampler, sampled, draws).result()
                with lock:
                    _append(path, row)
                advance(1)
        running.discard(process)

    total = sum(len(task.seeds) for task in tasks)
    # Judging takes as long as sampling: in processes of its own, not forks of one that has threads.
    apart = ProcessPoolExecutor(jobs, get_context("spawn"), calibration.load, (files,))
    with contextlib.ExitStack() as opened:
        progress = opened.enter_context(Progress(console=Console(stderr=True)))
        judges = opened.enter_context(apart)
        above = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="nutsbench-")))
        pool = opened.enter_context(ThreadPoolExecutor(jobs))
        bar = progress.add_task("records", total=total)
        futures = []
        for number, task in enumerate(tasks):
            folder = above / str(number)
            folder.mkdir()
            futures.append(pool.submit(sample, task, judges, folder, lambda n: progress.advance(bar, n)))
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stopping.set()
            for future in futures:
                future.cancel()
            for process in list(running):
                process.kill()
            raise


#: Columns of the table of verdicts, and of what they count.
_VERDICTS = (
    "not converged",
    "stuck",
    "divergent",
    "inaccurate",
    "not judged",
    "inconclusive",
    "accurate",
    "failed",
)


def _print_report(rows: Sequence[Dict[str, Any]], as_markdown: bool, as_json: bool) -> None:

    truths = _truths(rows)
    rows = _current(rows, truths)
    judged = error_rates.rates(rows, truths, accuracy.LEVEL)
    # Draws that were changed afterwards say nothing of a sampler.
    by_sampler = [
        row for row in rows if row["sampler"] == "right" or not FAULTS[row["sampler"]].of_draws_only
    ]
    biases = error_rates.biases(by_sampler, truths)
    power = _power(rows, truths)
    if as_json:
        report = {"rates": [one.to_dict() for one in judged], "biases": [vars(one) for one in biases]}
        print_json({**report, "power": power})
        return
    titles: Sequence[str] = ("model", "sampler", "draws", "records", *_VERDICTS, "found, 95 % interval")
    lines: List[Sequence[str]] = []
    for one in judged:
        counts = [str(one.verdicts.get(name, 0)) for name in _VERDICTS]
        draws = f"{one.chains} x {one.draws}"
        lines.append(
            (one.model, one.sampler, draws, str(one.records), *counts, _share(one.found, one.records))
        )
    _print_table(titles, lines, as_markdown)
    click.echo()
    _print_table(("right samplers", "records", "false alarms, 95 % interval"), _alarms(judged), as_markdown)
    click.echo()
    titles = ("model", "sampler", "records", "mean off by, sds", "variance off by")
    lines = [
        (
            one.model,
            one.sampler,
            str(one.records),
            f"{one.mean[0]:+.4f} ± {one.mean[1]:.4f}",
            f"{100 * one.variance[0]:+.1f} ± {100 * one.variance[1]:.1f} %",
        )
        for one in biases
    ]
    _print_table(titles, lines, as_markdown)
    if power:
        click.echo()
        titles = ("model", "bias of", *(f"{bias:g} sd" for bias in error_rates.BIASES))
        shown = [(row["model"], row["kind"], *(f"{100 * s:.0f} %" for s in row["caught"])) for row in power]
        _print_table(titles, shown, as_markdown)


def _share(count: int, total: int) -> str:
    """Return a share in percent with its interval: ``0.1 (0.0 to 0.6) %``."""
    low, high = interval(count, total)
    return f"{100 * count / total:.1f} ({100 * low:.1f} to {100 * high:.1f}) %"


def _alarms(judged: Sequence[Any]) -> List[Sequence[str]]:
    """Return how often each alarm is given of samplers that are right, all models together."""
    right = [one for one in judged if one.sampler == "right" and one.model in MODELS]
    total = sum(one.records for one in right)
    names = ("not converged", "stuck", "inaccurate") if total else ()
    counts = {name: sum(one.verdicts.get(name, 0) for one in right) for name in names}
    return [(name, str(total), _share(count, total)) for name, count in counts.items()]


def _truths(rows: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    """Return the truths of the models that were sampled, as they are now."""
    names = dict.fromkeys(row["model"] for row in rows)
    found = {name: find(name)[0] for name in names}
    return {name: truth for name, truth in found.items() if truth is not None}


def _current(rows: Sequence[Dict[str, Any]], truths: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Return the rows of the models and truths as they are now, by sampler."""
    digests = {name: exact.digest for name, exact in truths.items()}
    of_models = {name: models.model_digest(models.get(name)) for name in models.names()}
    found = [
        row
        for row in rows
        if row["truth_digest"] == digests.get(row["model"], "")
        and row.get("model_digest") in (None, of_models.get(row["model"], row.get("model_digest")))
    ]
    # By sampler first: a reader compares the models under one fault.
    order = list(FAULTS)
    found.sort(key=lambda row: order.index(row["sampler"]))
    if len(found) < len(rows):
        click.echo(f"{len(rows) - len(found)} rows of other versions are left out.", err=True)
    return found


def _power(rows: Sequence[Dict[str, Any]], truths: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Return, by model and kind of bias, how often each size of it is caught."""
    found: List[Dict[str, Any]] = []
    for name, exact in truths.items():
        right = _of_the_commonest(
            [r for r in rows if r["model"] == name and r["sampler"] == "right" and not r["failed"]]
        )
        shares = list(error_rates.power(right, exact, accuracy.LEVEL)) if right else []
        for kind in error_rates.KINDS if right else ():
            caught = [share for what, _, share, _ in shares if what == kind]
            found.append({"model": name, "kind": kind, "biases": list(error_rates.BIASES), "caught": caught})
    return found


def _of_the_commonest(rows: Sequence[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Return the rows of the settings that most of them have: a bias shows sooner in a longer run."""

    def length(row: Mapping[str, Any]) -> Tuple[int, int]:
        settings = row.get("settings", {})
        return settings.get("draws", 0), settings.get("chains", 0)

    most = Counter(map(length, rows)).most_common(1)
    return [row for row in rows if length(row) == most[0][0]]


def _print_table(titles: Sequence[str], lines: Sequence[Sequence[str]], as_markdown: bool) -> None:
    if as_markdown:
        click.echo(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}")
        for line in lines:
            click.echo(f"| {' | '.join(line)} |")
        return
    widths = [max(len(row[column]) for row in [titles, *lines]) for column in range(len(titles))]
    for row in [titles, *lines]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
