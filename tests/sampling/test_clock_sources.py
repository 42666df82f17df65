"""Where PyMC3 has a clock of its own, it and ours agree on where tuning ended."""

from pathlib import Path
from typing import Any

import pytest

from nutsbench.inside.clock import tuning_share
from tests.conftest import Run
from tests.sampling.conftest import Records


@pytest.mark.parametrize(("chains", "cores"), [(2, 2), pytest.param(2, 1, marks=pytest.mark.nightly), (3, 2)])
def test_the_split_agrees_with_the_sampler_statistics(
    nutsbench: Run, records: Records, results: Path, chains: Any, cores: Any
) -> None:
    import arviz as az

    done = nutsbench(
        *("run", "simple_regression", "--stack", "pymc3-3.11", "--keep-draws"),
        *("--draws", "600", "--tune", "400", "--chains", str(chains), "--cores", str(cores)),
    )
    assert done.returncode == 0, done.stderr
    (record,) = records()
    assert record["details"]["split_source"] == "record_clock"
    kept = az.from_netcdf(str(results / "draws" / record["details"]["draws_file"]))
    begun = kept.warmup_sample_stats["perf_counter_start"].values
    drawn = kept.sample_stats["perf_counter_start"].values
    took = kept.sample_stats["perf_counter_diff"].values
    spans = [
        (float(tune[0]), float(draw[0]), float(draw[-1] + last[-1]))
        for tune, draw, last in zip(begun, drawn, took)
    ]
    wall = {phase: record["phases"][phase]["wall_s"] for phase in ("tune", "draw")}
    ours = wall["tune"] / (wall["tune"] + wall["draw"])
    # Ours counts the start of processes as tuning, which the sampler's clock does not see.
    assert ours == pytest.approx(tuning_share(spans), abs=0.1)
