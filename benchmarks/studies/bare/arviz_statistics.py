"""What a stack's own ArviZ makes of arrays: ``python -m benchmarks.studies.bare.arviz_statistics ARRAYS``.

``ARRAYS`` is an ``.npz`` of float arrays of shape (chain, draw). Prints one line of JSON: the version, and
for each array its statistics as nutsbench took them when it ran in the stack.
:mod:`benchmarks.studies.arviz_versions` starts it.
"""

import json
import math
import sys
import warnings
from typing import Any, Callable, Dict, Optional

import numpy as np

warnings.simplefilter("ignore")


def _finite(call: Callable[[], Any]) -> Optional[float]:
    try:
        value = float(call())
    except Exception:  # It refuses such draws.
        return None
    return value if math.isfinite(value) else None


def statistics(az: Any, values: np.ndarray) -> Dict[str, Optional[float]]:
    """Return ESS, R-hat and MCSE of one scalar's draws.

    Parameters
    ----------
    az : module
        ArviZ, before its version 1.
    values : ndarray
        Draws, shape (chain, draw).
    """
    return {
        "ess_bulk": _finite(lambda: az.ess(values, method="bulk")),
        "ess_tail": _finite(lambda: az.ess(values, method="tail")),
        "ess_q05": _finite(lambda: az.ess(values, method="quantile", prob=0.05)),
        "ess_q95": _finite(lambda: az.ess(values, method="quantile", prob=0.95)),
        "rhat": _finite(lambda: az.rhat(values, method="rank")) if len(values) > 1 else None,
        "mcse_mean": _finite(lambda: az.mcse(values, method="mean")),
    }


def main() -> None:
    """Read the arrays and print the statistics."""
    import arviz

    with np.load(sys.argv[1], allow_pickle=False) as arrays:
        found = {name: statistics(arviz, arrays[name]) for name in arrays.files}
    print(json.dumps({"version": arviz.__version__, "statistics": found}))


if __name__ == "__main__":
    main()
