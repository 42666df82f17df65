"""What to do about draws that are not good: one remedy, with the settings worked out.

A remedy is words and changed settings; which command that makes depends on where it is typed.
"""

import math
import shlex
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from nutsbench.judge.mixing import MAX_RHAT, ess_for_rhat
from nutsbench.models.spec import SamplerSettings

#: So many effective draws are asked for, all chains together (Vehtari et al. 2021, section 4).
WANTED_ESS = 400
#: More draws are asked for than the effective ones seen would need, for these are few and vary.
_MARGIN = 1.25
#: Chance that R-hat of any scalar is above its limit by chance, with the draws that are asked for.
_CHANCE_OF_RHAT = 0.05
#: Shorter tuning is the first thing to suspect where chains have not converged.
_TUNE = 1000
#: So many times the draws are asked for at the most; then the model is what is wrong.
_MOST = 100
#: Divergences of a larger share of the draws are not a matter of the step size alone.
_FEW_DIVERGENCES = 0.05
#: PyMC3's trees of this depth have 32,767 leapfrogs.
_DEEPEST = 15

Quantities = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Remedy:
    """What to do.

    Parameters
    ----------
    says : str
        A sentence.
    settings : dict
        Settings to change, by name; empty where no setting helps.
    """

    says: str
    settings: Dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> Dict[str, Any]:
        """Return the remedy, ready for JSON."""
        return {"says": self.says, "settings": dict(self.settings)}


def remedy(
    verdict: str,
    settings: Mapping[str, Any],
    quantities: Quantities,
    metrics: Mapping[str, Any],
    hints: Mapping[str, Any],
) -> Optional[Remedy]:
    """Return what to do about a verdict, ``None`` for good draws.

    Parameters
    ----------
    verdict : str
        One of :data:`nutsbench.judge.quality.VERDICTS`.
    settings, quantities, metrics, hints : dict
        As :class:`nutsbench.judge.quality.Seen` has them.
    """
    no_end = hints.get("improper")
    if no_end and verdict in ("stuck", "not converged"):
        return Remedy(f"more draws do not help: give {'; '.join(no_end[:3])} a proper prior, or take it out")
    if verdict == "stuck":
        return _unstick(settings, hints)
    if verdict == "not converged":
        return _converge(settings, quantities, metrics, hints)
    if verdict == "divergent":
        return _no_divergences(settings, metrics, hints)
    if verdict == "too few draws":
        return _more_draws(settings, quantities, metrics, hints)
    if verdict == "treedepth limited":
        return _longer_trajectories(settings, hints)
    if verdict == "unknown" and settings["chains"] < 2:
        return Remedy("take a second chain: one alone cannot disagree", {"chains": 2})
    return None


def _unstick(settings: Mapping[str, Any], hints: Mapping[str, Any]) -> Remedy:
    longer = {"tune": max(_TUNE, 2 * settings["tune"])}
    if settings["target_accept"] < 0.95:
        longer["target_accept"] = 0.95
    narrow = hints.get("divergences") or hints.get("energy")
    other = (
        f"change the parametrisation of {narrow['scalar']}" if narrow else "give it another start (`testval`)"
    )
    return Remedy(f"tune longer, with smaller steps; if a chain still does not move, {other}", longer)


def _converge(
    settings: Mapping[str, Any], quantities: Quantities, metrics: Mapping[str, Any], hints: Mapping[str, Any]
) -> Remedy:
    wanders, apart = hints.get("wanders"), hints.get("apart")
    if apart and not _unsettled(settings, hints):
        return Remedy(
            f"each chain mixes by itself and they disagree about {apart['scalar']}: look for several modes,"
            " or labels that can be swapped, and order or constrain it; more chains show how many there are",
            {"chains": max(4, 2 * settings["chains"])},
        )
    if wanders and settings["tune"] >= _TUNE:
        return Remedy(
            f"nothing holds {wanders['along']}: more draws do not help; give it a proper prior, fix one of"
            " its parts, or let the data tell it"
        )
    if settings["tune"] < _TUNE or _unsettled(settings, hints):
        unless = (
            f"; if the chains still wander along {wanders['along']}, give that a proper prior"
            if wanders
            else ""
        )
        draws = max(500, settings["draws"])
        longer = {
            "tune": max(_TUNE, 2 * settings["tune"]),
            **({} if draws == settings["draws"] else {"draws": draws}),
        }
        return Remedy(f"tune longer: the sampler has not settled{unless}", longer)
    ebfmi = metrics.get("ebfmi_min")
    if ebfmi is not None and ebfmi < 0.3 and "energy" in hints:
        return Remedy(f"reparametrise {hints['energy']['scalar']}, with which the energy changes most")
    more = _more_draws(settings, quantities, metrics, hints)
    return Remedy(f"tune longer and draw more{_tied(hints)}", {"tune": 2 * settings["tune"], **more.settings})


def _unsettled(settings: Mapping[str, Any], hints: Mapping[str, Any]) -> bool:
    """Whether the step sizes of chains differ, or their acceptance is not what was tuned for."""
    sizes = hints.get("step_sizes") or [1.0]
    accepted = hints.get("accepted") or [settings["target_accept"]]
    return bool(max(sizes) > 2 * min(sizes) or min(accepted) < settings["target_accept"] - 0.15)


def _no_divergences(
    settings: Mapping[str, Any], metrics: Mapping[str, Any], hints: Mapping[str, Any]
) -> Remedy:
    share = metrics["divergences"] / (settings["draws"] * settings["chains"])
    for accept in (0.95, 0.99):
        if settings["target_accept"] < accept and (share <= _FEW_DIVERGENCES or accept == 0.95):
            return Remedy("take smaller steps", {"target_accept": accept})
    place = hints.get("divergences") or hints.get("energy")
    where = f" of {place['scalar']}, where they gather" if place else ""
    return Remedy(f"smaller steps do not help any more: change the parametrisation{where}")


def _more_draws(
    settings: Mapping[str, Any], quantities: Quantities, metrics: Mapping[str, Any], hints: Mapping[str, Any]
) -> Remedy:
    needed = draws_needed(settings, quantities, metrics)
    if needed is None:
        return Remedy("draw more", {"draws": max(500, 2 * settings["draws"])})
    if needed > _MOST * settings["draws"]:
        return Remedy(
            f"some {needed:,} draws a chain would be needed{_tied(hints)}: change the parametrisation",
            {"draws": needed},
        )
    return Remedy(f"draw more, for an ESS of {WANTED_ESS} or above{_tied(hints)}", {"draws": needed})


def draws_needed(
    settings: Mapping[str, Any], quantities: Quantities, metrics: Mapping[str, Any]
) -> Optional[int]:
    """Return how many draws of each chain would be good, from the effective draws seen.

    Parameters
    ----------
    settings, quantities, metrics : dict
        As :class:`nutsbench.judge.quality.Seen` has them.

    Returns
    -------
    int or None
        Rounded up to two digits; ``None`` where no ESS is known.
    """
    chains, draws = settings["chains"], settings["draws"]
    known = [one["ess_bulk"] for one in quantities.values() if one["ess_bulk"]]
    if not known or any(one["state"] == "too_few" for one in quantities.values()):
        return None
    wanted = max(WANTED_ESS, 100 * chains)
    tails = metrics.get("ess_tail_min")
    factors = [wanted / min(known), *([wanted / tails] if tails else [])]
    for_rhat = ess_for_rhat(MAX_RHAT, 2 * chains, draws, _CHANCE_OF_RHAT / len(known))
    factors.append(for_rhat / min(known))
    return _round_up(max(draws + 1, _MARGIN * draws * max(factors)))


def _round_up(number: float) -> int:
    digits = int(10 ** max(0, math.floor(math.log10(number)) - 1))
    return math.ceil(number / digits) * digits


def _longer_trajectories(settings: Mapping[str, Any], hints: Mapping[str, Any]) -> Remedy:
    if settings["max_treedepth"] >= _DEEPEST:
        return Remedy(f"trajectories cannot be longer{_tied(hints)}: change the parametrisation")
    return Remedy(
        f"allow longer trajectories, or centre and scale what is correlated{_tied(hints)}",
        {"max_treedepth": min(_DEEPEST, settings["max_treedepth"] + 2)},
    )


def _tied(hints: Mapping[str, Any]) -> str:
    """Name two scalars that are so correlated that steps have to be small."""
    ridge = hints.get("ridge")
    if not ridge:
        return ""
    one, other = ridge["scalars"]
    return f" ({one} and {other} are correlated by {ridge['correlation']:.3f})"


def command(record: Mapping[str, Any], files: Sequence[str] = ()) -> str:
    """Return the command that applies a record's remedy, empty where there is none to type.

    Parameters
    ----------
    record : dict
        A record, with its ``quality`` as judged today.
    files : sequence of str
        Files of models, as they are typed.
    """
    told = record["quality"].get("remedy")
    if not told or not told["settings"]:
        return ""
    settings = {**record["settings"], **told["settings"]}
    words = ["nutsbench", "run", record["model"], *_options(settings)]
    words += ["--seed", str(record["seed"])] if "seed" in record else []
    words += ["--stack", record["stack"]] if record.get("stack", "pymc3-3.8") != "pymc3-3.8" else []
    return " ".join(map(shlex.quote, [*words, *(word for file in files for word in ("--models", file))]))


def _options(settings: Mapping[str, Any]) -> Tuple[str, ...]:
    """Return settings as options: those that profiles and models have of their own, and what is not usual."""
    defaults = SamplerSettings().to_dict()
    always = ("draws", "tune", "chains", "target_accept")
    named = [
        name
        for name in (*always, "cores", "max_treedepth")
        if name in always or settings[name] != defaults[name]
    ]
    return tuple(word for name in named for word in (f"--{name.replace('_', '-')}", str(settings[name])))
