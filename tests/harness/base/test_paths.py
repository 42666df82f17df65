"""No absolute path and no host name reaches a record, and a traceback can still be read."""

import platform
import re
from pathlib import Path
from typing import Callable

import pytest

from nutsbench.base.paths import ROOT, scrub, stacks_dir
from nutsbench.records.record import Record


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"open {ROOT}/models/fork.py", "open <project>/models/fork.py"),
        (f"{stacks_dir()}/pymc3-3.8/compiledir/x", "<stacks>/pymc3-3.8/compiledir/x"),
        ("/opt/py/lib/python3.8/site-packages/theano/gof/op.py", "<packages>/theano/gof/op.py"),
        (f"{Path.home()}/models.py", "<home>/models.py"),
        (f"open {ROOT}-copy/models.py", "open .../models.py"),
        (f"in {ROOT}.", "in <project>."),
        ("g++ -I/usr/include/python3.8 -lopenblas", "g++ -I.../python3.8 -lopenblas"),
        ('File "/srv/data/run.py", line 3', 'File ".../run.py", line 3'),
        ("and/or 1/2 a/b", "and/or 1/2 a/b"),
        ("see https://www.pymc.io/projects/docs", "see https://www.pymc.io/projects/docs"),
    ],
)
def test_paths_lose_their_place(text: str, left: str) -> None:
    assert scrub(text) == left


def test_the_host_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: "build-host-7")
    assert scrub("lock of build-host-7, pid 3") == "lock of <host>, pid 3"
    assert scrub("build-host-70") == "build-host-70"


def test_a_record_is_scrubbed(make_record: Callable[..., Record]) -> None:
    record = make_record(reason=f"failed in {ROOT}/x.py", log_tail=[f'File "{ROOT}/y.py"']).to_dict()
    assert record["reason"] == "failed in <project>/x.py"
    assert not re.search(re.escape(str(ROOT)), str(record))
