"""Commits whose packages were called ``harness`` and ``models``: found under the names that they have now."""

import importlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Optional, Sequence


class Earlier(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a module of ``nutsbench`` as that of the earlier name, and not as a second one."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[Any]] = None, target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        """Find what lies in ``nutsbench``, whatever of that name is installed."""
        del path, target
        if fullname.split(".")[0] != "nutsbench":
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=fullname == "nutsbench")

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[ModuleType]:
        """Import it under its earlier name."""
        if spec.name == "nutsbench":
            return None
        rest = spec.name.partition(".")[2]
        name = rest if rest.split(".")[0] == "models" else f"harness.{rest}"
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


def use() -> None:
    """Find such modules from now on."""
    sys.meta_path.insert(0, Earlier())
