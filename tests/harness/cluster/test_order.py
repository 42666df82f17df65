"""Orders and answers: text, the same key everywhere, and refused where something else would be measured."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from nutsbench.base.errors import UserError
from nutsbench.cluster import order
from nutsbench.cluster.order import Answer, Order
from nutsbench.judge.goal import Goal
from nutsbench.models.spec import SamplerSettings
from nutsbench.records.grid import Cell
from nutsbench.run import plan
from nutsbench.run.options import Options
from nutsbench.run.plan import Job
from nutsbench.stacks import stack

OPTIONS = Options("quick", 60.0, 0, 1)


def job(seed: int = 1, one: Optional[stack.Stack] = None) -> Job:
    settings = SamplerSettings(draws=10, tune=10)
    (made,) = plan.jobs([Cell("addition", settings, seed)], [one or stack.named(stack.DEFAULT)], 1)
    return made


def made(seed: int = 1, **changes: Any) -> Order:
    options = dataclasses.replace(OPTIONS, **changes)
    return order.of_run([job(seed)], options, None, "abc", "", is_here=False)


def test_an_order_is_the_same_after_its_way_as_text() -> None:
    goal = Goal(400.0, None, 100, 1000)
    one = order.of_run([job()], OPTIONS, goal, "abc", "", is_here=False)
    read = Order.from_text(one.to_text())
    assert read == Order(**json.loads(json.dumps(vars(one))))
    assert read.key == one.key
    assert read.make_goal() == goal
    assert read.make_options([]) == OPTIONS
    assert read.make_jobs(read.make_stack()) == [job()]


def test_what_is_asked_for_and_how_and_for_whom_has_a_key_of_its_own() -> None:
    orders = [made(), made(2), made(cold=True), made(at_a_time=2)]
    orders += [dataclasses.replace(made(), origin="other"), dataclasses.replace(made(), mark="fresh")]
    assert len({one.key for one in orders}) == len(orders)
    assert [one.is_timed for one in orders] == [True, True, True, False, True, True]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model_digest": "0"}, "addition is another model here"),
        ({"truth_digest": "0"}, "another reference posterior here"),
        ({"stack_digest": "0"}, "other packages"),
        ({"stack_digest": "0", "blas": "-lmkl_rt"}, "-lmkl_rt there: install the same BLAS"),
    ],
)
def test_who_would_measure_something_else_refuses(changes: Any, why: str) -> None:
    one = dataclasses.replace(made(), **changes)
    with pytest.raises(UserError, match=why):
        one.make_jobs(one.make_stack())


def test_a_pinned_stack_travels_by_its_name_and_another_one_whole(tmp_path: Path) -> None:
    assert made().stack == {"pinned": stack.DEFAULT}
    lock = tmp_path / "mine.txt"
    lock.write_text(stack.named(stack.DEFAULT).requirements.read_text() + "# mine\n")
    own = stack.resolve(str(lock))
    travels = order.of_run([job(one=own)], OPTIONS, None, "abc", "", is_here=False)
    assert travels.stack["requirements"] == lock.read_text()
    assert order.of_run([job(one=own)], OPTIONS, None, "abc", "", is_here=True).make_stack() == own


def test_what_stays_on_a_machine_is_refused(tmp_path: Path) -> None:
    kept = dataclasses.replace(OPTIONS, draws_dir=tmp_path)
    with pytest.raises(UserError, match="leave out --keep-draws, or --cluster"):
        order.of_run([job()], kept, None, "abc", "", is_here=False)
    assert order.of_run([job()], kept, None, "abc", "", is_here=True).draws_dir == str(tmp_path)
    checkout = dataclasses.replace(job(), stack=dataclasses.replace(job().stack, checkout=tmp_path))
    with pytest.raises(UserError, match="is a checkout, which stays on this machine"):
        order.of_run([checkout], OPTIONS, None, "abc", "", is_here=False)


def test_a_users_models_travel_with_the_modules_beside_them(
    tmp_path: Path, models_file: Callable[..., Path]
) -> None:
    path = models_file()
    (tmp_path / "helper.py").write_text("# beside\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "inner.py").write_text("# within\n")
    (tmp_path / "notes.txt").write_text("no code")
    texts, load = order.sources([path])
    names = {name.partition("/")[2] for name in texts}
    assert names == {path.name, "helper.py", "package/__init__.py", "package/inner.py"}
    assert [name.partition("/")[2] for name in load] == [path.name]
    (tmp_path / "large.py").write_text("#" * 5 * 2**20)
    with pytest.raises(UserError, match="a folder of their own"):
        order.sources([path])


def test_an_answer_is_the_same_after_its_way_as_text() -> None:
    answer = Answer("key", [], broken="it was killed")
    assert Answer.from_text(answer.to_text()) == Answer("key", [], "", "it was killed")


def test_another_version_of_the_program_has_another_digest(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(order, "PACKAGE", tmp_path)
    found = set()
    for text in ("one = 1\n", "one = 2\n", "one = 1\n"):
        (tmp_path / "module.py").write_text(text)
        found.add(order.code.__wrapped__())
    assert len(found) == 2
