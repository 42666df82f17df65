"""Files that are written whole or not at all."""

import stat
from pathlib import Path

import pytest

from nutsbench.inside.whole import whole


def test_a_file_is_what_it_was_until_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    for text in ("first", "second"):
        before = path.read_text() if path.exists() else None
        with whole(path, 0o600) as part:
            part.write_text(text[:2])
            assert (path.read_text() if path.exists() else None) == before
            part.write_text(text)
        assert path.read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_breaks_off_changes_nothing_and_leaves_nothing(tmp_path: Path, error: type) -> None:
    path = tmp_path / "file"
    path.write_text("first")

    def breaks_off() -> None:
        with whole(path) as part:
            part.write_text("sec")
            raise error

    with pytest.raises(error):
        breaks_off()
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with whole(path) as one, whole(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"
