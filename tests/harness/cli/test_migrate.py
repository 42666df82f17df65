"""``nutsbench migrate``: what is to be changed, as it is printed, and what moving gives, of records."""

import dataclasses
import json
import re
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, Sequence, Tuple

import pytest

from nutsbench.dialect import changes, names
from nutsbench.migrate import settings
from nutsbench.records import grid
from nutsbench.records.record import Record, Status
from nutsbench.records.store import Store, utc_now
from nutsbench.run import plan
from nutsbench.stacks import environment, stack
from tests.conftest import ROOT, Run

CASES = ROOT / "tests" / "harness" / "dialect" / "cases"
TARGET = names.load("pymc-6.4")
CELLS = grid.expand(grid.Grid(("addition", "coin_toss"), "tutorial", {}, (1, 2, 3)))


def test_every_model_of_the_tutorial_is_changed_without_a_hand(nutsbench: Run, tmp_path: Path) -> None:
    done = nutsbench("migrate", "--diff")
    assert done.returncode == 1
    assert "0 by hand" in done.stderr
    (tmp_path / "models").mkdir()
    for path in (ROOT / "models" / "tutorial").glob("*.py"):
        target = tmp_path / "models" / "tutorial" / path.name
        target.parent.mkdir(exist_ok=True)
        target.write_text(path.read_text())
    applied = subprocess.run(
        ["git", "apply"], cwd=tmp_path, input=done.stdout, capture_output=True, text=True
    )
    assert applied.returncode == 0, applied.stderr
    for path in (tmp_path / "models").rglob("*.py"):
        assert changes.check(path, TARGET).changes == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no_such.py", "--check"), "no_such.py cannot be read"),
        (("addition", "--check", "--to", "pymc-64"), "Did you mean 'pymc-6.4'?"),
        (("addition", "--to", "pymc-64"), "Did you mean 'pymc-6.4'?"),
        (("addition", "--to", "pymc3-3.8"), "there is nothing to move"),
        (("addition", "--to", ","), "--to names no stack"),
        (("addition", "--check", "--to", "pymc-6.4,pymc-5.28"), "give one of them"),
        (("addition", "--draws", "100,200"), "draws has to be one value, not 2"),
        (("additoin",), "Did you mean 'addition'?"),
        (("addition", "--settings", "bst"), "'bst' is not one of 'same', 'defaults', 'best'"),
        (("addition", "--settings", "defaults", "--target-accept", "0.9"), "--target-accept exclude each"),
        (
            ("addition", "--settings", "best", "--draws", "100", "--tune", "100"),
            "best and --tune exclude each",
        ),
    ],
)
def test_mistakes_are_named(nutsbench: Run, arguments: Tuple[str, ...], said: str) -> None:
    done = nutsbench("migrate", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_what_the_page_shows_is_what_is_printed(nutsbench: Run) -> None:
    done = nutsbench("migrate", "--check", *map(str, sorted(CASES.glob("*.py"))))
    printed = [line.rpartition("/")[2] for line in done.stdout.splitlines()]
    text = (ROOT / "docs" / "migrate.md").read_text()
    shown = re.findall(r"^    (\w+\.py:\d+: .*)$", text, re.MULTILINE)
    assert len(shown) > 4
    assert set(shown) <= set(printed)


@pytest.fixture
def measured(results: Path, make_record: Callable[..., Record]) -> Callable[..., None]:
    """Write records of two models on two stacks, as if they had been measured in the results folder."""

    def write(
        change: Callable[[Dict[str, Any]], Any] = lambda _: None, cells: Sequence[grid.Cell] = CELLS
    ) -> None:
        store = Store(results)
        run_file = store.begin("tutorial", utc_now())
        for job in plan.jobs(list(cells), [stack.named("pymc3-3.8"), stack.named("pymc-6.4")], 1):
            is_new = job.stack.name == "pymc-6.4"
            times = dict.fromkeys(
                ("build", "compile", "tune", "draw"), 0.5 if is_new else 1.0 + job.cell.seed / 100
            )
            values: Dict[str, Any] = {
                "model": job.cell.model,
                "settings": job.cell.settings,
                "seed": job.cell.seed,
                "stack": job.stack.name,
                "model_digest": job.model_digest,
                "stack_digest": job.stack_digest,
                "truth_digest": job.truth_digest,
                "origin": store.origin(),
                "phases": {
                    name: {"wall_s": one, "cpu_s": one} for name, one in {**times, "diagnose": 0.1}.items()
                },
                "details": {
                    "compile_cache": {"state": "warm"},
                    **(
                        {"adaptations": [CHANGE], "engine": {"name": "pymc", "version": "6.4.0"}}
                        if is_new
                        else {}
                    ),
                },
            }
            change(values)
            run_file.append(make_record(**values))

    return write


CHANGE = {
    "file": "own.py",
    "line": 7,
    "before": "sd",
    "after": "sigma",
    "why": "the keyword",
    "by_hand": False,
}
ASKED = ("migrate", "addition", "coin_toss", "--to", "pymc-6.4", "--no-run")


def test_what_is_known_is_told_with_what_to_do(nutsbench: Run, measured: Callable[..., None]) -> None:
    measured()
    done = nutsbench(*ASKED)
    assert done.returncode == 0, done.stderr
    assert "own.py:7: sd -> sigma" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        "The answers stay right on pymc-6.4, and an ESS of 400 takes 0.49 times the time that it takes on"
        " pymc3-3.8: install pymc==6.4.0, change 1 place in own.py (nutsbench migrate --diff)."
    )
    (first, _) = json.loads(nutsbench(*ASKED, "--json").stdout)
    assert (first["answer"], first["speed"], first["seeds"]) == ("right", "faster", [3, 3])
    assert 0.4 < first["ratios"]["warm"]["lower"] < first["ratios"]["warm"]["upper"] < 0.6
    table = nutsbench(*ASKED, "--markdown").stdout
    assert table.startswith("| model |")


def _wrong(values: Dict[str, Any]) -> None:
    if values["stack"] == "pymc-6.4" and values["model"] == "addition":
        worst = {"scalar": "a", "statistic": "mean", "z": 9.0, "size": 0.5}
        values["accuracy"] = {
            "verdict": "inaccurate",
            "reasons": ["the mean of a is off by 9 MCSE"],
            "worst": worst,
            "threshold": 4.0,
            "compared": 3,
            "truth": {"kind": "exact", "digest": "2" * 16},
        }


def _failed(values: Dict[str, Any]) -> None:
    if values["stack"] == "pymc-6.4" and values["model"] == "addition":
        values.update(status=Status.FAILED, reason="own.py, line 7: pm.Bound", phases={})
        values["details"]["refused"] = True


def _old_failed(values: Dict[str, Any]) -> None:
    if values["stack"] == "pymc3-3.8" and values["model"] == "addition":
        values.update(status=Status.FAILED, reason="out of memory in draw", phases={})


def _slower(values: Dict[str, Any]) -> None:
    if values["stack"] == "pymc-6.4":
        values["phases"]["compile"]["wall_s"] = 30.0 + values["seed"]


def _one_seed(values: Dict[str, Any]) -> None:
    if values["seed"] > 1:
        values["details"]["compile_cache"]["state"] = "cold"


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (_wrong, 1, "Do not move to pymc-6.4 yet: the answers differ for addition."),
        (_failed, 1, "addition cannot be sampled on pymc-6.4 as it is: refused: own.py, line 7: pm.Bound"),
        (
            _old_failed,
            3,
            "addition cannot be compared, as it failed on pymc3-3.8: failed: out of memory in draw",
        ),
        (_slower, 1, "it is slower than pymc3-3.8 for addition, coin_toss: an ESS of 400 takes"),
        (_one_seed, 3, "whether it is slower than pymc3-3.8 is not decided for addition, coin_toss"),
    ],
)
def test_a_move_that_costs_something_says_what(
    nutsbench: Run, measured: Callable[..., None], change: Callable[..., None], code: int, said: str
) -> None:
    measured(change)
    done = nutsbench(*ASKED)
    assert done.returncode == code, done.stdout
    assert said in done.stdout.splitlines()[-1]


def test_of_several_stacks_the_best_is_named_last(nutsbench: Run, measured: Callable[..., None]) -> None:
    measured()
    done = nutsbench(*ASKED[:-2], "pymc-6+nutpie,pymc-6", "--no-run")
    assert done.returncode == 3
    assert "addition: pymc-6.4+nutpie: not measured" in done.stdout
    assert "addition, coin_toss is not measured on both pymc3-3.8 and pymc-6.4+nutpie yet" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("The answers stay right on pymc-6.4,")


def test_each_side_is_judged_at_its_best_with_other_seeds(
    nutsbench: Run, measured: Callable[..., None]
) -> None:
    tried = settings.tried(CELLS)

    def sooner(values: Dict[str, Any]) -> None:
        had, is_new = values["settings"], values["stack"] == "pymc-6.4"
        best = (0.9, 250) if is_new else (0.95, 1000)
        if (had.target_accept, had.tune) == best:
            values["phases"]["draw"]["wall_s"] /= 10

    measured(sooner, tried)
    assert "not measured" in nutsbench(*ASKED, "--settings", "best").stdout
    own = [
        dataclasses.replace(one, seed=cell.seed)
        for cell in CELLS
        for one in tried
        if one.model == cell.model
        and (one.settings.target_accept, one.settings.tune) in ((0.9, 250), (0.95, 1000))
    ]
    measured(sooner, list(dict.fromkeys(own)))
    done = nutsbench(*ASKED, "--settings", "best")
    assert done.returncode == 0, done.stdout
    assert "addition, pymc3-3.8: target_accept 0.95, tune 1000, draws 500" in done.stdout
    assert "addition, pymc-6.4: target_accept 0.9, tune 250, draws 500" in done.stdout
    (first, _) = json.loads(nutsbench(*ASKED, "--settings", "best", "--json").stdout)
    assert first["seeds"] == [3, 3]
    assert first["settings"][1].startswith("target_accept 0.9, tune 250")


def test_each_side_has_its_own_defaults(nutsbench: Run, measured: Callable[..., None]) -> None:
    cores = environment.usable_cores()
    for name in ("pymc3-3.8", "pymc-6.4"):
        measured(cells=[settings.defaults(cell, stack.named(name), cores) for cell in CELLS])
    done = nutsbench(*ASKED, "--settings", "defaults")
    assert done.returncode == 0, done.stdout
    assert "addition, pymc3-3.8: target_accept 0.8, tune 500, draws 500" in done.stdout
    assert "addition, pymc-6.4: target_accept 0.8, tune 1000, draws 1000" in done.stdout
