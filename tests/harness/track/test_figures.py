"""What asv is given for each figure, and what asv's own statistics then make of it."""

import math
from typing import Any, List, Tuple, Union

import pytest

from nutsbench.track.figures import FIGURES, Kind, result

NAMED = {figure.name: figure for figure in FIGURES}


def record(
    seed: int = 1,
    seconds: float = 2.0,
    ess: float = 100.0,
    steps: int = 1000,
    divergences: int = 0,
    z: float = 1.5,
) -> Any:
    wall = {"wall_s": seconds / 2}
    return {
        "seed": seed,
        "phases": {"tune": wall, "draw": wall},
        "metrics": {
            "ess_bulk_min": ess,
            "leapfrogs": steps // 2,
            "tune_leapfrogs": steps // 2,
            "divergences": divergences,
            "ess_per_s": ess / seconds,
        },
        "accuracy": {"worst": {"z": -z}},
        "details": {"compile_s": [0.5, 0.6]},
    }


def changes(base: List[Any], head: List[Any], figure: str) -> str:
    """Ask asv itself: is head worse (+), better (-) or not different from base?"""
    compare = pytest.importorskip("asv.commands.compare")
    statistics = pytest.importorskip("asv_runner.statistics")

    def stored(records: List[Any]) -> Tuple[Any, ...]:
        value = result(NAMED[figure], records)
        if isinstance(value, dict):
            middle, stats = statistics.compute_stats(value["samples"], value["number"])
            return middle, (stats, value["samples"])
        return value, (None, None)

    (old, old_samples), (new, new_samples) = stored(base), stored(head)
    if compare._is_result_better(new, old, new_samples, old_samples, 1.1):
        return "-"
    return "+" if compare._is_result_better(old, new, old_samples, new_samples, 1.1) else " "


#: Seven seeds whose effective samples differ by 15 %, and whose times do by 2 %.
ESS = (100.0, 118.0, 83.0, 107.0, 91.0, 125.0, 96.0)
NOISE = (1.0, 1.02, 0.98, 1.01, 0.99, 1.015, 0.985)
OTHER_NOISE = (0.99, 1.0, 1.02, 0.985, 1.01, 0.98, 1.015)


def run(
    factor: float = 1.0, noise: Union[List[Any], Tuple[Any, ...]] = NOISE, ess: Tuple[Any, ...] = ESS
) -> List[Any]:
    return [
        record(seed, seconds=2.0 * factor * chance, ess=samples)
        for seed, (chance, samples) in enumerate(zip(noise, ess))
    ]


def test_a_slowdown_of_20_percent_is_one_of_pace_and_not_better_ess_per_s() -> None:
    assert changes(run(), run(1.2, OTHER_NOISE), "pace_s") == "+"
    assert changes(run(), run(1.2, OTHER_NOISE), "ess_per_s") == " "


def test_ess_per_s_is_never_called_better_however_far_it_falls() -> None:
    assert changes(run(), run(10, OTHER_NOISE), "ess_per_s") == " "
    assert changes(run(), run(0.1, OTHER_NOISE), "ess_per_s") == " "


def test_nothing_changed_is_called_nothing() -> None:
    for name in NAMED:
        if name not in ("us_per_leapfrog", "wall_s", "rhat_max"):
            assert changes(run(), run(1.0, OTHER_NOISE), name) == " ", name


def test_new_divergences_are_worse() -> None:
    assert changes([record()] * 7, [record(divergences=1)] * 7, "divergences") == "+"


def test_fewer_effective_samples_by_chance_are_not_called_worse_draws() -> None:
    other_seeds = (88.0, 104.0, 121.0, 79.0, 99.0, 93.0, 110.0)
    assert changes(run(), run(1.0, OTHER_NOISE, other_seeds), "leapfrogs_per_ess") == " "


def _samples(name: str, records: List[Any]) -> Any:
    found = result(NAMED[name], records)
    assert isinstance(found, dict)
    return found["samples"]


def _is_nan(name: str, records: List[Any]) -> bool:
    found = result(NAMED[name], records)
    return isinstance(found, float) and math.isnan(found)


def test_pace_is_all_seconds_over_all_effective_samples_where_times_do_not_differ() -> None:
    records = run(1.0, [1.0] * 7)
    samples = _samples("pace_s", records)
    assert samples == pytest.approx([14.0 / sum(ESS)] * 7)


def test_counts_are_added_over_seeds_and_z_has_no_sign() -> None:
    assert result(NAMED["leapfrogs"], [record(steps=10), record(steps=20)]) == 15
    assert _samples("worst_z", [record(z=2.0), record(z=3.0)]) == [2.0, 3.0]


def test_what_a_record_lacks_is_skipped_and_never_infinite() -> None:
    lacking = record()
    lacking["metrics"]["ess_per_s"] = None
    assert _is_nan("ess_per_s", [record(), lacking])
    assert _is_nan("pace_s", [record(ess=0.0)])
    endless = record()
    endless["metrics"]["ess_per_s"] = math.inf
    assert _is_nan("ess_per_s", [endless])


def test_larger_is_better_only_where_nothing_is_judged() -> None:
    from nutsbench.judge.metrics import METRICS

    for figure in FIGURES:
        if figure.name in METRICS and METRICS[figure.name].direction == "higher":
            assert figure.kind is Kind.READ, figure.name
