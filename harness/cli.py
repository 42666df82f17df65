"""The command line: the only place that prints and exits.

Each command lists its steps in order and leaves them to the modules that do them.
Exit codes: 0 all went well, 1 some cells failed, 2 a user's mistake, 130 interrupted.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NoReturn, Optional, Sequence, Tuple, TypeVar

import click

import models
from harness import grid, paths, stack
from harness.errors import UserError

_Value = TypeVar("_Value")


class Several(click.ParamType):
    """A comma-separated list of numbers.

    Parameters
    ----------
    kind : callable
        ``int`` or ``float``.
    """

    def __init__(self, kind: Callable[[str], Any]) -> None:
        self.name = f"{kind.__name__},..."
        self._kind = kind

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> Tuple[Any, ...]:
        """Return the numbers, in order and each once."""
        if isinstance(value, tuple):
            return value
        numbers = []
        for word in str(value).split(","):
            try:
                numbers.append(self._kind(word.strip()))
            except ValueError:
                kind = "a whole number" if self._kind is int else "a number"
                self.fail(f"{word.strip()!r} is not {kind}", param, ctx)
        return tuple(dict.fromkeys(numbers))


def _memory(_: click.Context, __: click.Parameter, value: Optional[str]) -> int:
    if value is None:
        return 0
    units = {"M": 2**20, "G": 2**30}
    number, unit = value[:-1], value[-1:].upper()
    if unit not in units or not number.replace(".", "", 1).isdigit():
        raise click.BadParameter(f"{value!r} is not a size: write 500M or 4G")
    return int(float(number) * units[unit])


class _Commands(click.Group):
    """The commands, in the order of the work; a mistyped one is told its nearest match."""

    def list_commands(self, ctx: click.Context) -> List[str]:
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: List[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            from harness.errors import unknown

            raise unknown("command", args[0], self.commands)
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nutsbench")
def cli() -> None:
    """Benchmark and diagnose PyMC3's NUTS, as compiled by Theano.

    The models are those of a Bayesian regression tutorial, and your own. Start with
    `nutsbench doctor`, then `nutsbench run`, then `nutsbench show`.
    """


_models_option = click.option(
    "--models",
    "models_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A Python file with models of your own; can be given more than once.",
)
_results_option = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=paths.results_dir,
    show_default="the project's results",
    help="Folder of results.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _load_models(files: Sequence[Path]) -> None:
    try:
        for file in files:
            models.load_file(file)
    except models.ModelError as error:
        raise UserError(f"{error}.") from error


@cli.command("run")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option("--profile", default="quick", show_default=True, help="quick, tutorial or sweep.")
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
@click.option("--memory-limit", callback=_memory, metavar="SIZE", help="Address space of a process: 4G, 500M.")
@click.option("--threads", default=1, show_default=True, help="Threads of BLAS and OpenMP.")
@click.option("--keep-draws", is_flag=True, help="Store draws and sampler statistics as netCDF.")
@click.option("--fresh", is_flag=True, help="Run cells again that are done already.")
@click.option("--dry-run", is_flag=True, help="Print the cells and an estimate of the time.")
@_models_option
@_results_option
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
    dry_run: bool,
    models_files: Tuple[Path, ...],
    results: Path,
    **values: Optional[Tuple[Any, ...]],
) -> int:
    """Sample models, and keep a record of each cell.

    Every combination of the values given is one cell; what is not given is the
    profile's. Cells that are done already are not run again.
    """
    from harness import runner
    from harness.store import Store, utc_now

    _load_models(models_files)
    if timeout <= 0:
        raise UserError(f"timeout has to be above 0, not {timeout:g}.")
    if threads < 1:
        raise UserError(f"threads has to be at least 1, not {threads}.")
    given = {name: value for name, value in values.items() if value is not None}
    cells = grid.expand(grid.Grid(names, profile, given, seed))
    chosen = [stack.resolve(text) for text in dict.fromkeys(stacks)]
    store = Store(results)
    loaded = store.load()
    _say_problems(loaded.problems)
    wanted = runner.jobs(cells, chosen, threads)
    if dry_run:
        return _print_plan(wanted, loaded.records)

    options = runner.Options(
        profile=profile,
        timeout_s=timeout,
        memory_bytes=memory_limit,
        threads=threads,
        models_files=tuple(file.resolve() for file in models_files),
        draws_dir=results / "draws" if keep_draws else None,
    )
    run_file = store.begin(profile, utc_now())
    origin = store.origin()
    done = {} if fresh else _done(loaded.records, origin, options.draws_dir)
    todo = [job for job in wanted if job.key not in done]
    _make_ready(chosen)
    records = {job.key: done[job.key] for job in wanted if job.key in done}
    code = _run_jobs(todo, options, origin, run_file, loaded.records, records)
    _print_results([records[job.key] for job in wanted if job.key in records], len(wanted) - len(todo))
    return code


def _done(
    records: Sequence[Mapping[str, Any]], origin: str, draws_dir: Optional[Path]
) -> Dict[str, Mapping[str, Any]]:
    """Find the cells that need not be run: measured in this very folder, and ok."""
    from harness.record import key

    def has_draws(record: Mapping[str, Any]) -> bool:
        name = record["details"].get("draws_file")
        return draws_dir is None or bool(name) and (draws_dir / name).exists()

    return {
        key(record): record
        for record in records
        if record["status"] == "ok" and record["origin"] == origin and has_draws(record)
    }


def _make_ready(stacks: Sequence[stack.Stack]) -> None:
    for one in stacks:
        if not one.ready:
            click.echo(f"Making the environment of {one.name} ...", err=True)
            stack.create(one)


def _run_jobs(
    todo: List[Any],
    options: Any,
    origin: str,
    run_file: Any,
    known: Sequence[Mapping[str, Any]],
    records: Dict[str, Mapping[str, Any]],
) -> int:
    """Run jobs, show them, add their records to ``records``, and return the exit code."""
    from rich.console import Console

    from harness import environment, runner
    from harness.display import RunDisplay

    if environment.compiler() is None and todo:
        click.echo("Warning: no C++ compiler: Theano runs in Python, and times mean little.", err=True)
    said = dict.fromkeys(w for job in todo for w in grid.warnings_of(job.cell, environment.usable_cores()))
    for warning in said:
        click.echo(f"Warning: {warning}.", err=True)
    jobs = iter(todo)
    try:
        with RunDisplay(Console(stderr=True), todo, list(known)) as display:
            for record in runner.run(todo, options, origin, run_file, display.progress):
                records[next(jobs).key] = record.to_dict()
                display.done(record.to_dict())
    except KeyboardInterrupt:
        left = len(todo) - sum(job.key in records for job in todo)
        click.echo(f"Interrupted; {left} cells were not begun. The same command goes on from here.", err=True)
        return 130
    return 1 if any(records[job.key]["status"] != "ok" for job in todo) else 0


def _print_plan(wanted: Sequence[Any], records: Sequence[Mapping[str, Any]]) -> int:
    from harness import table

    total, unknown = 0.0, 0
    for job in wanted:
        seconds = grid.estimate_s(job.cell, records)
        total, unknown = total + (seconds or 0.0), unknown + (seconds is None)
        settings = table.settings_text(job.cell.settings.to_dict(), models.SamplerSettings.names()[:5])
        guess = "no estimate" if seconds is None else f"about {table.duration(seconds)}"
        click.echo(f"{job.cell.model}  {settings}, seed {job.cell.seed}  {job.stack.name}  {guess}")
    more = f", and {unknown} that were never measured" if unknown else ""
    click.echo(f"{len(wanted)} cells, about {table.duration(total)}{more}, with a warm compile cache.")
    return 0


def _print_results(records: Sequence[Mapping[str, Any]], skipped: int) -> None:
    from harness import table

    if records:
        _console().print(table.results_table(records))
        click.echo(table.summary(records))
    if skipped:
        click.echo(f"{skipped} cells were done already (--fresh runs them again).")


def _console() -> Any:
    from rich.console import Console

    # A pipe has no width of its own; a table cut to 80 columns helps nobody.
    return Console() if sys.stdout.isatty() else Console(width=200)


def _say_problems(problems: Sequence[str]) -> None:
    for problem in problems:
        click.echo(f"Warning: {problem}.", err=True)


@cli.command("show")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option("--stack", "stacks", multiple=True, help="Only this stack; can be given more than once.")
@click.option("--status", "statuses", multiple=True, help="Only this status: ok, failed, timeout ...")
@click.option("--profile", help="Only runs of this profile.")
@click.option("--quality", "verdict", help="Only this verdict: good, poor or unknown.")
@click.option("--history", is_flag=True, help="Every record, not only the newest of each cell.")
@click.option("--all", "everything", is_flag=True, help="Also records that were measured elsewhere.")
@_json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one line a cell.")
@_results_option
def show_command(
    names: Tuple[str, ...],
    stacks: Tuple[str, ...],
    statuses: Tuple[str, ...],
    profile: Optional[str],
    verdict: Optional[str],
    history: bool,
    everything: bool,
    as_json: bool,
    as_csv: bool,
    results: Path,
) -> int:
    """Show the records: one line a cell, the newest of each.

    Records that came with a clone are shown while there are none of this machine's own.
    """
    from harness import store, table
    from harness.record import Status, key

    _check_choice("status", statuses, [status.value for status in Status])
    _check_choice("profile", (profile,) if profile else (), grid.PROFILES)
    _check_choice("quality", (verdict,) if verdict else (), ("good", "poor", "unknown"))
    loaded = store.Store(results).load()
    _say_problems(loaded.problems)
    _check_choice("model", names, dict.fromkeys([*models.names(), *(r["model"] for r in loaded.records)]))
    records = loaded.records if everything else _own(loaded.records, results)
    if not history:
        records = list({key(record) + record["origin"]: record for record in records}.values())
    records = [
        record
        for record in records
        if (not names or record["model"] in names)
        and (not stacks or record["stack"] in stacks)
        and (not statuses or record["status"] in statuses)
        and (profile is None or record["profile"] == profile)
        and (verdict is None or record["quality"]["verdict"] == verdict)
    ]
    if as_json:
        click.echo(json.dumps(records, indent=1))
    elif as_csv:
        click.echo(store.frame(records).to_csv(index=False), nl=False)
    elif records:
        _console().print(table.results_table(records))
        click.echo(table.summary(records))
    else:
        click.echo("No records. `nutsbench run` makes some.")
    return 0


def _own(records: List[Dict[str, Any]], results: Path) -> List[Dict[str, Any]]:
    """Return this folder's own records, or all of them where there are none."""
    mark = results / ".origin"
    origin = mark.read_text().strip() if mark.exists() else ""
    own = [record for record in records if record["origin"] == origin]
    elsewhere = len(records) - len(own)
    if own and elsewhere:
        click.echo(f"{elsewhere} records that were measured elsewhere are not shown (--all).", err=True)
    elif elsewhere:
        click.echo(f"These {elsewhere} records were measured elsewhere.", err=True)
    return own or records


def _check_choice(kind: str, given: Sequence[str], choices: Any) -> None:
    from harness.errors import unknown

    for value in given:
        if value not in choices:
            raise unknown(kind, value, choices)


@cli.command("models")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@_json_option
@_models_option
def models_command(names: Tuple[str, ...], as_json: bool, models_files: Tuple[Path, ...]) -> int:
    """List the models; of those named, all that is known."""
    _load_models(models_files)
    specs = grid.select(names)
    if as_json:
        click.echo(json.dumps([spec.describe() for spec in specs], indent=1))
        return 0
    if names:
        for spec in specs:
            _print_model(spec)
        return 0
    width = max(len(spec.name) for spec in specs)
    for spec in specs:
        settings = spec.settings
        sampled = f"{settings.draws:>5} draws {settings.tune:>5} tune {settings.chains} chains"
        click.echo(f"{spec.name:<{width}}  {sampled} {settings.target_accept:>5}  {', '.join(spec.tags)}")
    return 0


def _print_model(spec: models.ModelSpec) -> None:
    from harness.table import settings_text

    title = f"{spec.name} ({spec.tutorial_name}, in {spec.section!r})" if spec.section else spec.name
    click.secho(title, bold=True)
    click.echo(f"{spec.teaches}\n")
    click.echo("\n".join(f"    {line}" for line in spec.notation.splitlines()))
    click.echo(f"\nsampled with {settings_text(spec.settings.to_dict(), spec.settings.names())}\n")


@cli.command("stacks")
@click.argument("names", nargs=-1, metavar="[STACK]...")
@_json_option
def stacks_command(names: Tuple[str, ...], as_json: bool) -> int:
    """List the stacks and whether they are ready; make those that are named."""
    chosen = [stack.resolve(name) for name in names]
    _make_ready(chosen)
    if as_json:
        click.echo(json.dumps(stack.describe(), indent=1))
        return 0
    for row in stack.describe():
        versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        ready = "ready" if row["ready"] else f"not made yet: nutsbench stacks {row['name']}"
        default = " (default)" if row["name"] == stack.DEFAULT else ""
        click.echo(f"{row['name']}{default}: {versions}; {ready}")
    for one in chosen:
        if one.name not in stack.NAMES:
            click.echo(f"{one.name}: ready")
    return 0


@cli.command("doctor")
@_json_option
def doctor_command(as_json: bool) -> int:
    """Say whether this machine can be trusted for timing, and what to do."""
    from harness import doctor

    findings = doctor.examine()
    if as_json:
        click.echo(json.dumps([vars(finding) for finding in findings], indent=1))
    else:
        styles = {"good": "green", "warn": "yellow", "bad": "red"}
        for finding in findings:
            click.secho(f"{finding.verdict:<5}", fg=styles[finding.verdict], nl=False)
            click.echo(f"{finding.subject}: {finding.found}" + (f"; {finding.advice}" if finding.advice else ""))
    return 1 if any(finding.verdict == "bad" for finding in findings) else 0


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """Run the command line and exit with its code."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        # A scheduler's end is a user's end: the cell in flight is recorded first.
        signal.signal(ending, signal.default_int_handler)
    try:
        code = cli.main(args=arguments, prog_name="nutsbench", standalone_mode=False)
    except (UserError, models.ModelError) as error:
        click.echo(f"Error: {error}", err=True)
        code = 2
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code or 0)
