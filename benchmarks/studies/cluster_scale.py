"""How a cluster grows: a real scheduler, and cells that only take their time.

    PYTHONPATH=src python -m benchmarks.studies.cluster_scale [MEMBERS:CELLS]...

The scheduler, and all members together, are a process each; what asks is this one, and does all that it does
with real cells: orders as they are, records on disk. Cells take as long as published ones, by a factor, and
fail as often; the longest come first. It prints a table for ``docs/cluster.md``; it takes some six minutes.
"""

import asyncio
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import distributed
import psutil

from nutsbench.base.paths import ROOT, importable
from nutsbench.cluster import client, member, place
from nutsbench.cluster.order import Answer, Order
from nutsbench.inside import system
from nutsbench.models.spec import SamplerSettings
from nutsbench.records import lines
from nutsbench.records.grid import Cell
from nutsbench.records.store import Store, utc_now
from nutsbench.records.stored import Stored
from nutsbench.run import plan
from nutsbench.run.options import Options
from nutsbench.stacks import stack

#: Published cells last seconds to minutes; here a tenth, so what each costs beside weighs ten times as much.
FACTOR = float(os.environ.get("NUTSBENCH_STUDY_FACTOR", "0.1"))
#: Where lengths and records come from.
PUBLISHED = ROOT / "results" / "runs" / "published" / "2026-11-30-later-pymcs.jsonl.gz"
SIZES = ((8, 640), (32, 2_560), (128, 10_000))


def published() -> List[Stored]:
    """Return published records, of which each cell is one."""
    found = [line.read() for line in lines.of(PUBLISHED)]
    return [record for record in found if not isinstance(record, str)]


_known: List[Stored] = []


def _record(order: Order) -> Stored:
    if not _known:
        _known.extend(published())
    seed = order.cells[0]["seed"]
    return _known[int(hashlib.sha256(str(seed).encode()).hexdigest(), 16) % len(_known)]


def pretend(text: str) -> str:
    """Take the time of a published cell, and answer with its record."""
    order = Order.from_text(text)
    record = _record(order)
    time.sleep(FACTOR * record["elapsed_s"])
    own = {
        **record,
        **order.cells[0],
        "id": hashlib.sha256(text.encode()).hexdigest()[:32],
        "origin": order.origin,
    }
    return json.dumps({**json.loads(Answer(order.key).to_text()), "records": [own]})


def serve(address: str, count: int) -> None:
    """Be so many members."""
    system.die_with_parent()
    member.quiet()

    async def all_of_them() -> None:
        members = [
            distributed.Worker(
                address, nthreads=1, resources={member.MEASURING: 1, member.TIMED: 1}, memory_limit=0,
                host="127.0.0.1", dashboard=False, name=f"member-{number}",
            )
            for number in range(count)
        ]  # fmt: skip
        await asyncio.gather(*members)
        print("there", flush=True)
        await asyncio.gather(*(one.finished() for one in members))

    asyncio.run(all_of_them())


def measure(members: int, cells: int) -> Tuple[float, ...]:
    """Return how a cluster of so many members does with so many cells.

    Returns
    -------
    tuple of float
        Seconds it took, seconds it would at best, a cell's mean length; the scheduler's memory and this
        process's after a tenth of the cells, and at the end, in MiB.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(importable()), str(ROOT)])}
    environment.update(OMP_NUM_THREADS="1", MALLOC_ARENA_MAX="2")
    address = f"tcp://127.0.0.1:{port}"
    words = ["-m", "nutsbench", "cluster", "scheduler", "--port", str(port), "--dashboard-port", "0"]
    scheduler = subprocess.Popen([sys.executable, *words], env=environment, stdout=subprocess.PIPE, text=True)
    assert scheduler.stdout is not None
    scheduler.stdout.readline()
    script = f"from benchmarks.studies import cluster_scale as s; s.serve({address!r}, {members})"
    several = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert several.stdout is not None
    several.stdout.readline()
    try:
        settings = SamplerSettings(draws=10, tune=10, chains=1, cores=1)
        seeds = range(1, cells + 1)
        jobs = plan.jobs(
            [Cell("addition", settings, seed) for seed in seeds], [stack.named(stack.DEFAULT)], 1
        )
        options = Options("quick", 3600.0, 0, 1)
        known = {job.cell.seed: job for job in jobs}
        orders = {
            seed: Order("", {}, "", "", [job.cell.to_dict()], "", "", {}, None, "", "")
            for seed, job in known.items()
        }
        seconds = [FACTOR * _record(orders[job.cell.seed])["elapsed_s"] for job in jobs]
        best = max(sum(seconds) / members, max(seconds))
        sizes: Dict[str, List[float]] = {"early": [], "late": []}

        def look(when: str) -> None:
            for process in (psutil.Process(scheduler.pid), psutil.Process()):
                sizes[when].append(process.memory_info().rss / 2**20)

        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder))
            run_file = store.begin("study", utc_now())
            wish = client.Wish(place.parse(address), None, lambda _: None)
            begun = time.monotonic()
            coming = client.run(jobs, options, store.origin(), run_file, wish, seconds, measure=pretend)
            count = 0
            for count, _ in enumerate(coming, 1):
                if count == cells // 10:
                    look("early")
                if count == cells:
                    took = time.monotonic() - begun
                    look("late")
            assert count == cells, count
        return (took, best, sum(seconds) / cells, *sizes["early"], *sizes["late"])
    finally:
        for process in (several, scheduler):
            process.kill()
            process.wait()


def main(sizes: Sequence[Tuple[int, int]]) -> None:
    """Print the table."""
    titles = "members|cells|mean length, s|at best, s|took, s|share of the best|beside each cell, ms"
    print("| " + f"{titles}|scheduler, MiB|client, MiB".replace("|", " | ") + " |")
    print("| --- " * 9 + "|")
    for members, cells in sizes:
        took, best, mean, scheduler_early, client_early, scheduler_late, client_late = measure(members, cells)
        beside = 1e3 * (took - best) * members / cells
        counts = [
            str(members),
            f"{cells:,}",
            f"{mean:.2f}",
            f"{best:.1f}",
            f"{took:.1f}",
            f"{best / took:.3f}",
        ]
        sizes_of = [
            f"{scheduler_early:.0f} to {scheduler_late:.0f}",
            f"{client_early:.0f} to {client_late:.0f}",
        ]
        print("| " + " | ".join([*counts, f"{beside:.0f}", *sizes_of]) + " |", flush=True)


if __name__ == "__main__":
    # Of this module by its name, Dask sends where a function is; of __main__, all that it knows.
    from benchmarks.studies import cluster_scale

    chosen = [tuple(map(int, word.split(":"))) for word in sys.argv[1:]]
    cluster_scale.main([(one[0], one[1]) for one in chosen] or SIZES)
