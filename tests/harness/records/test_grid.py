"""Settings' ranges become cells, or a message that names the value."""

import dataclasses
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.models.spec import SamplerSettings
from nutsbench.records import grid
from nutsbench.records.grid import Cell, Grid
from nutsbench.records.record import Record


def test_quick_is_every_model_once_with_its_own_target_accept() -> None:
    quick = {cell.model: cell.settings for cell in grid.expand(Grid())}
    assert quick["addition"].draws == grid.QUICK["draws"]
    assert quick["fork"] == models.get("fork").quick
    assert quick["fork"].draws < grid.QUICK["draws"]
    cells = grid.expand(Grid())
    assert [cell.model for cell in cells] == models.names()
    for spec in (models.get(cell.model) for cell in cells):
        own = spec.quick or spec.settings
        assert quick[spec.name].target_accept == own.target_accept


def test_tutorial_is_the_tutorials_settings() -> None:
    cells = grid.expand(Grid(profile="tutorial"))
    assert [cell.settings for cell in cells] == [models.get(name).settings for name in models.names()]


def test_sweep_varies_one_setting_at_a_time() -> None:
    base = models.get("simple_regression").settings
    for cell in grid.expand(Grid(("simple_regression",), "sweep")):
        changed = [n for n in base.names() if getattr(cell.settings, n) != getattr(base, n)]
        assert len(changed) <= 1


def test_a_dear_model_has_a_smaller_sweep() -> None:
    counts = {name: len(grid.expand(Grid((name,), "sweep"))) for name in models.names()}
    dear = {name for name in models.names() if grid.DEAR in models.get(name).tags}
    assert dear == {"pipe_confound", "fork", "combined_exclude_collider"}
    assert max(counts[name] for name in dear) <= 5
    assert min(counts[name] for name in counts if name not in dear) >= 8


def test_values_are_crossed() -> None:
    values = {"draws": (200, 400), "tune": (300,), "chains": (1, 2), "target_accept": (0.8, 0.95)}
    cells = grid.expand(Grid(("simple_regression", "no_fork"), "quick", values, (1, 2, 3)))
    assert len(cells) == len(set(cells)) == 2 * 2 * 2 * 2 * 3
    assert {cell.settings.tune for cell in cells} == {300}


def test_a_cell_asked_for_twice_is_one_cell() -> None:
    assert len(grid.expand(Grid(("addition", "addition"), "quick", {"draws": (10, 10)}))) == 1


def test_a_cell_survives_json() -> None:
    cell = grid.expand(Grid(("fork",)))[0]
    assert Cell.from_dict(cell.to_dict()) == cell


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"draws": 0}, "draws has to be at least 1, not 0"),
        ({"draws": -5}, "draws has to be at least 1, not -5"),
        ({"tune": -1}, "tune has to be 0 or more, not -1"),
        ({"chains": 0}, "chains has to be at least 1, not 0"),
        ({"cores": 0}, "cores has to be at least 1, not 0"),
        ({"target_accept": 1.0}, "above 0 and below 1, not 1.0"),
        ({"target_accept": float("nan")}, "above 0 and below 1, not nan"),
    ],
)
def test_settings_out_of_range_are_named(change: Any, said: Any) -> None:
    with pytest.raises(UserError, match=said):
        grid.check(dataclasses.replace(SamplerSettings(), **change))


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_seeds_that_numpy_cannot_take_are_refused(seed: Any) -> None:
    with pytest.raises(UserError, match=str(seed)):
        grid.check_seed(seed)


def test_unknown_names_get_their_nearest_match() -> None:
    with pytest.raises(UserError, match="Did you mean 'simple_regression'"):
        grid.expand(Grid(("simple_regresion",)))
    with pytest.raises(UserError, match="Did you mean 'tutorial'"):
        grid.expand(Grid(profile="tutoral"))


def test_more_cores_than_there_are_is_said() -> None:
    cell = Cell("coin_toss", SamplerSettings(chains=4, cores=4), 1)
    assert "cores 4 is more than this machine's 2" in grid.warnings_of(cell, 2)[0]
    assert grid.warnings_of(cell, 4) == []
    (said,) = grid.warnings_of(Cell("coin_toss", SamplerSettings(chains=1, cores=64), 1), 2)
    assert said == "cores 64 is more than this machine's 2: no more than that run at a time"


def test_an_estimate_scales_with_transitions_and_rounds(make_record: Callable[..., Record]) -> None:
    known = [make_record(settings=SamplerSettings(draws=100, tune=100)).to_dict()]
    # Recorded: 3 s of build, compile and diagnose, 2 s for 200 transitions on 2 cores.
    assert grid.estimate(Cell("addition", SamplerSettings(draws=300, tune=100), 1), known).total_s == 3 + 4
    serial = SamplerSettings(draws=100, tune=100, cores=1)
    assert grid.estimate(Cell("addition", serial, 1), known).total_s == 3 + 4
    assert grid.estimate(Cell("fork", serial, 1), known) is None


def test_an_estimate_prefers_records_of_a_warm_cache(make_record: Callable[..., Record]) -> None:
    dear = {p: {"wall_s": 50.0, "cpu_s": 1.0} for p in ("build", "compile", "tune", "draw", "diagnose")}
    cold = make_record(phases=dear, details={"compile_cache": {"state": "cold"}}).to_dict()
    cell = Cell("addition", SamplerSettings(), 1)
    assert grid.estimate(cell, [cold, make_record().to_dict()]).total_s == 5
    assert grid.estimate(cell, [cold]).total_s == 250


def test_an_estimate_prefers_the_nearest_target_accept(make_record: Callable[..., Record]) -> None:
    slow = {p: {"wall_s": 50.0, "cpu_s": 1.0} for p in ("build", "compile", "tune", "draw", "diagnose")}
    near = make_record(settings=SamplerSettings(target_accept=0.9))
    far = make_record(settings=SamplerSettings(target_accept=0.99), phases=slow)
    known = [far.to_dict(), near.to_dict()]
    assert grid.estimate(Cell("addition", SamplerSettings(), 1), known).total_s == 5


@given(st.integers(1, 50), st.integers(0, 50), st.integers(1, 8), st.integers(1, 8))
def test_settings_survive_json(draws: Any, tune: Any, chains: Any, cores: Any) -> None:
    settings = SamplerSettings(draws, tune, chains, cores)
    assert SamplerSettings.from_dict(settings.to_dict()) == settings
