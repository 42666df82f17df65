"""The store of compiled modules: whole, checked, limited, and the same for the same source alone."""

import os
from pathlib import Path
from typing import Any, List

import pytest

from nutsbench.inside import compile_cache, modules, precompiled
from nutsbench.inside.modules import Store

FLAGS = ["g++", "-shared", "-g", "-O3", "-I/usr/include"]


def test_what_is_kept_comes_back_and_what_is_damaged_does_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "store")
    assert store.get("a") is None
    store.put("a", b"machine code")
    assert store.get("a") == b"machine code"
    path = tmp_path / "deep" / "store" / "a"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert store.get("a") is None
    assert not path.exists()
    path.write_bytes(b"short")
    assert store.get("a") is None


def test_what_was_used_longest_ago_leaves_first(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=3 * 132)
    for number, name in enumerate("abc"):
        store.put(name, bytes(100))
        os.utime(tmp_path / name, (number, number))
    assert store.get("a") == bytes(100)
    store.put("d", bytes(100))
    assert [store.get(name) is not None for name in "abcd"] == [True, False, True, True]
    assert store.size_bytes() <= 3 * 132


def test_a_folder_that_cannot_be_written_keeps_nothing_and_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "store")
    store.put("a", b"x")
    assert store.get("a") is None
    assert store.size_bytes() == 0


class Compiler:
    """Stands in for Theano's module that compiles: the target is the source, and calls are counted."""

    def __init__(self) -> None:
        self.calls = 0

    def output_subprocess_Popen(self, command: List[str]) -> Any:  # noqa: N802 (Theano's name)
        self.calls += 1
        target = command[command.index("-o") + 1]
        source = next(word for word in command if word.endswith(".cpp"))
        with open(source) as given, open(target, "w") as made:
            made.write(given.read().upper())
        return b"", b"", 1 if "fail" in source else 0


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = Compiler()
    monkeypatch.setattr(precompiled, "cmodule", lambda: found)
    monkeypatch.setattr(precompiled, "version", lambda _: "g++ 12")
    monkeypatch.setenv(modules.VARIABLE, str(tmp_path / "store"))
    return found


def compiled(compiler: Any, folder: Any, text: Any = "int one;", flags: Any = FLAGS) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mod.cpp").write_text(text)
    done = compiler.output_subprocess_Popen([*flags, "-o", str(folder / "m.so"), str(folder / "mod.cpp")])
    return done[2], (folder / "m.so").read_text()


def test_the_same_source_is_compiled_once_wherever_it_lies(compiler: Any, tmp_path: Path) -> None:
    with modules.taken_over():
        assert compiled(compiler, tmp_path / "one") == (0, "INT ONE;")
        assert compiled(compiler, tmp_path / "two") == (0, "INT ONE;")
        header = ["-include", "/anywhere/theano_includes.h"]
        assert compiled(compiler, tmp_path / "three", flags=[*FLAGS, *header]) == (0, "INT ONE;")
        assert compiler.calls == 1
        compiled(compiler, tmp_path / "four", text="int two;")
        compiled(compiler, tmp_path / "five", flags=[*FLAGS, "-march=native"])
        assert compiler.calls == 3
    compiled(compiler, tmp_path / "six")
    assert compiler.calls == 4


def test_a_failure_is_not_kept_and_other_commands_are_left_alone(compiler: Any, tmp_path: Path) -> None:
    with modules.taken_over():
        for _ in range(2):
            assert compiled(compiler, tmp_path / "fail")[0] == 1
        assert compiler.calls == 2
    assert not (tmp_path / "store").exists()


def test_a_header_of_theanos_that_changes_is_another_module(compiler: Any, tmp_path: Path) -> None:
    headers = tmp_path / "theano" / "c_code"
    headers.mkdir(parents=True)
    flags = [*FLAGS, f"-I{headers}"]
    (headers / "helper.h").write_text("int helper;")
    with modules.taken_over():
        compiled(compiler, tmp_path / "one", flags=flags)
        (headers / "helper.h").write_text("int helped;")
        modules._headers.cache_clear()
        compiled(compiler, tmp_path / "two", flags=flags)
        assert compiler.calls == 2


def test_without_a_folder_nothing_is_changed(compiler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(modules.VARIABLE)
    plain = compiler.output_subprocess_Popen
    with modules.taken_over():
        assert compiler.output_subprocess_Popen == plain


def test_what_this_process_adds_to_the_cache_makes_it_cold_and_nothing_else(
    compiler: Any, tmp_path: Path
) -> None:
    with modules.taken_over(), modules.noted() as made:
        compiled(compiler, tmp_path / "unversioned")
        (tmp_path / "of_another_process").mkdir()
        (tmp_path / "of_another_process" / "key.pkl").touch()
        assert not compile_cache.was_cold(made)
        compiled(compiler, tmp_path / "versioned")  # Taken from the store.
        (tmp_path / "versioned" / "key.pkl").touch()
    assert made == [tmp_path / "unversioned" / "m.so", tmp_path / "versioned" / "m.so"]
    assert compile_cache.was_cold(made)
    compiled(compiler, tmp_path / "after")
    assert len(made) == 2
