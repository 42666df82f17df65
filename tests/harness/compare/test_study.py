"""How a comparison goes on: until it is decided, or the budget is spent, or an arm gives up."""

import math
import random
from typing import Any, Callable, Dict, Optional, Tuple, Union

import pytest

from nutsbench.compare import efficiency, statistics, study
from nutsbench.compare.arms import Arm
from nutsbench.compare.pair import ArmError, Pair
from nutsbench.compare.result import Options
from nutsbench.compare.statistics import Interval, Verdict
from nutsbench.stacks import stack

#: One model that is decided soon, and one whose pairs take longer and tell nothing.
NOISY = {"fork": 0.001, "addition": 0.3}
SLOW = {"fork": 5.0, "addition": 10.0}


class Clock:
    """A clock that goes on by as much as a pair takes."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def compared() -> Callable[..., Any]:
    """Compare with pairs that are made up: HEAD over BASE by model, with a spread between pairs."""
    clock, order = Clock(), random.Random(1)

    def compare(
        ratios: Dict[str, Any],
        spread: Union[Dict[str, Any], float] = 0.01,
        pair_s: Union[Dict[str, Any], float] = 5.0,
        leapfrogs: Tuple[Any, ...] = (7, 7),
        fail: Tuple[Any, ...] = (),
        fail_after: Optional[Dict[str, Any]] = None,
        **options: Any,
    ) -> Tuple[Any, ...]:
        def measure(base: Arm, head: Arm, model: str, number: int, bursts: int) -> Pair:
            clock.now += pair_s[model] if isinstance(pair_s, dict) else pair_s
            if model in fail or number > (fail_after or {}).get(model, number):
                raise ArmError(f"{head.label}: its process ended")
            noise = spread[model] if isinstance(spread, dict) else spread
            ratio = math.exp(math.log(ratios[model]) + order.gauss(0, noise))
            facts = {"import_s": 1.0, "compile_s": 2.0, "peak_rss_bytes": 3}
            burst = [{"cpu_s": time, "leapfrogs": count, "end": [0.0]} for time, count in
                     ((1.0 * leapfrogs[0], leapfrogs[0]), (ratio * leapfrogs[1], leapfrogs[1]))]  # fmt: skip
            return Pair([burst[0]] * bursts, [burst[1]] * bursts, (facts, facts), 10)

        one = stack.named(stack.DEFAULT)
        arms = Arm("BASE", "a", one), Arm("HEAD", "b", one)
        found = study.Study(*arms, list(ratios), Options(**options), measure, clock.monotonic)
        told = []
        found.run(lambda known: told.append(known.verdict))
        return found, told

    return compare


def test_a_slowdown_is_found_and_ends_the_comparison(compared: Callable[..., Any]) -> None:
    found, _ = compared({"fork": 1.1})
    result = found.results["fork"]
    assert found.verdict is Verdict.SLOWER
    assert len(result.pairs) < 12
    assert result.interval.ratio == pytest.approx(1.1, rel=0.02)


def test_who_wants_no_more_than_the_answer_has_it_sooner(compared: Callable[..., Any]) -> None:
    ratios = {"fork": 1.1, "addition": 1.0}
    whole, _ = compared(ratios, fail_fast=False)
    found, told = compared(ratios, fail_fast=True)
    assert found.verdict is whole.verdict is Verdict.SLOWER
    assert told.count(Verdict.SLOWER) == 1
    assert sum(len(one.pairs) for one in found.results.values()) < sum(
        len(one.pairs) for one in whole.results.values()
    )


def test_nothing_slower_is_no_answer_before_every_model_has_one(compared: Callable[..., Any]) -> None:
    ratios = {"fork": 1.0, "addition": 1.0}
    found, _ = compared(ratios, spread=0.005, fail_fast=True)
    assert found.verdict is Verdict.SAME
    assert all(one.verdict is Verdict.SAME for one in found.results.values())


def test_arms_that_are_alike_are_the_same(compared: Callable[..., Any]) -> None:
    found, told = compared({"fork": 1.0, "addition": 1.0}, spread=0.005)
    assert found.verdict is Verdict.SAME
    assert told[0] is Verdict.UNDECIDED
    assert found.overall.pairs >= statistics.MIN_PAIRS


def test_a_noisy_comparison_ends_with_the_budget_undecided(compared: Callable[..., Any]) -> None:
    found, _ = compared({"fork": 1.0}, spread=0.2, budget_s=30.0)
    result = found.results["fork"]
    assert found.verdict is Verdict.UNDECIDED
    # The first pair may have compiled; it is no part of the budget.
    assert len(result.pairs) == 7


def test_decided_models_go_on_while_the_whole_needs_them(compared: Callable[..., Any]) -> None:
    # Each is decided after some five pairs; the mean of both, which is 1, is not.
    found, _ = compared({"fork": 1.3, "addition": 1 / 1.3}, spread=0.03, budget_s=120.0)
    assert found.results["fork"].verdict is Verdict.SLOWER
    assert found.overall is not None
    assert found.verdict is Verdict.SLOWER
    assert len(found.results["fork"].pairs) == len(found.results["addition"].pairs) > 8


def test_an_arm_that_fails_in_one_model_leaves_the_others(compared: Callable[..., Any]) -> None:
    found, _ = compared({"fork": 1.0, "addition": 1.0}, spread=0.005, fail=("addition",))
    assert found.results["addition"].problem == "HEAD (b): its process ended"
    assert found.results["fork"].verdict is Verdict.SAME
    assert found.verdict is Verdict.UNDECIDED


def test_what_was_measured_before_an_arm_failed_counts(compared: Callable[..., Any]) -> None:
    ratios = {"fork": 1.3, "addition": 1 / 1.3}
    found, _ = compared(ratios, spread=0.03, budget_s=120.0, fail_after={"fork": 7})
    assert found.results["fork"].problem
    assert len(found.results["fork"].pairs) == 7
    assert found.verdict is Verdict.SLOWER


def test_what_is_told_beside_rests_on_the_rounds_of_all_models(compared: Callable[..., Any]) -> None:
    ratios = {"fork": 1.0, "addition": 1.0}
    found, _ = compared(ratios, spread=NOISY, pair_s=SLOW, budget_s=40.0)
    pairs = [len(result.pairs) for result in found.results.values()]
    assert min(pairs) < max(pairs)
    assert {one.pairs for one in found.beside().values()} == {min(pairs) - 1}


def test_other_work_is_weighed_by_what_it_is_worth(
    compared: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def cost(base: Arm, head: Arm, model: str, transitions: int, level: float) -> Interval:
        asked.append((model, transitions, level))
        return Interval(2.0, 1.8, 2.2, 12)

    monkeypatch.setattr(efficiency, "compare", cost)
    found, _ = compared({"fork": 0.8}, leapfrogs=(7, 3))
    result = found.results["fork"]
    assert result.same_work is False
    assert asked == [("fork", 10, result.level / 2)]
    assert result.interval.ratio == pytest.approx(1.6, rel=0.02)
    assert found.verdict is Verdict.SLOWER


def test_what_is_known_is_json(compared: Callable[..., Any]) -> None:
    found, _ = compared({"fork": 1.1})
    content = found.to_dict()
    assert content["verdict"] == "slower"
    assert content["models"][0]["same_work"] is True
    assert set(content["beside"]) == {"import", "compile", "peak memory"}
    assert content["base"]["name"] == "a"


def test_the_whole_of_other_work_is_of_what_it_is_worth(
    compared: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(efficiency, "compare", lambda *_: Interval(0.5, 0.45, 0.55, 12))
    found, _ = compared({"fork": 1.1, "addition": 1.1}, leapfrogs=(7, 3), budget_s=40.0)
    assert found.overall.ratio == pytest.approx(0.55, rel=0.05)
    assert found.verdict is Verdict.FASTER
    assert found.to_dict()["other_work"] is True


def test_a_spent_budget_of_one_model_ends_the_others_that_are_decided(compared: Callable[..., Any]) -> None:
    ratios = {"fork": 1.5, "addition": 1.0}
    found, _ = compared(ratios, spread=NOISY, pair_s=SLOW, budget_s=40.0)
    fork, addition = (found.results[name] for name in ratios)
    assert (fork.verdict, addition.verdict) == (Verdict.SLOWER, Verdict.UNDECIDED)
    assert len(fork.pairs) < len(addition.pairs)


def test_a_noisy_model_gets_what_the_others_have_left(compared: Callable[..., Any]) -> None:
    ratios = {"fork": 1.2, "addition": 1.2, "no_fork": 1.0}
    found, _ = compared(ratios, spread={"fork": 0.01, "addition": 0.01, "no_fork": 0.2}, budget_s=60.0)
    spent = {name: result.seconds - result.first_s for name, result in found.results.items()}
    assert spent["no_fork"] > 60
    assert sum(spent.values()) <= 3 * 60 + 5
