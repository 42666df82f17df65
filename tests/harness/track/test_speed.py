"""The machine's baseline speed: measured once for a kind of machine, and kept."""

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from nutsbench.base.errors import UserError
from nutsbench.stacks import environment
from nutsbench.track import broker, speed


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("NUTSBENCH_ASV", str(tmp_path))
    facts = {"python": "CPython 3.8.18", "packages": {"numpy": "1.19.5"}}
    counted = iter(range(1, 10_000))

    def ask(do: str, readings: int = 0, cpu: Any = None) -> Dict[str, Any]:
        del cpu
        return facts if do == "facts" else {"readings": [float(next(counted)) for _ in range(readings)]}

    monkeypatch.setattr(broker, "ask", ask)
    return tmp_path / "speed.jsonl"


def test_it_is_measured_once(here: Path) -> None:
    first = speed.usual_s()
    assert speed.usual_s() == first
    assert [json.loads(line)["reference_work_s"] for line in here.read_text().splitlines()] == [first]


def test_it_is_the_speed_of_a_machine_that_nothing_interrupts() -> None:
    assert speed.usual_s() == pytest.approx(0.25 * speed._READINGS, rel=0.02)


def test_another_kind_of_machine_has_a_speed_of_its_own(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = speed.usual_s()
    monkeypatch.setattr(environment, "processor", lambda: "another")
    assert speed.usual_s() != first
    assert len(here.read_text().splitlines()) == 2


def test_what_was_measured_in_an_earlier_way_is_another_unit_and_stays(here: Path) -> None:
    earlier = '{"machine": "an old one", "plain_work_s": 1.0}\n'
    here.write_text(earlier)
    assert speed.usual_s() != 1.0
    assert here.read_text().startswith(earlier)


@pytest.mark.parametrize("text", ["{", "[1]", '{"this": 1}', '{"machine": "x", "reference_work_s": null}'])
def test_a_damaged_file_is_named_and_left_alone(here: Path, text: str) -> None:
    here.write_text(text)
    with pytest.raises(UserError, match=r"speed\.jsonl"):
        speed.usual_s()
    assert here.read_text() == text


def test_how_fast_the_machine_is_now_is_told_beside_its_usual_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = speed.usual_s()
    monkeypatch.setattr(speed, "usual_s", lambda: usual)
    monkeypatch.setattr(broker, "ask", lambda *_, readings, **__: {"readings": [2 * usual] * readings})
    assert speed.share_of_usual() == pytest.approx(0.5)
