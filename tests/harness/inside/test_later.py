"""The compile cache of a later PyMC: what others can take over, and what is gone with its process."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from nutsbench.dialect import installed
from nutsbench.inside import compile_cache, later


def test_what_no_other_process_takes_over_does_not_make_a_cache_cold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, has_key in (("kept", True), ("own", False)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.so").touch()
        if has_key:
            (tmp_path / name / "key.pkl").touch()
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "f.1.nbc").touch()
    backend, cmodule = ModuleType("backend"), ModuleType("backend.link.c.cmodule")
    backend.config = SimpleNamespace(base_compiledir=str(tmp_path))  # type: ignore[attr-defined]
    monkeypatch.setattr(installed, "packages", lambda: ("pm", "backend"))
    monkeypatch.setitem(sys.modules, "backend", backend)
    assert later.cached() == {tmp_path / "kept" / "m.so", tmp_path / "numba" / "f.1.nbc"}
    # Nothing is read in by asking.
    assert later.loaded_modules() == set()
    monkeypatch.setitem(sys.modules, "backend.link.c.cmodule", cmodule)
    assert later.loaded_modules() == set()
    loaded = {str(tmp_path / name / "m.so"): None for name in ("kept", "own")}
    cmodule._module_cache = SimpleNamespace(module_from_name=loaded)  # type: ignore[attr-defined]
    assert compile_cache.remove_folders(later.loaded_modules()) == 1
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["kept", "numba"]
