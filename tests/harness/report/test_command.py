"""``nutsbench report``: served on this machine alone, and interrupted."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, List

import pytest

from tests.conftest import ROOT, answer_signals


def _started(command: List[str], **options: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=answer_signals,
        **options,
    )


def test_the_pages_are_served_on_this_machine_until_interrupted(
    published: List[Any], write: Callable[..., Any]
) -> None:
    folder = write(published[:1])
    command = [sys.executable, "-u", "-m", "nutsbench", "report", "--serve", "--results", str(folder)]
    # No browser is opened.
    environment = {**os.environ, "BROWSER": "true"}
    server = _started(command, env=environment)
    try:
        found = None
        while found is None:
            line = server.stdout.readline()
            assert line, server.communicate()[1]
            found = re.search(r"http://127\.0\.0\.1:\d+/report/", line)
        with urllib.request.urlopen(found.group()) as answer:
            assert "Which model samples badly" in answer.read().decode()
    finally:
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate()
    assert server.returncode == 0
    assert "Traceback" not in errors


def test_what_was_written_before_an_interruption_stays(
    published: List[Any], write: Callable[..., Any], tmp_path: Path
) -> None:
    whole = write([one for one in published if one["stack"] == "pymc3-3.8"])
    output = tmp_path / "report"
    command = [sys.executable, "-m", "nutsbench", "report", "--results", str(whole), "--output", str(output)]
    writing = _started(command)
    # The fourth page: those before it are done, and those of the models, which take longest, are not.
    while writing.poll() is None and not (output / "compare.html").is_file():
        time.sleep(0.01)
    writing.send_signal(signal.SIGINT)
    _, errors = writing.communicate()
    if writing.returncode == 0:
        pytest.skip("this machine was done before it could be interrupted")
    assert writing.returncode == 130, errors
    assert "Traceback" not in errors
    assert "the same command goes on" in errors
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    written, pages = map(int, re.findall(r"\d+", done.stdout)[:2])
    assert 0 < written < pages
