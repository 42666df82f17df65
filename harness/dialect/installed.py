"""What a PyMC and the tensor library under it have by name, read off the packages that are installed.

    PYTHONPATH=src PYTHON -m nutsbench.dialect.installed > harness/dialect/names/NAME.json

Run it with a Python that has that PyMC; it takes seconds. It writes, as JSON, every public name of the
packages and of those of their modules that models use, and what each distribution takes.
"""

import importlib
import importlib.util
import inspect
import json
import sys
from functools import lru_cache
from typing import Any, Dict, List, Tuple

from nutsbench.dialect.names import Names, from_dict

#: The modules that models use, of PyMC and of its tensor library, below each one's own name.
OF_PYMC = ("", "math", "distributions", "distributions.transforms", "gp", "gp.cov", "gp.mean", "ode")
OF_TENSORS = (
    "", "tensor", "tensor.nnet", "tensor.nlinalg", "tensor.slinalg", "tensor.linalg", "tensor.extra_ops",
    "tensor.special", "tensor.signal", "tensor.basic", "tensor.subtensor", "tensor.random", "printing",
    "ifelse", "scan", "graph", "graph.op", "graph.basic", "gof", "compile", "compile.ops", "gradient",
    "sparse", "sandbox", "sandbox.linalg", "sandbox.rng_mrg",
)  # fmt: skip

#: What PyMC and the tensor library have been called, latest first.
_PAIRS = (("pymc", "pytensor"), ("pymc", "aesara"), ("pymc3", "theano"))


def public(module: Any) -> List[str]:
    """Return the public names of a module."""
    return sorted(name for name in dir(module) if not name.startswith("_"))


def parameters(one: Any) -> Dict[str, Any]:
    """Return what a distribution takes after its name: in order, by keyword alone, and whether more."""
    found: Dict[str, Any] = {"positional": [], "keywords": [], "open": False}
    own = [getattr(one, name, None) for name in ("dist", "__init__", "__new__")]
    # That of PyMC3 passes all on to the constructor.
    for function in own:
        try:
            each = list(inspect.signature(function).parameters.values())  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        names = [p for p in each if p.name not in ("self", "cls", "name", "dist_params")]
        places = [p.name for p in names if p.kind is p.POSITIONAL_OR_KEYWORD]
        found["positional"] = found["positional"] or places
        found["keywords"] += [p.name for p in names if p.kind is p.KEYWORD_ONLY]
        found["open"] = found["open"] or (not places and any(p.kind is p.VAR_KEYWORD for p in each))
    found["open"] = found["open"] and not found["positional"]
    return found


@lru_cache(maxsize=1)
def packages() -> Tuple[str, str]:
    """Return what PyMC and the tensor library under it are called here: ``pymc3``, ``theano`` and so on.

    Nothing is imported.
    """
    found = (pair for pair in _PAIRS if all(map(importlib.util.find_spec, pair)))
    # Where there is none, as on the host, files are as they are.
    return next(found, _PAIRS[-1])


@lru_cache(maxsize=1)
def names() -> Names:
    """Return the names of the packages that are installed."""
    return from_dict("installed", read())


def read() -> Dict[str, Any]:
    """Return all names, ready for JSON: what :func:`nutsbench.dialect.names.from_dict` takes."""
    pymc, tensors = packages()
    found: Dict[str, Any] = {"pymc": pymc, "tensors": tensors, "versions": {}, "names": {}, "parameters": {}}
    for root, below in ((pymc, OF_PYMC), (tensors, OF_TENSORS)):
        for name in below:
            try:
                found["names"][f"{root}.{name}".rstrip(".")] = public(
                    importlib.import_module(f"{root}.{name}".rstrip("."))
                )
            except ImportError:
                continue
        found["versions"][root] = importlib.import_module(root).__version__
    top = importlib.import_module(pymc)
    for name in public(top):
        one = getattr(top, name)
        if inspect.isclass(one) and hasattr(one, "dist"):
            found["parameters"][name] = parameters(one)
    return found


def main() -> None:
    """Print the names."""
    kept, sys.stdout = sys.stdout, sys.stderr
    found = read()
    sys.stdout = kept
    print(json.dumps(found, indent=0, sort_keys=True))


if __name__ == "__main__":
    main()
