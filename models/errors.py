"""What can be wrong with a model's definition."""

from typing import List


class ModelError(Exception):
    """A model's definition cannot be used: its file, its name or its arguments."""


class UnknownModelError(ModelError):
    """No model has this name.

    Parameters
    ----------
    name : str
        What was asked for.
    choices : list of str
        What there is.
    """

    def __init__(self, name: str, choices: List[str]) -> None:
        super().__init__(f"there is no model {name!r}")
        self.name = name
        self.choices = choices


class NotByValueError(ModelError):
    """Something that a model depends on cannot be taken by value.

    Parameters
    ----------
    path : str
        Where it was met: ``case -> S[0]``.
    why : str
        What it is, and why that has no value.
    instead : str
        What to write in its place.
    """

    def __init__(self, path: str, why: str, instead: str) -> None:
        super().__init__(f"{path} {why}: {instead}")
        self.path, self.why, self.instead = path, why, instead
