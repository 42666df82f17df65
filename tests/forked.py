"""Runs the command line in forks of a process that has imported what it needs.

To import ArviZ, SciPy and pandas takes three seconds of a processor, and the tests run the command line
hundreds of times. A fork is a process of its own like any other: with its own arguments, environment, output
and end. ``python -m tests.forked FOLDER`` reads one JSON line a command, and writes one when it has ended.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Mapping, NoReturn, Optional, Sequence

from tests import preloaded

ROOT = Path(__file__).resolve().parent.parent


class Server:
    """Keeps the process that forks, from the first command on."""

    def __init__(self) -> None:
        self._process: Optional[subprocess.Popen[str]] = None
        self._folder = tempfile.TemporaryDirectory(prefix="nutsbench-forked-")

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command line, and return how it ended and what it printed."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked", self._folder.name],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as errors:
            request = {"arguments": list(arguments), "environment": dict(environment)}
            request.update(out=out.name, errors=errors.name)
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            printed = [Path(file.name).read_text() for file in (out, errors)]
        return subprocess.CompletedProcess(["nutsbench", *arguments], code, *printed)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            # Waits, and closes the pipes.
            self._process.communicate()
        self._folder.cleanup()


def _command(request: Dict[str, Any]) -> NoReturn:
    """Run the command line in this process, which is a fork, and end."""
    from nutsbench import cli
    from nutsbench.run import process

    for stream, name in ((1, request["out"]), (2, request["errors"])):
        handle = os.open(name, os.O_WRONLY | os.O_TRUNC)
        os.dup2(handle, stream)
        os.close(handle)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["nutsbench", *request["arguments"]]
    # Of this module alone.
    popen = preloaded.instead_of(subprocess.Popen)
    vars(process)["subprocess"] = SimpleNamespace(**{**vars(subprocess), "Popen": popen})
    code = 1
    try:
        cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _begin_preloaded(request: Mapping[str, Any]) -> None:
    """Begin the processes that fork workers of the stacks that a command is going to sample with."""
    from nutsbench.base.paths import importable
    from nutsbench.stacks import environment, stack

    command, *others = request["arguments"] or [""]
    if command not in ("run", "check-model", "check-truth", "reference", "calibrate"):
        return
    asked = [name for name in stack.NAMES if name in others] or [stack.DEFAULT]
    for name in stack.NAMES if command.startswith("check") and "--stack" not in others else asked:
        one = stack.named(name)
        if one.ready:
            variables = environment.worker_variables(one.compiledir, one.has_theano_pymc, threads=1)
            preloaded.begin(str(one.python), variables, importable(), Path(sys.argv[1]))


def main() -> None:
    """Import what commands need, and fork for each."""
    import duckdb  # noqa: F401
    import pandas  # noqa: F401
    import rich.table  # noqa: F401

    import nutsbench.cli.commands
    import nutsbench.cli.run
    import nutsbench.cli.show  # noqa: F401
    from nutsbench.judge import estimators

    estimators.load()
    for line in sys.stdin:
        request = json.loads(line)
        _begin_preloaded(request)
        pid = os.fork()
        if not pid:
            _command(request)
        _, status = os.waitpid(pid, 0)
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        print(code, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main()
