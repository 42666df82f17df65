"""What the pytest-benchmark suites share: Theano's flags, cores, a worker, and no host name."""

import functools

import pytest

from harness import environment, lock

# Theano and NumPy read it when they are imported, which the benchmarks do.
environment.prepare_this_process()


@pytest.fixture(scope="session")
def core():
    """Build and compile a model's core once for all of its benchmarks."""
    import models
    from harness.inside.core import Core
    from harness.tracking import cells

    with lock.machine("pytest benchmarks", cells.say):
        yield functools.lru_cache(maxsize=1)(lambda name: Core(models.get(name)))


@pytest.fixture(scope="session")
def next_record(request):
    """Sample the cells of the benchmarks that were chosen, in their order, one for each call."""
    from harness.tracking import cells

    chosen = [item.callspec.params["model"] for item in request.session.items if "test_cell" in item.name]
    records = cells.one_of_each(chosen, "quick")

    def get(model):
        record = next(records)
        assert record["model"] == model
        return record

    yield get
    records.close()


def pytest_benchmark_update_machine_info(config, machine_info):
    """Say what machine it is, and not which one."""
    del config
    machine_info["node"] = ""
    machine_info["nutsbench"] = environment.machine(1)
