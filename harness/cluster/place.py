"""Where a cluster is: on this machine, at an address, or in a file that says how to have one."""

import contextlib
import importlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Optional, Tuple

import distributed
import tomllib

from nutsbench.base.errors import UserError
from nutsbench.base.paths import importable
from nutsbench.cluster import security
from nutsbench.cluster.member import MEASURING, TIMED
from nutsbench.inside import system

#: Addresses that Dask's schedulers have here.
_SCHEMES = ("tcp", "tls")
_FORMS = "local, local:2, tcp://HOST:PORT, tls://HOST:PORT, a scheduler file, or a .toml file"


@dataclass(frozen=True)
class Place:
    """A cluster that can be had.

    Parameters
    ----------
    text : str
        What the user wrote.
    local : int
        How many members to start on this machine; 0 if it is elsewhere.
    address : str
        The scheduler's; empty if one is yet to be started.
    starts : str
        A class of Dask's that starts one, by its module and name; empty if it is there.
    options : dict
        What that class is called with.
    workers : int
        How many members it is asked for; 0 to leave that to the options.
    """

    text: str
    local: int = 0
    address: str = ""
    starts: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 0

    @property
    def is_here(self) -> bool:
        """Whether its members read this machine's disk."""
        return self.local > 0


def parse(text: str) -> Place:
    """Return the cluster that a value of ``--cluster`` means.

    Raises
    ------
    UserError
        If it means none.
    """
    found = re.fullmatch(r"local(?::(\d+))?", text)
    if found:
        count = int(found[1] or 1)
        if not 1 <= count <= 1024:
            raise UserError(f"local:{count} has to be local:1 to local:1024.")
        return Place(text, local=count)
    scheme, mark, rest = text.partition("://")
    if mark:
        if scheme not in _SCHEMES or not re.fullmatch(r".+:\d+", rest):
            raise UserError(f"{text!r} is no address of a scheduler: write {_FORMS}.")
        return Place(text, address=text)
    path = Path(text).expanduser()
    if not path.is_file():
        raise UserError(f"There is no cluster {text!r}: write {_FORMS}.")
    return _of_toml(text, path) if path.suffix == ".toml" else _of_scheduler_file(text, path)


def _of_scheduler_file(text: str, path: Path) -> Place:
    try:
        address = json.loads(path.read_text("utf-8"))["address"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path.name} is no scheduler file, which Dask writes with its address.") from error
    return Place(text, address=str(address))


def _of_toml(text: str, path: Path) -> Place:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{path.name} is no TOML: {error}.") from error
    unknown = sorted(set(content) - {"class", "workers", "options"})
    starts, workers = content.get("class", ""), content.get("workers", 0)
    if unknown or not re.fullmatch(r"[\w.]+\.\w+", str(starts)) or not isinstance(workers, int):
        said = f"unknown: {', '.join(unknown)}" if unknown else 'such as class = "dask_jobqueue.SLURMCluster"'
        raise UserError(f"{path.name} has to have class, and may have workers and options ({said}).")
    return Place(text, starts=str(starts), options=content.get("options", {}), workers=workers)


@contextlib.contextmanager
def opened(place: Place, certs: Optional[Path], is_timed: bool) -> Iterator[Tuple[str, Any]]:
    """Have a cluster while the context lasts; what was started for it ends with it.

    Parameters
    ----------
    place : Place
        Of :func:`parse`.
    certs : Path or None
        Folder of certificates, of ``tls://``.
    is_timed : bool
        Whether what is to be measured has times.

    Yields
    ------
    str
        The scheduler's address.
    Security or None
        How it is spoken to.

    Raises
    ------
    UserError
        If it cannot be started.
    """
    if place.address:
        yield place.address, security.of(place.address, certs)
    elif place.local:
        with _on_this_machine(place.local) as address:
            yield address, None
    else:
        with _started(place, is_timed) as cluster:
            yield cluster.scheduler_address, getattr(cluster, "security", None)


@contextlib.contextmanager
def _on_this_machine(count: int) -> Iterator[str]:
    """Start a scheduler and members on the loopback."""
    with distributed.LocalCluster(
        n_workers=0, host="127.0.0.1", scheduler_port=0, dashboard_address="127.0.0.1:0", silence_logs=50
    ) as cluster:
        address = cluster.scheduler_address
        command = [sys.executable, "-m", "nutsbench", "worker", address, "--quiet", "--any-noise"]
        members: List[subprocess.Popen[bytes]] = []
        try:
            for _ in range(count):
                members.append(
                    subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=_variables(),
                        # ctrl-C is for this process, which ends them; and they end with it however it ends.
                        start_new_session=True, preexec_fn=system.die_with_parent,
                    )
                )  # fmt: skip
            yield address
        finally:
            for member in members:
                member.terminate()
            for member in members:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    member.wait(timeout=20)
                member.kill()


def _variables() -> Mapping[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(importable()), os.environ.get("PYTHONPATH", "")]),
    }


@contextlib.contextmanager
def _started(place: Place, is_timed: bool) -> Iterator[Any]:
    module, _, name = place.starts.rpartition(".")
    try:
        made = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        package = module.partition(".")[0].replace("_", "-")
        raise UserError(
            f"There is no {place.starts} here ({error}): install it beside nutsbench (pip install {package})."
        ) from error
    resources = [MEASURING, *([TIMED] if is_timed else [])]
    options = dict(place.options)
    counts = dict.fromkeys(resources, 1)
    if module.startswith("dask_jobqueue"):
        asked = ",".join(f"{name}=1" for name in resources)
        own = ["--nthreads", "1", "--memory-limit", "0", "--resources", asked]
        options["worker_extra_args"] = [*options.get("worker_extra_args", []), *own]
    elif name == "SSHCluster":
        own_options = {"nthreads": 1, "memory_limit": 0, "resources": counts}
        options["worker_options"] = {**own_options, **options.get("worker_options", {})}
    elif name == "LocalCluster":
        options = {"threads_per_worker": 1, "memory_limit": 0, "resources": counts, **options}
    try:
        with made(**options) as cluster:
            if place.workers:
                cluster.scale(place.workers)
            yield cluster
    except (TypeError, ValueError, OSError) as error:
        raise UserError(f"{place.starts} cannot be started: {error}.") from error
