"""Sentences of the dashboard, and the tables behind them."""

from pathlib import Path

import models
from harness.report import data, graph, sweep, verdicts, words
from tests.harness.report.conftest import changed


def test_a_verdict_comes_with_its_reasons(published):
    poor = next(one for one in published if one["quality"]["verdict"] == "poor")
    assert words.why(poor) == "; ".join(poor["quality"]["reasons"])
    good = next(one for one in published if verdicts.verdict(one) == "good")
    assert words.why(good) == words.meaning("good")


def test_a_wrong_posterior_is_said_first(published):
    wrong = changed(published[0], accuracy={"verdict": "inaccurate", "reasons": ["mean of a is far off"]})
    assert verdicts.verdict(wrong) == "inaccurate"
    assert words.why(wrong).startswith("mean of a is far off")


def test_why_slow_is_a_product_of_what_the_record_says(published):
    first, depth, share, phase = words.why_slow(published[0])
    assert "effective samples a second of drawing" in first
    assert "depth" in depth
    assert "compiled gradient" in share
    assert "longest phase" in phase


def test_what_changed_since_is_said_only_if_it_matters(published):
    one = published[0]
    assert words.since(one, None) == ""
    assert words.since(one, one) == ""
    slower = changed(one, metrics={"pace_s": 2 * one["metrics"]["pace_s"]})
    assert words.since(slower, one) == "seconds per effective sample x 2"
    failed = changed(one, status="crashed", reason="x")
    assert words.since(failed, one).startswith("worse: ")


def test_the_command_runs_the_very_cell_again(published):
    command = words.command(published[0])
    assert command.startswith(f"nutsbench run {published[0]['model']} --fresh --profile tutorial --draws 500")
    assert command.endswith("--seed 2019 --stack pymc3-3.8")


def test_the_best_settings_are_good_ones(published):
    good = next(one for one in published if verdicts.verdict(one) == "good")
    fast = changed(good, settings={"draws": 100}, metrics={"ess_per_s": 1e6}, quality={"verdict": "poor"})
    slow = changed(good, settings={"draws": 9000}, metrics={"ess_per_s": 1.0})
    ranked = sweep.ranking([good, fast, slow])
    assert [one.newest["settings"]["draws"] for one in ranked] == [good["settings"]["draws"], 9000, 100]


def test_settings_are_ranked_by_the_seeds_that_all_have(published):
    good = next(one for one in published if verdicts.verdict(one) == "good")
    unlucky = changed(good, seed=7, quality={"verdict": "poor"})
    other = changed(good, settings={"draws": 9000}, metrics={"ess_per_s": 1.0})
    ranked = sweep.ranking([good, unlucky, other])
    assert [(one.verdict, len(one.records)) for one in ranked] == [("good", 1), ("good", 1)]


def test_advice_is_given_where_the_own_settings_are_not_good(published):
    good = next(one for one in published if verdicts.verdict(one) == "good")
    poor = changed(good, quality={"verdict": "poor", "reasons": ["x"]})
    longer = changed(good, settings={"draws": 9000}, id="c" * 32)
    bad = changed(longer, quality={"verdict": "poor", "reasons": ["x"]})
    specs = {name: models.get(name) for name in models.names()}

    def said(*records):
        return list(sweep.advice(data.Source(Path(), list(records), {}, [], specs)).values())

    assert said(good, longer) == []
    assert said(poor, bad) == ["None of the 2 settings tried is good with every seed."]
    (text,) = said(poor, longer)
    assert text.startswith("Good with draws 9000: ")


def test_every_models_graph_ends_in_what_is_observed_or_computed():
    for name in models.names():
        found = graph.nodes(models.get(name).notation)
        named = {node.name for node in found}
        assert {parent for node in found for parent in node.parents} <= named
        children = {parent for node in found for parent in node.parents}
        ends = [node for node in found if node.name not in children]
        assert ends, name
        assert all(node.kind != "free" for node in ends), name


def test_a_graph_escapes_names():
    assert "<b>" not in graph.svg("x<b> ~ Normal(0, 1)\ny ~ Normal(x<b>, 1), observed: z")


def test_a_graph_of_no_statements_is_empty():
    assert graph.svg("nothing to see") == ""
