"""What the pytest-benchmark suites share: a process of the stack, and no host name.

The suites run in this program's own environment and have a stack measure: the default one, or that
of ``NUTSBENCH_STACK``.
"""

import functools
from typing import Any, Callable, Dict, Iterator, List

import pytest

from nutsbench.base import lock
from nutsbench.records.stored import Stored
from nutsbench.stacks import environment, install, stack
from nutsbench.track import cells

cells.load_own_models()


@pytest.fixture(scope="session")
def measured() -> Iterator[Callable[..., Dict[str, Any]]]:
    """Return what has the stack time a call of a model's core."""
    from nutsbench import models
    from nutsbench.run.options import Options
    from nutsbench.run.process import Worker

    one = stack.current()
    install.create(one)
    options = Options("core", 1800.0, 0, 1, tuple(models.loaded_files()))
    with lock.machine("pytest benchmarks", cells.say), Worker(one, options) as worker:
        yield functools.partial(worker.ask, "core")


@pytest.fixture(scope="session")
def next_record(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Stored]]:
    """Sample the cells of the benchmarks that were chosen, in their order, one for each call."""
    items: List[Any] = request.session.items
    chosen = [item.callspec.params["model"] for item in items if "test_cell" in item.name]
    records = cells.one_of_each(chosen, "quick")

    def get(model: str) -> Stored:
        record = next(records)
        assert record["model"] == model
        return record

    yield get
    records.close()


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: Dict[str, Any]) -> None:
    """Say what machine it is, and not which one."""
    del config
    machine_info["node"] = ""
    machine_info["nutsbench"] = environment.machine(1)
