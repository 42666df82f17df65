"""The diagnostic plots of a cell, each with what it shows where draws are good."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from nutsbench.records.stored import Stored
from nutsbench.report.draw import plots

#: How many scalars they show, those of least ESS.
_WORST = 2


def diagnostics(draws: plots.Draws, record: Stored) -> List[Dict[str, str]]:
    """Return the diagnostic plots of a cell, as SVG, each with its caption.

    Parameters
    ----------
    draws : Draws
        Its draws.
    record : dict
        The record.
    """
    worst = draws.worst(record["quantities"], _WORST) or list(draws.scalars)[:_WORST]
    made = [_drawn(make, draws, worst, caption) for make, caption in _DIAGNOSTICS]
    return [one for one in made if one is not None]


def _energy(draws: plots.Draws, worst: Sequence[str]) -> Any:
    del worst
    return plots.energy(draws) if "energy" in draws.stats else None


def _pair(draws: plots.Draws, worst: Sequence[str]) -> Any:
    return plots.pair(draws, worst) if len(worst) > 1 else None


def _over_the_run(draws: plots.Draws, worst: Sequence[str]) -> Any:
    del worst
    return plots.over_the_run(draws)


_DIAGNOSTICS: Sequence[Tuple[Callable[[plots.Draws, Sequence[str]], Any], str]] = (
    (plots.trace, "Density and path of the limiting scalars, those of least ESS: good chains overlap."),
    (plots.rank, "Ranks over all chains: flat where each visits the whole posterior."),
    (plots.ess_evolution, "ESS as draws are added: straight where more bring more."),
    (_energy, "Energy and its changes: alike where the sampler explores quickly."),
    (plots.autocorrelation, "Autocorrelation: how many draws it takes to forget."),
    (_over_the_run, "Step size and tree depth over the run, tuning first."),
    (_pair, "The two limiting scalars against each other; divergences are crosses."),
)


def _drawn(
    make: Callable[[plots.Draws, Sequence[str]], Any],
    draws: plots.Draws,
    worst: Sequence[str],
    caption: str,
) -> Optional[Dict[str, str]]:
    """Return a plot, what kept it from being drawn, or nothing where there is nothing to draw."""
    try:
        figure = make(draws, worst)
        svg = "" if figure is None else plots.svg(figure, caption)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        # Draws that stand still, or a single one, have no density: the other plots are shown.
        return {"svg": "", "caption": f"{caption} These draws cannot be drawn like that: {error}."}
    return {"svg": svg, "caption": caption} if svg else None
