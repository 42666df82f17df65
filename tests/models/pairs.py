"""Model files in pairs: two that are two models, two that are one, and some that have to be refused.

A file is a dictionary of names and texts; the model stands in ``case.py``. Run as a program, it prints
the digest of each file of a catalogue that it reads from standard input, or why it has none.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Tuple

HEAD = """
import numpy as np
from nutsbench import model
{top}
def data():
    return {data}

@model(data=data, notation="a ~ Normal(0, 1)", teaches="A case.")
{above}def case(d{args}):
    import pymc3 as pm
    {first}
    with pm.Model() as m:
        a = pm.Normal("a", 0, {sd})
        pm.Normal("y", a, 1, observed=d["y"])
    return m
"""
Y = '{"y": np.arange(4.0)}'
Files = Dict[str, str]


def case(
    top: str = "",
    data: str = Y,
    sd: str = "1",
    args: str = "",
    first: str = "",
    above: str = "",
    **others: str,
) -> Files:
    text = HEAD.format(top=top, data=data, sd=sd, args=args, first=first, above=above)
    return {"case.py": text, **{f"{name}.py": other for name, other in others.items()}}


def value(one: str, other: str, sd: str = "S", imports: str = "") -> Tuple[Files, Files]:
    """Two files with another value at module level."""
    return tuple(case(top=f"{imports}\nS = {text}", sd=sd) for text in (one, other))  # type: ignore[return-value]


def observed(one: str, other: str, imports: str = "") -> Tuple[Files, Files]:
    """Two files with other data."""
    return tuple(case(top=imports, data=f'{{"y": np.arange(4.0), "x": {text}}}') for text in (one, other))  # type: ignore[return-value]


PD = "import pandas as pd"
XR = "import xarray as xr"
SP = "import scipy.sparse as sp"
DT = "import datetime as dt"
ENUM = "import enum\nclass E(enum.Enum):\n    A = {}\nS = E.A"
CLASS = "class P:\n    scale = {0}\n    def sd(self):\n        return {1} * self.scale\nS = P()"
SLOTS = "class P:\n    __slots__ = ('s', '__t')\n    def __init__(self, s):\n        self.s = s\n        self.__t = {}\nS = P({})"
DECORATED = """import functools
def scaled(k):
    def around(f):
        @functools.wraps(f)
        def inner(*a):
            return {} * k * f(*a)
        return inner
    return around
@scaled({})
def sd():
    return {}
"""
MUTUAL = "def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != {} and even(n - 1)\n"


def two(template: str, one: Tuple[Any, ...], other: Tuple[Any, ...], **words: str) -> Tuple[Files, Files]:
    """Two files whose top is a template filled in twice."""
    return case(top=template.format(*one), **words), case(top=template.format(*other), **words)


def write(files: Files, folder: Path) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder / "case.py"


def digest(files: Files) -> str:
    """Return a model's digest in this process, or why it has none."""
    from nutsbench import models
    from nutsbench.models import registry

    with tempfile.TemporaryDirectory() as folder:
        try:
            models.load_file(write(files, Path(folder)))
            return models.model_digest(models.get("case"))
        except models.ModelError as error:
            return f"refused: {error}"
        finally:
            registry._registered.pop("case", None)


if __name__ == "__main__":
    print(json.dumps([digest(files) for files in json.load(sys.stdin)]))
