"""``nutsbench show``: the records, as a table, JSON or CSV."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

import click

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.cli import summary
from nutsbench.cli.common import (
    check_choice,
    console,
    json_option,
    load_models,
    models_option,
    print_json,
    results_option,
    say_problems,
)
from nutsbench.cli.results import print_records, print_table
from nutsbench.judge import accuracy as judged
from nutsbench.judge.quality import VERDICTS
from nutsbench.models import truths
from nutsbench.records import grid, index, table
from nutsbench.records.index import Index
from nutsbench.records.record import Status
from nutsbench.records.store import Store
from nutsbench.records.stored import Stored, json_schema
from nutsbench.stacks import stack

if TYPE_CHECKING:
    import pandas as pd

#: More lines nobody reads: of more records the worst are shown.
_MOST = 1_000


@click.command("show")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@click.option("--stack", "stacks", multiple=True, help="Only this stack; can be given more than once.")
@click.option("--status", "statuses", multiple=True, help="Only this status: ok, failed, timeout ...")
@click.option("--profile", help="Only runs of this profile.")
@click.option("--quality", "verdict", help=f"Only this verdict: {', '.join(reversed(VERDICTS))}.")
@click.option("--accuracy", help="Only this verdict: accurate, inaccurate, inconclusive or not judged.")
@click.option("--claims", "as_claims", is_flag=True, help="Show the models' claims, and whether they hold.")
@click.option("--history", is_flag=True, help="Every record, not only the newest of each cell.")
@click.option("--all", "everything", is_flag=True, help="Also records that were measured elsewhere.")
@click.option(
    "--limit", type=int, help="At most so many: those with the worst verdicts; as JSON or CSV the last."
)
@click.option("--wide", is_flag=True, help="The wide table, with phases and all reasons, as for one MODEL.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one line a cell.")
@click.option("--schema", "as_schema", is_flag=True, help="Print the JSON Schema of a record, and no record.")
@models_option
@results_option
def show_command(
    names: Tuple[str, ...],
    stacks: Tuple[str, ...],
    statuses: Tuple[str, ...],
    profile: Optional[str],
    verdict: Optional[str],
    accuracy: Optional[str],
    as_claims: bool,
    history: bool,
    everything: bool,
    limit: Optional[int],
    wide: bool,
    as_json: bool,
    as_csv: bool,
    as_schema: bool,
    models_files: Tuple[Path, ...],
    results: Path,
) -> int:
    """Show the records: one line a cell, the newest of each.

    Records that came with a clone are shown while there are none of this machine's own.
    """
    if as_schema:
        click.echo(json.dumps(json_schema(), indent=1))
        return 0
    load_models(models_files)
    check_choice("status", statuses, [status.value for status in Status])
    check_choice("profile", (profile,) if profile else (), grid.PROFILES)
    check_choice("quality", (verdict,) if verdict else (), VERDICTS)
    check_choice("accuracy", (accuracy,) if accuracy else (), judged.VERDICTS)
    if limit is not None and limit < 1:
        raise UserError(f"limit has to be at least 1, not {limit}.")
    with index.opened(results, lambda says: click.echo(says, err=True)) as found:
        say_problems(found.problems)
        check_choice("model", names, dict.fromkeys([*models.names(), *found.names("model")]))
        check_choice("stack", stacks, dict.fromkeys([*stack.NAMES, *found.names("stack")]))
        own, of_folder = ("true", []) if everything else _own(found, results)
        wanted, values = index.among(
            {"model": names, "stack": stacks, "status": statuses, "profile": _one(profile),
             "quality": _one(verdict), "accuracy": _one(accuracy)}
        )  # fmt: skip
        if history:
            chosen, wanted, values = "found", f"{own} AND {wanted}", [*of_folder, *values]
        else:
            chosen = found.newest("place", own, of_folder, _present_truth(found))
        shown = _Shown(found, chosen, wanted, values)
        if not shown.count and not (as_json or as_csv):
            click.echo("No records. `nutsbench run` makes some.")
        elif as_json:
            print_json(shown.records(limit))
        elif as_csv:
            click.echo(shown.frame(limit).to_csv(index=False), nl=False)
        elif as_claims:
            console().print(table.claims_table(shown.records(limit)))
        else:
            shown.print(limit, models_files, wide, names)
    return 0


def _one(value: Optional[str]) -> Tuple[str, ...]:
    return (value,) if value is not None else ()


@dataclass(frozen=True)
class _Shown:
    """The records that were asked for.

    Parameters
    ----------
    found : Index
        All records.
    chosen, wanted, values
        As of :meth:`nutsbench.records.index.Index.where`.
    """

    found: "Index"
    chosen: str
    wanted: str
    values: Sequence[str]

    @property
    def count(self) -> int:
        """How many there are."""
        ((count,),) = self.found.ask(f"SELECT count(*) FROM {self.chosen} WHERE {self.wanted}", self.values)
        return int(count)

    def records(self, limit: Optional[int]) -> List[Stored]:
        """Return them in the order of measuring, the last so many."""
        rows = self.found.where(self.chosen, self.wanted, self.values)
        return self.found.read(rows if limit is None else rows[-limit:])

    def frame(self, limit: Optional[int]) -> "pd.DataFrame":
        """Return them as a table in the order of measuring, the last so many."""
        made = self.found.frame(self.chosen, self.wanted, self.values)
        return made if limit is None else made.tail(limit)

    def print(self, limit: Optional[int], files: Sequence[Path], wide: bool, names: Sequence[str]) -> None:
        """Print them, the worst first; of many the worst alone, and how many there are of which kind."""
        of_models = self.found.ask(
            f"SELECT DISTINCT model FROM {self.chosen} WHERE {self.wanted}", self.values
        )
        wide = wide or len({model for (model,) in of_models} & set(names)) == 1
        most = _MOST if limit is None else limit
        if self.count <= most:
            print_records(self.records(None), files, wide)
            return
        # What is not among the words is a status: one that failed, whatever way.
        words = f"coalesce(nullif(list_position({list(summary.ORDER)!r}, {summary.WORD_IN_SQL}), 0), 1)"
        worst = f'{words}, "metrics.rhat_max" DESC NULLS LAST, started_at, rank, turn'
        rows = self.found.where(self.chosen, self.wanted, self.values, worst, most)
        print_table(self.found.read(rows), wide)
        counts = self.found.ask(
            f"SELECT {summary.WORD_IN_SQL}, count(*) FROM {self.chosen} WHERE {self.wanted} GROUP BY 1",
            self.values,
        )
        click.echo(summary.counts(dict(counts)))
        click.echo(
            f"Shown are the worst {most:,}: name a MODEL, --stack or --quality, or give --limit {self.count}."
        )


def _present_truth(found: "Index") -> str:
    """Return in SQL a number that is greater for a record that was judged by the truth that stands.

    A run takes a record that was judged by the present truth for done, also when a newer
    one was judged by another; what is shown has to be the same.
    """
    # Of a model in a file that is not at hand, the truth that stands is not known.
    known = [name for name in found.names("model") if name in models.names()]
    digests = {
        name: exact.digest if exact else "" for name, (exact, _) in zip(known, map(truths.find, known))
    }
    cases = " ".join(f"WHEN {_quoted(name)} THEN {_quoted(digest)}" for name, digest in digests.items())
    return f"coalesce(CAST(truth_digest = CASE model {cases} END AS INTEGER), 0)" if cases else "0"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _own(found: "Index", results: Path) -> Tuple[str, List[str]]:
    """Return in SQL which records are this folder's own, or all of them where there are none."""
    origin = Store(results).origin()
    ((every, own),) = found.ask("SELECT count(*), count(*) FILTER (origin = ?) FROM found", [origin])
    elsewhere = every - own
    if own and elsewhere:
        click.echo(f"{elsewhere} records that were measured elsewhere are not shown (--all).", err=True)
    elif elsewhere:
        click.echo(f"These {elsewhere} records were measured elsewhere.", err=True)
    return ("origin = ?", [origin]) if own else ("true", [])
