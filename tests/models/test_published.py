"""What was published is found again: records, truths and the versions that asv goes by."""

import gzip
import json
from pathlib import Path
from typing import Any, List

import pytest

from nutsbench import models
from nutsbench.inside import core
from nutsbench.models import truths
from nutsbench.models.published import PUBLISHED
from nutsbench.track import cells, classes
from tests.conftest import ROOT

TUTORIAL = [name for name in models.names() if models.get(name).tutorial_name]
#: The quick profile samples these with other settings than when the releases were measured.
OTHER_SETTINGS = {"pipe_confound", "fork", "combined_exclude_collider"}
#: Files of records, and of rows that name a model by its truth.
RECORDS = sorted((ROOT / "results").glob("**/published/*.jsonl*"))


def rows(path: Path) -> List[Any]:
    read = gzip.open if path.suffix == ".gz" else open
    with read(path, "rt") as file:
        return [row for row in map(json.loads, file) if isinstance(row, dict)]


@pytest.mark.parametrize("name", TUTORIAL)
def test_a_models_digest_is_the_one_that_was_published(name: str) -> None:
    kept = json.loads((ROOT / "models" / "truth" / f"{name}.json").read_text())
    assert models.model_digest(models.get(name)) == kept["model_digest"]
    assert truths.load(models.get(name)).model == name


def test_every_digest_that_was_published_is_of_one_model() -> None:
    assert len(PUBLISHED) == len(set(PUBLISHED.values())) == len(TUTORIAL) == 16
    assert not set(PUBLISHED) & set(PUBLISHED.values())


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: str(path.relative_to(ROOT / "results")))
@pytest.mark.usefixtures("registry_as_it_was")
def test_published_records_are_of_the_models_and_truths_that_there_are(path: Path) -> None:
    models.load_file(ROOT / "benchmarks" / "studies" / "hard_models.py")
    digests = {name: models.model_digest(models.get(name)) for name in models.names()}
    exact = {name: truths.load(models.get(name)).digest for name in TUTORIAL}
    for row in rows(path):
        if "model_digest" in row:
            assert row["model_digest"] == digests[row["model"]], row["model"]
        if "truth_digest" in row:
            assert row["truth_digest"] == exact.get(row["model"], ""), row["model"]


def test_there_are_published_records_of_every_kind() -> None:
    assert {path.relative_to(ROOT / "results").parts[0] for path in RECORDS} >= {
        "calibration",
        "ci",
        "power",
        "releases",
        "runs",
    }
    found = [row for path in RECORDS for row in rows(path)]
    assert {row["model"] for row in found if "model_digest" in row} >= set(TUTORIAL)
    assert {row["model"] for row in found if row.get("truth_digest")} == set(TUTORIAL)


@pytest.mark.parametrize("name", TUTORIAL)
def test_the_histories_of_asv_go_on(name: str) -> None:
    known = json.loads((ROOT / "results" / "releases" / "benchmarks.json").read_text())
    made = classes.core_classes("benchmarks.core", "quick", [name])[name]
    sampled: Any = classes.sampling_classes("benchmarks.quick", "quick")[name]
    published = known[f"quick.{name}.track_rhat_max"]["version"]
    assert (sampled.track_rhat_max.version == published) == (name not in OTHER_SETTINGS)
    # Times and memory are measured in another way since, and so begin anew; it is still the same model.
    for function, edition in (("peakmem_transitions", 0), ("time_gradient", 1), ("time_transitions", 1)):
        published = known[f"core.{name}.{function}"]["version"]
        assert getattr(made, function).version != published
        assert cells.version(models.get(name), function, core.EDITION + edition) == published
