"""Records are appended whole, read back, and never rewritten."""

import gzip
import json
import re
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.models import truths
from nutsbench.records.columns import frame
from nutsbench.records.lines import _parse
from nutsbench.records.record import Record, Status, key, newest
from nutsbench.records.store import Store
from tests.conftest import ROOT, Run

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@pytest.fixture
def store(results: Path) -> Any:
    return Store(results)


def test_what_is_appended_is_read_back(store: Any, make_record: Callable[..., Record]) -> None:
    run = store.begin("quick", NOW)
    for seed in (1, 2, 3):
        run.append(make_record(seed=seed))
    loaded = store.load()
    assert [record["seed"] for record in loaded.records] == [1, 2, 3]
    assert loaded.problems == []
    assert run.path.name.startswith("20260102T030405Z-quick-")


def test_runs_have_files_of_their_own(store: Any, make_record: Callable[..., Record]) -> None:
    first, second = store.begin("quick", NOW), store.begin("quick", NOW)
    first.append(make_record(seed=1))
    second.append(make_record(seed=2))
    assert first.path != second.path
    assert len(store.load().records) == 2


def test_a_torn_last_line_is_left_out_and_said(store: Any, make_record: Callable[..., Record]) -> None:
    run = store.begin("quick", NOW)
    run.append(make_record(seed=1))
    run.append(make_record(seed=2))
    whole = run.path.read_bytes()
    for cut in (1, 10, 200):
        run.path.write_bytes(whole[:-cut])
        loaded = store.load()
        # Without its line feed alone, the record is still whole.
        assert [record["seed"] for record in loaded.records] == ([1, 2] if cut == 1 else [1])
        assert len(loaded.problems) == (cut != 1)
        if cut != 1:
            assert "line 2, ends in the middle of a record" in loaded.problems[0]


def test_a_damaged_line_hides_no_other(store: Any, make_record: Callable[..., Record]) -> None:
    run = store.begin("quick", NOW)
    for seed in (1, 2, 3):
        run.append(make_record(seed=seed))
    lines = run.path.read_bytes().split(b"\n")
    lines[1] = b"\x00garbage"
    run.path.write_bytes(b"\n".join(lines))
    loaded = store.load()
    assert [record["seed"] for record in loaded.records] == [1, 3]
    assert "line 2, is damaged" in loaded.problems[0]


def test_a_newer_schema_is_refused_and_left_alone(store: Any, make_record: Callable[..., Record]) -> None:
    run = store.begin("quick", NOW)
    run.append(make_record())
    text = json.dumps({**make_record().to_dict(), "schema": 99}) + "\n"
    (store.runs / "newer.jsonl").write_text(text)
    with pytest.raises(UserError, match=r"newer.jsonl, line 1, has schema 99"):
        store.load()
    assert (store.runs / "newer.jsonl").read_text() == text


def test_infinity_never_reaches_the_disk(store: Any, make_record: Callable[..., Record]) -> None:
    run = store.begin("quick", NOW)
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.append(make_record(metrics={"ess_per_s": float("inf")}))
    assert not run.path.exists()


def test_the_mark_of_a_folder_stays_and_differs(results: Path, tmp_path: Path) -> None:
    first, second = Store(results), Store(tmp_path / "other")
    for store in (first, second):
        store.begin("quick", NOW)
    assert first.origin() == first.origin() == Store(results).origin()
    assert first.origin() != second.origin()


def test_a_folder_that_cannot_be_written() -> None:
    # Not even root may make a folder there.
    with pytest.raises(UserError, match="cannot be written"):
        Store(Path("/proc/results")).begin("quick", NOW)


def test_a_disk_that_is_nearly_full(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**20))
    with pytest.raises(UserError, match=r"nearly full: 1.0 MiB are free"):
        store.begin("quick", NOW)


def test_a_file_where_the_folder_should_be(results: Path) -> None:
    results.write_text("not a folder")
    with pytest.raises(UserError, match="cannot be written"):
        Store(results).begin("quick", NOW)


def test_a_record_that_was_copied_counts_once(store: Any, make_record: Callable[..., Record]) -> None:
    run = store.begin("quick", NOW)
    run.append(make_record())
    (store.runs / "published").mkdir()
    (store.runs / "published" / "copy.jsonl").write_bytes(run.path.read_bytes())
    assert len(store.load().records) == 1


def test_compressed_records_are_records_too(store: Any, make_record: Callable[..., Record]) -> None:
    run = store.begin("quick", NOW)
    run.append(make_record())
    packed = store.runs / "published" / "a.jsonl.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(run.path.read_bytes()))
    run.path.unlink()
    assert len(store.load().records) == 1
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"a\.jsonl\.gz cannot be read: Compressed file ended"):
        store.load()


def test_a_full_disk_loses_nothing_that_was_there(store: Any, make_record: Callable[..., Record]) -> None:
    run = store.begin("quick", NOW)
    run.append(make_record(seed=1))
    before = run.path.read_bytes()
    # A limit on the size of a file is met as a full disk is: in the middle of a write.
    script = f"""
import resource, signal, sys
from pathlib import Path
from nutsbench import models
from nutsbench.models import truths
from nutsbench.base.errors import UserError
from nutsbench.records.record import Status, key, newest
from nutsbench.records.record import Record, Status
from nutsbench.records.store import RunFile
from nutsbench.models.spec import SamplerSettings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path({str(run.path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100,) * 2)
record = Record("addition", "d", SamplerSettings(), 2, "s", "d", Status.OK, "", {{}}, {{}}, {{}},
                {{"verdict": "good", "reasons": []}}, {{}}, {{}}, "2026", 1.0, "quick", "here")
try:
    RunFile(path).append(record)
except UserError as error:
    sys.exit(str(error))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert "cannot be written" in done.stderr
    assert run.path.read_bytes() == before
    (place,) = re.findall(r"The last record is in (\S+):", done.stderr)
    kept = Path(place)
    assert json.loads(kept.read_text())["seed"] == 2
    kept.unlink()


def test_records_as_a_table(make_record: Callable[..., Record]) -> None:
    table = frame([make_record(seed=seed).to_dict() for seed in (1, 2)])
    assert list(table["seed"]) == [1, 2]
    assert list(table["metrics.ess_per_s"]) == [100.0, 100.0]
    assert list(table["phases.draw.wall_s"]) == [1.0, 1.0]
    assert list(table["settings.target_accept"]) == [0.8, 0.8]


@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_no_damage_breaks_the_reader(place: Any, bytes_: Any) -> None:
    line = json.dumps({"schema": 1, "text": "x" * 400}).encode()
    parsed = _parse(line[:place] + bytes_ + line[place + len(bytes_) :])
    assert parsed is None or "schema" in parsed


def test_a_cell_that_failed_the_last_time_replaces_the_one_that_went_well(
    make_record: Callable[..., Record],
) -> None:
    went_well = make_record(truth_digest="a" * 16).to_dict()
    failed = make_record(truth_digest="a" * 16, status=Status.FAILED, accuracy={}).to_dict()
    (left,) = newest([went_well, failed], key).values()
    assert left["status"] == "failed"
    # Judged by another truth it is another measurement.
    assert len(newest([went_well, make_record(truth_digest="b" * 16).to_dict()], key)) == 2


def test_show_prefers_what_was_judged_by_the_truth_that_stands(
    store: Any, make_record: Callable[..., Record], nutsbench: Run
) -> None:
    present = truths.load(models.get("addition")).digest
    wrong: Dict[str, Any] = {"verdict": "inaccurate", "reasons": ["y"], "worst": None, "truth": {}}
    run = store.begin("quick", NOW)
    run.append(make_record(truth_digest=present))
    run.append(make_record(truth_digest="0" * 16, accuracy=wrong))
    (shown,) = json.loads(nutsbench("show", "--json").stdout)
    assert shown["accuracy"]["verdict"] == "accurate"
    assert len(json.loads(nutsbench("show", "--json", "--history").stdout)) == 2


def test_show_refuses_a_stack_that_nobody_has(
    store: Any, make_record: Callable[..., Record], nutsbench: Run
) -> None:
    store.begin("quick", NOW).append(make_record())
    done = nutsbench("show", "--stack", "pymc3-3.9")
    assert done.returncode == 2
    assert "There is no stack 'pymc3-3.9'" in done.stderr


def test_records_of_before_join_the_kind_of_machine_that_they_can_only_be_of(
    store: Any, make_record: Callable[..., Record]
) -> None:
    run = store.begin("quick", NOW)
    kinds = [{"machine": "old"}, {"machine": "new", "machine_before": "old"}, {"machine": "other"}]
    for seed, facts in enumerate(kinds):
        run.append(make_record(seed=seed, environment=facts))
    assert [record["environment"]["machine"] for record in store.load().records] == ["new", "new", "other"]
    run.append(make_record(seed=9, environment={"machine": "newer", "machine_before": "old"}))
    assert [record["environment"]["machine"] for record in store.load().records] == [
        "old", "new", "other", "newer",
    ]  # fmt: skip
