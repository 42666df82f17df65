"""What is to be changed in files of models, for a user: what cannot be read is a user's error."""

from pathlib import Path

from nutsbench.base.errors import UserError, unknown
from nutsbench.dialect import changes, names
from nutsbench.dialect.names import DialectError, Names


def target(name: str) -> Names:
    """Return the names of a PyMC to move to.

    Parameters
    ----------
    name : str
        As its stack is called, with or without the sampler that is installed beside it.

    Raises
    ------
    UserError
        If nothing is known of such a PyMC.
    """
    known = names.choices()
    plain = name.partition("+")[0]
    if plain not in known:
        raise unknown("PyMC to move to", name, known)
    return names.load(plain)


def check(path: Path, known: Names) -> changes.Checked:
    """Look through a file of models that are written for PyMC3.

    Raises
    ------
    UserError
        If it cannot be read, or is no Python.
    """
    try:
        return changes.check(path, known)
    except DialectError as error:
        raise UserError(str(error)) from error
