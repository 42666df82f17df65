"""``nutsbench asv-compare``: which of what asv flags counts, and what is printed and returned."""

from pathlib import Path
from typing import Any, List, Tuple

import pytest

from nutsbench.cli import asv_compare
from nutsbench.track.flagged import Row
from tests.conftest import ROOT, Run

ROWS = [
    Row("core.addition.time_leapfrog", 1e-5, 1.3e-5, "seconds", "slower"),
    Row("core.fork.track_instructions_gradient", 1000.0, 1020.0, "instructions", "slower"),
    Row("core.fork.time_gradient", 1e-5, 1.01e-5, "seconds", ""),
    Row("core.coin_toss.time_leapfrog", 1e-5, 0.8e-5, "seconds", "faster"),
]


@pytest.mark.parametrize(
    ("slower", "instructions", "faster", "code"),
    [
        ("no", "no", "no", 0),
        ("no", "no", "yes", 0),
        ("no", "undecided", "yes", 3),
        ("yes", "undecided", "no", 1),
        ("no", "yes", "undecided", 1),
    ],
)
def test_only_what_got_slower_and_was_confirmed_is_red(
    slower: str, instructions: str, faster: str, code: int
) -> None:
    answers = {ROWS[0].benchmark: slower, ROWS[1].benchmark: instructions, ROWS[3].benchmark: faster}
    assert asv_compare._code(ROWS, answers) == code


def test_the_table_has_what_changed_with_its_answer_and_the_next_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = {ROWS[0].benchmark: "yes", ROWS[1].benchmark: "undecided", ROWS[3].benchmark: "no"}
    asv_compare._print(ROWS, answers, "main", "mine")
    said = capsys.readouterr().out
    assert "confirmed" in said
    assert "1.300" in said
    assert "core.fork.time_gradient" not in said
    assert "4 benchmarks compared; 3 changed, confirmed: 1 yes, 1 no, 1 undecided." in said
    assert "nutsbench compare main mine -m fork --budget 300" in said


def test_of_nothing_changed_there_is_a_sentence_and_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    asv_compare._print(ROWS[2:3], {}, "main", "mine")
    assert capsys.readouterr().out == "1 benchmark compared; none changed.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such-branch", "HEAD"), "BASE 'no-such-branch' is no revision"),
        (("HEAD", "HEAD", "-m", "forkk"), "Did you mean 'fork'?"),
        (("HEAD", "HEAD", "--budget", "0"), "budget has to be above 0"),
        (("HEAD", "HEAD", "--stack", "pymc3-3.9"), "stack"),
    ],
)
def test_a_mistake_is_named_before_anything_runs(
    nutsbench: Run, arguments: Tuple[Any, ...], said: str
) -> None:
    done = nutsbench("asv-compare", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_what_a_comparison_of_sampling_cannot_tell_asv_measures_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        Row("core.fork.time_gradient", 1e-5, 1.2e-5, "seconds", "slower"),
        Row("core.fork.track_compile_warm", 1.0, 1.3, "seconds", "slower"),
        Row("core.fork.time_transitions", 1e-5, 1.3e-5, "seconds", "slower"),
        Row("core.fork.track_instructions_gradient", 100.0, 103.0, "instructions", "slower"),
        Row("core.fork.time_leapfrog", 1e-5, 1.3e-5, "seconds", "slower"),
    ]
    asked = []

    def measured(folder: Path, base: str, head: str, stack_name: str, names: List[Any]) -> List[Any]:
        del folder, base, head, stack_name
        return [Row(name, 1.0, 1.2, "", "slower" if "time" in name else "") for name in names]

    monkeypatch.setattr(asv_compare, "_run_asv", lambda *given: asked.append(given))
    monkeypatch.setattr("nutsbench.track.flagged.rows", measured)
    answers = {rows[0].benchmark: "no", rows[1].benchmark: "undecided"}
    answers.update({rows[2].benchmark: "no", rows[3].benchmark: "yes", rows[4].benchmark: "no"})
    asv_compare._measure_again(["a", "b"], "pymc3-3.8", rows, answers)
    # Transitions are what was compared, and what is confirmed is not asked for again.
    assert [answers[row.benchmark] for row in rows] == ["yes", "no", "no", "yes", "yes"]
    ((hashes, chosen, stack_name, *options),) = asked
    assert (hashes, stack_name, options[0]) == (["a", "b"], "pymc3-3.8", "--config")
    assert chosen == r"^(core\.fork\.time_gradient|core\.fork\.track_compile_warm|core\.fork\.time_leapfrog)$"


def test_nothing_is_measured_again_where_nothing_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asv_compare, "_run_asv", lambda *_: pytest.fail("asked asv"))
    asv_compare._measure_again(["a", "b"], "pymc3-3.8", ROWS, {row.benchmark: "yes" for row in ROWS})


def test_asvs_configuration_for_another_folder_is_the_projects_own(tmp_path: Path) -> None:
    from asv.util import load_json

    (tmp_path / "asv.conf.json").write_text(asv_compare._configuration(tmp_path / "results"))
    found = load_json(str(tmp_path / "asv.conf.json"), js_comments=True)
    assert found["results_dir"] == str(tmp_path / "results")
    assert found["repo"] == str(ROOT)
    assert (ROOT / found["benchmark_dir"]) == ROOT / "benchmarks" / "suite"
