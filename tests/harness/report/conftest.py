"""Results folders for the dashboard's tests, made of this project's own published records."""

import copy
import json
import re
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest

from nutsbench.judge import quality
from nutsbench.records import draws as files
from nutsbench.report import data, pages, site
from tests.conftest import ROOT

PUBLISHED = ROOT / "results" / "runs" / "published" / "2026-11-22-tutorial-schema-2.jsonl"


@pytest.fixture(scope="session")
def published() -> List[Any]:
    return [quality.present(json.loads(line)) for line in PUBLISHED.read_text().splitlines()]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Any]:
    """Write records to a results folder, and return the folder."""

    def made(records: List[Any], name: str = "20261122T000000Z-test-000000.jsonl") -> Path:
        folder = tmp_path / "results"
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        (folder / "runs" / name).write_text("".join(json.dumps(one) + "\n" for one in records))
        return folder

    return made


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, published: List[Any]) -> Path:
    """The results of this project, with a sweep, draws and a comparison: something on every page."""
    folder = tmp_path_factory.mktemp("whole") / "results"
    published_runs = folder / "runs" / "published"
    published_runs.mkdir(parents=True)
    for path in PUBLISHED.parent.glob("2026-11-22-*"):
        shutil.copy(path, published_runs)
    shutil.copytree(ROOT / "results" / "releases", folder / "releases")
    keep_draws(folder)
    drawn = [one for one in published if (one["model"], one["stack"]) == ("fork", "pymc3-3.8")]
    (folder / "runs" / "20261123T000000Z-sweep-000000.jsonl").write_text(
        "".join(
            json.dumps(one) + "\n" for one in [*swept(published), *later(published), *map(with_draws, drawn)]
        )
    )
    (folder / "compare").mkdir()
    (folder / "compare" / "20261123T000000Z-abcdef.json").write_text(json.dumps(comparison()))
    (folder / "compare" / "20261124T000000Z-abcdef.json").write_text(json.dumps(with_itself()))
    return folder


def later(published: List[Any]) -> List[Any]:
    """Return records of two models on later PyMCs, one of them with draws that are not right."""
    own = moved(published, "pymc-6.4", 2.0, engine={"name": "pymc", "version": "6.4.0"})
    own += moved(published, "pymc-6.4+nutpie", 4.0, engine={"name": "nutpie", "version": "0.16.11"})
    wrong = {"verdict": "inaccurate", "reasons": ["mean of slope is 0.3 sds away"]}
    return [
        changed(one, accuracy={**one["accuracy"], **wrong})
        if (one["model"], one["stack"]) == ("fork", "pymc-6.4+nutpie")
        else one
        for one in own
    ]


def swept(published: List[Any]) -> List[Any]:
    """Return records of two models under some settings, as a sweep leaves them."""
    base = [one for one in published if one["stack"] == "pymc3-3.8" and one["model"] in ("addition", "fork")]
    return [
        changed(one, profile="sweep", seed=seed, settings=settings, id=f"{number:02x}" * 16)
        for number, (one, seed, settings) in enumerate(
            (one, seed, settings)
            for one in base
            for seed in (1, 2, 3)
            for settings in (
                {},
                {"draws": 250},
                {"target_accept": 0.95 if one["model"] == "addition" else 0.8},
            )
        )
    ]


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


def comparison() -> Dict[str, Any]:
    """Return what ``nutsbench compare`` stores, of a slower model and one that could not be measured."""
    row = {"ratio": 1.08, "lower": 1.05, "upper": 1.11, "pairs": 8, "verdict": "slower", "same_work": True}
    failed = {**row, "model": "fork", "problem": "HEAD: its process ended", "verdict": "undecided"}
    return {
        "base": {"name": "pymc3-3.8"},
        "head": {"name": "<b>mine</b>"},
        "options": {"threshold": 0.03},
        "models": [{**row, "model": "addition", "problem": ""}, failed],
        "says": ["Slower."],
        "notes": ["busy"],
        "ended_at": "2026-11-23T00:00:00+00:00",
        "environment": {"processor": "Some processor", "cores": 2},
    }


def with_itself() -> Dict[str, Any]:
    """Return what ``nutsbench compare`` stores of a stack against itself that was interrupted."""
    ended = {"ended_at": "2026-11-24T00:00:00+00:00", "interrupted": True}
    return {**comparison(), "head": {"name": "pymc3-3.8"}, **ended}


NAMES = ("intercept", "slope_x", "slope_z", "error")


def keep_draws(folder: Path, name: str = "some.nc", names: Tuple[Any, ...] = NAMES, draws: int = 200) -> None:
    """Write a file of draws: normal numbers in place of a posterior."""
    (folder / "draws").mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(0)
    shape = (2, draws)
    posterior = {name: random.normal(size=shape) for name in names}
    stats = {
        "energy": random.normal(size=shape),
        "diverging": random.uniform(size=shape) < 0.02,
        "step_size": np.full(shape, 0.1),
        "depth": random.randint(1, 5, size=shape),
    }
    files.write({"posterior": posterior, "sample_stats": stats}, folder / "draws" / name)


def with_draws(record: Dict[str, Any], name: str = "some.nc") -> Dict[str, Any]:
    """Return a record whose draws were kept."""
    return changed(record, details={"draws_file": name}, id="c" * 32, started_at="2026-11-24T00:00:00+00:00")


def changed(record: Dict[str, Any], **parts: Any) -> Dict[str, Any]:
    """Return a copy of a record in which some parts are others."""
    found = copy.deepcopy(record)
    for name, part in parts.items():
        if isinstance(part, dict) and isinstance(found.get(name), dict):
            found[name].update(part)
        else:
            found[name] = part
    return found


#: What makes a good record one of another verdict: what its metrics have to be.
FAULTS: Dict[str, Any] = {
    "good": {},
    "too few draws": {"metrics": {"ess_bulk_min": 150.0}, "worst": {"ess_bulk": "x"}},
    "treedepth limited": {"metrics": {"tree_depth_max_share": 0.3}},
    "divergent": {"metrics": {"divergences": 7}},
    "inaccurate": {
        "accuracy": {
            "verdict": "inaccurate",
            "worst": {"scalar": "x", "statistic": "mean", "z": 9.0, "size": 1.0},
        }
    },
    "failed": {"status": "crashed", "reason": "signal 9"},
}


def judged(record: Any, verdict: Any = "good", **parts: Any) -> Any:
    """Return a copy of a good record that is judged otherwise, and differs in some parts."""
    return quality.present(changed(changed(record, **FAULTS[verdict]), **parts))


def unmixed(record: Any, **parts: Any) -> Any:
    """Return a copy of a record whose chains have not mixed."""
    found = changed(record, metrics={"rhat_max": 2.5}, **parts)
    for one in found["quantities"].values():
        one["rhat"] = 2.5
    return quality.present(found)


def figures_of(text: str) -> Dict[str, Any]:
    """Return the charts of a page by their names."""
    found = re.findall(r'data-chart="([^"]+)">(.*?)</script>', text, flags=re.DOTALL)
    return {name: json.loads(figure) for name, figure in found}


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Any]:
    """Write the pages of a results folder, or only one of them; return where, how many, and their names."""

    def built(folder: Path, only: str = "") -> Tuple[Any, ...]:
        source = data.load(folder)
        told: List[str] = []
        wanted = [page for page in pages.all_pages(source) if only in (page.path, "")]
        written = site.build(source, tmp_path / "report", wanted, told.append)
        return tmp_path / "report", written, told

    return built


@pytest.fixture(scope="session")
def site_of_whole(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuple[Any, ...]:
    """The pages of :func:`whole`, written once: where, how many, and their names."""
    told: List[str] = []
    output, source = tmp_path_factory.mktemp("site") / "report", data.load(whole)
    return output, site.build(source, output, pages.all_pages(source, output), told.append), told
