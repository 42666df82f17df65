"""A project's own settings: what its commands take where the command line says nothing.

They stand in ``nutsbench.toml``, or in the table ``tool.nutsbench`` of ``pyproject.toml``, of the folder that
a command is started in. A key is an option's name; at the top it is for every command that has this option,
in a table that is called like a command for that one. A relative path is looked for from that folder.
"""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import click
import tomllib

from nutsbench.base.errors import UserError, unknown

FILE, SHARED = "nutsbench.toml", "pyproject.toml"


def defaults(commands: Mapping[str, click.Command], folder: Path) -> Dict[str, Dict[str, Any]]:
    """Return what commands take by default in a folder, as :class:`click.Context` has it.

    Parameters
    ----------
    commands : dict
        The commands, by name.
    folder : Path
        Where the settings are.

    Raises
    ------
    UserError
        If the file cannot be read, or names a command or an option that there is not.
    """
    name, table = _read(folder)
    if not table:
        return {}  # So that no command has to be imported to ask what it takes.
    found: Dict[str, Dict[str, Any]] = {command: {} for command in commands}
    options = {command: _options(one) for command, one in commands.items()}
    everywhere = sorted({option for one in options.values() for option in one})
    for key, value in table.items():
        if isinstance(value, dict):
            if key not in commands:
                raise unknown(f"command in {name}", key, commands)
            for option, given in value.items():
                if option not in options[key]:
                    raise unknown(f"option of {key} in {name}", option, sorted(options[key]))
                _put(found[key], options[key][option], given, f"{key}.{option} in {name}")
        elif key in everywhere:
            for command, known in options.items():
                # What stands in a command's own table counts more.
                own = table.get(command)
                if key in known and not (isinstance(own, dict) and key in own):
                    _put(found[command], known[key], value, f"{key} in {name}")
        else:
            raise unknown(f"option in {name}", key, everywhere)
    return {command: given for command, given in found.items() if given}


def _read(folder: Path) -> Tuple[str, Dict[str, Any]]:
    for name in (FILE, SHARED):
        path = folder / name
        if not path.is_file():
            continue
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            if name == SHARED:
                continue  # Not ours: whoever it is for will say what is wrong with it.
            raise UserError(f"{name} cannot be read: {error}.") from error
        table = content if name == FILE else content.get("tool", {}).get("nutsbench")
        if isinstance(table, dict):
            return name, table
    return "", {}


def _options(command: click.Command) -> Dict[str, click.Option]:
    """Return the options of a command by what they are called on the command line."""
    return {
        word.lstrip("-"): one
        for one in command.params
        if isinstance(one, click.Option) and one.name != "help"
        for word in one.opts
        if word.startswith("--")
    }


def _put(into: Dict[str, Any], option: click.Option, value: Any, where: str) -> None:
    """Keep a value under its option, as the command line would give it."""
    values: List[Any] = value if isinstance(value, list) else [value]
    if any(isinstance(one, (dict, list)) for one in values):
        raise UserError(f"{where} is neither a value nor a list of values.")
    if option.is_flag:
        if not isinstance(value, bool):
            raise UserError(f"{where} is {value!r}: write true or false.")
        into[str(option.name)] = value
    elif option.multiple:
        into[str(option.name)] = [str(one) for one in values]
    else:
        into[str(option.name)] = ",".join(map(str, values))
