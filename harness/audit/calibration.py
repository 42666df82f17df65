"""Judges models that were sampled with many seeds, rightly and wrongly, for wrong verdicts to be counted.

:mod:`nutsbench.inside.calibrate` samples in a stack; a row is what is kept of one seed, and
:mod:`nutsbench.audit.error_rates` counts over them.

Schema history
--------------
1 (2026-11) : what the verdict on accuracy needs.
2 (2026-11) : what the verdict on mixing needs, too: ``rhat_p``, ``ess_within``, ``metrics``, ``worst``.
3 (2026-11) : ``kinetic``, a :class:`nutsbench.judge.kinetic.Kinetic` as a list.
"""

import json
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

from nutsbench import models
from nutsbench.audit.error_rates import BIASES, KINDS, moved
from nutsbench.base.errors import UserError
from nutsbench.base.paths import importable
from nutsbench.inside import arrays
from nutsbench.judge import accuracy, diagnostics, metrics
from nutsbench.models.spec import SamplerSettings
from nutsbench.models.truths import find
from nutsbench.stacks import environment
from nutsbench.stacks.stack import Stack

SCHEMA = 3

_KEPT = (
    "mean", "sd", "q05", "q95", "mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "ess_q05", "ess_q95",
    "rhat", "rhat_p", "ess_within", "state", "note", "standstill", "draws_per_chain", "free",
)  # fmt: skip


def load(files: Sequence[Path]) -> None:
    """Load the user's own files of models, in a process that is to judge."""
    for file in files:
        models.load_file(file)


@dataclass(frozen=True)
class Task:
    """Seeds of a model and a sampler that one process goes through.

    Parameters
    ----------
    model, sampler : str
        The model, and a key in :data:`nutsbench.inside.faults.FAULTS`.
    changed : dict of int
        Settings that are not the tutorial's.
    seeds : list of int
        The seeds.
    """

    model: str
    sampler: str
    changed: Mapping[str, int]
    seeds: Sequence[int]

    def start(
        self, one: Stack, files: Sequence[Path], folder: Path, place: str = ""
    ) -> "subprocess.Popen[str]":
        """Start the process that samples: it prints a line a seed, and leaves a file of draws.

        Parameters
        ----------
        one : Stack
            The stack.
        files : sequence of Path
            The user's own files of models.
        folder : Path
            For the draws.
        place : str
            Tells compile caches of several at a time apart; empty for the stack's own.
        """
        compiledir = one.compiledir.with_name(f"{one.compiledir.name}{place}")
        command = [str(one.python), "-m", "nutsbench.inside.calibrate", self.model, self.sampler]
        command += [*map(str, self.seeds), *(word for file in files for word in ("--models", str(file)))]
        command += ["--settings", json.dumps(dict(self.changed)), "--arrays", str(folder)]
        return subprocess.Popen(
            command, cwd=importable(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment.worker_variables(compiledir, one.has_theano_pymc, threads=1),
        )  # fmt: skip


def told(
    process: "subprocess.Popen[str]", stop: Callable[[], bool] = lambda: False
) -> Iterator[Dict[str, Any]]:
    """Yield what :meth:`Task.start`'s process says of each seed.

    Parameters
    ----------
    process : Popen
        The process; it has ended when this has.
    stop : callable
        Asked, where it ends badly, whether that was wanted.

    Raises
    ------
    UserError
        If it ends badly.
    """
    errors: List[str] = []
    assert process.stderr is not None
    # Its chatter must not fill the pipe up.
    reader = threading.Thread(target=lambda stream: errors.append(stream.read()), args=(process.stderr,))
    reader.start()
    for line in process.stdout or ():
        # What a process that was killed left half written is no row.
        if line.startswith("{") and line.endswith("\n"):
            yield json.loads(line)
    reader.join()
    if process.wait() and not stop():
        said = errors[0].strip()[-1500:]
        raise UserError(f"It could not be sampled (exit code {process.returncode}):\n{said}")


def rows(
    task: Task, one: Stack, files: Sequence[Path], stop: threading.Event, place: str
) -> Iterator[Dict[str, Any]]:
    """Sample a task, judge it in this process, and yield its rows; the process ends when the event is set.

    Parameters
    ----------
    task, one, files, place
        As of :meth:`Task.start`.
    stop : Event
        The event.
    """
    with tempfile.TemporaryDirectory(prefix="nutsbench-") as name, task.start(
        one, files, Path(name), place
    ) as process:
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.2):
                if stop.is_set():
                    process.kill()
                    return

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            for sampled in told(process, stop.is_set):
                yield row(task.model, task.sampler, sampled, Path(name, f"{sampled['seed']}.npz"))
        finally:
            ended.set()
            process.kill()
            watching.join()


def row(name: str, sampler: str, sampled: Mapping[str, Any], path: Path) -> Dict[str, Any]:
    """Return what is kept of a seed; its file of draws is read, and removed.

    Parameters
    ----------
    name : str
        The model; one that has no truth is judged for mixing alone.
    sampler : str
        Key in :data:`nutsbench.inside.faults.FAULTS`.
    sampled : dict
        Of :func:`nutsbench.inside.calibrate.sample`.
    path : Path
        Its file of draws.

    Returns
    -------
    dict
        What is kept; ``quantities`` empty and ``failed`` the reason if sampling failed.
    """
    exact, spec = find(name)[0], models.get(name)
    kept: Dict[str, Any] = {
        "schema": SCHEMA,
        "model": name,
        "model_digest": models.model_digest(spec),
        "truth_digest": exact.digest if exact else "",
        "sampler": sampler,
        "seed": sampled["seed"],
        "settings": sampled["settings"],
        "failed": sampled["failed"],
        "quantities": {},
        "shares": {},
    }
    if sampled["failed"]:
        return kept
    groups = arrays.read(path, sampled["names"])
    path.unlink()
    draws = groups["draws"]
    found = diagnostics.diagnose(
        draws,
        groups["stats"],
        groups["tune_stats"],
        tuple(sampled["free"]),
        SamplerSettings.from_dict(sampled["settings"]).max_treedepth,
        sampled["dimensions"],
    )
    kept["quantities"] = {label: _kept(quantity) for label, quantity in found.quantities.items()}
    kept.update(_metrics(found), kinetic=list(found.kinetic) if found.kinetic else None)
    if exact is not None:
        kept["shares"] = {"": accuracy.shares_below(draws, exact)}
        if sampler == "right":
            kept["shares"].update(
                {
                    f"{kind} {bias:g}": accuracy.shares_below(draws, moved(exact, kind, bias))
                    for kind in KINDS
                    for bias in BIASES
                }
            )
    return kept


def _metrics(found: diagnostics.Diagnostics) -> Dict[str, Any]:
    """Return the metrics that a verdict looks at, and of which scalars they are."""
    worst = {
        name: metrics.extreme(found.quantities, name, largest=name == "rhat")
        for name in ("rhat", "ess_bulk", "ess_tail")
    }
    values = {
        f"{name}_{'max' if name == 'rhat' else 'min'}": getattr(found.quantities[label], name)
        for name, label in worst.items()
        if label is not None
    }
    values.update(
        divergences=found.divergences,
        ebfmi_min=min(found.ebfmi, default=None),
        tree_depth_max_share=found.tree_depth_max_share,
    )
    return {"metrics": values, "worst": worst}


def _kept(quantity: diagnostics.Quantity) -> Dict[str, Any]:
    values = {name: getattr(quantity, name) for name in _KEPT}
    return {
        name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in values.items()
    }
