"""Counting instructions: the same from process to process, and no process stays behind."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from harness import stack
from harness.paths import stacks_dir
from tests.conftest import ROOT

FOLDERS = f"/tmp/nutsbench-counts-{os.getuid()}"
SCRIPT = """
import json
from harness import environment
environment.prepare_this_process()
from harness.tracking import counts
print(json.dumps([counts.of_model("addition", None) for _ in range(2)]))
"""


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_two_counts_agree_and_their_process_ends_with_its_parent():
    # The shell is the parent that the counting process is to end with; it looks for it as long as it lives.
    command = f"echo $$; {stack.named(stack.DEFAULT).python} -c '{SCRIPT}'; ls -d {FOLDERS}-$$-*"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "NUTSBENCH_STACKS": str(stacks_dir())},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    parent, *_, answer, folder = done.stdout.strip().splitlines()
    one, other = json.loads(answer)
    for workload in ("gradient", "leapfrog", "transitions"):
        assert one["instructions"][workload] == pytest.approx(other["instructions"][workload], rel=0.003)
        assert sum(one["shares"][workload].values()) == pytest.approx(1, abs=0.01)
    found = one["instructions"]
    assert 10_000 < found["gradient"] < found["leapfrog"] < found["transitions"]
    assert one["shares"]["transitions"]["python"] > one["shares"]["transitions"]["compiled"] > 0.01
    assert f"-{parent}-" in folder
    assert _ends(folder)
    assert not Path(folder).exists()


def _ends(folder):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not [
            one for one in psutil.process_iter(["cmdline"]) if folder in " ".join(one.info["cmdline"] or [])
        ]:
            return True
        time.sleep(0.5)
    return False
