"""Cells over Dask: the same draws and records as here, and every cell one record whatever goes wrong."""

from pathlib import Path
from typing import Any, Callable

import pytest

from benchmarks.studies import cluster_faults
from tests.conftest import Run
from tests.sampling.conftest import Records


def test_cells_of_a_cluster_are_those_of_this_machine(
    nutsbench: Run, records: Records, models_file: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("SD = 1.0\n")
    text = (
        models_file()
        .read_text()
        .replace("import numpy as np\n", "import numpy as np\nfrom beside import SD\n")
    )
    path = models_file("four_numbers", text.replace('"mu", 0, 1', '"mu", 0, SD'))
    run = ("run", "four_numbers", "--models", str(path), "--draws", "20,10", "--tune", "10", "--seed", "1,2")
    spool = {"NUTSBENCH_SPOOL": str(tmp_path / "spool")}
    done = nutsbench(*run, "--cluster", "local", **spool)
    assert done.returncode == 0, done.stderr
    again = nutsbench(*run)
    assert "not run again: 4 cells" in again.stdout
    there = records()
    assert nutsbench(*run, "--fresh").returncode == 0
    here = records()[4:]
    for one in (there, here):
        one.sort(key=lambda record: (record["seed"], record["settings"]["draws"]))
    assert [record["quantities"] for record in there] == [record["quantities"] for record in here]
    assert [record["origin"] for record in there] == [record["origin"] for record in here]
    assert all(record["metrics"]["ess_per_s"] > 0 for record in there)
    # What is safe here is kept nowhere else.
    assert not list((tmp_path / "spool").rglob("*.json"))


@pytest.mark.parametrize(
    "fault",
    [
        "member_killed",
        *(
            pytest.param(name, marks=pytest.mark.nightly)
            for name in cluster_faults.FAULTS
            if name != "member_killed"
        ),
    ],
)
def test_whatever_goes_wrong_each_cell_has_one_record(fault: str, tmp_path: Path) -> None:
    row: Any = cluster_faults.measure(fault, tmp_path)
    assert (row.answered, row.lost, row.twice) == (row.cells, 0, 0)
    # Of who measured, a cell that had begun is a result; of who handed out, nothing is.
    fails = fault in ("process_killed", "stack_killed")
    assert (row.failed, row.code) == ((1, 1) if fails else (0, 0))
    again = {"member_killed", "member_killed_early", "hangs", "partition"}
    assert row.begun <= row.cells + (fault in again)
