"""Results folders for the dashboard's tests, made of this project's own published records."""

import copy
import json
import shutil

import pytest

from tests.conftest import ROOT

PUBLISHED = ROOT / "results" / "runs" / "published" / "2026-11-22-tutorial-schema-2.jsonl"


@pytest.fixture(scope="session")
def published():
    return [json.loads(line) for line in PUBLISHED.read_text().splitlines()]


@pytest.fixture
def write(tmp_path):
    """Write records to a results folder, and return the folder."""

    def made(records, name="20261122T000000Z-test-000000.jsonl"):
        folder = tmp_path / "results"
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        (folder / "runs" / name).write_text("".join(json.dumps(one) + "\n" for one in records))
        return folder

    return made


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The results of this project, without what only one checkout has."""
    folder = tmp_path_factory.mktemp("whole") / "results"
    shutil.copytree(ROOT / "results" / "runs" / "published", folder / "runs" / "published")
    shutil.copytree(ROOT / "results" / "releases", folder / "releases")
    return folder


def changed(record, **parts):
    """Return a copy of a record in which some parts are others."""
    found = copy.deepcopy(record)
    for name, part in parts.items():
        if isinstance(part, dict) and isinstance(found.get(name), dict):
            found[name].update(part)
        else:
            found[name] = part
    return found
