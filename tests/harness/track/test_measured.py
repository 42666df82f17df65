"""What the benchmarks of a model share: each value once, and measured again when none is left."""

import json
import pickle
from pathlib import Path
from typing import Any, Dict, List

import pytest

from nutsbench.base import lock
from nutsbench.track import broker, counts, measured, speed
from nutsbench.track.measured import MEMORY, PROCESSES, Measured, Reader


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """What a stack was asked for; of the core its answers are numbered."""
    monkeypatch.chdir(tmp_path)
    requests: List[Any] = []
    answers: Dict[str, Any] = {"compile": 20.0}

    def answer(do: str, **arguments: Any) -> Dict[str, Any]:
        requests.append((do, arguments))
        if do == "core":
            first = 100 * sum(one == "core" for one, _ in requests)
            if arguments["pickle"]:
                measured.PICKLE.write_bytes(b"a core")
            return {
                "compile": answers["compile"],
                "values": {
                    w: [first + i for i in range(PROCESSES)] for w in ("gradient", "leapfrog", "transitions")
                },
                "pickled": bool(arguments["pickle"]),
                "peak_rss_bytes": 1000 + first,
            }
        if do == "reference":
            return {"readings": [answers["reference"].pop(0)]}
        others: Dict[str, Any] = {
            "compiling": {"compile": 300.0},
            "cold": {"seconds": 30.0},
            "counts": {"leapfrogs": 3},
        }
        return others[do]

    monkeypatch.setattr(broker, "ask", answer)
    monkeypatch.setattr(speed, "usual_s", lambda: 0.5)
    monkeypatch.setattr(lock, "keep", lambda *_: None)
    monkeypatch.setattr(counts, "why_not", lambda: "")
    return _Asked(requests, answers)


class _Asked:
    def __init__(self, requests: List[Any], answers: Dict[str, Any]) -> None:
        self.requests, self.answers = requests, answers

    def count(self, do: str) -> int:
        return sum(one == do for one, _ in self.requests)


def test_benchmarks_of_a_round_share_what_was_measured_once(asked: Any) -> None:
    # Each in a process of its own.
    for workload in ("gradient", "leapfrog", "transitions"):
        one = pickle.loads(pickle.dumps(Measured("addition")))
        assert [one.next_s(workload) for _ in range(PROCESSES)] == [50.0, 50.5, 51.0, 51.5]
    assert asked.count("core") == 1
    assert Measured("addition").next_s("leapfrog") == 100.0
    assert asked.count("core") == 2
    # Each had to compile first: that makes two readings, minutes apart.
    assert Measured("addition").compiles_s() == [10.0, 10.0]
    assert Measured("addition", 3).compiles_s() == [10.0, 10.0, 150.0]


def test_compiling_is_measured_where_no_other_benchmark_has(asked: Any) -> None:
    assert Measured("addition").compiles_s() == [150.0] * 2
    assert Measured("addition", 3).compiles_s() == [150.0] * 3
    assert asked.count("core") == 0


def test_a_model_that_is_compiled_anew_each_time_is_no_endless_benchmark(
    asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "ask", lambda *_, **__: {"compile": None})
    with pytest.raises(RuntimeError, match="compiles it anew each time"):
        Measured("addition").compiles_s()


def test_the_process_whose_memory_is_measured_tells_what_compiling_took(asked: Any) -> None:
    Measured("addition").transitions()
    assert MEMORY() == 1100
    asked.answers["compile"] = None
    Measured("addition").transitions()  # The compiler ran: that is not what is timed.
    assert MEMORY() == 1200
    assert Measured("addition").compiles_s() == [10.0, 150.0]
    # It has compiled, so it times the others' values, too.
    assert Measured("addition").next_s("leapfrog") == 50.0
    assert asked.count("core") == 2


def test_compiling_from_nothing_is_once_with_two_readings_of_the_machines_speed(asked: Any) -> None:
    asked.answers["reference"] = [0.5, 1.0]
    assert Measured("addition").cold_compiles_s() == [30.0, 15.0]


def test_a_count_is_made_once_of_what_was_compiled_already(asked: Any) -> None:
    Measured("addition").transitions()
    assert Measured("addition").counted() == Measured("addition").counted() == {"leapfrogs": 3}
    assert asked.count("core") == asked.count("counts") == 1
    assert asked.requests[-1] == ("counts", {"model": "addition", "pickle": str(measured.PICKLE.absolute())})


def test_what_cannot_be_pickled_is_compiled_again(asked: Any) -> None:
    measured.PICKLE.write_bytes(b"")
    Measured("addition").counted()
    assert asked.requests == [("counts", {"model": "addition", "pickle": ""})]


def test_a_reader_goes_on_by_what_it_is_told() -> None:
    clock = Reader()
    assert clock() == clock() == 0.0
    clock.add(2.5)
    assert json.dumps(clock()) == "2.5"
