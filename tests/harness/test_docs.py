"""What the docs generate from the code is what the code says."""

import re
from pathlib import Path

import pytest

from nutsbench import models
from nutsbench.inside import clauses
from nutsbench.judge import claims
from nutsbench.migrate import sides
from nutsbench.models import truths
from tests.conftest import ROOT, Run
from tests.harness import drawing, moved


def table(page: str, name: str) -> str:
    text = (ROOT / "docs" / page).read_text()
    found = re.search(rf"<!-- table: {name} -->\n\n((?:\|.*\n)+)", text)
    assert found, f"{page} has no table {name}"
    return found.group(1).strip()


@pytest.mark.parametrize("name", drawing.TABLES)
def test_the_drawing_of_the_house_is_that_of_the_source(name: str) -> None:
    assert table("design.md", name) == drawing.TABLES[name](), "python -m tests.harness.drawing draws it anew"


@pytest.mark.whole
@pytest.mark.parametrize(("name", "kind"), [("moved", sides.WARM), ("sampling", sides.SAMPLING)])
def test_what_moving_gives_is_what_was_measured(name: str, kind: str) -> None:
    assert table("findings.md", name) == moved.table(kind), "python -m tests.harness.moved prints it anew"


def test_the_contract_is_the_codes() -> None:
    assert table("models.md", "contract") == clauses.markdown()


@pytest.mark.parametrize("name", models.names())
def test_every_claim_stands_in_the_docs_as_it_is_in_truth(name: str) -> None:
    spec = models.get(name)
    shown = table("claims.md", "claims")
    for found in claims.of_truth(spec.claims, truths.load(spec)):
        holds = "holds" if found["holds"] else "**does not hold**"
        assert f"| {name} | {found['says']} | {holds} | " in shown
        for part in found["parts"]:
            assert f"{part['text']}: {part['mean']:.4g} [{part['q05']:.4g}, {part['q95']:.4g}]" in shown


@pytest.mark.parametrize("page", ["calibration.md", "findings.md", "truth.md", "compare.md", "asv.md"])
def test_measured_tables_are_filled_in(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    for name in re.findall(r"<!-- table: (\w+) -->", text):
        assert len(table(page, name).splitlines()) > 5


@pytest.mark.parametrize(("name", "title"), [("steps", "Steps"), ("accuracy", "How the records")])
def test_the_history_of_releases_is_what_was_measured(name: str, title: str, nutsbench: Run) -> None:
    printed = nutsbench("releases", "--changes", "--markdown").stdout
    found = re.search(rf"\*\*{title}[^\n]*\n\n((?:\|.*\n)+)", printed)
    assert found, printed
    assert table("releases.md", name) == found.group(1).strip()


def test_the_error_rates_are_what_was_measured(nutsbench: Run, tmp_path: Path) -> None:
    (tmp_path / "published").symlink_to(ROOT / "results" / "power" / "published")
    printed = nutsbench("power", "--report", "--markdown", "--output", str(tmp_path)).stdout
    each, of_asv, whole = re.findall(r"^\*\*.*\*\*\n\n((?:\|.*\n)+)", printed, re.MULTILINE)
    assert table("compare.md", "power") == each.strip()
    assert table("asv.md", "asv_power") == of_asv.strip()
    assert table("compare.md", "whole") == whole.strip()
