"""What a stack is compared with where its data are others: the Python of this program, by name and by data.

Why a model is another one in a stack than here is told by :mod:`nutsbench.inside.mismatch`, which asks this.
"""

import json
import os
import platform
import subprocess
import sys
from typing import Dict

import numpy as np

from nutsbench import models
from nutsbench.base.paths import importable

#: What :func:`data_digests` runs.
_DIGESTS = """
import json, pathlib, sys
from nutsbench import models
from nutsbench.inside import mismatch
for file in sys.argv[2:]:
    models.load_file(pathlib.Path(file))
print(json.dumps(mismatch.data_digests(models.get(sys.argv[1]))))
"""


def own_name() -> str:
    """Return what this program's Python is called in a message."""
    return f"this program's own Python {platform.python_version()} with NumPy {np.__version__}"


def data_digests(model: str) -> Dict[str, str]:
    """Return the digests of a model's data, by their names, in another process like this one.

    Parameters
    ----------
    model : str
        The model.
    """
    files = list(map(str, models.loaded_files()))
    done = subprocess.run(
        [sys.executable, "-c", _DIGESTS, model, *files], env={**os.environ, "PYTHONPATH": str(importable())},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True,
    )  # fmt: skip
    found: Dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found
