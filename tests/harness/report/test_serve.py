"""``nutsbench report --serve``: on this machine alone, until it is interrupted."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

from tests.conftest import ROOT


def test_the_pages_are_served_on_this_machine_until_interrupted(published, write):
    folder = write(published[:1])
    command = [sys.executable, "-u", "-m", "harness", "report", "--serve", "--results", str(folder)]
    # No browser is opened.
    environment = {**os.environ, "BROWSER": "true"}
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
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
