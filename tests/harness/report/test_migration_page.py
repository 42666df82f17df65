"""The page of what moving gives, of records that stand for measurements on later PyMCs."""

import json
import re
from typing import Any, Callable, List

import pytest

from nutsbench import models
from tests.harness.report.conftest import changed, moved

pytestmark = pytest.mark.whole


def test_each_engine_has_its_ratio_and_whether_the_answers_stay(
    write: Callable[..., Any], build: Callable[..., Any], published: List[Any]
) -> None:
    engine = {"name": "nutpie", "version": "0.16.11"}
    records = [
        *moved(published, "pymc3-3.8", 1.0),
        *moved(published, "pymc-6.4", 2.0, engine={"name": "pymc", "version": "6.4.0"}),
        *moved(published, "pymc-6.4+nutpie", 4.0, engine=engine),
    ]
    folder = build(write(records))[0]
    text = (folder / "migration.html").read_text()
    links = set(re.findall(r'<a href="(models/[^"#]+)#([^"]+)">0', text))
    assert len(links) == 4
    for page, place in links:
        assert f'id="{place}"' in (folder / page).read_text()
    assert "nutpie 0.16.11" in text
    cells = re.findall(r"0\.(\d+) \[0\.\d+, 0\.\d+\]", text)
    assert {"5", "25"} <= set(cells) or {"50", "25"} <= set(cells)
    assert "Of 4 models on a stack" in text
    # From a ratio to the posterior that it stands for, and to when effective draws come.
    assert re.search(r'<a href="models/fork.html#cell-[^"]+">0\.\d+ \[', text)
    (course,) = re.findall(r'data-chart="course-fork">(.*?)</script>', text, re.DOTALL)
    lines = {line["name"]: line for line in json.loads(course)["data"]}
    assert list(lines) == ["pymc3-3.8", "pymc-6.4", "pymc-6.4+nutpie"]
    for line in lines.values():
        assert line["x"] == sorted(line["x"])
        assert line["y"] == [0, 0, 0, 0, 400]
    assert lines["pymc-6.4"]["x"][-1] == pytest.approx(lines["pymc3-3.8"]["x"][-1] / 2, rel=0.02)


def test_without_a_later_pymc_there_is_no_such_page(
    write: Callable[..., Any], build: Callable[..., Any], published: List[Any]
) -> None:
    folder = build(write(published), "index.html")[0]
    assert not (folder / "migration.html").exists()
    assert "migration.html" not in (folder / "index.html").read_text()


def test_what_is_measured_again_beside_another_stack_leaves_the_ratios_of_before(
    write: Callable[..., Any], build: Callable[..., Any], published: List[Any]
) -> None:
    records = [*moved(published, "pymc3-3.8", 1.0), *moved(published, "pymc-6.4", 2.0)]
    again = [
        changed(one, origin="another day", started_at="2030-01-01T00:00:00+00:00", id=f"{place:032x}")
        for place, one in enumerate(moved(published, "pymc3-3.8", 0.5))
        if one["seed"] == 1
    ]
    before, after = (
        re.findall(
            r">(0\.\d+ \[[^<]+\])</a>",
            (build(write(own), "migration.html")[0] / "migration.html").read_text(),
        )
        for own in (records, [*records, *again])
    )
    assert len(before) > 2
    assert after == before


def test_variants_of_one_posterior_are_compared_on_each_stack(
    write: Callable[..., Any],
    build: Callable[..., Any],
    published: List[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "variants", lambda _: {"fork": "addition"})
    old, new = moved(published, "pymc3-3.8", 1.0), moved(published, "pymc-6.4", 2.0)
    for record in new:
        record["details"]["compile_cache"] = {"state": "cold"}
    text = (build(write([*old, *new]))[0] / "migration.html").read_text()
    section = text[text.index('<section id="variants">') :]
    (row,) = re.findall(r"<tr[^>]*>(?:(?!</tr>).)*fork, of addition.*?</tr>", section, re.DOTALL)
    first, second = re.findall(r"<td[^>]*>([^<]*)</td>", row)
    assert re.fullmatch(r"\d[\d.,e]* \[.*\], \w+( \w+)?", first)
    assert "sampling alone, " in second
