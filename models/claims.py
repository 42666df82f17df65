"""Claims: what one should see in a model's posterior, as statements that can be checked.

An interval is the central 90 % interval, from the 5 % to the 95 % quantile.
"""

from dataclasses import asdict, dataclass
from typing import Any, Dict, Mapping, Tuple, Union

#: A scalar, or a linear combination of scalars with their coefficients.
Of = Union[str, Mapping[str, float]]

_WORDS = {
    "includes": "the interval of {of} includes {value:g}",
    "excludes": "the interval of {of} excludes {value:g}",
    "above": "the interval of {of} lies above {value:g}",
    "below": "the interval of {of} lies below {value:g}",
    "near": "the mean of {of} is within {within:g} of {value:g}",
}


@dataclass(frozen=True)
class Part:
    """One statement on one scalar, or on one linear combination of scalars.

    Parameters
    ----------
    terms : tuple of (str, float)
        Scalars and their coefficients.
    relation : str
        ``includes``, ``excludes``, ``above``, ``below`` (of the interval) or ``near`` (of
        the mean).
    value : float
        What the scalar is compared with.
    within : float
        Largest distance for ``near``.
    """

    terms: Tuple[Tuple[str, float], ...]
    relation: str
    value: float
    within: float = 0.0

    @property
    def of(self) -> str:
        """The scalar, or the combination written out: ``cat_x2[1] - cat_x2[0]``."""
        text = ""
        for name, factor in self.terms:
            sign = "-" if factor < 0 else "+"
            size = "" if abs(factor) == 1 else f"{abs(factor):g} "
            text += f" {sign} {size}{name}" if text else f"{'-' if factor < 0 else ''}{size}{name}"
        return text

    @property
    def text(self) -> str:
        """The statement in words."""
        return _WORDS[self.relation].format(of=self.of, value=self.value, within=self.within)

    def holds(self, figures: Mapping[str, float]) -> bool:
        """Return whether the statement is true of a summary.

        Parameters
        ----------
        figures : dict of float
            ``mean``, ``q05`` and ``q95`` of the scalar or combination.
        """
        low, high = figures["q05"], figures["q95"]
        if self.relation == "near":
            return abs(figures["mean"] - self.value) <= self.within
        return {
            "includes": low <= self.value <= high,
            "excludes": not low <= self.value <= high,
            "above": low > self.value,
            "below": high < self.value,
        }[self.relation]

    def to_dict(self) -> Dict[str, Any]:
        """Return the statement, ready for JSON."""
        return {**asdict(self), "terms": [list(term) for term in self.terms], "text": self.text}


@dataclass(frozen=True)
class Claim:
    """Something that one should see in a posterior; it holds if all of its parts do.

    Parameters
    ----------
    says : str
        The claim in a reader's words.
    parts : tuple of Part
        What has to be true of the posterior.
    """

    says: str
    parts: Tuple[Part, ...]

    def to_dict(self) -> Dict[str, Any]:
        """Return the claim, ready for JSON."""
        return {"says": self.says, "parts": [part.to_dict() for part in self.parts]}


def claim(says: str, *parts: Part) -> Claim:
    """Return a claim; its words may run over several lines."""
    return Claim(" ".join(says.split()), parts)


def includes(of: Of, value: float) -> Part:
    """Return: the interval includes a value."""
    return Part(_terms(of), "includes", value)


def excludes(of: Of, value: float) -> Part:
    """Return: the interval excludes a value."""
    return Part(_terms(of), "excludes", value)


def above(of: Of, value: float) -> Part:
    """Return: the whole interval lies above a value."""
    return Part(_terms(of), "above", value)


def below(of: Of, value: float) -> Part:
    """Return: the whole interval lies below a value."""
    return Part(_terms(of), "below", value)


def near(of: Of, value: float, within: float) -> Part:
    """Return: the mean is near a value."""
    return Part(_terms(of), "near", value, within)


def difference(minuend: str, subtrahend: str) -> Dict[str, float]:
    """Return the combination ``minuend - subtrahend``."""
    return {minuend: 1.0, subtrahend: -1.0}


def _terms(of: Of) -> Tuple[Tuple[str, float], ...]:
    return (
        ((of, 1.0),) if isinstance(of, str) else tuple((name, float(factor)) for name, factor in of.items())
    )
