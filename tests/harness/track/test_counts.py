"""Asking for instructions: what was counted by a process that compiled is asked for again."""

from pathlib import Path
from typing import Any, Dict, List

import pytest

from nutsbench.base.errors import UserError
from nutsbench.stacks import stack
from nutsbench.track import counts
from nutsbench.track.counts import Counts


def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: List[Dict[str, Any]]) -> Any:
    monkeypatch.setattr(counts, "why_not", lambda: "")
    monkeypatch.setattr(Counts, "_start", lambda *_: None)
    monkeypatch.setattr(counts, "_ask", lambda *_: answers.pop(0))
    monkeypatch.setattr(counts, "_read", lambda found, *_: found)
    ours = Counts(stack.named(stack.DEFAULT), cache=tmp_path)
    try:
        return ours.of_model("addition", [])
    finally:
        ours.close()


def test_a_count_beside_compiling_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers: List[Dict[str, Any]] = [{"cold": True}, {"cold": True}, {"cold": False, "files": {}}]
    assert asked(monkeypatch, tmp_path, answers) == {"cold": False, "files": {}}


def test_a_cache_that_keeps_nothing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers: List[Dict[str, Any]] = [{"cold": True}] * 3
    with pytest.raises(UserError, match="addition: instructions cannot be counted: it was compiled anew 3"):
        asked(monkeypatch, tmp_path, answers)
