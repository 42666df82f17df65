"""What --cluster means: here, an address, or a file; and a mistake is told with what there is."""

import json
from pathlib import Path
from typing import Any

import pytest

from nutsbench.base.errors import UserError
from nutsbench.cluster import place
from nutsbench.cluster.place import Place


def test_what_there_is(tmp_path: Path) -> None:
    assert place.parse("local") == Place("local", local=1)
    assert place.parse("local:8") == Place("local:8", local=8)
    assert place.parse("local:8").is_here
    assert place.parse("tls://10.0.0.1:8786").address == "tls://10.0.0.1:8786"
    assert not place.parse("tls://10.0.0.1:8786").is_here
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": "tcp://10.0.0.2:8786"}))
    assert place.parse(str(file)).address == "tcp://10.0.0.2:8786"
    file = tmp_path / "slurm.toml"
    file.write_text('class = "dask_jobqueue.SLURMCluster"\nworkers = 20\n[options]\ncores = 2\n')
    found = place.parse(str(file))
    assert (found.starts, found.workers, found.options) == ("dask_jobqueue.SLURMCluster", 20, {"cores": 2})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("locl", "There is no cluster 'locl': write local, local:2"),
        ("local:0", "has to be local:1 to"),
        ("http://here:80", "is no address of a scheduler"),
        ("tcp://here", "is no address of a scheduler"),
    ],
)
def test_a_mistake_names_the_choices(text: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        place.parse(text)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("class = ", "is no TOML"),
        ("workers = 3", "has to have class"),
        ('class = "a.B"\nworker = 3', "unknown: worker"),
        ('class = "a.B"\nworkers = "3"', "has to have class"),
    ],
)
def test_a_file_that_says_too_little(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(UserError, match=why):
        place.parse(str(path))


def test_a_file_that_is_none_of_dasks(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text("[]")
    with pytest.raises(UserError, match="is no scheduler file"):
        place.parse(str(path))


def test_what_is_not_installed_is_named() -> None:
    at = place.opened(Place("f.toml", starts="dask_jobqueue.NoSuchCluster"), None, True)
    with pytest.raises(UserError, match="pip install dask-jobqueue"), at:
        pass


class Started:
    """Stands for a class of Dask's."""

    asked: Any = None
    scheduler_address = "tcp://127.0.0.1:1"

    def __init__(self, **options: Any) -> None:
        Started.asked = options
        self.scaled = 0

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def scale(self, count: int) -> None:
        Started.asked["scaled"] = count


def test_what_it_says_is_handed_on(monkeypatch: Any) -> None:
    monkeypatch.setattr(f"{__name__}.Started.__module__", "dask_jobqueue", raising=False)
    at = Place("f.toml", starts=f"{__name__}.Started", options={"cores": 2}, workers=3)
    with place.opened(at, None, True) as (address, security):
        assert (address, security) == ("tcp://127.0.0.1:1", None)
    assert Started.asked == {"cores": 2, "scaled": 3}
