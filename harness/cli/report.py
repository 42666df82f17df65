"""``nutsbench report``: the dashboard, as pages that open from disk."""

import functools
import http.server
import webbrowser
from pathlib import Path
from typing import Optional, Tuple

import click
from rich.console import Console
from rich.progress import Progress

from nutsbench.base.errors import UserError
from nutsbench.cli.common import load_models, models_option, results_option
from nutsbench.report import data, pages, site


@click.command("report")
@click.option("--output", type=click.Path(path_type=Path), show_default="report in the results folder",
              help="Folder of the pages.")  # fmt: skip
@click.option("--serve", is_flag=True, help="Serve the pages on this machine until interrupted.")
@click.option("--port", default=0, help="Port to serve on; a free one if not given.")
@models_option
@results_option
def report_command(
    output: Optional[Path], serve: bool, port: int, models_files: Tuple[Path, ...], results: Path
) -> int:
    """Write the dashboard: which model samples badly, under which settings, why, and since when.

    The pages need no server and no network: open index.html. Only pages whose contents have
    changed are written again.
    """
    load_models(models_files)
    target = output or results / "report"
    source = data.load(results)
    everything = pages.all_pages(source, target)
    screen = Console(stderr=True)
    try:
        with Progress(console=screen, disable=not screen.is_terminal, transient=True) as bars:
            task = bars.add_task("writing pages", total=len(everything))
            written = site.build(source, target, everything, lambda _: bars.advance(task))
    except OSError as error:
        raise UserError(f"The pages cannot be written ({error.strerror}): {target}.") from error
    except KeyboardInterrupt:
        click.echo(
            "Stopped. The pages that were done stay; the same command goes on with the others.", err=True
        )
        raise
    click.echo(f"{written} of {len(everything)} pages written: {target / 'index.html'}")
    if serve:
        inside = target.resolve().parent == results.resolve()
        # asv's pages and the draws lie beside the report.
        _serve(results if inside else target, f"{target.name}/" if inside else "", port)
    return 0


def _serve(folder: Path, page: str, port: int) -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except (OSError, OverflowError) as error:
        raise UserError(f"Port {port} cannot be served on: {error}.") from error
    with server:
        address = f"http://127.0.0.1:{server.server_address[1]}/{page}"
        click.echo(f"{address} (ctrl-C ends it)")
        webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("")
