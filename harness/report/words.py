"""Sentences of the dashboard: why a cell is slow, what is wrong with it, what has changed."""

import shlex
from typing import Any, List, Mapping, Optional

import models
from harness import quality, stack
from harness.report.verdicts import VERDICTS, Row, verdict
from harness.table import duration, number

Record = Mapping[str, Any]

_MEANS = {
    "failed": "did not end: there are no draws to look at",
    "inaccurate": "the draws disagree with the known posterior by more than chance",
    "poor": "the draws should not be trusted as they are: chains disagree, or say too little, or the sampler"
    " could not follow the posterior",
    "can't tell": "it cannot be said whether the draws are right: too few effective ones, a single chain, or"
    " no known truth, as the reason says",
    "costly": "the draws agree with the known posterior, and cost far more than they have to: trajectories"
    " are cut off at the largest tree depth",
    "good": "nothing speaks against these draws",
}


#: What the pages say without more ado.
GLOSSARY = {
    "model": "One of the tutorial's regressions, or a model of your own; nutsbench models lists them.",
    "the tutorial": "The text on Bayesian regression whose models, data, seeds and settings these are; a"
    " model's page names its section. \"The tutorial's\" settings are the draws, tune, chains, cores and"
    " target_accept that it samples the model with.",
    "stack": "PyMC3, Theano and all packages under them, of fixed versions: pymc3-3.8, say.",
    "cell": "One run: a model, its settings, a seed, a stack. It is sampled in a process of its own.",
    "record": "What a cell left: figures, verdict, times, log and environment. Rows are records joined over"
    " their seeds.",
    "profile": "What asked for a cell: tutorial, its own settings; quick, shorter ones; sweep, one setting"
    " varied at a time.",
    "machine": "A kind of machine, with the beginning of a digest of processor, cores and memory.",
    "leapfrog": "One step of the sampler's trajectory: one gradient of the log-probability.",
    "tree depth": "A trajectory of depth d has up to 2^d - 1 leapfrogs; 10 is the most that is allowed.",
    "ESS": "Effective sample size: how many independent draws would be worth as much.",
    "E-BFMI": "How well momentum draws explore the energy (Betancourt 2016); below 0.3 they do not.",
    "BASE, HEAD": "The two sides of a comparison: what was before, and what is after.",
    "measured in turns": "Both sides in fresh processes by turns, so that the machine's drift is in both.",
    "by records": "From runs that were made at different times; the machine may have differed.",
    "same work": "Both sides made the same leapfrogs from the same seed, so times are of the same thing.",
}


def meaning(name: str) -> str:
    """Say what a verdict means."""
    return _MEANS[name]


def why(record: Record) -> str:
    """Return a verdict with its reasons, as a sentence."""
    if record["status"] != "ok":
        return f"{record['status']}: {record['reason']}"
    reasons = list(record["quality"]["reasons"])
    judged = record.get("accuracy") or {}
    # Of draws that are poor already, doubts about the draws are not said twice.
    if judged.get("verdict") == "inaccurate" or not reasons:
        reasons = [*judged.get("reasons", []), *reasons]
    return "; ".join(reasons) if reasons else _MEANS[verdict(record)]


def why_over_seeds(row: Row) -> str:
    """Return the reasons of a row's verdict: each fault once, its worst value, and how many seeds have it."""
    first = row.example
    if row.verdict == "failed":
        return why(first)
    faults = quality.over_seeds(row.ended, row.count)
    if row.verdict == "inaccurate":
        return "; ".join([*first["accuracy"]["reasons"], *faults])
    # Limits may have been others when a record was judged: then it has its own words.
    own = [why(first)] if row.verdict == "can't tell" or not faults else []
    return "; ".join([*own, *faults])


def command_note(record: Record) -> str:
    """Say what the command that runs a cell again needs, and a record cannot know: where things lie."""
    needed = []
    if record["stack"] not in (*stack.NAMES, *stack.releases()):
        needed.append(f"in place of {record['stack']} the path of the checkout or of the requirements file")
    if record["model"] not in models.names():
        needed.append("--models with the file of the model")
    return f"it needs {' and '.join(needed)}" if needed else "the command runs it as it stands"


def command(record: Record) -> str:
    """Return the command that runs a record's cell again; :func:`command_note` says what it leaves open."""
    parts = ["nutsbench", "run", str(record["model"]), "--fresh", "--profile", str(record["profile"])]
    for name in ("draws", "tune", "chains", "cores", "target_accept", "max_treedepth"):
        parts += [f"--{name.replace('_', '-')}", str(record["settings"][name])]
    parts += ["--seed", str(record["seed"]), "--stack", str(record["stack"])]
    return shlex.join(parts)


def why_slow(record: Record) -> List[str]:
    """Say where the time goes: ESS/s as a product, the gradient's share, the phases.

    Parameters
    ----------
    record : dict
        Of a cell that ended well.
    """
    metrics, phases = record["metrics"], record["phases"]
    said = []
    worth, speed, rate = (
        metrics.get(name) for name in ("ess_per_leapfrog", "leapfrogs_per_s", "ess_per_draw_s")
    )
    if worth and speed and rate:
        said.append(
            f"{number(rate)} effective samples a second of drawing = {number(worth)} for each leapfrog"
            f" x {number(speed)} leapfrogs a second. With tuning in the time it is"
            f" {number(metrics.get('ess_per_s'))}, the ESS/s of the other pages."
        )
    depth, share = metrics.get("tree_depth_mean"), metrics.get("tree_depth_max_share")
    settings = record["settings"]
    steps, draws = metrics.get("leapfrogs"), settings["chains"] * settings["draws"]
    if depth is not None and steps:
        text = f"A draw takes {number(steps / draws)} leapfrogs on average, a trajectory of depth {depth:.1f}"
        full = f"; {share:.0%} of them reach the largest depth, and stop short" if share else ""
        said.append(f"{text}{full}.")
    gradient, leapfrog = metrics.get("gradient_us"), metrics.get("us_per_leapfrog")
    if gradient and leapfrog:
        part = gradient / leapfrog
        where = "compiled code" if part > 0.5 else "Python around it"
        said.append(
            f"Of the {number(leapfrog)} us of a leapfrog, {number(gradient)} us ({part:.0%}) are the compiled"
            f" gradient; most of the time is in the {where}."
        )
    total = sum(phases[name]["wall_s"] for name in phases if name != "import")
    largest = max((name for name in phases if name != "import"), key=lambda name: phases[name]["wall_s"])
    if total:
        said.append(
            f"The longest phase is {largest}: {duration(phases[largest]['wall_s'])} of {duration(total)}"
            f" ({phases[largest]['wall_s'] / total:.0%})."
        )
    return said


def since(record: Record, before: Optional[Record]) -> str:
    """Say what has changed since the record of the same cell before; empty if nothing has.

    Times are left out unless they changed by a half: two runs differ by a few percent anyway.
    """
    if before is None:
        return ""
    changes = []
    old, new = verdict(before), verdict(record)
    if old != new:
        way = "better" if VERDICTS.index(new) > VERDICTS.index(old) else "worse"
        changes.append(f"{way}: {old}, now {new}")
    paces = [one["metrics"].get("pace_s") for one in (before, record) if one["status"] == "ok"]
    if len(paces) == 2 and all(paces) and not 2 / 3 < paces[1] / paces[0] < 1.5:
        changes.append(f"seconds per effective sample x {paces[1] / paces[0]:.2g}")
    return "; ".join(changes)
