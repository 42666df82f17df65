"""A project's own settings, and what is said of mistakes in them."""

from pathlib import Path

import pytest

from nutsbench.base.errors import UserError
from nutsbench.cli.commands import cli
from nutsbench.cli.settings import defaults


def test_an_option_is_for_every_command_that_has_it_and_a_commands_own_table_counts_more(
    tmp_path: Path,
) -> None:
    (tmp_path / "nutsbench.toml").write_text(
        'models = "mine.py"\nseed = [1, 2]\n[run]\nmodels = ["a.py", "b.py"]\nkeep-draws = true\n'
    )
    found = defaults(cli.commands, tmp_path)
    assert found["run"] == {"models_files": ["a.py", "b.py"], "seed": "1,2", "keep_draws": True}
    assert found["check-truth"]["models_files"] == ["mine.py"]
    assert "metrics" not in found


def test_a_table_of_pyproject_serves_too_and_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.nutsbench.guard]\nbudget = 30\n')
    assert defaults(cli.commands, tmp_path) == {"guard": {"budget": "30"}}
    (tmp_path / "pyproject.toml").write_text("not = [toml")
    assert defaults(cli.commands, tmp_path) == {}
    (tmp_path / "nutsbench.toml").write_text("[guard]\nbudget = 20\n")
    assert defaults(cli.commands, tmp_path) == {"guard": {"budget": "20"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gard]\nbudget = 1", "'gard'.*Did you mean 'guard'"),
        ("[guard]\nbuget = 1", "'buget'.*Did you mean 'budget'"),
        ("drawz = 1", "'drawz'.*Did you mean 'draws'"),
        ("[run]\nkeep-draws = 1", "run.keep-draws in nutsbench.toml is 1: write true or false"),
        ("[run]\nseed = [[1]]", "neither a value nor a list"),
        ("[run", "nutsbench.toml cannot be read"),
    ],
)
def test_a_mistake_is_named_with_its_nearest_match(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "nutsbench.toml").write_text(text)
    with pytest.raises(UserError, match=said):
        defaults(cli.commands, tmp_path)


def test_the_command_line_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nutsbench.toml").write_text("[metrics]\njson = true\n")
    from click.testing import CliRunner

    assert CliRunner().invoke(cli, ["metrics"]).output.startswith("[")
