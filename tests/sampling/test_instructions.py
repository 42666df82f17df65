"""Counting instructions: the same from process to process, and no process stays behind."""

import json
import shutil
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest

from nutsbench.compare import callgrind
from nutsbench.stacks import stack
from tests.conftest import ROOT

SCRIPT = """
import json, os
from nutsbench.stacks import stack
from nutsbench.track.counts import Counts
counts = Counts(stack.named(stack.DEFAULT))
# The first one of all compiles, which may leave its process with other memory, by one percent of a gradient.
found = [counts.of_model("addition", []) for _ in range(COUNTS)]
print(json.dumps([counts._folder.name, found]), flush=True)
os._exit(0)  # As if it were killed: nothing is put in order.
"""


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.parametrize("counts", [1, pytest.param(3, marks=pytest.mark.nightly)])
def test_counts_agree_and_their_process_ends_with_its_parent(counts: int) -> None:
    assert stack.named(stack.DEFAULT).ready
    script = SCRIPT.replace("COUNTS", str(counts))
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    folder, found_all = json.loads(done.stdout.splitlines()[-1])
    one, other = found_all[-1], found_all[-2:][0]
    for workload in ("gradient", "leapfrog", "transitions"):
        # Seen over 40 processes: 0.24 % at the most.
        assert one["instructions"][workload] == pytest.approx(
            other["instructions"][workload], rel=callgrind.SPREAD
        )
        assert sum(one["shares"][workload].values()) == pytest.approx(1, abs=0.01)
    found = one["instructions"]
    assert 10_000 < found["gradient"] < found["leapfrog"] < found["transitions"]
    assert one["shares"]["transitions"]["python"] > one["shares"]["transitions"]["compiled"] > 0.01
    assert _ends(folder)


def _ends(folder: Any) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not [
            one for one in psutil.process_iter(["cmdline"]) if folder in " ".join(one.info["cmdline"] or [])
        ]:
            return True
        time.sleep(0.5)
    return False
