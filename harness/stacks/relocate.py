"""Environments that were moved: found out, and put right where they lie.

Installers write an environment's place into its programs. A checkout that is renamed or copied, or
a folder of environments that a CI cache brings back elsewhere, has programs that do not start, or
that start those of the checkout it was copied from. Standard library only.
"""

import os
import re
import stat
from pathlib import Path
from typing import List, Optional, Set

from nutsbench.inside.whole import whole

#: What a program begins with that runs the interpreter beside it, wherever that is.
_HEAD = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/python "$0" "$@"
' '''
"""
#: The environment that a program names, on its first line or, where that is too long, on its second.
_NAMED = re.compile(
    rb"\A#!(?:/bin/sh\n'''exec' )?['\"]?(/[^\n'\"]*)/bin/python[\w.]*['\"]?[^\n]*\n(?:' '''\n)?"
)
#: The environment that a script activates.
_ACTIVATED = re.compile(r"^\s*(?:export\s+)?VIRTUAL_ENV=['\"]?(/[^'\"\n]+)['\"]?$", re.MULTILINE)
#: In a file of paths, the line that leads to the project from wherever the environment is.
_LINE = (
    "import os, sys; sys.path.append(os.path.abspath(os.path.join("
    "os.path.realpath(sys._getframe(1).f_locals['sitedir']), {relative!r})))\n"
)


def is_moved(environment: Path, project: Optional[Path] = None) -> bool:
    """Return whether an environment does not lie where it was made, or lacks its interpreter.

    Parameters
    ----------
    environment : Path
        Its folder.
    project : Path, optional
        The checkout that is installed in it as it stands.
    """
    gone, strangers = lacks_interpreter(environment), _strangers(environment)
    return gone or bool(strangers) or _leads_astray(environment, project)


def lacks_interpreter(environment: Path) -> bool:
    """Return whether the interpreter that an environment was made of is gone."""
    if not (environment / "bin" / "python").exists():
        return True
    try:
        found = re.search(r"^home\s*=\s*(.+)$", (environment / "pyvenv.cfg").read_text(), re.MULTILINE)
    except OSError:
        return True
    return found is None or not Path(found[1].strip()).is_dir()


def put_right(environment: Path, project: Optional[Path] = None) -> None:
    """Let an environment's programs, and its way to the project, follow from where it lies.

    Parameters
    ----------
    environment, project : Path
        As of :func:`is_moved`.
    """
    for program in _programs(environment):
        text = program.read_bytes()
        named = _NAMED.match(text)
        if named and _is_other(Path(os.fsdecode(named[1])), environment):
            _write(program, _HEAD + text[named.end() :])
    for place in _activated(environment):
        for script in (environment / "bin").glob("activate*"):
            _write(script, script.read_bytes().replace(os.fsencode(place), os.fsencode(environment)))
    if project is not None and _leads_astray(environment, project):
        lead_to(environment, project)


def lead_to(environment: Path, project: Path) -> None:
    """Let an environment find the project that was installed in it as it stands, also once both are moved."""
    for path in _ways(environment):
        _write(path, _way(path.parent, environment, project).encode())


def _programs(environment: Path) -> List[Path]:
    folder = environment / "bin"
    return [path for path in folder.glob("*") if path.is_file() and not path.is_symlink()]


def _strangers(environment: Path) -> Set[Path]:
    """Return the other environments that programs of this one would run in."""
    found = {path for path in map(_named, _programs(environment)) if path and _is_other(path, environment)}
    return found | _activated(environment)


def _named(program: Path) -> Optional[Path]:
    with program.open("rb") as file:
        found = _NAMED.match(file.read(4096))
    return Path(os.fsdecode(found[1])) if found else None


def _activated(environment: Path) -> Set[Path]:
    """Return the other environment that is activated by the script of this one, if any."""
    try:
        text = (environment / "bin" / "activate").read_text()
    except (OSError, UnicodeDecodeError):
        return set()
    found = (Path(path) for path in _ACTIVATED.findall(text))
    return {path for path in found if _is_other(path, environment)}


def _is_other(place: Path, environment: Path) -> bool:
    """Return whether a path is an environment's like this one, but another: a system's own Python is not."""
    if place.name != environment.name or place == environment:
        return False
    try:
        return not place.samefile(environment)
    except OSError:
        return True


def _ways(environment: Path) -> List[Path]:
    return list(environment.glob("lib/python*/site-packages/__editable__.nutsbench-*.pth"))


def _way(site: Path, environment: Path, project: Path) -> str:
    if project not in environment.parents:
        return f"{project / 'src'}\n"
    return _LINE.format(relative=os.path.relpath(project / "src", site))


def _leads_astray(environment: Path, project: Optional[Path]) -> bool:
    """Return whether an environment finds another project, or none.

    One that lies outside of the project may serve several checkouts; any that is there will do.
    """
    if project is None:
        return False
    for path in _ways(environment):
        text = path.read_text().strip()
        if text.startswith("import "):
            if text != _way(path.parent, environment, project).strip():
                return True
        elif project in environment.parents:
            if not Path(text).is_dir() or not Path(text).samefile(project / "src"):
                return True
        elif not (Path(text) / "nutsbench" / "__init__.py").is_file():
            return True
    return not _ways(environment)


def _write(path: Path, content: bytes) -> None:
    """Replace a file, whole or not at all; it may be a program that runs."""
    with whole(path, stat.S_IMODE(path.stat().st_mode)) as part:
        part.write_bytes(content)
