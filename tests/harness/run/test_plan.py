"""What is run together, in which order, and how long it is said to take."""

import dataclasses
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nutsbench.models.spec import SamplerSettings
from nutsbench.records.grid import Cell
from nutsbench.records.record import Record
from nutsbench.run import plan
from nutsbench.run.plan import Job
from nutsbench.stacks import stack

STACKS = [stack.resolve(name) for name in stack.NAMES]


def job(model: Any = "addition", seed: Any = 1, on: Any = 0, **settings: Any) -> Any:
    return Job(Cell(model, SamplerSettings(**settings), seed), STACKS[on], "model", "stack")


jobs = st.builds(
    job,
    model=st.sampled_from(["addition", "fork"]),
    seed=st.integers(1, 3),
    on=st.integers(0, 1),
    draws=st.sampled_from([100, 200, 300]),
    tune=st.sampled_from([50, 60]),
)


def test_cells_that_differ_in_draws_alone_are_one_run_with_the_most_draws_first() -> None:
    todo = [job(draws=100), job(draws=100, seed=2), job(draws=300), job(draws=200), job(draws=200, tune=7)]
    runs = plan.together(todo, share=True)
    assert [[one.cell.settings.draws for one in run] for run in runs] == [[300, 200, 100], [100], [200]]
    assert plan.together(todo, share=False) == [[one] for one in todo]


@given(st.lists(jobs, unique=True), st.booleans())
def test_every_job_is_in_one_run_and_the_first_of_a_run_holds_the_others(todo: Any, share: Any) -> None:
    runs = plan.early_first(plan.together(todo, share))
    assert sorted(map(repr, todo)) == sorted(repr(one) for run in runs for one in run)
    for first, *others in runs:
        for other in others:
            assert other.stack == first.stack
            assert other.cell.settings.draws < first.cell.settings.draws
            draws = first.cell.settings.draws
            settings = dataclasses.replace(other.cell.settings, draws=draws)
            assert dataclasses.replace(other.cell, settings=settings) == first.cell


def test_one_seed_of_each_configuration_comes_before_the_second_of_any() -> None:
    todo = [job(seed=seed, tune=tune) for tune in (50, 60) for seed in (1, 2, 3)]
    runs = plan.early_first(plan.together(todo, share=True))
    assert [run[0].cell.seed for run in runs] == [1, 1, 2, 2, 3, 3]


def test_what_runs_share_is_counted_once(make_record: Callable[..., Record]) -> None:
    # Recorded: 1 s each of build, compile, tune, draw and diagnose, for 200 transitions of each chain.
    known = [make_record(settings=SamplerSettings(draws=100, tune=100)).to_dict()]
    todo = [job(draws=100, tune=100), job(draws=300, tune=100), job(draws=300, tune=100, seed=2)]
    runs = plan.together([*todo, job("fork")], share=True)
    assert plan.estimates(runs, known, share=True) == pytest.approx([2 + 4 + 2, 4 + 1, None])
    apart = plan.together(todo, share=False)
    assert plan.estimates(apart, known, share=False) == pytest.approx([2 + 2 + 1, 2 + 4 + 1, 2 + 4 + 1])
