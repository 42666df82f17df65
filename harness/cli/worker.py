"""``nutsbench worker`` and ``nutsbench cluster``: members of a cluster, its scheduler, its certificates."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any, Optional, Tuple

import click
import distributed

from nutsbench.base.errors import UserError
from nutsbench.cluster import member, place, security
from nutsbench.stacks import doctor

certs_option = click.option(
    "--certs",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of certificates, of an address that begins with tls://.",
)
cluster_option = click.option(
    "--cluster",
    metavar="WHERE",
    help="Have it done by the members of a Dask cluster: local, local:2, tcp://HOST:PORT, tls://HOST:PORT,"
    " a scheduler file, or a TOML file that says how to start one.",
)


@click.command("worker")
@click.argument("address", metavar="ADDRESS")
@click.option("--cores-per-cell", "cores", type=click.IntRange(min=1), help="Keep to so many processors.")
@click.option("--untimed", is_flag=True, help="Take only what is measured without times.")
@click.option("--any-noise", is_flag=True, help="Take timed cells even if this machine is busy now.")
@click.option("--quiet", is_flag=True, help="Say only what went wrong.")
@certs_option
def worker_command(
    address: str, cores: Optional[int], untimed: bool, any_noise: bool, quiet: bool, certs: Optional[Path]
) -> int:
    """Measure what the scheduler at ADDRESS hands out, one cell at a time, until ctrl-C.

    Who may speak to that scheduler may run code here: see `nutsbench cluster certs`.
    """
    at = place.parse(address)
    if not at.address:
        raise UserError(
            f"{address!r} is no address of a scheduler: write tcp://HOST:PORT or tls://HOST:PORT."
        )
    keys = security.of(at.address, certs)
    noise = [] if untimed or any_noise else [one for one in doctor.examine() if _is_noise(one)]
    for one in noise:
        click.echo(f"{one.subject}: {one.found}; {one.advice}", err=True)
    if noise:
        raise UserError(
            "This machine is no place for timed cells now: wait, or take cells without times with --untimed,"
            " or all the same with --any-noise."
        )

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    joined = member.serve(at.address, say, keys, not untimed, quiet, cores or 0, patience_s=60.0)
    if not joined:
        raise UserError(f"No scheduler answers at {address}: start one with nutsbench cluster scheduler.")
    # Python would wait for the cell that is measured, which another member has by now; with this process it
    # ends.
    sys.stderr.flush()
    os._exit(0)


def _is_noise(finding: doctor.Finding) -> bool:
    return finding.verdict == "bad" or (finding.verdict == "warn" and finding.subject == "load")


@click.group("cluster")
def cluster_command() -> None:
    """Start what several machines measure together with: a scheduler, and certificates.

    Its members are started with `nutsbench worker`; `nutsbench run --cluster ADDRESS` asks it.
    """


@cluster_command.command("certs")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
def certs_command(folder: Optional[Path]) -> int:
    """Make certificates in FOLDER: all that belong to the cluster need a copy of it, and nobody else."""
    where = folder or security.folder()
    security.make(where)
    option = f" --certs {folder}" if folder else ""
    click.echo(f"Made certificates in {where}, which hold for {security.DAYS} days.")
    click.echo(
        "Copy the folder to each machine, by scp say; then: nutsbench cluster scheduler --tls" + option
    )
    return 0


@cluster_command.command("scheduler")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of this machine to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8786, show_default=True, help="Its port.")
@click.option("--dashboard-port", type=click.IntRange(0, 65535), default=8787, help="Port of Dask's pages.")
@click.option("--tls", is_flag=True, help="Speak only with who has the certificates.")
@certs_option
def scheduler_command(host: str, port: int, dashboard_port: int, tls: bool, certs: Optional[Path]) -> int:
    """Start a scheduler, until ctrl-C. It hands out, and measures nothing."""
    address = f"{'tls' if tls else 'tcp'}://{host}:{port}"
    keys = security.of(address, certs)
    if not tls and host != "127.0.0.1":
        click.echo(
            "Warning: without --tls whoever reaches this address may run code on all members.", err=True
        )
    try:
        option = f" --certs {certs}" if certs else ""
        asyncio.run(_schedule(("tls" if tls else "tcp", host, port), dashboard_port, keys, option))
    except OSError as error:
        raise UserError(f"No scheduler at {address}: {error.strerror or error}.") from error
    return 0


async def _schedule(at: Tuple[str, str, int], dashboard_port: int, keys: Any, option: str) -> None:
    protocol, host, port = at
    member.quiet()
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(ending, ended.set)
    more = {"security": keys} if keys is not None else {}
    # Dask's pages are for who sits at this machine: they have no key.
    scheduler = distributed.Scheduler(
        host=host, port=port, protocol=protocol, dashboard_address=f"127.0.0.1:{dashboard_port}",
        dashboard=True, **more,
    )  # fmt: skip
    async with scheduler:
        click.echo(f"Scheduling at {scheduler.address}. What goes on is shown at {_pages(scheduler)}")
        click.echo("On each machine that measures:")
        click.echo(f"  nutsbench worker {scheduler.address}{option}")
        click.echo(f"and to ask it:\n  nutsbench run --cluster {scheduler.address}{option}")
        await ended.wait()


def _pages(scheduler: distributed.Scheduler) -> str:
    port = scheduler.services["dashboard"].port if "dashboard" in scheduler.services else 0
    return f"http://127.0.0.1:{port}/status" if port else "no page: its port is taken"
