"""``nutsbench releases``: the history of PyMC3's releases, for asv to walk."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import click
from asv.machine import Machine

from nutsbench.base import descendants, paths
from nutsbench.base.errors import UserError
from nutsbench.cli.changes import print_changes
from nutsbench.cli.common import json_option, machine_to_oneself, make_ready, no_wait_option, print_json
from nutsbench.stacks import environment, releases

#: The machine of the published results, and any other: results must not name a host.
_REFERENCE, _OWN = "reference", "own"
#: Beside asv's own file, which knows no more of a processor than its name. No .json: asv would read it.
_KIND = "kind.jsonl"


def _default_machine() -> str:
    """Return the name of this machine in asv's results: that of the published ones if it is of their kind."""
    try:
        here = Machine.get_defaults()
    except ImportError:
        return _REFERENCE
    names = (_REFERENCE, _OWN)
    return next((name for name in names if _is_of(here, results_dir() / name)), _own_name())


def _own_name() -> str:
    """Return a name for this machine that no other kind has."""
    return f"{_OWN}-{environment.here()['machine'][:6]}" if (results_dir() / _OWN).is_dir() else _OWN


def _is_of(here: Mapping[str, str], folder: Path) -> bool:
    """Return whether the results of a folder are of this kind of machine, as far as they tell."""
    try:
        there = json.loads((folder / "machine.json").read_text())
    except (OSError, ValueError):
        return folder.name == _REFERENCE and not folder.is_dir()
    try:
        told = json.loads((folder / _KIND).read_text())
    except (OSError, ValueError):
        told = {}
    return _kind(here) == _kind(there) and (not told or environment.same_kind(environment.here(), told))


def _kind(machine: Mapping[str, str]) -> Tuple[Any, ...]:
    """Return what times depend on most; of memory only the gibibytes, which a kernel takes some of."""
    try:
        gibibytes = round(int(machine["ram"]) / 2**20)
    except (KeyError, ValueError):
        gibibytes = 0
    return (*(machine.get(name) for name in ("arch", "cpu", "num_cpu")), gibibytes)


def _to_read(machine: str) -> str:
    """Return the machine whose results are shown: the published one's until there are own ones."""
    own = machine.partition("-")[0] == _OWN
    return _REFERENCE if own and not (results_dir() / machine).is_dir() else machine


#: What an interrupted user is told.
_KEPT = "Releases that were done are kept; the same command goes on with the others."


@click.command("releases")
@click.argument("versions", nargs=-1, metavar="[RELEASE]...")
@click.option("--run", "run_them", is_flag=True, help="Run the suites over the releases, oldest first.")
@click.option("--bench", multiple=True, metavar="REGEX", help="With --run: only these benchmarks.")
@click.option("--again", is_flag=True, help="With --run: run again what has a result already.")
@click.option(
    "--machine",
    default=_default_machine,
    show_default="reference if it is of the kind that the published results are of, else own",
    help="Name of this machine in the results.",
)
@click.option("--changes", is_flag=True, help="Show what changed from release to release, beside the noise.")
@click.option("--markdown", "as_markdown", is_flag=True, help="With --changes: print Markdown.")
@no_wait_option
@json_option
def releases_command(
    versions: Tuple[str, ...],
    run_them: bool,
    bench: Tuple[str, ...],
    again: bool,
    machine: str,
    changes: bool,
    as_markdown: bool,
    no_wait: bool,
    as_json: bool,
) -> int:
    """Make the history of PyMC3's releases that asv walks; of those named, their environments too.

    The history is a small git repository, a commit and a tag a release. With --run the
    suites are run over it by asv, and results are added to those that there are.
    """
    if as_markdown and not changes:
        raise UserError("--markdown goes with --changes; the list of releases is text or --json.")
    chosen = releases.select(versions)
    commits = releases.make_history()
    if (versions or run_them) and not changes:
        make_ready([release.stack for release in chosen])
    if run_them:
        with machine_to_oneself(no_wait, _KEPT):
            return _run(chosen, commits, bench, again, machine)
    if changes:
        chosen_commits = {release.version: commits[release.version] for release in chosen}
        form = "json" if as_json else "markdown" if as_markdown else "text"
        return print_changes(results_dir(), _to_read(machine), chosen_commits, form)
    measured = _measured(commits, _to_read(machine))
    if as_json:
        rows = [{**vars(one), "commit": commits[one.version], **_state(one, measured)} for one in chosen]
        print_json(rows)
        return 0
    for release in chosen:
        state = _state(release, measured)
        ready = "ready" if state["ready"] else "not made yet"
        results = f"{state['benchmarks']} benchmarks measured" if state["benchmarks"] else "not measured yet"
        click.echo(
            f"{release.tag:<8} {release.released}  {commits[release.version][:8]}  {ready}, {results}"
            + (f"; {release.note}" if release.note else "")
        )
    click.echo("\nnutsbench releases --run [RELEASE]... measures them; nutsbench releases --help says more.")
    return 0


def _state(release: releases.Release, measured: Dict[str, int]) -> Dict[str, object]:
    return {"ready": release.stack.ready, "benchmarks": measured.get(release.version, 0)}


def _measured(commits: Dict[str, str], machine: str) -> Dict[str, int]:
    """Count the benchmarks that each release has a result of, on a machine."""
    folder = results_dir() / machine
    found = {}
    for version, commit in commits.items():
        for path in folder.glob(f"{commit[:8]}-*.json"):
            try:
                found[version] = len(json.loads(path.read_text())["results"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise UserError(f"{path.name} is no result of asv's: {error}.") from error
    return found


def results_dir() -> Path:
    """Return where asv's configuration of the releases puts its results."""
    return (paths.CHECKOUT or Path.cwd()) / "results" / "releases"


def _run(
    chosen: Sequence[releases.Release],
    commits: Dict[str, str],
    bench: Tuple[str, ...],
    again: bool,
    machine: str,
) -> int:
    if importlib.util.find_spec("asv") is None:
        raise UserError("asv is not installed beside this command: `make env` makes the environment.")
    # Not by its script: that has the place of an environment in it, which may have been moved.
    asv = [sys.executable, "-m", "asv", "--config", str(releases.CONFIGURATION)]
    # Asked for one name alone asv stores that name, and none of the machine's facts.
    for named in ([], ["--machine", machine]):
        subprocess.run([*asv, "machine", "--yes", *named], check=True, stdout=subprocess.DEVNULL)
    (results_dir() / machine).mkdir(parents=True, exist_ok=True)
    (results_dir() / machine / _KIND).write_text(json.dumps(environment.here()) + "\n")
    failed: List[str] = []
    for release in chosen:
        options = [word for regex in bench for word in ("--bench", regex)]
        skipping = [] if again else ["--skip-existing-successful"]
        commit = f"{commits[release.version]}^!"
        # With each seed's samples asv's own test can see a change of pace; without, only quartiles are kept.
        keeping = ["--record-samples", "--show-stderr"]
        command = [*asv, "run", commit, "--machine", machine, *keeping, *skipping, *options]
        # asv's commits are oldest first; a run that is cut off keeps what each release before it gave.
        if descendants.run(command).returncode:
            failed.append(release.version)
    if failed:
        click.echo(f"Some benchmarks failed on {', '.join(failed)}: their results say so.", err=True)
    return 1 if failed else 0
