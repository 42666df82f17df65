"""Judges a run of the pytest-benchmark suites for CI: red for what is wrong, not for noise.

What repeats exactly (a cell's status, divergences, leapfrogs, R-hat, accuracy) is judged
exactly. Time is judged as a ratio to the yardstick, which was timed in turns with it; and
only beyond what runs of an unchanged tree differ by, see docs/ci.md. A suspicion is
measured again in new processes before it is called a slowdown.
"""

import json
import math
import statistics
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from harness import environment
from harness.accuracy import MAX_RHAT
from harness.errors import UserError

#: A slowdown of one model's benchmark is called beyond this, one of a call over all models
#: (geometric mean) beyond the other. Runs of an unchanged tree stay well within: docs/ci.md.
MAX_SLOWER_ONE = 0.20
MAX_SLOWER_ALL = 0.10
#: Where it can be measured in turns with the baseline's stack, less is suspected.
SUSPECT_ONE = 0.10
SUSPECT_ALL = 0.05
#: How often a suspected slowdown is measured again; it has to show every time.
CONFIRMATIONS = 2

#: Where pytest-benchmark's JSON of a baseline keeps its stack.
STACK = "nutsbench_stack"

Key = Tuple[str, str]


@dataclass(frozen=True)
class Suite:
    """What one run of the suites found.

    Parameters
    ----------
    cores : dict
        By model and call (gradient, leapfrog, transitions) the median ratio to the yardstick.
    cells : dict of dict
        By model what was kept of its record.
    machine : str
        Digest of the kind of machine.
    digests : dict of str
        By model the digest of its definition.
    stack : dict or None
        Of a baseline, what its stack can be made of again (:func:`harness.stack.pack`).
    machine_before : str
        Digest of the kind of machine as baselines had it before; empty in these.
    """

    cores: Dict[Key, float]
    cells: Dict[str, Dict[str, Any]]
    machine: str
    digests: Dict[str, str] = field(default_factory=dict)
    stack: Optional[Dict[str, Any]] = None
    machine_before: str = ""

    def is_on_kind_of(self, other: "Suite") -> bool:
        """Return whether two runs were made on machines of one kind, as far as both are known."""
        mine, theirs = (
            {"machine": one.machine, "machine_before": one.machine_before or one.machine}
            for one in (self, other)
        )
        return environment.same_kind(mine, theirs)


@dataclass(frozen=True)
class Finding:
    """One thing to say.

    Parameters
    ----------
    verdict : str
        ``red``, ``note`` or ``green``.
    subject : str
        Model, or ``all models``.
    text : str
        What is the matter.
    keys : tuple
        Of a suspected slowdown the model and call pairs that it rests on.
    """

    verdict: str
    subject: str
    text: str
    keys: Tuple[Key, ...] = ()


def read(path: Path) -> Suite:
    """Read pytest-benchmark's JSON.

    Raises
    ------
    UserError
        If the file cannot be read, or holds no benchmarks of these suites.
    """
    try:
        content = json.loads(path.read_text())
        rows = [row["extra_info"] for row in content["benchmarks"]]
        cores = {
            (row["model"], row["call"]): statistics.median(row["ratios"])
            for row in rows
            if row.get("kind") == "core"
        }
        cells = {row["model"]: row for row in rows if row.get("kind") == "cell"}
        digests = {row["model"]: row["model_digest"] for row in rows if "model_digest" in row}
        facts = content.get("machine_info", {}).get("nutsbench", {})
        machine, before = (str(facts.get(name, "")) for name in ("machine", "machine_before"))
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path.name} is not pytest-benchmark's JSON of these suites: {error!r}.") from error
    if not cores and not cells:
        raise UserError(f"{path.name} holds no benchmark of these suites: `nutsbench guard` writes one.")
    return Suite(cores, cells, machine, digests, content.get(STACK), before)


def judge_cells(now: Suite, base: Optional[Suite], whole: bool = True) -> List[Finding]:
    """Judge what repeats exactly.

    Parameters
    ----------
    now : Suite
        The run.
    base : Suite or None
        The baseline; without one, only what is wrong by itself is red.
    whole : bool
        Whether all cells were to be run, so that one that is missing is red.

    Returns
    -------
    list of Finding
        In the order of models.
    """
    found = []
    before = base.cells if base else {}
    for model in before:
        if whole and model not in now.cells:
            found.append(Finding("red", model, "has a baseline and was not run"))
    for model in now.cells:
        found += [Finding(v, model, text) for v, text in _judge_cell(now.cells[model], before.get(model))]
    return found


def _judge_cell(cell: Mapping[str, Any], base: Optional[Mapping[str, Any]]) -> Iterable[Tuple[str, str]]:
    if cell["status"] != "ok":
        yield "red", f"{cell['status']}: {cell['reason']}"
        return
    if base is not None and (base["status"] != "ok" or _what(base) != _what(cell)):
        yield "note", "the baseline is of another model, other settings or a failed cell; not compared"
        base = None
    metrics = cell["metrics"]
    old = base["metrics"] if base is not None else {}
    converged = (metrics["rhat_max"] or math.inf) <= MAX_RHAT
    if cell["accuracy"] == "inaccurate":
        reason = "; ".join(cell["reasons"])
        if base is not None and base["accuracy"] == "inaccurate":
            yield "note", f"inaccurate, as the baseline is: {reason}"
        elif base is None and not converged:
            yield "note", f"cannot be judged, so short a run does not converge: {reason}"
        else:
            yield "red", f"inaccurate: {reason}"
    if base is None:
        return
    if metrics["divergences"] and not old["divergences"]:
        yield "red", f"{metrics['divergences']} divergences, none in the baseline"
    if not converged and (old["rhat_max"] or math.inf) <= MAX_RHAT:
        yield (
            "red",
            f"R-hat {metrics['rhat_max']:.3f} is above {MAX_RHAT}, {old['rhat_max']:.3f} in the baseline",
        )
    work = [(name, old[name], metrics[name]) for name in ("tune_leapfrogs", "leapfrogs")]
    changed = ", ".join(f"{name} {was} -> {is_now}" for name, was, is_now in work if was != is_now)
    if changed:
        same = base["stack_digest"] == cell["stack_digest"]
        why = "with the same seed and stack" if same else "with another stack than the baseline's"
        yield ("red" if same else "note"), f"the sampler does other work {why}: {changed}"


def _what(cell: Mapping[str, Any]) -> Tuple[Any, ...]:
    return cell["model_digest"], cell["settings"], cell["seed"]


def judge_time(
    now: Suite, base: Suite, one: float = MAX_SLOWER_ONE, whole: float = MAX_SLOWER_ALL
) -> List[Finding]:
    """Return the slowdowns that are beyond a threshold, as suspicions to be measured again.

    Parameters
    ----------
    now, base : Suite
        The run and the baseline.
    one, whole : float
        Slowdowns of one benchmark, and of a call over all models, that are suspected; 0.1 for 10 %.
    """
    if not now.is_on_kind_of(base):
        return [Finding("note", "time", "the baseline is of another kind of machine; times are not judged")]
    logs = log_ratios(now, base)
    found = []
    for call in sorted({call for _, call in logs}):
        keys = [key for key in logs if key[1] == call]
        mean = statistics.mean(logs[key] for key in keys)
        if mean > math.log1p(whole):
            text = f"{call} is slower by {_percent(mean)} (geometric mean of {len(keys)} models)"
            found.append(Finding("red", "all models", text, tuple(keys)))
    for key, log in logs.items():
        if log > math.log1p(one):
            found.append(Finding("red", key[0], f"{key[1]} is slower by {_percent(log)}", (key,)))
    return found


def log_ratios(now: Suite, base: Suite) -> Dict[Key, float]:
    """Return the log of each benchmark's time over the baseline's, yardsticks divided out."""
    return {
        key: math.log(value / base.cores[key])
        for key, value in now.cores.items()
        if key in base.cores and now.digests.get(key[0]) == base.digests.get(key[0])
    }


def fastest(suites: Sequence[Suite]) -> Suite:
    """Return the first suite with, for each benchmark, the shortest time that any of them found.

    What is really slower is slower every time; what a busy machine slowed down is not.
    """
    keys = suites[0].cores
    cores = {key: min(suite.cores[key] for suite in suites if key in suite.cores) for key in keys}
    return replace(suites[0], cores=cores, stack=None)


def _percent(log: float) -> str:
    return f"{100 * math.expm1(log):.0f} %"
