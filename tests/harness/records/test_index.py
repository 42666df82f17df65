"""The index says what the files say, whatever becomes of them, of the index, or of who makes it."""

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, List

import pandas as pd
import pytest

from nutsbench.base.errors import UserError
from nutsbench.records import columns, index, indexed, store
from nutsbench.records.record import Record, Status, key, newest, place
from tests.conftest import ROOT


def _line(record: Any) -> Any:
    return json.dumps(record.to_dict()).encode() + b"\n"


@pytest.fixture
def runs(results: Path) -> Any:
    folder = results / "runs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def some(make_record: Callable[..., Record]) -> Any:
    """Make the lines of so many records, no two alike."""
    made: List[Any] = []

    def make(count: Any, **values: Any) -> Any:
        lines = []
        for _ in range(count):
            second = len(made)
            made.append(second)
            started = f"2026-01-01T00:{second // 60 % 60:02d}:{second % 60:02d}+00:00"
            lines.append(_line(make_record(**{"seed": second, "started_at": started, **values})))
        return lines

    return make


def _agrees(results: Path) -> Any:
    """Hold that the index says what the files say, and return the records."""
    loaded = store.Store(results).load()
    with index.opened(results) as found:
        assert found.problems == loaded.problems
        assert found.read(found.where()) == loaded.records
        assert found.ask("SELECT count(*) FROM found") == [(len(loaded.records),)]
    return loaded.records


@pytest.mark.whole
def test_what_the_published_files_hold(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "results" / "runs", tmp_path / "runs")
    records = _agrees(tmp_path)
    table = index.frame(tmp_path)
    plain = columns.frame(records)
    none = [name for name in plain if plain[name].isna().all()]
    pd.testing.assert_frame_equal(
        table.drop(columns=none, errors="ignore"),
        plain.drop(columns=none),
        check_dtype=False,
        check_like=True,
    )


def test_nothing_measured_yet(results: Path) -> None:
    with index.opened(results) as found:
        assert found.read(found.where()) == []
        assert found.names("model") == found.problems == []
    assert not results.exists()
    results.mkdir()
    assert _agrees(results) == []
    assert index.frame(results).empty


def test_a_file_that_grows_has_its_new_lines_read(results: Path, runs: Any, some: Any) -> None:
    path = runs / "a.jsonl"
    path.write_bytes(b"".join(some(3)))
    assert len(_agrees(results)) == 3
    with path.open("ab") as file:
        file.write(b"".join(some(2)))
    assert len(_agrees(results)) == 5


def test_a_torn_line_is_read_when_it_is_whole(results: Path, runs: Any, some: Any) -> None:
    path = runs / "a.jsonl"
    first, second = some(2)
    path.write_bytes(first + second[:100])
    assert len(_agrees(results)) == 1
    path.write_bytes(first + second[:-1])
    # Without its line feed alone, the record is whole.
    assert len(_agrees(results)) == 2
    path.write_bytes(first + second + b"".join(some(1)))
    assert len(_agrees(results)) == 3
    path.write_bytes(b"\n" + first + b"\n\nnonsense\n" + second)
    assert len(_agrees(results)) == 2


def test_a_file_that_is_removed_or_renamed(results: Path, runs: Any, some: Any) -> None:
    (runs / "a.jsonl").write_bytes(b"".join(some(3)))
    (runs / "b.jsonl").write_bytes(b"".join(some(2)))
    assert len(_agrees(results)) == 5
    (runs / "a.jsonl").rename(runs / "c.jsonl")
    assert len(_agrees(results)) == 5
    (runs / "b.jsonl").unlink()
    assert len(_agrees(results)) == 3


@pytest.mark.parametrize("back", [0, 3600, -3600])
def test_a_file_that_is_changed_in_its_place(results: Path, runs: Any, some: Any, back: Any) -> None:
    path = runs / "a.jsonl"
    lines = some(3)
    path.write_bytes(b"".join(lines))
    then = time.time() - back
    os.utime(path, (then, then))
    assert len(_agrees(results)) == 3
    # As long as before, and as old as before, by what the file says.
    seen = path.stat()
    path.write_bytes(b"".join(lines).replace(b'"model": "addition"', b'"model": "edition!"'))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert path.stat().st_size == seen.st_size
    assert {record["model"] for record in _agrees(results)} == {"edition!"}


def test_a_file_that_is_longer_and_another(results: Path, runs: Any, some: Any) -> None:
    path = runs / "a.jsonl"
    lines = some(4)
    path.write_bytes(b"".join(lines[:3]))
    assert len(_agrees(results)) == 3
    path.write_bytes(b"".join(reversed(lines)))
    assert len(_agrees(results)) == 4


def test_compressed_files_and_folders_of_them(results: Path, runs: Any, some: Any) -> None:
    (runs / "published").mkdir()
    lines = some(4)
    (runs / "published" / "a.jsonl.gz").write_bytes(gzip.compress(b"".join(lines)))
    (runs / "b.jsonl").write_bytes(b"".join(some(1)))
    assert len(_agrees(results)) == 5
    with index.opened(results) as found:
        rows = found.where(order="seed DESC")
        assert [record["seed"] for record in found.read(rows)] == [4, 3, 2, 1, 0]
    (runs / "published" / "a.jsonl.gz").write_bytes(gzip.compress(b"".join(lines[:2])))
    assert len(_agrees(results)) == 3


def test_a_record_that_stands_twice_is_one(
    results: Path, runs: Any, make_record: Callable[..., Record], some: Any
) -> None:
    one = make_record(seed=1000)
    lines = [_line(one), *some(2)]
    (runs / "b.jsonl").write_bytes(b"".join(lines))
    (runs / "a.jsonl").write_bytes(b"".join([*some(1), _line(one)]))
    assert len(_agrees(results)) == 4
    # The last one of them counts, which may say more.
    (runs / "c.jsonl").write_bytes(_line(one).replace(b'"profile": "quick"', b'"profile": "sweep"'))
    assert [r["profile"] for r in _agrees(results) if r["seed"] == 1000] == ["sweep"]
    (runs / "c.jsonl").unlink()
    assert [r["profile"] for r in _agrees(results) if r["seed"] == 1000] == ["quick"]


def test_machines_that_were_told_apart_later(results: Path, runs: Any, some: Any) -> None:
    lines = some(1, environment={"machine": "old"})
    lines += some(1, environment={"machine": "new", "machine_before": "old"})
    (runs / "a.jsonl").write_bytes(b"".join(lines))
    assert {record["environment"]["machine"] for record in _agrees(results)} == {"new"}
    assert set(index.frame(results)["machine"]) == {"new"}


def test_values_that_are_sometimes_whole_numbers_or_missing(
    results: Path, runs: Any, some: Any, make_record: Callable[..., Record]
) -> None:
    metrics = make_record().metrics
    lines = some(1, metrics={**metrics, "divergences": 1})
    lines += some(1, metrics={**metrics, "divergences": 0.5, "of_mine": 3})
    lines += some(1, metrics={**metrics, "divergences": None})
    (runs / "a.jsonl").write_bytes(b"".join(lines))
    table = index.frame(results)
    assert list(table["metrics.divergences"].fillna(-1)) == [1, 0.5, -1]
    assert list(table["metrics.of_mine"].fillna(-1)) == [-1, 3, -1]
    (runs / "b.jsonl").write_bytes(b"".join(some(1, metrics={**metrics, "of_mine": 0.25})))
    assert list(index.frame(results)["metrics.of_mine"].fillna(-1)) == [-1, 3, -1, 0.25]


def test_the_newest_of_each_place(results: Path, runs: Any, some: Any) -> None:
    lines = [
        *some(2, seed=1),
        *some(1, seed=1, status=Status.INTERRUPTED),
        *some(2, seed=2, status=Status.INTERRUPTED),
        *some(1, seed=3, origin="elsewhere"),
        *some(1, seed=3),
        *some(1, seed=4, status=Status.FAILED),
    ]
    order = random.Random(0)
    order.shuffle(lines)
    (runs / "a.jsonl").write_bytes(b"".join(lines))
    records = _agrees(results)
    with index.opened(results) as found:
        for name, by in (("place", place), ("asked", key)):
            assert found.read(found.where(found.newest(name))) == sorted(
                newest(records, by).values(), key=lambda record: record["started_at"]
            )


def test_a_newer_schema_is_refused_until_it_is_gone(
    results: Path, runs: Any, some: Any, make_record: Callable[..., Record]
) -> None:
    (runs / "a.jsonl").write_bytes(b"".join(some(2)))
    newer = json.dumps({**make_record().to_dict(), "schema": 99}).encode() + b"\n"
    (runs / "b.jsonl").write_bytes(newer)
    for _ in range(2):
        with pytest.raises(UserError, match="has schema 99"), index.opened(results):
            pass
    (runs / "b.jsonl").unlink()
    assert len(_agrees(results)) == 2


def test_an_index_that_cannot_be_kept_is_made_for_once(results: Path, runs: Any, some: Any) -> None:
    (runs / "a.jsonl").write_bytes(b"".join(some(2)))
    (results / ".index").write_text("in the way")
    assert len(_agrees(results)) == 2


def test_what_was_made_by_another_version_goes(results: Path, runs: Any, some: Any) -> None:
    (runs / "a.jsonl").write_bytes(b"".join(some(2)))
    (results / ".index").mkdir()
    (results / ".index" / "records-0123456789ab.duckdb").write_text("of before")
    assert len(_agrees(results)) == 2
    (kept,) = (results / ".index").glob("records-*.duckdb")
    assert kept.name != "records-0123456789ab.duckdb"
    assert (results / ".index" / ".gitignore").read_text().endswith("*\n")


@pytest.mark.parametrize("damage", ["cut", "empty", "bits", "text"])
def test_a_damaged_index_is_made_anew(results: Path, runs: Any, some: Any, damage: Any) -> None:
    (runs / "a.jsonl").write_bytes(b"".join(some(30)))
    _agrees(results)
    (kept,) = (results / ".index").glob("records-*.duckdb")
    whole = kept.read_bytes()
    order = random.Random(damage)
    for _ in range(4):
        content = bytearray(whole)
        if damage == "cut":
            content = content[: order.randrange(1, len(whole))]
        elif damage == "bits":
            for _ in range(200):
                content[order.randrange(len(whole))] ^= 1 << order.randrange(8)
        kept.write_bytes({"empty": b"", "text": b"no index at all"}.get(damage, bytes(content)))
        assert len(_agrees(results)) == 30


@pytest.mark.whole
def test_whatever_becomes_of_the_files(results: Path, runs: Any, some: Any) -> None:
    """Do one thing after the other to the files, at random; the index follows."""
    order = random.Random(7)
    for number in range(25):
        paths = sorted(runs.glob("*.jsonl"))
        path = order.choice(paths) if paths else runs / "0.jsonl"
        what = order.choice(["new", "grow", "grow", "tear", "remove", "swap", "copy", "age"])
        content = path.read_bytes() if path.exists() else b""
        if what == "new":
            (runs / f"{number}.jsonl").write_bytes(b"".join(some(order.randrange(4))))
        elif what == "grow":
            path.write_bytes(content + b"".join(some(order.randrange(1, 3))))
        elif what == "tear":
            path.write_bytes(content[: order.randrange(len(content) + 1)])
        elif what == "remove":
            path.unlink(missing_ok=True)
        elif what == "swap":
            path.write_bytes(b"".join(reversed(content.splitlines(keepends=True))))
        elif what == "copy":
            (runs / f"{number}-copy.jsonl").write_bytes(content)
        elif path.exists():
            then = time.time() + order.choice([-1e6, 0, 1e6])
            os.utime(path, (then, then))
        if order.random() < 0.7:
            _agrees(results)
    assert len(_agrees(results)) > 5


_OPEN = """
import sys
from pathlib import Path
from nutsbench.records import index, indexed
indexed._BATCH = 3
with index.opened(Path(sys.argv[1])) as found:
    print(found.ask("SELECT count(*) FROM found")[0][0])
"""


def _opener(results: Path) -> Any:
    command = [sys.executable, "-c", _OPEN, str(results)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.whole
def test_who_is_killed_while_taking_in_leaves_nothing_wrong(results: Path, runs: Any, some: Any) -> None:
    order = random.Random(3)
    for number in range(4):
        for name in range(5):
            (runs / f"{number}-{name}.jsonl").write_bytes(b"".join(some(20)))
        process = _opener(results)
        # From before it has begun until after it is done.
        time.sleep(order.uniform(0.2, 0.9))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert len(_agrees(results)) == 100 * (number + 1)


@pytest.mark.whole
def test_several_at_once(results: Path, runs: Any, some: Any) -> None:
    (runs / "a.jsonl").write_bytes(b"".join(some(200)))
    processes = [_opener(results) for _ in range(4)]
    with (runs / "b.jsonl").open("ab", buffering=0) as file:
        for line in some(50):
            file.write(line)
    for process in processes:
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
        assert 200 <= int(out) <= 250
    assert len(_agrees(results)) == 250


def test_reading_what_was_removed_meanwhile_says_so(results: Path, runs: Any, some: Any) -> None:
    (runs / "a.jsonl").write_bytes(b"".join(some(2)))
    with index.opened(results) as found:
        rows = found.where()
        (runs / "a.jsonl").write_bytes(b"".join(some(1))[5:])
        with pytest.raises(UserError, match=r"a\.jsonl was changed"):
            found.read(rows)
        (runs / "a.jsonl").unlink()
        with pytest.raises(UserError, match=r"a\.jsonl cannot be read"):
            found.read(rows)


def test_what_takes_long_is_told(
    results: Path, runs: Any, some: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexed, "_MUCH", 100)
    (runs / "a.jsonl").write_bytes(b"".join(some(1)))
    told: List[str] = []
    for _ in range(2):
        with index.opened(results, told.append):
            pass
    assert len(told) >= 1
    assert "into the index, once" in told[0]
    assert Path(results / ".index").is_dir()
