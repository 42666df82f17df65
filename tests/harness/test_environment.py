"""What a measurement depends on is known, and workers are started with it."""

import json
import re

from harness import environment


def test_the_machine_is_described_without_naming_it():
    facts = environment.machine(threads=1)
    assert facts["cores"] >= 1
    assert facts["processor"]
    assert facts["memory_bytes"] > 2**28
    assert re.fullmatch(r"[0-9a-f]{12}", facts["machine"])
    assert not re.search(r'"/', json.dumps(facts))


def test_the_machines_mark_is_of_its_kind_not_of_its_state():
    facts = {"processor": "x", "cores": 2, "memory_bytes": 8 * 2**30}
    busier = {**facts, "memory_bytes": 8 * 2**30 - 10**6, "load_at_start": 3.0}
    assert environment._identity(facts) == environment._identity(busier)
    assert environment._identity(facts) != environment._identity({**facts, "cores": 4})


def test_workers_have_pinned_threads_and_a_cache_of_their_own(monkeypatch, tmp_path):
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


def test_blas_is_found_where_a_program_can_be_linked_with_it(tmp_path, monkeypatch):
    compiler = tmp_path / "g++"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for linkable, expected in (("-lblis", "-lblis"), ("-lnothing", "")):
        environment.blas_flags.cache_clear()
        compiler.write_text(f'#!/bin/sh\ncase "$*" in *{linkable}*|*--version*) exit 0;; esac\nexit 1\n')
        compiler.chmod(0o755)
        monkeypatch.setattr(environment, "compiler", lambda: "g++")
        assert environment.blas_flags() == expected
    environment.blas_flags.cache_clear()


def test_outside_of_git_there_is_no_commit(tmp_path):
    assert environment.commit(tmp_path) == {"commit": None, "dirty": None}
