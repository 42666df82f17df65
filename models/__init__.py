"""The models that are benchmarked, each registered once.

One file for each section of the tutorial. ``models.get(name)`` returns a
:class:`~nutsbench.models.spec.ModelSpec`; nothing here imports PyMC3 until a model is built.
"""

from nutsbench.models.claims import Claim
from nutsbench.models.errors import ModelError, UnknownModelError
from nutsbench.models.registry import (
    data_digest,
    get,
    load_file,
    loaded_files,
    model,
    model_digest,
    names,
    read_at,
    variants,
)
from nutsbench.models.spec import Data, ModelSpec, SamplerSettings

__all__ = [
    "Claim",
    "Data",
    "ModelError",
    "ModelSpec",
    "SamplerSettings",
    "UnknownModelError",
    "data_digest",
    "get",
    "load_file",
    "loaded_files",
    "model",
    "model_digest",
    "names",
    "read_at",
    "variants",
]
