"""Which models have not mixed, and where; how the records of each release sampled."""

import json
from pathlib import Path
from typing import Any, Callable, List

import pytest

from nutsbench.judge import quality
from nutsbench.records.record import Record
from nutsbench.track import gaps
from nutsbench.track.gaps import Gap


@pytest.fixture
def records(make_record: Callable[..., Record]) -> Callable[..., Any]:
    """What makes records of one model on a release, one for each R-hat."""

    def made(version: str, *hats: Any) -> List[Any]:
        found = []
        for seed, hat in enumerate(hats):
            record: Any = make_record(stack=f"release-{version}").to_dict()
            record["metrics"]["rhat_max"] = hat
            for quantity in record["quantities"].values():
                quantity.update(rhat=hat, rhat_p=1e-9 if hat > 1.1 else 0.5)
            found.append(quality.present({**record, "seed": seed, "id": f"{version}-{seed}"}))
        return found

    return made


def test_a_model_has_not_mixed_where_its_chains_disagree(records: Callable[..., Any]) -> None:
    every = [*records("3.8", 1.002, 1.003), *records("3.9.0", 2.5, 2.1, 2.3)]
    (gap,) = gaps.find(every, gaps.release)
    assert (gap.place, gap.model) == ("3.9.0", every[0]["model"])
    assert gap.reason == "not converged, R-hat up to 2.50 (3 of 3 seeds)"


def test_the_sentence_names_the_models_where_and_why() -> None:
    places = ["3.8", "3.9.0", "3.10.0"]
    always = [Gap(place, "a", "not converged", hat, 7, 7) for place, hat in zip(places, (2.0, 2.5, 2.2))]
    (every, once) = gaps.sentences([*always, Gap("3.9.0", "b", "stuck", None, 1, 1)], places, "releases")
    assert every.startswith(
        "a (not converged with 7 of 7 seeds, R-hat up to 2.50): chains have not mixed at any of 3 releases"
    )
    assert once.startswith("b (stuck with 1 of 1 seed): chains have not mixed at 3.9.0, so there is no ESS")
    assert gaps.sentences([Gap("2.0", "a", "stuck", None, 1, 1)], places, "releases") == []


def test_records_are_of_the_kind_of_machine_that_asv_measured_on(
    records: Callable[..., Any], tmp_path: Path
) -> None:
    own, other = records("3.8", 1.0, 1.0)
    own["environment"] = {**own["environment"], "processor": "some", "cores": 2}
    other["environment"] = {**own["environment"], "processor": "another"}
    assert gaps.of_machine([own, other], tmp_path) == []
    (tmp_path / "machine.json").write_text(json.dumps({"cpu": "some", "num_cpu": "2"}))
    assert gaps.of_machine([own, other], tmp_path) == [own]


def test_records_are_counted_by_verdict(make_record: Callable[..., Record]) -> None:
    record = make_record(stack="release-3.8").to_dict()
    failed = make_record(stack="release-3.8").to_dict()
    failed["status"] = "crashed"
    record["accuracy"] = {"verdict": "inaccurate"}
    record["metrics"].update(divergences=3)
    counts = gaps.counts([record, record, failed])
    found = counts.loc["release-3.8"]
    assert (found["records"], found["failed"], found["inaccurate"], found["accurate"]) == (3, 1, 2, 0)
    assert found["divergences in"] == f"{record['model']} 6"
    assert found["inaccurate in"] == f"{record['model']} 2"
