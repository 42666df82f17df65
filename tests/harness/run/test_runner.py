"""Several cells at a time: every one has its record, whatever ends."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.grid import Cell
from nutsbench.records.record import Status
from nutsbench.records.store import RunFile, Store
from nutsbench.run import runner, session
from nutsbench.run.options import Options, Outcome
from nutsbench.run.plan import Job
from nutsbench.stacks import stack

OPTIONS = Options("quick", 60.0, 0, 1, at_a_time=2)


class Worker:
    """Samples nothing, for a while."""

    most = 0
    running = 0
    lock = threading.Lock()
    seconds = 0.05

    def __init__(self, *rest: Any) -> None:
        self._stop = rest[-2]
        self.facts: Dict[str, Any] = {}

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    _folder = "/nonexistent"

    def run(self, *_: Any) -> Any:
        with Worker.lock:
            Worker.running += 1
            Worker.most = max(Worker.most, Worker.running)
        stopped = self._stop.wait(Worker.seconds)
        with Worker.lock:
            Worker.running -= 1
        status = Status.INTERRUPTED if stopped else Status.OK
        phases = {"draw": {"wall_s": 1.0, "cpu_s": 1.0}}
        values = {"phases": phases, "metrics": {"ess_per_s": 1.0, "divergences": 0}}
        return Outcome(status, "", values, arrays=Path(self._folder, "draws.npz"))


@pytest.fixture
def jobs() -> List[Any]:
    models.names()  # Registers those of the tutorial.
    one = stack.named(stack.DEFAULT)
    settings = replace(SamplerSettings(), cores=1)
    return [Job(Cell("addition", settings, seed), one, "0" * 16, "1" * 16) for seed in range(8)]


@pytest.fixture
def run(jobs: List[Any], results: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(session, "Worker", Worker)
    monkeypatch.setattr(Worker, "most", 0)
    (results / "runs").mkdir(parents=True)

    def begin(file: Any = None) -> Iterator[Any]:
        return runner.run(
            jobs, OPTIONS, "here", file or RunFile(results / "runs" / "a.jsonl"), lambda *_: None
        )

    return begin


def test_two_run_at_a_time_and_none_is_timed(run: Callable[..., Any], results: Path) -> None:
    found = list(run())
    assert Worker.most == 2
    assert sorted(one.seed for one in found) == list(range(8))
    assert all(one.phases == {} and one.metrics == {"divergences": 0} for one in found)
    assert found[0].details["untimed"] == {
        "at_a_time": 2, "phases": {"draw": {"wall_s": 1.0, "cpu_s": 1.0}},
    }  # fmt: skip
    assert len(Store(results).load().records) == 8


def test_ctrl_c_leaves_a_record_of_each_that_ran(
    run: Callable[..., Any], results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker, "seconds", 30.0)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    began, found = time.monotonic(), []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            found.extend(run())
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - began < 20
    assert [one.status for one in found] == [Status.INTERRUPTED] * 2
    assert len(Store(results).load().records) == 2


def test_what_cannot_be_written_ends_all(run: Callable[..., Any], results: Path) -> None:
    class Full(RunFile):
        def append(self, *_: Any) -> None:
            raise UserError("The disk is full.")

    with pytest.raises(UserError, match="full"):
        list(run(Full(results / "runs" / "a.jsonl")))
    assert Worker.running == 0


def test_who_wants_no_more_ends_all(run: Callable[..., Any]) -> None:
    going = run()
    next(going)
    going.close()
    assert Worker.running == 0
    assert not [one for one in threading.enumerate() if one.name.startswith("Thread-") and "work" in one.name]
