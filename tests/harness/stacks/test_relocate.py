"""An environment that was moved or copied runs its own programs and its own checkout, wherever it lies."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

from nutsbench.stacks import install, relocate, stack
from nutsbench.stacks.stack import Stack
from tests.conftest import ROOT

#: How installers begin a program: in short, and where the path is too long or has spaces.
SHORT = "#!{env}/bin/python\n# -*- coding: utf-8 -*-\n"
LONG = "#!/bin/sh\n'''exec' \"{env}/bin/python\" \"$0\" \"$@\"\n' '''\n"
PROGRAM = "import sys, nutsbench\nprint(sys.prefix, nutsbench.__file__, *sys.argv[1:])\n"


def make(checkout: Path) -> Path:
    """Make a checkout with the host's environment in it, as installers leave it; return that."""
    (checkout / "harness").mkdir(parents=True)
    (checkout / "harness" / "__init__.py").write_text("")
    (checkout / "src").mkdir()
    (checkout / "src" / "nutsbench").symlink_to("../harness")
    env = checkout / ".stacks" / "host" / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)
    (site,) = env.glob("lib/python*/site-packages")
    (site / "__editable__.nutsbench-0.1.0.pth").write_text(f"{checkout}/src\n")
    for name, head in (("nutsbench", SHORT), ("longer", LONG)):
        (env / "bin" / name).write_text(head.format(env=env) + PROGRAM)
        (env / "bin" / name).chmod(0o755)
    (env / "bin" / "system").write_text("#!/usr/bin/python3\nprint()\n")
    (env / "bin" / "compiled").write_bytes(b"\x7fELF\x00/bin/python")
    return env


def run(env: Path, program: str) -> Any:
    done = subprocess.run([str(env / "bin" / program), "word"], cwd="/", capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else done.stderr


@pytest.fixture
def env(tmp_path: Path) -> Path:
    return make(tmp_path / "one")


@pytest.mark.parametrize("how", ["moved", "copied", "moved where names have spaces"])
def test_programs_run_where_they_lie_and_find_the_checkout_that_they_lie_in(
    env: Path, tmp_path: Path, how: str
) -> None:
    checkout, other = tmp_path / "one", tmp_path / ("the other" if "spaces" in how else "other")
    assert not relocate.is_moved(env, checkout)
    if how == "copied":
        shutil.copytree(checkout, other, symlinks=True)
    else:
        checkout.rename(other)
    there = other / ".stacks" / "host" / "env"
    assert relocate.is_moved(there, other)
    relocate.put_right(there, other)
    assert not relocate.is_moved(there, other)
    (other / ".venv").symlink_to(Path(".stacks/host/env"))
    for program in ("nutsbench", "longer"):
        assert (there / "bin" / program).stat().st_mode & 0o777 == 0o755
        for place in (there, other / ".venv"):
            found = subprocess.run(
                [str(place / "bin" / program), "word"], cwd="/", capture_output=True, text=True
            ).stdout
            assert found.endswith("word\n")
            assert str(other / "src" / "nutsbench" / "__init__.py") in found.replace("/.venv/../", "/")
            assert str(checkout) + "/" not in found
    shell = f'. "{there}/bin/activate" && printf %s "$VIRTUAL_ENV"'
    assert subprocess.run(["sh", "-c", shell], capture_output=True, text=True).stdout == str(there)


def test_once_put_right_it_can_be_moved_again_without(env: Path, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "one", tmp_path / "two", symlinks=True)
    there = tmp_path / "two" / ".stacks" / "host" / "env"
    relocate.put_right(there, tmp_path / "two")
    (tmp_path / "two").rename(tmp_path / "three")
    there = tmp_path / "three" / ".stacks" / "host" / "env"
    assert run(there, "nutsbench")[1] == str(tmp_path / "three" / "src" / "nutsbench" / "__init__.py")


def test_what_is_no_program_of_the_environments_is_left_alone(env: Path, tmp_path: Path) -> None:
    before = {name: (env / "bin" / name).read_bytes() for name in ("system", "compiled")}
    (tmp_path / "one").rename(tmp_path / "other")
    there = tmp_path / "other" / ".stacks" / "host" / "env"
    relocate.put_right(there, tmp_path / "other")
    assert {name: (there / "bin" / name).read_bytes() for name in before} == before


def test_an_interpreter_that_is_gone_is_noticed(env: Path) -> None:
    assert not relocate.lacks_interpreter(env)
    configuration = env / "pyvenv.cfg"
    text = configuration.read_text()
    configuration.write_text("home = /nowhere/bin\n")
    assert relocate.lacks_interpreter(env)
    configuration.write_text(text)
    (env / "bin" / "python").unlink()
    (env / "bin" / "python").symlink_to("/nowhere/bin/python")
    assert relocate.lacks_interpreter(env)


def test_environments_that_several_checkouts_share_keep_to_the_first(env: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "worktree"
    (elsewhere / "harness").mkdir(parents=True)
    assert not relocate.is_moved(env, elsewhere)
    (tmp_path / "one" / "harness").rename(tmp_path / "gone")
    assert relocate.is_moved(env, elsewhere)


def test_a_place_that_is_named_in_another_way_is_the_same_place(env: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert not relocate.is_moved(tmp_path / "link" / ".stacks" / "host" / "env", tmp_path / "link")


@pytest.fixture
def moved(env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A checkout that was moved, with all that its lock asks for installed in it."""
    (tmp_path / "one").rename(tmp_path / "other")
    for module in (install, stack):
        monkeypatch.setattr(module, "ROOT", tmp_path / "other")
    monkeypatch.setenv("NUTSBENCH_STACKS", str(tmp_path / "other" / ".stacks"))
    monkeypatch.setattr(install, "_run", lambda command: pytest.fail(f"not so quick: {command}"))
    one = stack.host()
    stack.marker(one).write_text(json.dumps(stack.to_install(one)))
    monkeypatch.setattr(install, "_interpreter", lambda _: "3.12")
    return one


def test_make_env_puts_a_moved_checkout_right(
    moved: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not moved.ready
    assert install.main() == 0
    assert moved.ready
    assert "was moved: putting it right" in capsys.readouterr().out
    assert (tmp_path / "other" / ".venv").resolve() == moved.home / "env"
    assert install.main() == 0
    assert capsys.readouterr().out == ""


def test_environments_that_a_cache_has_brought_get_their_link(moved: Stack, tmp_path: Path) -> None:
    install.main()
    (tmp_path / "other" / ".venv").unlink()
    assert install.main() == 0
    assert (tmp_path / "other" / ".venv" / "bin" / "python").exists()


def test_a_command_that_needs_a_moved_stack_puts_it_right(moved: Stack) -> None:
    install.create(moved)
    assert moved.ready


def test_make_starts_nothing_that_has_a_place_in_it() -> None:
    text = (ROOT / "Makefile").read_text()
    assert ".venv/bin/python" in text
    assert not [word for word in text.split() if "bin/" in word and not word.endswith(("python", "bin/uv)"))]


def test_the_interpreter_is_renewed_where_it_is_gone(moved: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    python = moved.home / "env" / "bin" / "python"
    there = os.readlink(python)
    python.unlink()
    python.symlink_to("/nowhere/python")
    asked = []

    def venv(command: List[str]) -> None:
        asked.append(command)
        python.unlink()
        python.symlink_to(there)

    monkeypatch.setattr(install, "_run", venv)
    monkeypatch.setattr(install, "_uv", lambda: "uv")
    assert install.main() == 0
    assert moved.ready
    (command,) = asked
    assert "--allow-existing" in command
    assert "--clear" not in command
