"""Stacks are found by name or by path, and their pins stand in one place."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, Dict, Optional, Set

import pytest

from nutsbench.base.errors import UserError
from nutsbench.stacks import install, stack


def test_the_pinned_stacks_are_what_they_are_called() -> None:
    found = {row["name"]: row["versions"] for row in stack.describe()}
    assert found["pymc3-3.8"] == {"pymc3": "3.8", "theano": "1.0.4", "arviz": "0.6.1", "numpy": "1.19.5"}
    assert found["pymc3-3.11"]["pymc3"] == "3.11.6"
    assert found["pymc3-3.11"]["theano"] == "1.1.2"
    assert found["pymc3-3.11"]["arviz"] == "0.12.1"


@pytest.mark.parametrize("path", sorted(stack.LOCKS.glob("*.txt")), ids=lambda path: path.name)
def test_a_lock_says_how_it_was_made_and_pins_everything_by_hash(path: Path) -> None:
    text = path.read_text()
    assert "uv pip compile" in text.splitlines()[1]
    assert "--exclude-newer 20" in text.splitlines()[1]
    pins = [line for line in text.splitlines() if re.match(r"[\w.-]+==", line)]
    assert pins
    assert all(line.endswith("\\") for line in pins)
    assert "http" not in text


def test_the_host_has_neither_pymc3_nor_theano_and_no_stack_has_its_tools() -> None:
    def pins(path: Path) -> Set[Any]:
        return {name.lower() for name in re.findall(r"^([\w.-]+)==", path.read_text(), re.MULTILINE)}

    host = pins(stack.host().requirements)
    assert {"arviz", "pandas", "click", "rich", "asv"} <= host
    assert not host & {"pymc3", "theano", "theano-pymc", "pymc", "pytensor"}
    for name in stack.NAMES:
        assert not pins(stack.named(name).requirements) & {"click", "rich", "asv", "jinja2", "plotly"}


def test_the_stack_that_benchmarks_measure_is_told_by_a_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(stack.VARIABLE, raising=False)
    assert stack.current() == stack.named(stack.DEFAULT)
    monkeypatch.setenv(stack.VARIABLE, "release-3.9.3")
    assert stack.current() == stack.named("release-3.9.3")
    mine = stack.Stack("mine", tmp_path, tmp_path / "mine.txt", tmp_path / "fork", locked=False)
    monkeypatch.setenv(stack.VARIABLE, mine.to_text())
    assert stack.current() == mine
    monkeypatch.setenv(stack.VARIABLE, "pymc3-3.12")
    with pytest.raises(UserError, match="Did you mean"):
        stack.current()


def test_an_unknown_stack_gets_its_nearest_match() -> None:
    with pytest.raises(UserError, match=r"no stack 'pymc3-3.12'. Did you mean 'pymc3-3.1?1?8?"):
        stack.resolve("pymc3-3.12")


def checkout(folder: Path, files: Dict[str, Any]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "base"),
    [
        ({"pymc3/__init__.py": '__version__ = "3.8"'}, "pymc3-3.8"),
        ({"pymc3/__init__.py": '__version__ = "3.11.6"'}, "pymc3-3.11"),
        ({"theano/__init__.py": "", "setup.py": 'NAME = "Theano"'}, "pymc3-3.8"),
        ({"theano/__init__.py": "", "setup.py": 'NAME = "Theano-PyMC"'}, "pymc3-3.11"),
    ],
)
def test_a_checkout_stands_on_the_stack_of_its_theano(
    tmp_path: Path, files: Dict[str, Any], base: str
) -> None:
    found = stack.resolve(str(checkout(tmp_path / "fork", files)))
    assert found.requirements == stack.named(base).requirements
    assert found.name.startswith("fork-")
    assert found.home != stack.named(base).home


@pytest.mark.parametrize(
    ("version", "lock"),
    [
        ("3.9.2", "release-3.9.2"),
        ("3.10.0", "release-3.10.0"),
        ("3.9.4", "release-3.9.3"),
        ("3.11.2", "release-3.11.2"),
        ("3.11.7", "pymc3-3.11"),
    ],
)
def test_a_checkout_is_installed_over_the_lock_of_its_release_or_of_the_last_like_it(
    tmp_path: Path, version: str, lock: str
) -> None:
    folder = checkout(tmp_path / "fork", {"pymc3/__init__.py": f'__version__ = "{version}"'})
    assert stack.resolve(str(folder)).requirements.stem == lock


def test_a_patch_beside_a_lock_makes_another_stack(tmp_path: Path) -> None:
    lock = tmp_path / "harness" / "stacks" / "pymc3-3.8.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text(stack.named("pymc3-3.8").requirements.read_text())
    before = stack.of_commit(tmp_path, "pymc3-3.8")
    assert before == stack.named("pymc3-3.8")
    lock.with_suffix(".patch").write_text("a change\n")
    after = stack.of_commit(tmp_path, "pymc3-3.8")
    assert after.name.startswith("pymc3-3.8-")
    assert after.patch.read_text() == "a change\n"
    assert after.digest != before.digest
    shutil.rmtree(after.home)


def test_releases_have_stacks_in_the_order_of_versions() -> None:
    names = stack.releases()
    assert (names[0], names[-1]) == ("release-3.8", "release-3.11.6")
    assert names.index("release-3.9.3") < names.index("release-3.10.0") < names.index("release-3.11.0")
    assert stack.resolve("release-3.9.3").locked


@pytest.mark.parametrize(
    ("files", "base"),
    [
        ({"pymc/__init__.py": "", "requirements.txt": "numpy\naesara==2.7.3\n"}, "pymc-4.1.0"),
        ({"pymc/__init__.py": "", "requirements.txt": "pytensor>=2.12.0,<2.13\n"}, "pymc-5.28"),
        ({"pymc/__init__.py": "", "pyproject.toml": 'dependencies = ["pytensor>=3.3.1,<3.4"]'}, "pymc-6.4"),
        ({"pytensor/__init__.py": ""}, "pymc-6.4"),
        ({"numpyro/__init__.py": ""}, "pymc-6.4+numpyro"),
        ({"blackjax/__init__.py": ""}, "pymc-6.4+blackjax"),
    ],
)
def test_a_checkout_of_something_later_stands_on_the_newest_row_of_its_kind(
    tmp_path: Path, files: Dict[str, Any], base: str
) -> None:
    found, row = stack.resolve(str(checkout(tmp_path / "fork", files))), stack.named(base)
    assert (found.requirements, found.pythons, found.sampler) == (row.requirements, row.pythons, row.sampler)
    assert found.is_later
    assert found.home != row.home
    assert stack.Stack.from_text(found.to_text()) == found


def test_nutpie_needs_what_builds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(checkout(tmp_path / "fork", {"python/nutpie/__init__.py": ""}))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(UserError, match="no cargo to build it: install Rust"):
        stack.resolve(folder)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/cargo")
    assert stack.resolve(folder).requirements == stack.named("pymc-6.4+nutpie").requirements


def test_a_name_without_its_whole_version_is_the_newest_such() -> None:
    assert stack.resolve("pymc-6").name == "pymc-6.4"
    assert stack.resolve("pymc-6+nutpie").name == "pymc-6.4+nutpie"
    assert stack.resolve("pymc-4").name == "pymc-4.1.0"
    with pytest.raises(UserError, match=r"no stack 'pymc-6\+stan'"):
        stack.resolve("pymc-6+stan")


def test_what_looks_into_pymc3_refuses_a_later_one() -> None:
    assert stack.of_pymc3("pymc3-3.8") == stack.named("pymc3-3.8")
    with pytest.raises(UserError, match="nutsbench migrate --to pymc-6"):
        stack.of_pymc3("pymc-6")


@pytest.mark.parametrize("version", ["3.7", "4.0.0"])
def test_a_checkout_that_no_lock_fits_is_refused_with_a_way_out(tmp_path: Path, version: str) -> None:
    folder = checkout(tmp_path / "fork", {"pymc3/__init__.py": f'__version__ = "{version}"'})
    with pytest.raises(UserError, match="Write a requirements file with the packages of its day"):
        stack.resolve(str(folder))


def test_folders_of_one_name_are_stacks_of_two_names(tmp_path: Path) -> None:
    files = {"pymc3/__init__.py": '__version__ = "3.8"'}
    one, other = (checkout(tmp_path / place / "pymc3-3.8", files) for place in ("a", "b"))
    names = {stack.resolve(str(one)).name, stack.resolve(str(other)).name, stack.DEFAULT}
    assert len(names) == 3


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a checkout of PyMC3 nor of Theano"):
        stack.resolve(str(checkout(tmp_path / "other", {"x.py": ""})))


def test_the_digest_follows_the_checkouts_source(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "fork", {"pymc3/__init__.py": '__version__ = "3.8"'})
    one = stack.resolve(str(folder))
    before = one.digest
    assert stack.resolve(str(folder)).digest == before
    (folder / "pymc3" / "__pycache__").mkdir()
    (folder / "pymc3" / "__pycache__" / "x.py").write_text("cached")
    assert one.digest == before
    (folder / "pymc3" / "nuts.py").write_text("slower = True")
    assert one.digest != before


def test_a_requirements_file_is_a_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("pymc3==3.9.3\n")
    one = stack.resolve(str(path))
    assert one.name.startswith("mine-")
    assert (one.checkout, one.ready) == (None, False)
    assert not one.has_theano_pymc
    monkeypatch.setenv("NUTSBENCH_STACKS", str(tmp_path / "stacks"))
    one = stack.resolve(str(path))
    site = one.home / "env" / "lib" / "python3.8" / "site-packages"
    (site / "Theano_PyMC-1.1.2.dist-info").mkdir(parents=True)
    assert one.has_theano_pymc


def test_a_failing_step_ends_with_its_last_lines() -> None:
    with pytest.raises(UserError, match=r"failed at 'sh -c.*(?s:.)*no room left"):
        install._run(["sh", "-c", "echo starting; echo no room left; exit 3"])


@pytest.mark.parametrize("patch", [None, "--- a\n+++ b\n"])
def test_a_stack_can_be_made_again_from_what_was_kept_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patch: Optional[str]
) -> None:
    (tmp_path / "requirements.txt").write_text("pymc3==3.7\n")
    if patch:
        (tmp_path / "requirements.patch").write_text(patch)
    before = stack.Stack("mine", tmp_path, tmp_path / "requirements.txt", locked=False)
    monkeypatch.setenv("NUTSBENCH_STACKS", str(tmp_path / "stacks"))
    after = stack.unpack(json.loads(json.dumps(stack.pack(before))))
    assert (after.digest, after.locked) == (before.digest, False)
    assert after.home.parent == tmp_path / "stacks"
