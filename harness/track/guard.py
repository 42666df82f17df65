"""Judges a run of the pytest-benchmark suites for CI: red for what is wrong, not for noise.

What repeats exactly (a cell's status, divergences, leapfrogs, mixing, accuracy) is judged
exactly. Time is judged as a ratio to the yardstick, which was timed interleaved with it; and
only beyond what runs of an unchanged tree differ by, see docs/ci.md. A suspicion is
measured again in new processes before it is called a slowdown.
"""

import json
import math
import statistics
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from nutsbench.base.errors import UserError
from nutsbench.judge import quality
from nutsbench.judge.mixing import MAX_RHAT
from nutsbench.stacks import environment

#: A slowdown of one model's benchmark is called beyond this, one of a call over all models
#: (geometric mean) beyond the other. Runs of an unchanged tree stay well within: docs/ci.md.
MAX_SLOWER_ONE = 0.20
MAX_SLOWER_ALL = 0.10
#: Where it can be measured interleaved with the baseline's stack, less is suspected.
SUSPECT_ONE = 0.10
SUSPECT_ALL = 0.05
#: How often a suspected slowdown is measured again; it has to show every time.
CONFIRMATIONS = 2

#: Where pytest-benchmark's JSON of a baseline keeps its stack, and the models whose cells it has although
#: they are inaccurate.
STACK = "nutsbench_stack"
ACCEPTED = "nutsbench_accepted"

#: How accuracy was said of such chains, and of too few draws, by earlier baselines.
_JUDGED = ("accurate", "inaccurate")

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
        Of a baseline, what its stack can be made of again (:func:`nutsbench.stacks.stack.pack`).
    accepted : tuple of str
        Of a baseline, the models that are inaccurate in it and were accepted so.
    machine_before : str
        Digest of the kind of machine as baselines had it before; empty in these.
    """

    cores: Dict[Key, float]
    cells: Dict[str, Dict[str, Any]]
    machine: str
    digests: Dict[str, str] = field(default_factory=dict)
    stack: Optional[Dict[str, Any]] = None
    accepted: Tuple[str, ...] = ()
    machine_before: str = ""

    def inaccurate(self) -> Tuple[str, ...]:
        """Return the models whose cells disagree with their reference posterior."""
        return tuple(model for model, cell in self.cells.items() if cell.get("accuracy") == "inaccurate")

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
    accepted = tuple(content.get(ACCEPTED, ()))
    return Suite(cores, cells, machine, digests, content.get(STACK), accepted, before)


def check_baseline(base: Suite, accepted: Sequence[str]) -> None:
    """Refuse a baseline with an inaccurate cell: with it no later fault of that model would be red.

    Parameters
    ----------
    base : Suite
        The baseline.
    accepted : sequence of str
        Models that may be inaccurate in it.

    Raises
    ------
    UserError
        If another model is.
    """
    bad = [model for model in base.inaccurate() if model not in accepted]
    if bad:
        options = " ".join(f"--accept {model}" for model in bad)
        raise UserError(
            f"The baseline has inaccurate cells, so no later fault of theirs would be seen: {', '.join(bad)}."
            f" Make it again from a sampler that is right (--save-baseline), or keep it with {options}."
        )


def not_guarded(now: Suite) -> Dict[str, str]:
    """Return the models whose accuracy the run cannot judge, and why."""
    return {
        model: "; ".join(cell["reasons"]) or "it has no reference posterior"
        for model, cell in now.cells.items()
        if cell["status"] == "ok" and cell.get("accuracy") not in _JUDGED
    }


def judge_cells(
    now: Suite, base: Optional[Suite], whole: bool = True, accepted: Sequence[str] = ()
) -> List[Finding]:
    """Judge what repeats exactly.

    Parameters
    ----------
    now : Suite
        The run.
    base : Suite or None
        The baseline; without one, only what is wrong by itself is red.
    whole : bool
        Whether all cells were to be run, so that one that is missing is red.
    accepted : sequence of str
        Models that may be inaccurate; it is said of each all the same.

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
        judged = _judge_cell(now.cells[model], before.get(model), model in accepted)
        found += [Finding(verdict, model, text) for verdict, text in judged]
    return found


def _judge_cell(
    cell: Mapping[str, Any], base: Optional[Mapping[str, Any]], accepted: bool
) -> Iterable[Tuple[str, str]]:
    if cell["status"] != "ok":
        yield "red", f"{cell['status']}: {cell['reason']}"
        return
    if base is not None and (base["status"] != "ok" or _what(base) != _what(cell)):
        yield "note", "the baseline is of another model, other settings or a failed cell; not compared"
        base = None
    if cell["accuracy"] == "inaccurate":
        reason = "; ".join(cell["reasons"])
        if accepted:
            yield "note", f"inaccurate, and accepted (--accept): {reason}"
        else:
            yield "red", f"inaccurate: {reason}"
    if base is None:
        return
    metrics, old = cell["metrics"], base["metrics"]
    if metrics["divergences"] and not old["divergences"]:
        yield "red", f"{metrics['divergences']} divergences, none in the baseline"
    if _has_mixed(base) and not _has_mixed(cell):
        yield "red", f"{cell['quality']['verdict']}, and not in the baseline: {cell['quality']['reasons'][0]}"
    work = [(name, old[name], metrics[name]) for name in ("tune_leapfrogs", "leapfrogs")]
    changed = ", ".join(f"{name} {was} -> {is_now}" for name, was, is_now in work if was != is_now)
    if changed:
        same = base["stack_digest"] == cell["stack_digest"]
        why = "with the same seed and stack" if same else "with another stack than the baseline's"
        yield ("red" if same else "note"), f"different trajectories {why}: {changed}"


def _has_mixed(cell: Mapping[str, Any]) -> bool:
    """Return whether a cell's chains may have mixed; earlier baselines only have R-hat."""
    if "quality" in cell:
        return quality.has_mixed(cell)
    return (cell["metrics"]["rhat_max"] or math.inf) <= MAX_RHAT


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
