"""A user's mistake, said once: the value, the choices, and the nearest match."""

import difflib
from typing import Iterable


class UserError(Exception):
    """Something that the user asked for cannot be; the command line prints it and exits with 2."""


def unknown(kind: str, value: str, choices: Iterable[str]) -> UserError:
    """Return the error for a name that does not exist.

    Parameters
    ----------
    kind : str
        What was looked for: ``model``, ``stack``.
    value : str
        The name that was given.
    choices : iterable of str
        The names that there are.
    """
    known = list(choices)
    near = difflib.get_close_matches(value, known, n=1, cutoff=0.5)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    return UserError(f"There is no {kind} {value!r}.{guess} Choices: {', '.join(known)}.")
