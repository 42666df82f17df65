"""``nutsbench show``: the records, as a table, JSON or CSV."""

import json
from pathlib import Path
from typing import List, Optional, Tuple

import click

from nutsbench import models
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
from nutsbench.cli.results import print_records
from nutsbench.judge.quality import VERDICTS
from nutsbench.records import grid
from nutsbench.records.stored import Stored
from nutsbench.stacks import stack


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
    from nutsbench.judge import accuracy as judged
    from nutsbench.records import store, table
    from nutsbench.records.record import Status, newest, place
    from nutsbench.records.stored import json_schema

    if as_schema:
        click.echo(json.dumps(json_schema(), indent=1))
        return 0
    load_models(models_files)
    check_choice("status", statuses, [status.value for status in Status])
    check_choice("profile", (profile,) if profile else (), grid.PROFILES)
    check_choice("quality", (verdict,) if verdict else (), VERDICTS)
    check_choice("accuracy", (accuracy,) if accuracy else (), judged.VERDICTS)
    loaded = store.Store(results).load()
    say_problems(loaded.problems)
    check_choice("model", names, dict.fromkeys([*models.names(), *(r["model"] for r in loaded.records)]))
    check_choice("stack", stacks, dict.fromkeys([*stack.NAMES, *(r["stack"] for r in loaded.records)]))
    records = loaded.records if everything else _own(loaded.records, results)
    if not history:
        records = list(newest(_by_present_truth_last(records), place).values())
    records = [
        record
        for record in records
        if (not names or record["model"] in names)
        and (not stacks or record["stack"] in stacks)
        and (not statuses or record["status"] in statuses)
        and (profile is None or record["profile"] == profile)
        and (verdict is None or record["quality"]["verdict"] == verdict)
        and (accuracy is None or (record.get("accuracy") or {}).get("verdict") == accuracy)
    ]
    if as_json:
        print_json(records)
    elif as_csv:
        click.echo(store.frame(records).to_csv(index=False), nl=False)
    elif records and as_claims:
        console().print(table.claims_table(records))
    elif records:
        print_records(
            records, models_files, wide or len({record["model"] for record in records} & set(names)) == 1
        )
    else:
        click.echo("No records. `nutsbench run` makes some.")
    return 0


def _by_present_truth_last(records: List[Stored]) -> List[Stored]:
    """Sort records that were judged by a truth that no longer stands to the front.

    A run takes a record that was judged by the present truth for done, also when a newer
    one was judged by another; what is shown has to be the same.
    """
    from nutsbench.models import truths

    # Of a model in a file that is not at hand, the truth that stands is not known.
    known = {record["model"] for record in records} & set(models.names())
    found = {name: truths.find(name)[0] for name in known}
    digests = {name: exact.digest if exact else "" for name, exact in found.items()}
    return sorted(records, key=lambda record: record.get("truth_digest", "") == digests.get(record["model"]))


def _own(records: List[Stored], results: Path) -> List[Stored]:
    """Return this folder's own records, or all of them where there are none."""
    from nutsbench.records.store import Store

    origin = Store(results).origin()
    own = [record for record in records if record["origin"] == origin]
    elsewhere = len(records) - len(own)
    if own and elsewhere:
        click.echo(f"{elsewhere} records that were measured elsewhere are not shown (--all).", err=True)
    elif elsewhere:
        click.echo(f"These {elsewhere} records were measured elsewhere.", err=True)
    return own or records
