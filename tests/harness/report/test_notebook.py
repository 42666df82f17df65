"""The functions for notebooks: the example of the documentation, run as it stands."""

import re
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from nutsbench import report
from nutsbench.report.draw import plots
from tests.conftest import ROOT
from tests.harness.report.conftest import keep_draws, swept

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "dashboard.md").read_text(), re.DOTALL)


@pytest.fixture
def source(published: List[Any], write: Callable[..., Any]) -> Path:
    """A results folder in which one cell has draws: those of an exact posterior's normal stand-in."""
    record = {**published[0], "details": {**published[0]["details"], "draws_file": "some.nc"}}
    others = [one for one in published if one["model"] == "pipe_confound"]
    others = [{**one, "details": {**one["details"], "draws_file": "some.nc"}} for one in others]
    folder = write([record, *others])
    keep_draws(folder, names=("intercept_1", "coeff_1", "coeff_2", "error_2"))
    return folder


def test_the_documentations_example_runs(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source != tmp_path / "results":
        shutil.copytree(source, tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    known: Dict[str, Any] = {}
    for block in BLOCKS:
        exec(block, known)
    assert len(known["table"]) == 3
    assert {"ess_per_s", "draws", "verdict", "why"} <= set(known["table"].columns)


def test_a_sweep_is_a_table_and_a_figure(published: List[Any], write: Callable[..., Any]) -> None:
    loaded = report.load(write(swept(published)))
    table = report.tried(loaded, "fork", "pymc3-3.8")
    assert list(table["seeds"]) == [3, 3, 3]
    assert {"settings", "verdict", "ess_per_s", "rhat_max", "why"} <= set(table.columns)
    figure = report.sweep_figure(loaded, "draws", "rhat_max")
    assert {line.name for line in figure.data} == {"pymc3-3.8"}
    assert [note.text for note in figure.layout.annotations] == ["<b>addition</b>", "<b>fork</b>"]
    assert len(report.tried(loaded, "coin_toss", "pymc3-3.8")) == 0


def test_every_figure_has_titles_and_units(source: Path) -> None:
    loaded = report.load(source)
    record = loaded.of_model("pipe_confound")[0]
    draws = report.draws(loaded, record)
    worst = draws.worst(record["quantities"], 2)
    made = [
        plots.trace(draws, worst),
        plots.rank(draws, worst),
        plots.ess_evolution(draws, worst),
        plots.energy(draws),
        plots.autocorrelation(draws, worst),
        plots.over_the_run(draws),
        plots.pair(draws, worst),
        plots.posterior(record, None),
    ]
    for figure in made:
        for axis in figure.axes:
            assert axis.get_title()
        assert any(axis.get_xlabel() for axis in figure.axes)
        # Of the posterior, the names of the scalars stand there.
        named = [text.get_text() for axis in figure.axes for text in axis.get_yticklabels()]
        assert any(axis.get_ylabel() for axis in figure.axes) or "coeff_1" in named
        assert plots.svg(figure, "a <title>").startswith('<svg role="img" aria-label="a &lt;title&gt;"')


def test_names_with_dollars_are_no_mathematics(published: List[Any]) -> None:
    record = {**published[0], "quantities": {"$x_{": next(iter(published[0]["quantities"].values()))}}
    assert "$x_{" in plots.svg(plots.posterior(record, None), "x")


def test_draws_that_were_not_kept_are_named(published: List[Any], write: Callable[..., Any]) -> None:
    loaded = report.load(write(published[:1]))
    with pytest.raises(FileNotFoundError, match="--keep-draws"):
        report.draws(loaded, loaded.records[0])
