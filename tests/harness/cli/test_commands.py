"""The list of commands is read from their files, and says what each says of itself."""

import click

from nutsbench.cli import commands


def test_the_list_says_of_each_command_what_its_own_help_begins_with() -> None:
    with click.Context(commands.cli):
        for name, command in commands.cli.commands.items():
            listed = commands.described(name).get_short_help_str(60)
            assert listed == command.get_short_help_str(60) != "", name
