"""Samples models with many seeds, rightly and wrongly, for how often verdicts are wrong to be counted.

``python -m harness.calibration`` samples one model in a stack's own process and prints one
JSON line a seed; :mod:`harness.error_rates` judges and counts them.

Schema history
--------------
1 (2026-11) : what the verdict on accuracy needs.
2 (2026-11) : what the verdict on mixing needs, too: ``rhat_p``, ``ess_within``, ``metrics``, ``worst``.
3 (2026-11) : ``kinetic``, a :class:`harness.kinetic.Kinetic` as a list.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

import models
from harness import accuracy, clock, diagnostics, isolated, metrics, sampling
from harness.error_rates import BIASES, KINDS, moved
from harness.faults import FAULTS, Fault
from harness.truth import find
from models.spec import ModelSpec, SamplerSettings

SCHEMA = 3

_KEPT = (
    "mean", "sd", "q05", "q95", "mcse_mean", "mcse_sd", "ess_bulk", "ess_tail", "ess_q05", "ess_q95",
    "rhat", "rhat_p", "ess_within", "state", "note", "standstill", "draws_per_chain", "free",
)  # fmt: skip


def sample(
    spec: ModelSpec, fault: Fault, settings: SamplerSettings, seed: int, prepared: Optional[sampling.Prepared]
) -> Dict[str, Any]:
    """Sample a model, rightly or wrongly, and summarise the draws.

    Parameters
    ----------
    spec : ModelSpec
        The model; one that has no truth is judged for mixing alone.
    fault : Fault
        One of :data:`harness.faults.FAULTS`.
    settings : SamplerSettings
        What to sample with.
    seed : int
        ``random_seed``.
    prepared : Prepared or None
        The model, built and compiled, where the fault changes nothing of it.

    Returns
    -------
    dict
        What is kept; ``quantities`` empty and ``failed`` the reason if sampling failed.
    """
    exact = find(spec.name)[0]
    row: Dict[str, Any] = {
        "schema": SCHEMA,
        "model": spec.name,
        "model_digest": models.model_digest(spec),
        "truth_digest": exact.digest if exact else "",
        "sampler": fault.name,
        "seed": seed,
        "settings": settings.to_dict(),
        "failed": "",
        "quantities": {},
        "shares": {},
    }
    try:
        with fault.patch():
            timer = clock.PhaseTimer(_silent)
            drawn = sampling.sample(fault.spec(spec), settings, seed, timer, _silent, prepared)
    except Exception as error:  # A sampler that is wrong may well fail: that is a result.
        row["failed"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
        return row
    draws = {variable: fault.draws(values) for variable, values in drawn.draws.items()}
    found = diagnostics.diagnose(
        draws, drawn.stats, drawn.tune_stats, drawn.free, settings.max_treedepth, drawn.dimensions
    )
    row["quantities"] = {label: _kept(quantity) for label, quantity in found.quantities.items()}
    row.update(_metrics(found), kinetic=list(found.kinetic) if found.kinetic else None)
    if exact is not None:
        row["shares"] = {"": accuracy.shares_below(draws, exact)}
        if fault.name == "right":
            row["shares"].update(
                {
                    f"{kind} {bias:g}": accuracy.shares_below(draws, moved(exact, kind, bias))
                    for kind in KINDS
                    for bias in BIASES
                }
            )
    return row


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


def _silent(_: clock.Progress) -> None:
    """Nobody watches."""


def _kept(quantity: diagnostics.Quantity) -> Dict[str, Any]:
    values = {name: getattr(quantity, name) for name in _KEPT}
    return {
        name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in values.items()
    }


def main(arguments: Sequence[str]) -> int:
    """Sample one model with some seeds and print one JSON line each."""
    parser = argparse.ArgumentParser(prog="python -m harness.calibration")
    parser.add_argument("model")
    parser.add_argument("sampler", choices=FAULTS)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--models", action="append", default=[], type=Path)
    parser.add_argument("--settings", type=json.loads, default={}, help="changed settings, as JSON")
    options = parser.parse_args(arguments)
    output = isolated.own_output()
    for file in options.models:
        models.load_file(file)
    spec, fault = models.get(options.model), FAULTS[options.sampler]
    # One core: several of these processes run at a time, and time is not measured.
    settings = replace(spec.settings, **{**options.settings, "cores": 1})
    prepared = sampling.prepare(spec) if fault.of_draws_only else None
    for seed in options.seeds:
        row = sample(spec, fault, settings, seed, prepared)
        output.write(json.dumps(row, allow_nan=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
