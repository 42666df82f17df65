"""How long until there are enough effective draws, and whether two posteriors are one."""

import math
from typing import Any, Callable, Dict, Sequence

import numpy as np
import pytest

from nutsbench.compare.statistics import Interval
from nutsbench.judge import accuracy
from nutsbench.judge.diagnostics import Quantity
from nutsbench.migrate import moves, sides
from nutsbench.migrate.moves import Answer, Speed
from nutsbench.migrate.sides import COLD, SAMPLING, WARM, Side
from nutsbench.records.record import Record
from tests.conftest import GOOD_SCALAR

Make = Callable[..., Any]


@pytest.fixture
def made(make_record: Callable[..., Record]) -> Make:
    def make(ess: float = 800.0, state: str = "warm", **changes: Any) -> Any:
        metrics = {"ess_bulk_min": ess, "ess_tail_min": 2 * ess, "tune_leapfrogs": 1000, "leapfrogs": 4000}
        details = {"compile_cache": {"state": state}, **changes.pop("details", {})}
        return make_record(**{"metrics": metrics, "details": details, **changes}).to_dict()

    return make


def test_tuning_counts_in_full_and_drawing_in_proportion(made: Make) -> None:
    assert sides.seconds(made(), SAMPLING) == 1.0 + 0.5
    assert sides.seconds(made(), WARM) == 2.0 + 1.0 + 0.5
    assert sides.seconds(made(), COLD) is None
    assert sides.gradients(made()) == 1000 + 2000
    assert sides.seconds(made(ess=200.0), SAMPLING) == 1.0 + 2.0


def test_where_tuning_is_not_known_all_of_sampling_counts_in_full(made: Make) -> None:
    unknown = {"details": {"split_source": "not_known"}}
    assert sides.seconds(made(**unknown), SAMPLING) == 2.0
    assert sides.seconds(made(ess=200.0, **unknown), SAMPLING) == 4.0


def test_what_was_compiled_for_the_first_time_with_help_tells_of_sampling_alone(made: Make) -> None:
    assert sides.kinds(made(state="cold")) == {SAMPLING}
    assert sides.kinds(made(details={"compiled_plainly": True})) == {SAMPLING, COLD}
    on_jax = made(state="cold", details={"engine": {"name": "numpyro", "chain_method": "parallel"}})
    assert sides.kinds(on_jax) == {SAMPLING, WARM, COLD}


def test_without_an_ess_there_is_no_time(made: Make) -> None:
    record = made()
    record["metrics"]["ess_tail_min"] = None
    assert sides.seconds(record, SAMPLING) is None
    assert sides.gradients(record) is None


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (0.5, 0.9, Speed.FASTER),
        (0.9, 1.05, Speed.NOT_SLOWER),
        (1.01, 1.5, Speed.SLOWER),
        (0.9, 1.2, Speed.UNDECIDED),
        (0.0, math.inf, Speed.UNDECIDED),
    ],
)
def test_a_ratio_is_judged_by_its_interval(lower: float, upper: float, expected: Speed) -> None:
    assert moves.speed(Interval(1.0, lower, upper, 3)) is expected
    assert moves.speed(None) is Speed.UNDECIDED


def _side(made: Make, stack: str, shift: float = 0.0, **changes: Any) -> Side:
    """Return three seeds of a model without a truth, whose mean is off by some posterior sds."""
    records = []
    for seed in (1, 2, 3):
        scalar: Dict[str, Any] = {**GOOD_SCALAR, "mean": 5.0 + 2.0 * shift, "sd": 2.0}
        scalar.update(mcse_mean=0.05, mcse_sd=0.05)
        found = {"a": Quantity(**scalar).to_dict()}
        records.append(
            made(seed=seed, stack=stack, quantities=found, accuracy={}, truth_digest="", **changes)
        )
    return Side("own", stack, records)


def test_without_a_truth_both_sides_are_compared_with_each_other(made: Make) -> None:
    old = _side(made, "pymc3-3.8")
    (same,) = moves.moves([(old, _side(made, "pymc-6.4"))])
    assert (same.answer, same.why) == (Answer.AGREES, "")
    (other,) = moves.moves([(old, _side(made, "pymc-6.4", shift=0.2))])
    assert other.answer is Answer.WRONG
    assert "mean of a by 0.2 sds" in other.why
    assert other.code == 1


def test_the_chance_of_a_false_alarm_is_that_of_the_level(
    made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sides of one posterior, many times, at a level that can be counted."""
    random, wrong, count = np.random.RandomState(5), 0, 400
    old = _side(made, "old")
    monkeypatch.setattr(accuracy, "LEVEL", 0.05)
    for _ in range(count):
        new = _side(made, "new")
        for side in (old, new):
            for record in side.records:
                one = record["quantities"]["a"]
                one["mean"] = 5.0 + random.normal(scale=0.05)
                one["sd"] = 2.0 + random.normal(scale=0.05)
        wrong += moves._compared(old, new, 1)[0] is Answer.WRONG
    # Binomial: 20 expected, with a standard deviation of 4.4.
    assert 5 <= wrong <= 40


def test_an_old_side_that_is_wrong_says_nothing_against_a_new_one_that_is_right(made: Make) -> None:
    bad = {"accuracy": {"verdict": "inaccurate", "reasons": ["the sd of a is off"]}}
    old, new = Side("own", "old", [made(**bad)]), Side("own", "new", [made()])
    (move,) = moves.moves([(old, new)])
    assert (move.answer, move.why) == (Answer.RIGHT, "old is not: the sd of a is off")
    (back,) = moves.moves([(new, old)])
    assert back.answer is Answer.WRONG
    assert back.why == "old differs from the exact posterior: the sd of a is off"


@pytest.mark.parametrize(
    ("scores", "expected", "said"),
    [
        (
            (5.2, 0.1, -0.3, 0.2),
            Answer.UNKNOWN,
            "1 of 4 seeds: a is off; all seeds together: mean of a, z 2.6",
        ),
        ((5.2, 4.0, 3.5, 4.2), Answer.WRONG, "z 8.4, where up to 3.3 may be chance"),
        (
            (2.5, 2.4, 2.6, 2.5),
            Answer.WRONG,
            "0 of 4 seeds by themselves; all seeds together: mean of a, z 5.0",
        ),
    ],
)
def test_one_seed_of_several_that_differs_is_judged_with_the_others(
    made: Make, scores: Sequence[float], expected: Answer, said: str
) -> None:
    records = [
        made(
            seed=seed,
            accuracy={
                "verdict": "inaccurate" if z > 5 else "accurate",
                "reasons": ["a is off"] if z > 5 else [],
                "scores": {"a": {"mean": [z, 0.1]}},
            },
        )
        for seed, z in enumerate(scores)
    ]
    (move,) = moves.moves([(Side("own", "old", [made()]), Side("own", "new", records))])
    assert move.answer is expected
    assert said in move.why


def test_a_seed_that_differs_by_no_more_than_one_of_so_many_may_is_no_difference(made: Make) -> None:
    def side(*scores: float) -> Side:
        records = [
            made(
                seed=seed,
                accuracy={
                    "verdict": "inaccurate" if z > 4 else "accurate",
                    "reasons": ["a is off"] if z > 4 else [],
                    "scores": {"a": {"mean": [z, 0.1]}},
                },
            )
            for seed, z in enumerate(scores)
        ]
        return Side("own", "new", records)

    old = Side("own", "old", [made()])
    odd, even = side(4.5, 0.1, -0.3, 0.2), side(0.1, 0.2, -0.3, 0.2)
    (alone,) = moves.moves([(old, odd)])
    assert alone.answer is Answer.UNKNOWN
    (among, *_) = moves.moves([(old, odd), *[(old, even)] * 79])
    assert (among.answer, among.why) == (Answer.RIGHT, "")


@pytest.mark.parametrize(("models", "expected"), [(1, Answer.WRONG), (60, Answer.UNKNOWN)])
def test_one_seed_alone_is_judged_at_a_level_that_the_models_share(
    made: Make, models: int, expected: Answer
) -> None:
    odd = {"verdict": "inaccurate", "reasons": ["a is off"], "scores": {"a": {"mean": [4.1, 0.1]}}}
    pair = (Side("own", "old", [made()]), Side("own", "new", [made(accuracy=odd)]))
    others = [(Side(f"m{n}", "old", [made()]), Side(f"m{n}", "new", [made()])) for n in range(models - 1)]
    move = moves.moves([pair, *others])[0]
    assert move.answer is expected
    assert "a is off; mean of a, z 4.1, where up to " in move.why
    assert f"may be chance among {models} model" in move.why


def test_chains_that_have_not_mixed_decide_nothing(made: Make) -> None:
    scalar = {**GOOD_SCALAR, "rhat": 1.9, "rhat_p": 1e-9}
    apart = Side("own", "new", [made(quantities={"a": Quantity(**scalar).to_dict()})])
    (move,) = moves.moves([(Side("own", "old", [made()]), apart)])
    assert move.answer is Answer.UNKNOWN
    assert "have not mixed" in move.why
    assert move.ratios[SAMPLING] is None
    assert move.code == 3
