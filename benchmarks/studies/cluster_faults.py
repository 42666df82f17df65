"""What becomes of cells on a cluster where something goes wrong: a table of faults, cells and records.

    PYTHONPATH=src python -m benchmarks.studies.cluster_faults

A real scheduler, and members as processes, each with a disk and a machine's lock of its own, so that they
stand for machines. Cells are real ones of a model that sleeps two seconds while it is built; how often one
was begun is what the members say. It takes some seven minutes, and prints a table for ``docs/cluster.md``.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import psutil

from nutsbench.base.paths import ROOT, importable, stacks_dir

MODEL = """
import time
import numpy as np
from nutsbench import SamplerSettings, model

def numbers():
    return {"y": np.array([0.5, 1.5, 2.0, 0.0])}

@model(data=numbers, notation="mu ~ Normal(0, 1); y ~ Normal(mu, 1)", teaches="The mean of four numbers.",
       settings=SamplerSettings(draws=50, tune=50, chains=1))
def slow_to_build(data):
    import pymc3 as pm

    time.sleep(2)
    with pm.Model() as built:
        mu = pm.Normal("mu", 0, 1)
        pm.Normal("y", mu, 1, observed=data["y"])
    return built
"""
#: How many cells each command asks for.
CELLS = 4
#: After so many seconds without a word a scheduler takes a member for gone.
TTL_S = 6


class Cluster:
    """A scheduler, and two members, each as if on a machine of its own.

    Parameters
    ----------
    folder : Path
        Where all that they write lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models = folder / "slow.py"
        self.models.write_text(MODEL)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self._all: List[subprocess.Popen[str]] = []
        self._machines = 0
        self.scheduler = self.schedule()

    def _start(self, *words: str, src: Optional[Path] = None, **more: Any) -> "subprocess.Popen[str]":
        variables = {
            **os.environ,
            "PYTHONPATH": str(src or importable()),
            "NUTSBENCH_STACKS": str(stacks_dir()),
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{TTL_S} s",
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5 s",
            **more.pop("variables", {}),
        }
        log = (self.folder / f"{len(self._all)}-{words[0]}.log").open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", "nutsbench", *words], cwd=self.folder, env=variables, stdout=log,
            stderr=subprocess.STDOUT, text=True, start_new_session=True, **more,
        )  # fmt: skip
        log.close()
        self._all.append(process)
        return process

    def schedule(self) -> "subprocess.Popen[str]":
        """Start the scheduler; it listens when this returns."""
        host, port = self.address.rpartition("/")[2].split(":")
        started = self._start("cluster", "scheduler", "--port", port, "--dashboard-port", "0")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as line:
                if line.connect_ex((host, int(port))) == 0:
                    return started
            time.sleep(0.1)
        raise AssertionError("the scheduler does not listen")

    def member(self, src: Optional[Path] = None, full: bool = False) -> "subprocess.Popen[str]":
        """Start a member, on a machine of its own; with a disk that takes no file of any size if ``full``."""
        self._machines += 1
        place = self.folder / f"machine-{self._machines}"
        place.mkdir()
        if full:
            place = Path("/dev/full")
        variables = {
            "NUTSBENCH_SPOOL": str(place),
            "NUTSBENCH_LOCK": str(self.folder / f"lock-{self._machines}"),
        }
        words = ("worker", self.address, "--any-noise")
        return self._start(*words, src=src, variables=variables)

    def ask(self, seeds: str = "", results: str = "results") -> "subprocess.Popen[str]":
        """Ask for cells."""
        return self._start(
            "run", "slow_to_build", "--models", str(self.models), "--seed", seeds or self.seeds, "--apart",
            "--cluster", self.address, "--results", str(self.folder / results),
        )  # fmt: skip

    seeds = ",".join(str(number) for number in range(1, CELLS + 1))

    def begun(self) -> int:
        """Return how many cells were begun."""
        logs = self.folder.glob("*-worker.log")
        return sum(path.read_text().count("Measuring slow_to_build") for path in logs)

    def wait_for(self, begun: int) -> None:
        """Wait until so many cells were begun."""
        until = time.monotonic() + 120
        while self.begun() < begun:
            assert time.monotonic() < until, f"{self.begun()} of {begun} were begun: {self.said()}"
            time.sleep(0.1)

    def said(self) -> str:
        """Return what all have printed."""
        return "\n".join(f"{path.name}: {path.read_text()}" for path in sorted(self.folder.glob("*.log")))

    def records(self, results: str = "results") -> List[Dict[str, Any]]:
        """Return the records in a results folder."""
        files = (self.folder / results / "runs").glob("*.jsonl")
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    def end(self, asked: "subprocess.Popen[str]") -> int:
        """Wait for a command, and return its exit code."""
        try:
            return asked.wait(timeout=240)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end: {self.said()}") from None

    def close(self) -> None:
        """End all."""
        for process in self._all:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()


def _busy(cluster: Cluster, members: List["subprocess.Popen[str]"]) -> "subprocess.Popen[str]":
    """Return a member that measures."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for number, member in enumerate(members, 1):
            if list((cluster.folder / f"machine-{number}").glob("*/*.busy")):
                return member
        time.sleep(0.05)
    raise AssertionError("nobody measures")


def _below(process: "subprocess.Popen[str]", depth: int) -> psutil.Process:
    """Return a process that a member has started: at depth 1 what measures, at 2 its stack's."""
    found = psutil.Process(process.pid)
    for _ in range(depth):
        (found,) = found.children()
    return found


Members = List["subprocess.Popen[str]"]
Fault = Callable[[Cluster, Members], "subprocess.Popen[str]"]


def nothing(cluster: Cluster, _: Members) -> "subprocess.Popen[str]":
    """Let nothing go wrong."""
    return cluster.ask()


def member_killed(cluster: Cluster, members: Members) -> "subprocess.Popen[str]":
    """Kill a member while it builds a model."""
    asked = cluster.ask()
    cluster.wait_for(2)
    _busy(cluster, members).kill()
    return asked


def member_killed_early(cluster: Cluster, members: Members) -> "subprocess.Popen[str]":
    """Kill a member while its stack is imported."""
    asked = cluster.ask()
    _busy(cluster, members).kill()
    return asked


def process_killed(cluster: Cluster, members: Members) -> "subprocess.Popen[str]":
    """Kill the process that measures."""
    asked = cluster.ask()
    cluster.wait_for(2)
    _below(_busy(cluster, members), 1).kill()
    return asked


def stack_killed(cluster: Cluster, members: Members) -> "subprocess.Popen[str]":
    """Kill the stack's process."""
    asked = cluster.ask()
    cluster.wait_for(2)
    _below(_busy(cluster, members), 2).kill()
    return asked


def scheduler_killed(cluster: Cluster, _: Members) -> "subprocess.Popen[str]":
    """Kill the scheduler, and start it again."""
    asked = cluster.ask()
    cluster.wait_for(2)
    cluster.scheduler.kill()
    cluster.scheduler.wait()
    time.sleep(1)
    cluster.scheduler = cluster.schedule()
    return asked


def client_killed(cluster: Cluster, _: Members) -> "subprocess.Popen[str]":
    """Kill who asked, and ask again."""
    asked = cluster.ask()
    cluster.wait_for(2)
    asked.kill()
    asked.wait()
    return cluster.ask()


def partition(cluster: Cluster, members: Members) -> "subprocess.Popen[str]":
    """Cut a member off until it counts as gone; it comes back with a record."""
    asked = cluster.ask()
    cluster.wait_for(2)
    cut = _busy(cluster, members)
    cut.send_signal(signal.SIGSTOP)
    time.sleep(TTL_S + 6)
    cut.send_signal(signal.SIGCONT)
    return asked


def hangs(cluster: Cluster, members: Members) -> "subprocess.Popen[str]":
    """Let a member hang for ever."""
    asked = cluster.ask()
    cluster.wait_for(2)
    _busy(cluster, members).send_signal(signal.SIGSTOP)
    return asked


def full_disk(cluster: Cluster, members: Members) -> "subprocess.Popen[str]":
    """Let no member write to its disk."""
    for one in members:
        one.terminate()
        one.wait()
    cluster.member(full=True)
    return cluster.ask()


def other_version(cluster: Cluster, members: Members) -> "subprocess.Popen[str]":
    """Let a member run another version of this program."""
    copy = cluster.folder / "copy"
    for name in ("harness", "models", "benchmarks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "src", copy / "src", symlinks=True)
    (copy / "harness" / "audit" / "__init__.py").open("a").write("\n# Of another version.\n")
    members[0].terminate()
    members[0].wait()
    cluster.member(src=copy / "src")
    return cluster.ask()


def two_clients(cluster: Cluster, _: Members) -> "subprocess.Popen[str]":
    """Ask twice at once, for two folders."""
    other = cluster.ask(results="other")
    asked = cluster.ask()
    cluster.end(other)
    assert len(cluster.records("other")) == CELLS
    return asked


def same_folder(cluster: Cluster, _: Members) -> "subprocess.Popen[str]":
    """Ask twice at once for the same cells and folder."""
    cluster.ask(seeds="1", results="results").wait()  # The folder has its mark.
    other = cluster.ask()
    asked = cluster.ask()
    cluster.end(other)
    return asked


FAULTS: Dict[str, Fault] = {
    one.__name__: one
    for one in (
        nothing, member_killed_early, member_killed, process_killed, stack_killed, scheduler_killed,
        client_killed, partition, hangs, full_disk, other_version, two_clients, same_folder,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What became of a fault.

    Parameters
    ----------
    fault : str
        Its name.
    cells : int
        How many were asked for.
    answered : int
        How many have a record.
    failed : int
        How many of these failed: that is a record, too.
    lost, twice : int
        Cells without a record, and records (by their marks) beyond one a cell.
    begun : int
        How often a cell was begun, the other folder's left out.
    code : int
        Exit code of the last command.
    """

    fault: str
    cells: int
    answered: int
    failed: int
    lost: int
    twice: int
    begun: int
    code: int


def measure(name: str, folder: Path) -> Row:
    """Bring a fault about, and count.

    Parameters
    ----------
    name : str
        Key in :data:`FAULTS`.
    folder : Path
        An empty folder.
    """
    cluster = Cluster(folder)
    try:
        code = cluster.end(FAULTS[name](cluster, [cluster.member(), cluster.member()]))
        records = {record["id"]: record for record in cluster.records()}.values()
        for record in records:
            if record["status"] != "ok":
                print(f"{name}, seed {record['seed']}: {record['reason']}", file=sys.stderr)
        seeds = [record["seed"] for record in records]
        failed = sum(record["status"] != "ok" for record in records)
        of_others = CELLS if name == "two_clients" else 0
        return Row(
            name, CELLS, len(set(seeds)), failed, CELLS - len(set(seeds)), len(seeds) - len(set(seeds)),
            cluster.begun() - of_others, code,
        )  # fmt: skip
    except BaseException:
        print(cluster.said(), file=sys.stderr)
        raise
    finally:
        cluster.close()


def main(names: Tuple[str, ...]) -> None:
    """Print the table."""
    print("| fault | cells | records | of them failed | lost | twice | begun | exit code |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in names or tuple(FAULTS):
        with tempfile.TemporaryDirectory(prefix="nutsbench-faults-") as folder:
            row = measure(name, Path(folder))
        says = (FAULTS[name].__doc__ or "").strip(". ")
        counts = (row.cells, row.answered, row.failed, row.lost, row.twice, row.begun, row.code)
        print(f"| {says} | " + " | ".join(map(str, counts)) + " |", flush=True)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
