"""Samples one model with many seeds, rightly or wrongly, for how often verdicts are wrong to be counted.

``python -m nutsbench.inside.calibrate MODEL SAMPLER SEED... --arrays FOLDER`` prints one JSON line a seed,
and leaves a file of arrays beside it; :mod:`nutsbench.audit.calibration` judges them.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from nutsbench import models
from nutsbench.inside import arrays, clock, isolated, modules, preparing, sampling
from nutsbench.inside.faults import FAULTS, Fault
from nutsbench.models.spec import ModelSpec, SamplerSettings


def sample(
    spec: ModelSpec,
    fault: Fault,
    settings: SamplerSettings,
    seed: int,
    prepared: Optional[sampling.Prepared],
    path: Path,
) -> Dict[str, Any]:
    """Sample a model, rightly or wrongly, and write its draws.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    fault : Fault
        One of :data:`nutsbench.inside.faults.FAULTS`.
    settings : SamplerSettings
        What to sample with.
    seed : int
        ``random_seed``.
    prepared : Prepared or None
        The model, built and compiled, where the fault changes nothing of it.
    path : Path
        File for the draws.

    Returns
    -------
    dict
        ``seed``, ``settings``, and ``failed``, why sampling failed; else ``free``, ``dimensions`` and the
        ``names`` of the arrays.
    """
    row: Dict[str, Any] = {"seed": seed, "settings": settings.to_dict(), "failed": ""}
    try:
        with fault.patch():
            timer = clock.PhaseTimer(_silent)
            drawn = sampling.sample(fault.spec(spec), settings, seed, timer, _silent, prepared)
    except Exception as error:  # A sampler that is wrong may well fail: that is a result.
        said = str(error).splitlines()[0][:200] if str(error) else ""
        return {**row, "failed": f"{type(error).__name__}: {said}"}
    groups = {
        "draws": {variable: fault.draws(values) for variable, values in drawn.draws.items()},
        "stats": drawn.stats,
        "tune_stats": drawn.tune_stats,
    }
    names = arrays.write(groups, path)
    return {**row, "free": list(drawn.free), "dimensions": drawn.dimensions, "names": names}


def _silent(_: clock.Progress) -> None:
    """Nobody watches."""


def main(arguments: Sequence[str]) -> int:
    """Sample one model with some seeds and print one JSON line each."""
    parser = argparse.ArgumentParser(prog="python -m nutsbench.inside.calibrate")
    parser.add_argument("model")
    parser.add_argument("sampler", choices=FAULTS)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--arrays", type=Path, required=True, help="folder for the draws")
    parser.add_argument("--models", action="append", default=[], type=Path)
    parser.add_argument("--settings", type=json.loads, default={}, help="changed settings, as JSON")
    options = parser.parse_args(arguments)
    output = isolated.own_output()
    for file in options.models:
        models.load_file(file)
    spec, fault = models.get(options.model), FAULTS[options.sampler]
    # One core: several of these processes run at a time, and time is not measured.
    settings = replace(spec.settings, **{**options.settings, "cores": 1})
    with modules.taken_over():
        prepared = preparing.prepare(spec) if fault.of_draws_only else None
        for seed in options.seeds:
            row = sample(spec, fault, settings, seed, prepared, options.arrays / f"{seed}.npz")
            output.write(json.dumps(row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
