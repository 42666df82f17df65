"""Sentences of the dashboard: why a cell is slow, what is wrong with it, what has changed."""

import shlex
from typing import Dict, List, Sequence

from nutsbench import models
from nutsbench.judge import quality
from nutsbench.records.stored import Stored, is_untimed
from nutsbench.records.table import counted, duration, number, settings_text
from nutsbench.report.verdicts import Row, accuracy_of, chances, verdict
from nutsbench.stacks import stack
from nutsbench.track.gaps import unmixed

_MEANS = {
    "failed": "did not end: there are no draws to look at",
    "stuck": "a chain or a scalar does not move, or leaves the finite numbers",
    "not converged": "chains disagree by more than chance explains: they have not mixed, so there is no ESS,"
    " and nothing is compared with the reference posterior",
    "inaccurate": "the chains have mixed, and disagree with the reference posterior by more than chance"
    " explains",
    "divergent": "the sampler could not follow the posterior everywhere: there were divergences after tuning",
    "too few draws": "the chains mix, and the run was too short for its ESS or R-hat",
    "treedepth limited": "trajectories reached max_treedepth: that costs time, and is no fault of the draws",
    "unknown": "a check could not be made",
    "inconclusive": "all checks passed; whether the draws agree with the reference posterior cannot be told",
    "good": "all checks passed",
}


#: So many reasons of a verdict over seeds are told: those of one kind come once a seed.
_REASONS = 5
#: So many inaccurate records are named at the most.
_NAMED = 6
#: What the pages say without more ado.
GLOSSARY = {
    "model": "One of the tutorial's regressions, or a model of your own; nutsbench models lists them.",
    "the tutorial": "The text on Bayesian regression whose models, data, seeds and settings these are; a"
    " model's page names its section. \"The tutorial's\" settings are the draws, tune, chains, cores and"
    " target_accept that it samples the model with.",
    "stack": "PyMC3, Theano and all packages under them, of fixed versions: pymc3-3.8, say.",
    "cell": "One run: a model, its settings, a seed, a stack. It is sampled in a process of its own.",
    "record": "What a cell left: metrics, verdict, times, log and environment. Rows are records joined over"
    " their seeds.",
    "verdict of this record": "How the draws of one cell are: the worse of its checks and of its comparison"
    " with the reference posterior.",
    "verdict over N seeds": "How a model does under some settings, by all its records together; that is what"
    " the overview, settings and compare show.",
    "against the reference posterior": "Whether a record's draws agree with the known posterior, which is"
    " exact where it could be integrated: accurate, inaccurate, inconclusive, or not judged.",
    "reference posterior": "The known posterior of a model: exact, by integration, or from reference draws.",
    "MCSE": "Monte Carlo standard error: by how much an estimate from so many effective draws errs.",
    "profile": "What asked for a cell: tutorial, its own settings; quick, shorter ones; sweep, one setting"
    " varied at a time.",
    "machine": "A kind of machine, with the beginning of a digest of processor, cores and memory.",
    "leapfrog": "One step of the sampler's trajectory: one gradient of the log-probability.",
    "tree depth": "A trajectory of depth d has up to 2^d - 1 leapfrogs; max_treedepth, 10, is the most.",
    "ESS": "Effective sample size: how many independent draws would be worth as much. The smallest bulk ESS"
    " of any scalar, which is the limiting scalar.",
    "E-BFMI": "How well momentum draws explore the energy (Betancourt 2016); below 0.3 they do not.",
    "BASE, HEAD": "The two sides of a comparison: what was before, and what is after.",
    "interleaved": "Both sides in fresh processes by turns, so that the machine's drift is in both.",
    "by records": "From runs that were made at different times; the machine may have differed.",
    "margin of equivalence": "How far from 1 a ratio may be and still count as the same.",
    "identical trajectories": "Both sides made the same leapfrogs from the same seed, so times are of the"
    " same thing.",
}


def meaning(name: str) -> str:
    """Say what a verdict means."""
    return _MEANS[name]


def why(record: Stored) -> str:
    """Return the reasons of a record's verdict, as a sentence."""
    if record["status"] != "ok":
        return f"{record['status']}: {record['reason']}"
    reasons, judged = list(record["quality"]["reasons"]), record.get("accuracy") or {}
    if verdict(record) == "inaccurate":
        reasons = [*judged.get("reasons", []), *reasons]
    elif judged.get("verdict") == "inaccurate" or not reasons:
        # Of draws that are not good, doubts about the draws are not said twice.
        reasons += judged.get("reasons", [])
    return "; ".join(reasons) if reasons else _MEANS[verdict(record)]


def why_over_seeds(row: Row) -> str:
    """Return the reasons of a row's verdict: each once, its worst value, and how many seeds have it."""
    if row.verdict == "failed" or row.quality is None:
        return why(next(record for record in row.records if record["status"] != "ok"))
    reasons = list(row.quality.reasons)
    wrong = [record for record in row.ended if accuracy_of(record) == "inaccurate"]
    if wrong:
        of = f" ({len(wrong)} of {len(row.records)} seeds)" if len(row.records) > 1 else ""
        told = [f"{'; '.join(wrong[0]['accuracy']['reasons'])}{of}"]
        reasons = [*told, *reasons] if row.verdict == "inaccurate" else [*reasons, *told]
    if row.verdict == "inconclusive":
        reasons += (row.example.get("accuracy") or {}).get("reasons", [])
    if len(reasons) > _REASONS:
        reasons = [*reasons[:_REASONS], f"and {len(reasons) - _REASONS} reasons more"]
    return "; ".join(reasons) if reasons else _MEANS[row.verdict]


def remedy(row: Row) -> Dict[str, str]:
    """Return what to do about a row's verdict: ``says``, a sentence, and ``command``, either may be empty."""
    if row.verdict == "inaccurate":
        seed = max(int(record["seed"]) for record in row.records) + 1
        return {
            "says": "see whether another seed says so, too",
            "command": command({**row.example, "seed": seed}),
        }
    told = row.quality.remedy if row.quality is not None and row.verdict != "failed" else None
    if row.quality is None or told is None:
        return {"says": "", "command": ""}
    judged = {**row.example, "quality": row.quality.to_dict()}
    return {"says": told.says, "command": quality.command(judged)}


def by_chance(records: Sequence[Stored]) -> str:
    """Say how many records are inaccurate, which, and how many would be so by chance."""
    wrong, judged, expected = chances(records)
    if not judged:
        return ""
    settings = ["draws", "tune", "target_accept"]
    named = [
        f"{one['model']} ({one['stack']}, {settings_text(one['settings'], settings)}, seed {one['seed']})"
        for one in records
        if accuracy_of(one) == "inaccurate"
    ]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    which = f": {', '.join(named[:_NAMED])}{more}" if named else ""
    return (
        f"Against the reference posterior: {wrong} of {counted(judged, 'record')} judged"
        f" {'is' if wrong == 1 else 'are'} inaccurate; of a right sampler about {number(expected, 2)} would"
        f" be, by chance{which}."
    )


def command_note(record: Stored) -> str:
    """Say what the command that runs a cell again needs, and a record cannot know: where things lie."""
    needed = []
    if record["stack"] not in (*stack.NAMES, *stack.releases()):
        needed.append(f"in place of {record['stack']} the path of the checkout or of the requirements file")
    if record["model"] not in models.names():
        needed.append("--models with the file of the model")
    return f"it needs {' and '.join(needed)}" if needed else "the command runs it as it stands"


def command(record: Stored) -> str:
    """Return the command that runs a record's cell again; :func:`command_note` says what it leaves open."""
    parts = ["nutsbench", "run", str(record["model"]), "--fresh", "--profile", str(record["profile"])]
    for name in ("draws", "tune", "chains", "cores", "target_accept", "max_treedepth"):
        parts += [f"--{name.replace('_', '-')}", str(record["settings"][name])]
    parts += ["--seed", str(record["seed"]), "--stack", str(record["stack"])]
    return shlex.join(parts)


def why_slow(record: Stored) -> List[str]:
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
    if unmixed(record):
        said.append("Its chains have not mixed, so it has no effective samples to count.")
    elif worth and speed and rate:
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
        full = f"; {100 * share:.2g} % of them reached max_treedepth, and stopped short" if share else ""
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
    if is_untimed(record):
        return [*said, "Other cells ran beside it, so its times tell nothing."]
    largest = max((name for name in phases if name != "import"), key=lambda name: phases[name]["wall_s"])
    if total:
        said.append(
            f"The longest phase is {largest}: {duration(phases[largest]['wall_s'])} of {duration(total)}"
            f" ({phases[largest]['wall_s'] / total:.0%})."
        )
    return said
