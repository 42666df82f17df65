"""Whatever stands on a command line: it is taken, or refused in words, and nothing else happens."""

from typing import Any, List, Tuple

import click
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nutsbench.base.errors import UserError
from nutsbench.cli.commands import cli


def _options() -> List[Tuple[str, str]]:
    found = []
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        found += [
            (name, max(one.opts, key=len))
            for one in command.params
            if isinstance(one, click.Option) and not one.is_flag
        ]
    return found


#: What people write, apart from anything: numbers and lists of them, durations, sizes, names, paths.
WORDS = st.one_of(
    # No argument of a process can hold a zero, nor half a character; a byte of another encoding is below.
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.lists(st.integers(-3, 10**20), max_size=4).map(lambda found: ",".join(map(str, found))),
    st.floats().map(str),
    st.from_regex(r"\A[0-9]{1,3}(\.[0-9])?(ms|s|m|h|d|GiB|MiB|%)?\Z"),
    st.sampled_from(["all", "addition", "pymc3-3.8", ".", "/nowhere", "nan", "1..3", "1:2:3", "-", "١٢"]),
)


@pytest.mark.parametrize(("command", "option"), _options())
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(word=WORDS)
@example(word="")
@example(word="\udcff")
def test_a_value_is_taken_or_refused_in_words(command: str, option: str, word: str) -> None:
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    given_words: List[Any] = [option, word]
    try:
        # Parsed and checked as the command itself would, which is not begun.
        found.make_context(command, given_words)
    except click.exceptions.Exit:
        pass
    except (click.UsageError, UserError) as error:
        text = error.format_message() if isinstance(error, click.UsageError) else str(error)
        assert len(text.strip()) > 10
        assert "Traceback" not in text
