"""Processes of an arm that end before their time, and what the arms have to have in common."""

from pathlib import Path
from typing import Any, Callable

import pytest

from nutsbench.compare.arms import Arm
from nutsbench.compare.pair import ArmError, Process, caches_of, check_alike, side_by_side
from nutsbench.stacks.stack import Stack


@pytest.fixture
def arm(tmp_path: Path) -> Callable[..., Any]:
    """Make an arm whose interpreter is a script."""

    def make(script: str, role: str = "HEAD") -> Arm:
        home = tmp_path / role
        home.mkdir()
        python = home / "env" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        lock = home / "requirements.txt"
        lock.write_text("")
        return Arm(role, "mine", Stack("mine", home, lock))

    return make


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no such module >&2; exit 3", "HEAD (mine): its process ended with code 3: no such module"),
        ("kill -KILL $$", "HEAD (mine): its process was killed by SIGKILL"),
        ('read line; echo \'{"error": "KeyError: x"}\'; read line', "HEAD (mine): KeyError: x"),
    ],
)
def test_a_process_that_ends_says_how(arm: Callable[..., Any], script: str, said: str) -> None:
    with pytest.raises(ArmError) as caught, Process(arm(script), "addition") as process:
        process.ask("load")
    assert str(caught.value) == said


def test_a_request_that_nobody_read_hides_no_reason(arm: Callable[..., Any]) -> None:
    script = "read line; echo '{}'; exec 0<&-; sleep 0.3; kill -KILL $$"

    def ask_much() -> None:
        with Process(arm(script), "addition") as process:
            process.ask("load")
            for _ in range(100):
                process.begin("burst", seed=1, transitions=1, text="x" * 10_000)

    with pytest.raises(ArmError, match="killed by SIGKILL"):
        ask_much()


def test_an_interpreter_that_is_missing_is_named(arm: Callable[..., Any]) -> None:
    broken = arm("exit 0")
    broken.stack.python.unlink()
    with pytest.raises(ArmError, match="cannot be started: No such file"):
        Process(broken, "addition")


def test_one_arms_end_is_not_waited_out_by_the_other(arm: Callable[..., Any]) -> None:
    def work(one: Any) -> Any:
        with Process(one, "addition") as process:
            return process.ask("prepare")

    with pytest.raises(ArmError, match="ended with code 3"):
        side_by_side(work, [arm("exec sleep 20", "BASE"), arm("sleep 0.3; exit 3")])


def test_arms_have_one_model_and_one_density() -> None:
    one = {"model_digest": "a", "workload": "b"}
    check_alike("fork", one, dict(one))
    with pytest.raises(ArmError, match="different data of fork"):
        check_alike("fork", one, {**one, "model_digest": "c"})
    with pytest.raises(ArmError, match="different densities of fork"):
        check_alike("fork", one, {**one, "workload": "c"})


def test_no_arm_has_more_in_its_cache_than_the_other(arm: Callable[..., Any]) -> None:
    base, head = arm("", "BASE"), arm("", "HEAD")
    for first, second in ((base, head), (base, base)):
        one, other = caches_of(first, second, "my model/1")
        assert one != other
        assert [path.parent.name for path in (one, other)] == ["compiledir-compare"] * 2
        assert one.name == "my-model-1"
        assert {one, other}.isdisjoint(caches_of(first, second, "another"))
        assert {one, other}.isdisjoint({first.stack.compiledir, second.stack.compiledir})
