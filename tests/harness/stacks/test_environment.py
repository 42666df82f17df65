"""What a measurement depends on is known, and workers are started with it."""

import json
import re
from pathlib import Path
from typing import Any, Dict

import pytest

from nutsbench.stacks import environment


def test_the_machine_is_described_without_naming_it() -> None:
    facts = environment.machine(threads=1)
    assert facts["cores"] >= 1
    assert facts["processor"]
    assert facts["memory_bytes"] > 2**28
    assert re.fullmatch(r"[0-9a-f]{12}", facts["machine"])
    assert not re.search(r'"/', json.dumps(facts))


def test_the_machines_mark_is_of_its_kind_not_of_its_state() -> None:
    facts = {"processor": "x", "cores": 2, "memory_bytes": 8 * 2**30}
    busier = {**facts, "memory_bytes": 8 * 2**30 - 10**6, "load_at_start": 3.0}
    assert environment._identity(facts) == environment._identity(busier)
    assert environment._identity(facts) != environment._identity({**facts, "cores": 4})


CPUINFO = """processor\t: {n}
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: {model}
model name\t: AMD EPYC
stepping\t: 1
microcode\t: {microcode}
cpu MHz\t\t: {mhz}
bogomips\t: {mhz}
flags\t\t: fpu sse4_2 avx avx2

"""
ARM = """processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd sve
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd40
CPU revision\t: 1
"""


def kind_of(monkeypatch: pytest.MonkeyPatch, text: str, **changes: Any) -> Dict[str, Any]:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    monkeypatch.setattr(environment, "_caches", lambda: {"L3 unified": "32768K"})
    facts = {"processor": environment.processor(), "cores": 2, "memory_bytes": 8 * 2**30}
    found = environment.kind({**facts, "cpu": environment.cpu(), **changes})
    monkeypatch.undo()
    return found


def test_generations_that_share_a_name_are_of_two_kinds_whatever_the_clock_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    milan = CPUINFO.format(n=0, model=1, microcode="0x1", mhz=2000)
    same = CPUINFO.format(n=0, model=1, microcode="0x2", mhz=3999)
    genoa = CPUINFO.format(n=0, model=17, microcode="0x1", mhz=2000)
    first, again, other = (kind_of(monkeypatch, text) for text in (milan, same, genoa))
    assert first == again
    assert first["machine"] != other["machine"]
    assert first["machine_before"] == other["machine_before"], "by their name they are one"


def test_a_processor_that_is_told_in_arms_words_or_in_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: ARM)
    found = environment.cpu()
    assert {name: found[name] for name in ("vendor", "family", "model", "stepping", "vectors")} == {
        "vendor": "0x41", "family": "8", "model": "0xd40", "stepping": "1", "vectors": "sve"
    }  # fmt: skip
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "")
    assert environment.processor()
    assert environment.cpu()["model"] == ""


def test_a_record_of_before_is_of_the_kind_that_it_can_only_be() -> None:
    old, milan = {"machine": "old"}, {"machine": "milan", "machine_before": "old"}
    genoa = {"machine": "genoa", "machine_before": "old"}
    assert environment.same_kind(old, milan)
    assert environment.same_kind(milan, old)
    assert not environment.same_kind(milan, genoa)
    assert environment.kinds([old, milan]) == {"old": "milan"}
    assert environment.kinds([old, milan, genoa]) == {}
    assert environment.kinds([old]) == {}


def test_the_digest_of_before_is_the_one_that_records_of_before_have() -> None:
    facts = {"processor": "Intel(R) Xeon(R) Processor", "cores": 2, "memory_bytes": 25276502016}
    assert environment.kind(facts)["machine_before"] == "ff207ac58d15"  # As published.


def test_workers_have_pinned_threads_and_a_cache_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("THEANO_FLAGS", "floatX=float32")
    monkeypatch.setattr(environment, "blas_flags", lambda: "-lopenblas")
    variables = environment.worker_variables(tmp_path, theano_pymc=False, threads=2)
    assert {variables[name] for name in environment.THREAD_VARIABLES} == {"2"}
    flags = variables["THEANO_FLAGS"].split(",")
    lock = ["compile.wait=1", "compile.timeout=120"]
    assert flags == [f"base_compiledir={tmp_path}", "blas.ldflags=-lopenblas", *lock, "floatX=float32"]
    assert variables["THEANORC"] == "/dev/null"
    assert "/elsewhere" not in variables["PYTHONPATH"]
    newer = environment.worker_variables(tmp_path, theano_pymc=True, threads=1)
    assert "blas__ldflags=-lopenblas,compile__wait=1" in newer["THEANO_FLAGS"]


def test_blas_is_found_where_a_program_can_be_linked_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "g++"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for linkable, expected in (("-lblis", "-lblis"), ("-lnothing", "")):
        environment.blas_flags.cache_clear()
        compiler.write_text(f'#!/bin/sh\ncase "$*" in *{linkable}*|*--version*) exit 0;; esac\nexit 1\n')
        compiler.chmod(0o755)
        monkeypatch.setattr(environment, "compiler", lambda: "g++")
        assert environment.blas_flags() == expected
    environment.blas_flags.cache_clear()


def test_outside_of_git_there_is_no_commit(tmp_path: Path) -> None:
    assert environment.commit(tmp_path) == {"commit": None, "dirty": None}
