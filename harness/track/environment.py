"""A plugin of asv: environments that are this project's stacks, installed from their locks.

asv's own kinds resolve packages anew and upgrade some of them. Here a commit's lock says
what is installed, hash by hash; stacks and their compile caches are shared with
``nutsbench run``, so nothing is made twice.

asv's processes run in this program's own Python, with the commit's code, and have the stack measure
(:mod:`nutsbench.track.broker`). Those of commits from before there was a host run in the stack.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import Any, Dict, List

import asv_runner
from asv import util
from asv.commands.compare import Compare
from asv.commands.run import Run
from asv.console import log
from asv.environment import Environment

from nutsbench.base import lock
from nutsbench.base.errors import UserError
from nutsbench.base.paths import importable, scrub, stacks_dir
from nutsbench.stacks import environment, install, stack
from nutsbench.track import asv_results, broker

#: Set where asv's own clock is to time code of the stack: what it is compared with.
IN_STACK = "NUTSBENCH_IN_STACK"
#: What asv's runner is asked for when something is measured; else it only looks for benchmarks.
_MEASURING = {"run", "run_server", "setup_cache"}


class LockedStack(Environment):  # type: ignore[misc]
    """A stack, as one environment of asv's matrix.

    The entry ``stack`` of the matrix names it. The commit is one of this project, whose
    lock of that stack is installed; or one of a history of releases, which holds nothing
    but a lock; or one of PyMC3 or Theano, which is installed over the lock of its version.

    Parameters
    ----------
    conf, python, requirements, tagged_env_vars
        As asv gives them to its environments.
    """

    tool_name = "nutsbench"

    def __init__(self, conf: Any, python: str, requirements: Dict[str, str], tagged_env_vars: Any) -> None:
        self._stack_name = requirements.get("stack", "release")
        self._python, self._requirements = python, requirements
        super().__init__(conf, python, requirements, tagged_env_vars)
        self._results = Path(conf.results_dir).absolute()
        self._stack: Any = None

    @classmethod
    def matches(cls, python: str) -> bool:
        """Tell whether such an environment can have this Python."""
        return python == stack.PYTHON

    @property
    def name(self) -> str:
        """Name of the environment in results and on pages."""
        return self._stack_name

    def create(self) -> None:
        """Make the folder that asv keeps its checkout in; the stack follows from the commit."""
        Path(self._path).mkdir(parents=True, exist_ok=True)

    def check_presence(self) -> bool:
        """Tell that there is nothing to be made before a commit is known."""
        return True

    def install_project(self, conf: Any, repo: Any, commit_hash: str) -> None:
        """Check a commit out, and make the stack that it asks for."""
        del conf
        self.checkout_project(repo, commit_hash)
        self._stack = self._of_commit()
        if not self._stack.ready:
            log.info(f"Installing {self._stack.name} from its lock")
        try:
            install.create(self._stack)
        except UserError as error:
            # Not a failed build, which asv would store over what was measured before.
            raise util.UserError(str(error)) from error
        asv_results.keep_superseded(self._results, commit_hash, self.name)
        self._set_installed_commit_hash(commit_hash)

    def _of_commit(self) -> Any:
        try:
            return stack.of_commit(Path(self._build_root), self._stack_name)
        except UserError as error:
            raise util.UserError(str(error)) from error

    def find_executable(self, executable: str) -> str:
        """Return the path of a program of the stack's environment."""
        if self._stack is None:
            self._stack = self._of_commit()
        return str(self._stack.python.parent / executable)

    def run(self, args: List[str], **kwargs: Any) -> Any:
        """Run a Python that measures the stack."""
        log.debug(f"Running {' '.join(args)} in {self.name}")
        self.find_executable("python")
        if _MEASURING.intersection(args[1:2]):
            # Here and until asv ends: what waits within a benchmark would be over its time limit.
            lock.keep(shlex.join(["asv", *sys.argv[1:]]), log.info)
        # Of a project's commit its own code is measured.
        commit = Path(self._build_root) if Path(self._build_root, "harness").is_dir() else None
        hosted = commit is None or (commit / "harness" / "inside").is_dir()
        hosted = hosted and not os.environ.get(IN_STACK)
        own = commit or importable()
        if commit is not None and (commit / "src" / "nutsbench").exists():
            own = commit / "src"
        python = sys.executable if hosted else self.find_executable("python")
        variables = environment.worker_variables(self._stack.compiledir, self._stack.has_theano_pymc, 1)
        if hosted:
            variables = {**os.environ, broker.VARIABLE: str(os.getpid())}
            variables[stack.VARIABLE] = self._stack.to_text()
        variables["NUTSBENCH_STACKS"] = str(stacks_dir())
        if own == commit:
            # Its packages have names of their own: benchmarks/suite/__init__.py.
            variables["NUTSBENCH_EARLIER"] = "1"
        variables["NUTSBENCH_ASV"] = str(self._results)
        # What stands in PYTHONPATH alone, asv's own script takes out again.
        variables["ASV_PYTHONPATH"] = os.pathsep.join([str(own), str(self._runner())])
        given = kwargs.pop("env", os.environ)
        changed = {name: value for name, value in given.items() if os.environ.get(name) != value}
        variables["PYTHONPATH"] = variables["ASV_PYTHONPATH"]
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._install_timeout
        everything = {**variables, **changed, **self._global_env_vars}
        return util.check_output([python, *args], env=everything, **kwargs)

    def _runner(self) -> Path:
        """Return a folder with nothing but asv's runner, the one of the asv that is running."""
        folder = Path(self._path, "runner")
        link = folder / "asv_runner"
        folder.mkdir(parents=True, exist_ok=True)
        package = Path(asv_runner.__file__).parent
        if not link.is_symlink() or link.resolve() != package.resolve():
            if link.is_symlink():
                link.unlink()
            link.symlink_to(package)
        return folder


def _interleave_rounds() -> None:
    """Have `asv continuous` take the rounds of its commits in turns, unless it is told not to.

    A machine that is slow for minutes is then slow for both.
    """
    run = Run.run.__func__

    def interleaved(cls: Any, /, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("interleave_rounds", False) is None:
            kwargs["interleave_rounds"] = True
        return run(cls, *args, **kwargs)

    Run.run = classmethod(interleaved)


def _say_other_machines() -> None:
    """Have `asv compare` say when the commits were measured on different machines."""
    print_table = Compare.print_table.__func__

    def said(cls: Any, conf: Any, hash_1: str, hash_2: str, /, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("resultset_1") is None:  # Else `asv continuous` has just measured both here.
            folder, machine = Path(conf.results_dir), kwargs.get("machine")
            base, head = (asv_results.machines(folder, commit, machine) for commit in (hash_1, hash_2))
            text = asv_results.other_machines(base, head)
            if text:
                log.warning(text)
        return print_table(cls, conf, hash_1, hash_2, *args, **kwargs)

    Compare.print_table = classmethod(said)


def setup() -> None:
    """Be a plugin: asv calls this when it has loaded the module."""
    _interleave_rounds()
    _say_other_machines()
    log.debug(scrub(f"{LockedStack.tool_name}: stacks in {stacks_dir()}"))
