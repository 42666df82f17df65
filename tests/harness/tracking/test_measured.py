"""What the benchmarks of a model share: each value once, and measured again when none is left."""

import json
import pickle

import pytest

from harness.tracking import measured
from harness.tracking.measured import PROCESSES, Measured, Reader


@pytest.fixture
def rounds(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    begun = []

    def of_core(name, processes):
        begun.append(name)
        first = 100 * len(begun)
        workloads = ("gradient", "leapfrog", "transitions")
        return {
            "compile": [float(first)],
            **{w: [first + i for i in range(processes)] for w in workloads},
        }

    monkeypatch.setattr(measured.samples, "of_core", of_core)
    monkeypatch.setattr(measured.samples, "compiling", lambda *_: 300.0)
    monkeypatch.setattr(measured.speed, "usual_s", lambda: 0.5)
    monkeypatch.setattr(measured.lock, "keep", lambda *_: None)
    return begun


def test_benchmarks_of_a_round_share_what_was_measured_once(rounds):
    # Each in a process of its own.
    for workload in ("gradient", "leapfrog", "transitions"):
        one = pickle.loads(pickle.dumps(Measured("addition")))
        assert [one.next_s(workload) for _ in range(PROCESSES)] == [50.0, 50.5, 51.0, 51.5]
    assert rounds == ["addition"]
    assert Measured("addition").next_s("leapfrog") == 100.0
    assert rounds == ["addition"] * 2
    # Each had to compile first: that makes two readings, minutes apart.
    assert Measured("addition").compiles_s() == [50.0, 100.0]
    assert Measured("addition", 3).compiles_s() == [50.0, 100.0, 150.0]


def test_compiling_is_measured_where_no_other_benchmark_has(rounds):
    assert Measured("addition").compiles_s() == [150.0] * 2
    assert Measured("addition", 3).compiles_s() == [150.0] * 3
    assert rounds == []


def test_the_process_whose_memory_is_measured_tells_what_compiling_took(rounds, monkeypatch):
    class Core:
        def transitions(self):
            return 7

    timed = {workload: [1.0] * PROCESSES for workload in ("gradient", "leapfrog", "transitions")}
    monkeypatch.setattr(measured.samples, "of_compiled", lambda *_: timed)
    monkeypatch.setattr(measured.counts, "why_not", lambda: "")
    monkeypatch.setattr(measured.samples, "compiled", lambda _: (Core(), 20.0))
    assert Measured("addition").transitions() == 7
    monkeypatch.setattr(measured.samples, "compiled", lambda _: (Core(), None))
    Measured("addition").transitions()  # The compiler ran: that is not what is timed.
    assert Measured("addition").compiles_s() == [10.0, 150.0]
    # It has compiled, so it times the others' values, too.
    assert Measured("addition").next_s("leapfrog") == 0.5
    assert rounds == []


def test_compiling_from_nothing_is_once_with_two_readings_of_the_machines_speed(rounds, monkeypatch):
    del rounds
    readings = iter([0.5, 1.0])
    monkeypatch.setattr(measured.samples, "reference_s", lambda: next(readings))
    monkeypatch.setattr(measured.core, "cold_compile_s", lambda _: 30.0)
    assert Measured("addition").cold_compiles_s() == [30.0, 15.0]


def test_a_count_is_made_once(rounds, monkeypatch):
    del rounds
    asked = []
    monkeypatch.setattr(measured.counts, "of_model", lambda *given: asked.append(given) or {"leapfrogs": 3})
    measured.PICKLE.write_bytes(b"")  # It could not be pickled.
    assert Measured("addition").counted() == Measured("addition").counted() == {"leapfrogs": 3}
    assert asked == [("addition", None)]


def test_what_is_counted_is_what_was_compiled_already(rounds, monkeypatch):
    del rounds
    asked = []
    monkeypatch.setattr(measured.counts, "of_model", lambda *given: asked.append(given) or {})
    measured.PICKLE.write_bytes(b"a core")
    Measured("addition").counted()
    assert asked == [("addition", measured.PICKLE)]


def test_a_reader_goes_on_by_what_it_is_told():
    clock = Reader()
    assert clock() == clock() == 0.0
    clock.add(2.5)
    assert json.dumps(clock()) == "2.5"
