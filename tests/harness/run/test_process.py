"""The parent's end of a worker: what is tried again, and what is not."""

from pathlib import Path
from typing import Any, Callable, Tuple

import pytest

from nutsbench.models.spec import SamplerSettings
from nutsbench.records.grid import Cell
from nutsbench.records.record import Status
from nutsbench.run import process
from nutsbench.run.options import Options, Outcome
from nutsbench.stacks import stack

RACE = "in add_key\n    assert key not in self.keys\nAssertionError\n"


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A worker whose import breaks so many times, and leaves a log."""

    def made(times: int, log: str) -> Tuple[Any, ...]:
        options = Options(profile="quick", timeout_s=1.0, memory_bytes=0, threads=1)
        worker = process.Worker(stack.named("pymc3-3.8"), options)
        tries = []

        def start() -> None:
            tries.append(1)
            if len(tries) <= times:
                Path(worker._folder.name, "server.log").write_text(log)
                raise process.WorkerBrokenError("importing the stack failed: AssertionError: ")

        monkeypatch.setattr(worker, "_start", start)
        return worker, tries

    return made


def test_an_import_that_another_process_disturbed_is_tried_once_more(breaking: Callable[..., Any]) -> None:
    worker, tries = breaking(1, RACE)
    with worker:
        worker.start()
    assert len(tries) == 2


@pytest.mark.parametrize(("times", "log", "tried"), [(9, RACE, 2), (9, "ValueError: device\n", 1)])
def test_an_import_that_breaks_for_itself_is_not(
    breaking: Callable[..., Any], times: int, log: str, tried: int
) -> None:
    worker, tries = breaking(times, log)
    with worker:
        for _ in range(2):  # Nor for the next cell.
            with pytest.raises(process.WorkerBrokenError, match="importing the stack failed"):
                worker.start()
    assert len(tries) == tried


@pytest.mark.parametrize(
    ("reason", "tried"),
    [
        ("FileNotFoundError: No such file: '<stacks>/pymc3-3.8/compiledir/compiledir_Linux/tmp1'", 2),
        ("FileNotFoundError: No such file: 'my_data.csv'", 1),
        ("ValueError: compiledir", 1),
    ],
)
def test_a_cell_that_met_a_tidied_cache_is_run_once_more(
    monkeypatch: pytest.MonkeyPatch, reason: str, tried: int
) -> None:
    options = Options(profile="quick", timeout_s=1.0, memory_bytes=0, threads=1)
    with process.Worker(stack.named("pymc3-3.8"), options) as worker:
        tries = []

        def done(*arguments: Any) -> Outcome:
            tries.append(arguments)
            return Outcome(Status.FAILED, reason)

        monkeypatch.setattr(worker, "_done", done)
        outcome = worker.run(Cell("addition", SamplerSettings(), 1), "0" * 16, lambda _: None)
    assert len(tries) == tried
    assert outcome.reason == reason
