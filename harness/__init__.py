"""nutsbench: benchmarks and diagnostics of PyMC3's NUTS. See ``nutsbench --help``.

A file of models says ``from nutsbench import model``; what else it may need stands beside it below. The
package is this folder, and the models' folder is its ``models``: on the path of Python stands ``src``, which
has nothing else, so that a user's own packages may be called ``harness`` or ``models``.

Rooms, lowest first: each imports from those before it alone, and what it is for stands in its docstring.
dialect inside base stacks judge truths records run track compare audit cluster migrate report cli
"""

import importlib
from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from nutsbench.models import Claim, Data, ModelSpec, SamplerSettings, exact, model

__all__ = ["Claim", "Data", "ModelSpec", "SamplerSettings", "exact", "model"]


def __getattr__(name: str) -> Any:
    # When they are asked for: what installs the environments runs on any Python, without NumPy.
    if name == "exact":
        return importlib.import_module("nutsbench.models.exact")
    if name in __all__:
        return getattr(importlib.import_module("nutsbench.models"), name)
    raise AttributeError(f"module 'nutsbench' has no attribute {name!r}")


def __dir__() -> List[str]:
    return sorted([*globals(), *__all__])
