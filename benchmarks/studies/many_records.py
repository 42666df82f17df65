"""What many records cost: to take them into the index, to show, filter and load them, and to remember.

``python -m benchmarks.studies.many_records --records 1000 10000 100000 1000000``

Generated records are the published ones with other seeds, settings, times and metrics, so they are as long
as real ones: a million are ten gigabytes, which lie beside the checkout while the study runs. As in a
history each cell is there several times. Each command runs in a process of its own; a row is printed as soon
as it is known.
"""

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import msgspec

from nutsbench.base import paths
from nutsbench.records import lines
from nutsbench.records.table import markdown

#: Records of one run, in a file of its own.
_OF_A_RUN = 500
#: How often each cell was measured.
_TIMES = 10
_FIRST = datetime(2026, 10, 1, tzinfo=timezone.utc)
_FRAME = """
import sys, time
from pathlib import Path
from nutsbench.records import index
import pandas
began = time.perf_counter()
made = index.frame(Path(sys.argv[1]))
print(len(made), time.perf_counter() - began)
"""


def generated(count: int, times: int = 1) -> Iterator[Dict[str, Any]]:
    """Yield records like the published ones, oldest first.

    Parameters
    ----------
    count : int
        How many.
    times : int
        How often the same place is among them.
    """
    folder = paths.ROOT / "results" / "runs" / "published"
    known = [msgspec.json.decode(line.content) for path in lines.files(folder) for line in lines.of(path)]
    order = random.Random(0)
    places = max(1, count // times)
    for number in range(count):
        place = number % places
        # What a place is does not depend on how often it was there before.
        of_place = random.Random(place)
        record = known[place % len(known)]
        settings = {**record["settings"], "draws": of_place.choice((250, 500, 1000, 2000))}
        settings["target_accept"] = of_place.choice((0.8, 0.9, 0.95, 0.99))
        metrics = {name: _moved(value, order) for name, value in record["metrics"].items()}
        minutes = number * 27 * 24 * 60 // count
        yield {
            **record,
            "id": hashlib.md5(str(number).encode()).hexdigest(),
            "seed": place,
            "profile": of_place.choice(("sweep", "tutorial", "quick")),
            "settings": settings,
            "metrics": metrics,
            "started_at": (_FIRST + timedelta(minutes=minutes)).isoformat(),
        }


def _moved(value: Any, order: random.Random) -> Any:
    return value * order.uniform(0.8, 1.25) if isinstance(value, float) else value


def write(results: Path, count: int, times: int) -> int:
    """Write generated records, and return their bytes."""
    runs = results / "runs"
    runs.mkdir(parents=True)
    some: List[bytes] = []
    written = files = 0
    encode = msgspec.json.Encoder().encode
    for number, record in enumerate(generated(count, times), start=1):
        some.append(encode(record) + b"\n")
        if number % _OF_A_RUN == 0 or number == count:
            files += 1
            written += (runs / f"20261001T000000Z-generated-{files:06d}.jsonl").write_bytes(b"".join(some))
            some.clear()
    return written


def _ran(command: Sequence[str], results: Path) -> Tuple[float, float, str]:
    """Run a command, and return its seconds, the most memory it held in MiB, and what it printed."""
    variables = {**os.environ, "NUTSBENCH_RESULTS": str(results), "PYTHONPATH": str(paths.importable())}
    with tempfile.TemporaryFile("w+") as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=variables, stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        out.seek(0)
        if status:
            raise SystemExit(f"{' '.join(command)} failed")
        return seconds, used.ru_maxrss / 1024, out.read()


def measure(count: int, times: int) -> List[str]:
    """Return a row of the table: what so many records cost."""
    nutsbench = [str(Path(sys.executable).with_name("nutsbench"))]
    commands = {
        "show": [*nutsbench, "show"],
        "filter": [*nutsbench, "show", "simple_regression", "--stack", "pymc3-3.8", "--quality", "divergent"],
    }
    with tempfile.TemporaryDirectory(prefix="nutsbench-", dir=paths.ROOT.parent) as folder:
        results = Path(folder, "results")
        size = write(results, count, times)
        # What was written just now may be written again without its times telling: it would be read twice.
        time.sleep(2.5)
        first_s, first_mib, _ = _ran(commands["show"], results)
        shown = {name: _ran(command, results) for name, command in commands.items()}
        loaded, loaded_s = _ran([sys.executable, "-c", _FRAME, str(results)], results)[2].split()
        assert int(loaded) == count
        index = sum(path.stat().st_size for path in (results / ".index").rglob("*") if path.is_file())
        more = {**next(generated(1)), "id": "f" * 32, "started_at": "2026-11-01T00:00:00+00:00"}
        (results / "runs" / "20261101T000000Z-more-000000.jsonl").write_bytes(
            msgspec.json.encode(more) + b"\n"
        )
        one_more_s = _ran(commands["show"], results)[0]
    return [
        f"{count:,}",
        f"{size / 2**20:,.0f}",
        f"{first_s:.1f}",
        f"{first_mib:,.0f}",
        f"{index / 2**20:,.0f}",
        *(f"{shown[name][0]:.2f}" for name in commands),
        f"{max(one[1] for one in shown.values()):,.0f}",
        f"{float(loaded_s):.2f}",
        f"{one_more_s:.2f}",
    ]


def main() -> None:
    """Generate, measure, and print a row for each number of records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--times", type=int, default=_TIMES, help="how often each cell was measured")
    options = parser.parse_args()
    header = [
        "records", "MiB", "first show s", "MiB of memory then", "index MiB", "show s", "filter s",
        "most MiB of memory", "DataFrame s", "show after one more s",
    ]  # fmt: skip
    print("\n".join(markdown([header, header]).splitlines()[:2]), flush=True)
    for count in options.records:
        print(f"| {' | '.join(measure(count, options.times))} |", flush=True)


if __name__ == "__main__":
    main()
