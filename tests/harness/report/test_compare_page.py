"""The page of comparisons: those stored, and stacks by their records."""

import json
import re
from typing import Any

from nutsbench.report import side_by_side
from nutsbench.report.draw import charts
from tests.harness.report.conftest import changed, comparison, figures_of, unmixed, with_itself


def test_two_stacks_with_seeds_have_intervals_and_one_seed_has_none(
    published: Any, write: Any, build: Any
) -> None:
    chosen = [one for one in published if one["model"] in ("fork", "addition")]
    seeds = [
        changed(
            one,
            seed=seed,
            id=f"{one['id'][:20]}{seed}",
            metrics={"us_per_leapfrog": one["metrics"]["us_per_leapfrog"] * (1 + seed / 1000)},
        )
        for one in chosen
        for seed in ((1, 2, 3) if one["model"] == "addition" else (1,))
    ]
    text = (build(write(seeds), "compare.html")[0] / "compare.html").read_text()
    (intervals,) = (one for name, one in figures_of(text).items() if name.startswith("intervals-"))
    assert intervals["data"][0]["y"] == ["addition"]
    assert "Not judged: fork (one seed alone has no spread" in text
    assert "one seed alone has no spread" in text


def test_two_runs_of_a_stack_are_side_by_side(published: Any, write: Any, build: Any) -> None:
    before = [one for one in published if one["stack"] == "pymc3-3.8"][:3]
    after = [
        changed(one, id=f"f{one['id'][1:]}", started_at="2026-12-01T00:00:00+00:00", metrics={"pace_s": 1.0})
        for one in before
    ]
    text = (build(write([*before, *after]), "compare.html")[0] / "compare.html").read_text()
    assert "pymc3-3.8, newest run over pymc3-3.8, the run before, by records, " in text
    assert "Of 3 cells (model, settings and seed) that both have" in text


def test_a_stored_comparison_is_shown_with_its_verdicts(published: Any, write: Any, build: Any) -> None:
    folder = write(published[:1])
    (folder / "compare").mkdir()
    (folder / "compare" / "published").mkdir()
    (folder / "compare" / "published" / "20261123T000000Z-abcdef.json").write_text(json.dumps(comparison()))
    (folder / "compare" / "broken.json").write_text("{")
    lacking = {**comparison(), "options": {}}
    (folder / "compare" / "lacking.json").write_text(json.dumps(lacking))
    text = (build(folder, "compare.html")[0] / "compare.html").read_text()
    assert "broken.json is no comparison" in text
    assert "lacking.json is no comparison" in text
    assert "Measured 2026-11-23 00:00 UTC on Some processor, 2 cores." in text
    assert "&lt;b&gt;mine&lt;/b&gt; over pymc3-3.8" in text
    assert "1.050 to 1.110" in text
    assert "fork could not be measured: HEAD: its process ended." in text


def test_a_comparison_says_how_sure_it_is_what_is_faster_and_what_is_beside_it(
    published: Any, write: Any, build: Any
) -> None:
    folder = write(published[:1])
    (folder / "compare").mkdir()
    faster = {
        "model": "coin_toss",
        "problem": "",
        "verdict": "faster",
        "ratio": 0.9,
        "lower": 0.85,
        "upper": 0.95,
    }
    one = comparison()
    one["models"].append({**faster, "pairs": 5, "same_work": True})
    one["options"]["level"] = 0.01
    one["overall"] = {"ratio": 0.98, "lower": 0.96, "upper": 0.99, "verdict": "faster"}
    one["beside"] = {
        "compile": {"ratio": 1.2, "lower": 1.1, "upper": 1.3},
        "import": {"ratio": 1.1, "lower": None, "upper": None},
    }
    (folder / "compare" / "20261123T000000Z-abcdef.json").write_text(json.dumps(one))
    text = (build(folder, "compare.html")[0] / "compare.html").read_text()
    assert "It is faster in coin_toss. All models together: faster." in text
    assert "over 5 to 8 fresh process pairs" in text
    assert "misses the true ratio is 1 % at most" in text
    assert "The margin of equivalence, grey, is 3 % to either side of 1" in text
    assert "compile +20.0 % (+10.0 % to +30.0 %); import +10.0 %." in text


def test_wall_times_are_summed_up(published: Any, write: Any, build: Any) -> None:
    walls = {"pymc3-3.8": 10.0, "pymc3-3.11": 12.0}
    records = [changed(one, metrics={"wall_s": walls[one["stack"]]}) for one in published]
    text = (build(write(records), "compare.html")[0] / "compare.html").read_text()
    assert re.search(r"not judged: \+20\.0 % in the median over \d+ models", text)


def test_an_interval_that_says_nothing_is_said_to() -> None:
    assert side_by_side.interval_text({"lower": 0.008, "upper": 49.5}) == "0.008 to 49.500: too few to tell"
    assert side_by_side.interval_text({"lower": 0.9, "upper": 1.1}) == "0.900 to 1.100"
    assert side_by_side.interval_text({"lower": None, "upper": None}) == "not known"


def test_the_bars_of_phases_are_means_over_seeds_and_end_in_their_range(published: Any) -> None:
    def side(stack: Any, seconds: Any) -> Any:
        (one,) = (one for one in published if (one["model"], one["stack"]) == ("fork", stack))
        phases = {name: {"wall_s": 0.0} for name in charts.PHASES}
        return changed(one, phases={**phases, "draw": {"wall_s": seconds}})

    pairs = [
        (side("pymc3-3.8", 1.0), side("pymc3-3.11", 2.0)),
        (side("pymc3-3.8", 4.0), side("pymc3-3.11", 2.0)),
    ]
    *bars, whole = charts.phases(pairs, "pymc3-3.8", "pymc3-3.11")["data"]
    (draw,) = (bar for bar in bars if bar["name"] == "draw")
    assert draw["y"][1] == ["pymc3-3.11", "pymc3-3.8"]
    assert draw["x"] == whole["x"] == [2.0, 2.5]
    assert whole["error_x"]["array"] == [0.0, 1.5]
    assert whole["error_x"]["arrayminus"] == [0.0, 1.5]
    assert whole["text"] == ["2 seeds", "2 seeds"]


def test_intervals_are_drawn_beside_their_margin_of_equivalence() -> None:
    figure = charts.ratios(comparison())
    (band, *edges, middle) = figure["layout"]["shapes"]
    assert (band["x0"], band["x1"]) == (1 / 1.03, 1.03)
    assert [edge["x0"] for edge in edges] == [1 / 1.03, 1.03]
    assert middle["x0"] == 1
    assert "\u00b13" in figure["layout"]["annotations"][0]["text"]
    (slower,) = figure["data"]
    # An error bar without a colour of its own is black, on a dark ground as well.
    assert slower["error_x"]["color"] == slower["marker"]["color"]


def test_a_model_that_has_not_mixed_has_no_time_per_effective_sample_to_compare(
    published: Any, write: Any, build: Any
) -> None:
    records = [
        changed(one, seed=seed, id=f"{one['id'][:20]}{seed}")
        for one in published
        if one["model"] in ("fork", "addition")
        for seed in (1, 2, 3)
    ]
    for one in records:
        if (one["model"], one["stack"]) == ("fork", "pymc3-3.11"):
            one.update(unmixed(one))
    text = (build(write(records), "compare.html")[0] / "compare.html").read_text()
    assert "fork: chains of HEAD have not mixed (not converged, R-hat up to 2.50 (3 of 3 seeds))" in text
    (dots,) = (one for name, one in figures_of(text).items() if name.startswith("dots-"))
    assert [line["y"] for line in dots["data"]] == [["addition"], ["fork", "addition"]]


def test_cells_of_two_settings_are_no_repeats_of_each_other(published: Any, write: Any, build: Any) -> None:
    one, other = (one for one in published if one["model"] == "addition")
    sides = [
        changed(side, seed=seed, settings={"draws": draws}, id=f"{side['id'][:20]}{draws}{seed}")
        for side in (one, other)
        for draws, seeds in ((100, (1,)), (200, (1, 2)))
        for seed in seeds
    ]
    text = (build(write(sides), "compare.html")[0] / "compare.html").read_text()
    assert "Of 2 cells (model, settings and seed) that both have" in text
    assert "with most seeds: 1 cell of others left out" in text


def test_what_tells_less_comes_later_and_is_folded(published: Any, write: Any, build: Any) -> None:
    folder = write(published)
    (folder / "compare").mkdir()
    between = {**comparison(), "head": {"name": "pymc3-3.11"}}
    for name, one in (("20261124T000000Z-abcdef", with_itself()), ("20261123T000000Z-abcdef", between)):
        (folder / "compare" / f"{name}.json").write_text(json.dumps(one))
    text = (build(folder, "compare.html")[0] / "compare.html").read_text()
    heads = re.findall(r"<h2>([^<]*)</h2>", text)
    assert heads[:2] == [
        "pymc3-3.11 over pymc3-3.8, interleaved",
        "pymc3-3.8 against itself, interleaved, interrupted",
    ]
    folded = re.findall(r"<summary><h2>([^<]*)</h2>", text)
    # The records of two stacks that were interleaved are there for who asks.
    assert [head.split(",")[0] for head in folded] == [
        "pymc3-3.8 against itself",
        "pymc3-3.11 over pymc3-3.8",
    ]


def test_records_are_open_where_nothing_was_measured_interleaved(
    published: Any, write: Any, build: Any
) -> None:
    text = (build(write(published), "compare.html")[0] / "compare.html").read_text()
    assert "<summary><h2>" not in text
    assert "pymc3-3.11 over pymc3-3.8, by records" in text
