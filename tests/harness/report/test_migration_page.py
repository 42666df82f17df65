"""The page of what moving gives, of records that stand for measurements on later PyMCs."""

import re
from typing import Any, Callable, List

import pytest

from tests.harness.report.conftest import changed

pytestmark = pytest.mark.whole


def moved(published: List[Any], stack: str, faster: float, **details: Any) -> List[Any]:
    """Return records of two models on another stack, some times as fast, with two seeds."""
    found = []
    for number, one in enumerate(published):
        if one["stack"] != "pymc3-3.8" or one["model"] not in ("addition", "fork"):
            continue
        for seed in (1, 2):
            phases = {
                name: {"wall_s": time["wall_s"] / faster * (1 + seed / 100), "cpu_s": time["cpu_s"]}
                for name, time in one["phases"].items()
            }
            cache = {"compile_cache": {"state": "warm"}, **details}
            found.append(
                changed(
                    one, stack=stack, seed=seed, phases=phases, details={**one["details"], **cache},
                    id=f"{stack}-{number}-{seed}",
                )
            )  # fmt: skip
    return found


def test_each_engine_has_its_ratio_and_whether_the_answers_stay(
    write: Callable[..., Any], build: Callable[..., Any], published: List[Any]
) -> None:
    engine = {"name": "nutpie", "version": "0.16.11"}
    records = [
        *moved(published, "pymc3-3.8", 1.0),
        *moved(published, "pymc-6.4", 2.0, engine={"name": "pymc", "version": "6.4.0"}),
        *moved(published, "pymc-6.4+nutpie", 4.0, engine=engine),
    ]
    text = (build(write(records), "migration.html")[0] / "migration.html").read_text()
    assert "nutpie 0.16.11" in text
    cells = re.findall(r"0\.(\d+) \[0\.\d+, 0\.\d+\]", text)
    assert {"5", "25"} <= set(cells) or {"50", "25"} <= set(cells)
    assert "Of 4 models on a stack" in text


def test_without_a_later_pymc_there_is_no_such_page(
    write: Callable[..., Any], build: Callable[..., Any], published: List[Any]
) -> None:
    folder = build(write(published), "index.html")[0]
    assert not (folder / "migration.html").exists()
    assert "migration.html" not in (folder / "index.html").read_text()
