"""Reference draws: a truth for a model without a closed form, from a long run of NUTS.

posteriordb's rules, with the errors kept: no divergences, R-hat below 1.01, and so many
effective draws of every scalar's bulk and tails (Magnusson et al. 2024, "posteriordb").
"""

import dataclasses
import math
from typing import Any, Dict, List, Mapping

from nutsbench.judge.mixing import MAX_RHAT
from nutsbench.models.exact import STATISTICS
from nutsbench.models.spec import ModelSpec, SamplerSettings
from nutsbench.models.truths import Truth

CHAINS = 4
#: NUTS is tuned for longer and with smaller steps than a model's own settings ask for.
MIN_TUNE = 2000
MIN_TARGET_ACCEPT = 0.9
#: Draws of each chain of the first try.
FIRST_DRAWS = 2500


def first_settings(spec: ModelSpec, cores: int) -> SamplerSettings:
    """Return the settings of the first try.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    cores : int
        Cores that there are.
    """
    return dataclasses.replace(
        spec.settings,
        chains=CHAINS,
        cores=min(CHAINS, cores),
        draws=FIRST_DRAWS,
        tune=max(MIN_TUNE, spec.settings.tune),
        target_accept=max(MIN_TARGET_ACCEPT, spec.settings.target_accept),
    )


def more_draws(record: Mapping[str, Any], ess: float, max_draws: int) -> int:
    """Return how many draws of each chain to take next; 0 if that would be too many.

    Parameters
    ----------
    record : dict
        Of the last try.
    ess : float
        Effective draws that are wanted.
    max_draws : int
        Largest number of draws of a chain.
    """
    draws = int(record["settings"]["draws"])
    reached = smallest_ess(record) or 1.0
    # At the least twice as many, so that a try is never much dearer than all before it.
    wanted = max(2 * draws, math.ceil(1.15 * draws * ess / reached))
    if draws >= max_draws:
        return 0
    return min(wanted, max_draws)


def smallest_ess(record: Mapping[str, Any]) -> float:
    """Return the smallest bulk or tail ESS of any scalar; 0 if one has none."""
    found = [
        figures[name] or 0.0 for figures in varying(record).values() for name in ("ess_bulk", "ess_tail")
    ]
    return min(found, default=0.0)


def final(record: Mapping[str, Any]) -> str:
    """Return why more draws would not help; empty if they may."""
    if record["status"] != "ok":
        return f"the cell is {record['status']}: {record['reason']}"
    divergences = record["metrics"].get("divergences")
    if divergences is None:
        return "the sampler is not NUTS, which alone says where it diverges"
    if divergences:
        return (
            f"{divergences} divergences at --target-accept {record['settings']['target_accept']:g}:"
            " raise it, or parametrise the model in another way"
        )
    odd = [f"{name}: {f['note']}" for name, f in varying(record).items() if f["state"] != "ok"]
    return "; ".join(odd) or ("" if varying(record) else "nothing in it varies")


def varying(record: Mapping[str, Any]) -> Dict[str, Dict[str, Any]]:
    """Return the quantities without constant Deterministics, of which there is nothing to know."""
    return {
        name: figures
        for name, figures in record["quantities"].items()
        if figures["free"] or figures["state"] != "constant"
    }


def lacking(record: Mapping[str, Any], ess: float) -> List[str]:
    """Return what is not reached yet; nothing if the draws can be a reference."""
    reached, missing = smallest_ess(record), []
    if not reached >= ess:
        missing.append(f"the smallest ESS is {reached:.0f}, wanted are {ess:.0f}")
    rhat = max((f["rhat"] or math.inf for f in varying(record).values()), default=math.inf)
    if not rhat < MAX_RHAT:
        missing.append(f"the largest R-hat is {rhat:.4f}, it has to be below {MAX_RHAT}")
    return missing


def truth_of(spec: ModelSpec, record: Mapping[str, Any], command: str) -> Truth:
    """Return a record's figures as a truth, with their MCSE.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    record : dict
        Of a try that lacks nothing.
    command : str
        The command that makes it again.
    """
    quantities = {}
    for name, figures in varying(record).items():
        errors = {f"mcse_{statistic}": figures[f"mcse_{statistic}"] for statistic in STATISTICS}
        quantities[name] = {
            **{statistic: figures[statistic] for statistic in STATISTICS},
            "error": max(errors.values()),
            **errors,
            "ess_q05": figures["ess_q05"],
            "ess_q95": figures["ess_q95"],
        }
    packages = record["environment"]["packages"]
    parts = [
        (part.of, seen)
        for claim, checked in zip(spec.claims, record["claims"])
        for part, seen in zip(claim.parts, checked["parts"])
    ]
    combinations: Dict[str, Dict[str, float]] = {
        of: {key: seen[key] for key in ("mean", "q05", "q95")}
        for of, seen in parts
        if of not in quantities and "mean" in seen
    }
    return Truth(
        model=spec.name,
        model_digest=record["model_digest"],
        kind="reference",
        method="reference draws: a long run of NUTS",
        command=command,
        versions={
            name: packages[name]
            for name in ("pymc3", "Theano", "Theano-PyMC", "theano-pymc", "arviz", "numpy")
            if name in packages
        },
        quantities=quantities,
        combinations=combinations,
        details={
            "settings": record["settings"],
            "seed": record["seed"],
            "stack": record["stack"],
            "ess_min": smallest_ess(record),
            "rhat_max": record["metrics"]["rhat_max"],
            "divergences": record["metrics"]["divergences"],
        },
    )
