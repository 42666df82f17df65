"""What both sides of a move are sampled with."""

from typing import Any, Callable, Dict, List, Tuple

import pytest

from nutsbench.judge.diagnostics import Quantity
from nutsbench.migrate import settings
from nutsbench.migrate.sides import Side
from nutsbench.models.spec import SamplerSettings
from nutsbench.records import grid
from nutsbench.records.record import Record
from nutsbench.stacks import stack
from tests.conftest import GOOD_SCALAR

CELLS = grid.expand(grid.Grid(("addition", "fork"), "tutorial", {}, (1, 2, 3)))


@pytest.mark.parametrize(
    ("name", "length"), [("pymc3-3.8", 500), ("pymc3-3.11", 1000), ("pymc-4.0.1", 1000), ("pymc-6.4", 1000)]
)
def test_defaults_are_those_of_each_pymc(name: str, length: int) -> None:
    made = settings.defaults(CELLS[0], stack.named(name), cores=2)
    assert (made.model, made.seed) == ("addition", 1)
    assert made.settings == SamplerSettings(draws=length, tune=length, chains=2, cores=2)


@pytest.mark.parametrize(("cores", "expected"), [(1, (2, 1)), (3, (3, 3)), (64, (4, 4))])
def test_chains_by_default_are_as_many_as_processors_but_two_to_four(
    cores: int, expected: Tuple[int, int]
) -> None:
    made = settings.defaults(CELLS[0], stack.named("pymc-6.4"), cores).settings
    assert (made.chains, made.cores) == expected


def test_what_is_tried_has_other_seeds_than_what_is_judged() -> None:
    cells = settings.tried(CELLS)
    assert len(cells) == len(set(cells)) == 2 * 9 * 2
    assert not {cell.seed for cell in cells} & {cell.seed for cell in CELLS}
    draws = {cell.model: cell.settings.draws for cell in CELLS}
    assert all(cell.settings.draws == draws[cell.model] for cell in cells)


@pytest.fixture
def side(make_record: Callable[..., Record]) -> Callable[..., Tuple[SamplerSettings, Side]]:
    """Make a model with some settings on a stack, sampled in so many seconds with each seed."""

    def made(accept: float, *took: float, rhat: float = 1.001) -> Tuple[SamplerSettings, Side]:
        had = SamplerSettings(target_accept=accept)
        records: List[Any] = []
        for seed, seconds in enumerate(took):
            phases: Dict[str, Any] = {
                name: {"wall_s": seconds / 2, "cpu_s": seconds / 2} for name in ("tune", "draw")
            }
            metrics = {"ess_bulk_min": 400.0, "ess_tail_min": 400.0, "rhat_max": rhat}
            record = make_record(settings=had, seed=seed, phases=phases, metrics=metrics).to_dict()
            if rhat > 1.1:
                apart = Quantity(**{**GOOD_SCALAR, "rhat": rhat, "rhat_p": 1e-9})
                record["quantities"] = {"a": apart.to_dict()}  # type: ignore[dict-item]
            records.append(record)
        return had, Side("addition", "pymc-6.4", records)

    return made


def test_the_best_takes_least_time_with_every_seed_that_was_tried(
    side: Callable[..., Tuple[SamplerSettings, Side]],
) -> None:
    found = settings.best([side(0.8, 3.0, 3.0), side(0.9, 1.0, 2.0), side(0.95, 0.1)])
    assert found is not None
    assert found.target_accept == 0.9


def test_what_has_not_mixed_is_no_choice(side: Callable[..., Tuple[SamplerSettings, Side]]) -> None:
    stuck = side(0.8, 0.1, 0.1, rhat=1.9)
    assert settings.best([stuck]) is None
    found = settings.best([stuck, side(0.9, 9.0, 9.0)])
    assert found is not None
    assert found.target_accept == 0.9
