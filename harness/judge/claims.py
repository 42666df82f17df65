"""Checks what a model claims that one should see: of draws, and of the truth."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from nutsbench.judge.diagnostics import scalars
from nutsbench.models.claims import Claim, Part
from nutsbench.models.truths import Truth

Figures = Mapping[str, float]


def of_draws(claims: Sequence[Claim], draws: Mapping[str, np.ndarray]) -> List[Dict[str, Any]]:
    """Check claims against draws.

    Parameters
    ----------
    claims : sequence of Claim
        The model's claims.
    draws : dict of ndarray
        By monitored variable, shape (chain, draw, *shape).

    Returns
    -------
    list of dict
        Of each claim ``says``, ``holds`` (``None`` if it cannot be checked) and ``parts``,
        each with ``text``, ``holds`` and the figures.
    """
    by_scalar = {label: values for _, label, values in scalars(draws)}

    def figures(part: Part) -> Optional[Figures]:
        if any(name not in by_scalar for name, _ in part.terms):
            return None
        values = sum(factor * by_scalar[name] for name, factor in part.terms)
        if not np.isfinite(values).all():
            return None
        low, high = np.quantile(values, (0.05, 0.95))
        return {"mean": float(np.mean(values)), "q05": float(low), "q95": float(high)}

    return [_checked(claim, [figures(part) for part in claim.parts]) for claim in claims]


def of_truth(claims: Sequence[Claim], truth: Truth) -> List[Dict[str, Any]]:
    """Check claims against the truth; as :func:`of_draws`."""
    known = {**truth.quantities, **truth.combinations}

    def figures(part: Part) -> Optional[Figures]:
        found = known.get(part.of)
        return {name: found[name] for name in ("mean", "q05", "q95")} if found else None

    return [_checked(claim, [figures(part) for part in claim.parts]) for claim in claims]


def _checked(claim: Claim, figures: Sequence[Optional[Figures]]) -> Dict[str, Any]:
    parts: List[Dict[str, Any]] = [
        {"text": part.text, "holds": None if found is None else part.holds(found), **(found or {})}
        for part, found in zip(claim.parts, figures)
    ]
    holds = None if any(part["holds"] is None for part in parts) else all(part["holds"] for part in parts)
    return {"says": claim.says, "holds": holds, "parts": parts}


def counted(checked: Sequence[Mapping[str, Any]]) -> str:
    """Return in short how many claims hold: ``2 of 2``; ``-`` without any."""
    return f"{sum(claim['holds'] is True for claim in checked)} of {len(checked)}" if checked else "-"
