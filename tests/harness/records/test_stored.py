"""What a record is: read whatever its schema, written as it is read, and described for others."""

import gzip
import json
from pathlib import Path
from typing import Any, Callable, List

import jsonschema
import pytest

from nutsbench.records.record import SCHEMA, Record
from nutsbench.records.stored import NotARecordError, json_schema, stored
from tests.conftest import ROOT

#: One file of records of each schema that was ever published.
OF_EACH = {
    1: ROOT / "results" / "runs" / "published" / "2026-11-22-tutorial.jsonl",
    2: ROOT / "results" / "runs" / "published" / "2026-11-22-tutorial-schema-2.jsonl",
}


def lines(path: Path) -> List[Any]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_there_are_records_of_every_schema() -> None:
    assert set(OF_EACH) == set(range(1, SCHEMA + 1))


@pytest.mark.parametrize("schema", OF_EACH)
def test_a_record_of_every_schema_is_read_and_nothing_of_it_is_lost(schema: Any) -> None:
    for line in lines(OF_EACH[schema]):
        assert line["schema"] == schema
        assert stored(line) == line


@pytest.mark.parametrize("schema", OF_EACH)
def test_records_are_what_the_schema_says(schema: Any) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    for line in lines(OF_EACH[schema])[:8]:
        validator.validate(line)


@pytest.mark.whole
def test_every_published_record_is_one() -> None:
    count = 0
    for path in sorted((ROOT / "results").rglob("*.jsonl*")):
        if path.parents[1].name == "runs" or path.parent.name == "runs":
            count += len([stored(line) for line in lines(path)])
    assert count > 2000


def test_what_is_written_now_is_what_the_schema_says(make_record: Callable[..., Record]) -> None:
    record = json.loads(json.dumps(make_record().to_dict()))
    jsonschema.Draft202012Validator(json_schema()).validate(record)
    assert stored(record) == record


def test_the_published_schema_is_the_real_one() -> None:
    assert json.loads((ROOT / "docs" / "record.schema.json").read_text()) == json_schema()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": "1"}, "Expected `int`, got `str` - at `$.seed`"),
        ({"settings": {"draws": 1}}, "missing required field"),
        ({"metrics": {"wall_s": "long"}}, "Expected `float | null`, got `str` - at `$.metrics[...]`"),
        ({"model": None}, "Expected `str`, got `null` - at `$.model`"),
    ],
)
def test_what_is_no_record_is_refused_with_the_place(
    make_record: Callable[..., Record], change: Any, said: Any
) -> None:
    with pytest.raises(NotARecordError) as caught:
        stored({**make_record().to_dict(), **change})
    assert said in str(caught.value)
