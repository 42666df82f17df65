"""Earlier commits, whose packages had other names: what is tracked is found under the names of today."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any, Optional, Sequence


class Earlier(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a module of today's name as that of its earlier name, and not as a second one.

    Parameters
    ----------
    unnamed : bool
        Whether the commit's packages are called ``harness`` and ``models``, and not ``nutsbench``.
    """

    def __init__(self, unnamed: bool) -> None:
        self._unnamed = unnamed

    def _name(self, fullname: str) -> str:
        """Return what a module of today was called; empty if it has that name still."""
        top, _, rest = fullname.partition(".")
        first, dot, inner = rest.partition(".")
        if top != "nutsbench":
            return ""
        rest = f"tracking{dot}{inner}" if first == "track" else rest
        if self._unnamed:
            return rest if first == "models" else f"harness.{rest}"
        return f"nutsbench.{rest}" if first == "track" else ""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[Any]] = None, target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        """Find what has another name; of unnamed packages whatever is called ``nutsbench``."""
        del path, target
        if not self._name(fullname):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=fullname == "nutsbench")

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[ModuleType]:
        """Import it under its earlier name."""
        if spec.name == "nutsbench":
            return None
        name = self._name(spec.name)
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name == name:
                raise ModuleNotFoundError(f"this commit has no {name}", name=spec.name) from None
            raise
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing: it has been imported."""
        if module.__name__ != "nutsbench":
            module.__spec__ = self._spec


def _is_unnamed() -> bool:
    return bool(os.environ.get("NUTSBENCH_EARLIER"))


def is_named_otherwise() -> bool:
    """Return whether what is tracked has another name in the commit that is measured."""
    return _is_unnamed() or importlib.util.find_spec("nutsbench.track") is None


def use() -> None:
    """Find such modules from now on."""
    sys.meta_path.insert(0, Earlier(_is_unnamed()))
