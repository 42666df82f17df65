"""Sentences of the dashboard, and the tables behind them."""

from typing import Any

from nutsbench import models
from nutsbench.report import verdicts, words
from nutsbench.report.draw import graph
from tests.harness.report.conftest import changed


def test_a_verdict_comes_with_its_reasons(published: Any) -> None:
    short = next(one for one in published if one["quality"]["verdict"] == "too few draws")
    assert words.why(short).startswith("; ".join(short["quality"]["reasons"]))
    good = next(one for one in published if verdicts.verdict(one) == "good")
    assert words.why(good) == words.meaning("good")


def test_a_wrong_posterior_is_said_first(published: Any) -> None:
    wrong: Any = changed(
        published[0], accuracy={"verdict": "inaccurate", "reasons": ["mean of a is far off"]}
    )
    assert verdicts.verdict(wrong) == "inaccurate"
    assert words.why(wrong).startswith("mean of a is far off")


def test_why_slow_is_a_product_of_what_the_record_says(published: Any) -> None:
    first, depth, share, phase = words.why_slow(published[0])
    assert "effective samples a second of drawing" in first
    assert "depth" in depth
    assert "compiled gradient" in share
    assert "longest phase" in phase


def test_the_command_runs_the_very_cell_again(published: Any) -> None:
    command = words.command(published[0])
    assert command.startswith(f"nutsbench run {published[0]['model']} --fresh --profile tutorial --draws 500")
    assert command.endswith("--seed 2019 --stack pymc3-3.8")


def test_every_models_graph_ends_in_what_is_observed_or_computed() -> None:
    # Other tests may have registered models of their own, whose notation says nothing.
    for name in [name for name in models.names() if models.get(name).section]:
        found = graph.nodes(models.get(name).notation)
        named = {node.name for node in found}
        assert {parent for node in found for parent in node.parents} <= named
        children = {parent for node in found for parent in node.parents}
        ends = [node for node in found if node.name not in children]
        assert ends, name
        assert all(node.kind != "free" for node in ends), name


def test_a_graph_escapes_names() -> None:
    assert "<b>" not in graph.svg("x<b> ~ Normal(0, 1)\ny ~ Normal(x<b>, 1), observed: z")


def test_a_graph_of_no_statements_is_empty() -> None:
    assert graph.svg("nothing to see") == ""
