"""Where to look when draws are not good: which scalar, which direction, which chain.

Hints decide no verdict. They are worked out while the draws are at hand and kept with the record,
so that a remedy can name a variable.
"""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from nutsbench.judge.diagnostics import Quantity, finite, scalars
from nutsbench.judge.mixing import MAX_RHAT, MIN_ESS_PER_HALF, normal_scores

#: So many scalars are looked at, those with the least ESS.
_MOST_SCALARS = 60
#: Scalars that are less correlated do not force small steps.
_RIDGE = 0.9
#: From so few divergences nothing can be told of where they are.
_FEW_DIVERGENCES = 5
#: Share of the variance of what wanders that one direction has to have to be named.
_ONE_DIRECTION = 0.6
#: Effective draws a half chain with which a chain mixes by itself.
_MIXES_BY_ITSELF = 25


def hints(
    draws: Mapping[str, np.ndarray],
    stats: Mapping[str, np.ndarray],
    free: Sequence[str],
    quantities: Mapping[str, Quantity],
) -> Dict[str, Any]:
    """Return what may help to find out why draws are not good.

    Parameters
    ----------
    draws : dict of ndarray
        By monitored variable, shape (chain, draw, *shape).
    stats : dict of ndarray
        NUTS's statistics after tuning, shape (chain, draw).
    free : sequence of str
        Names of the free variables.
    quantities : dict of Quantity
        By scalar.

    Returns
    -------
    dict
        ``step_sizes`` and ``accepted`` of each chain; and where there is one, ``energy`` (the scalar
        with which the energy changes most), ``divergences`` (the scalar where divergent draws lie
        apart), ``ridge`` (the two most correlated scalars), ``wanders`` (the direction along which
        chains that have not mixed wander) or ``apart`` (the scalar in which chains that mix by
        themselves disagree). All ready for JSON. ``improper``, the directions in which nothing ends the
        posterior, is added by who has the model.
    """
    known = _free_scalars(draws, free, quantities)
    found: Dict[str, Any] = {
        "step_sizes": _of_chains(stats.get("step_size")),
        "accepted": _of_chains(stats.get("mean_tree_accept")),
    }
    if known:
        found["energy"] = _with_energy(known, stats.get("energy"))
        found["divergences"] = _at_divergences(known, stats.get("diverging"))
        found["ridge"] = _ridge(known)
        found.update(_unmixed(known, quantities))
    return {name: value for name, value in found.items() if value}


def _free_scalars(
    draws: Mapping[str, np.ndarray], free: Sequence[str], quantities: Mapping[str, Quantity]
) -> Dict[str, np.ndarray]:
    """Return the free scalars that vary, the worst known first, and no more than can be looked at."""
    varying = {
        label: values
        for name, label, values in scalars(draws)
        if name in free and quantities[label].state in ("ok", "one_chain") and np.ptp(values) > 0
    }
    worst = sorted(varying, key=lambda label: quantities[label].ess_bulk or 0.0)
    return {label: varying[label] for label in worst[:_MOST_SCALARS]}


def _of_chains(values: Optional[np.ndarray]) -> List[float]:
    if values is None or not values.size:
        return []
    means = [finite(chain) for chain in values.mean(axis=1)]
    return [float(f"{mean:.4g}") for mean in means if mean is not None]


def _with_energy(known: Mapping[str, np.ndarray], energy: Optional[np.ndarray]) -> Optional[Dict[str, Any]]:
    if energy is None or not np.isfinite(energy).all() or np.ptp(energy) == 0:
        return None
    scores = normal_scores(energy).ravel()
    correlations = {
        label: finite(np.corrcoef(normal_scores(values).ravel(), scores)[0, 1]) or 0.0
        for label, values in known.items()
    }
    label = max(correlations, key=lambda name: abs(correlations[name]))
    return {"scalar": label, "correlation": round(correlations[label], 3)}


def _at_divergences(
    known: Mapping[str, np.ndarray], diverging: Optional[np.ndarray]
) -> Optional[Dict[str, Any]]:
    """Name the scalar in which divergent draws are furthest from the others, by the ranks of both."""
    if diverging is None:
        return None
    divergent = diverging.astype(bool).ravel()
    if min(divergent.sum(), (~divergent).sum()) < _FEW_DIVERGENCES:
        return None
    apart = {}
    for label, values in known.items():
        scores = normal_scores(values).ravel()
        # How far apart, and how much narrower: both are what a funnel's neck looks like.
        shift = abs(scores[divergent].mean() - scores[~divergent].mean())
        narrow = scores[~divergent].std() / max(scores[divergent].std(), 1e-9)
        apart[label] = (max(shift, np.log(narrow)), scores[divergent].mean())
    label = max(apart, key=lambda name: apart[name][0])
    return {"scalar": label, "side": "low" if apart[label][1] < 0 else "high"}


def _ridge(known: Mapping[str, np.ndarray]) -> Optional[Dict[str, Any]]:
    if len(known) < 2:
        return None
    names = list(known)
    # Within chains: chains that sit apart are no ridge.
    centred = np.stack([(known[name] - known[name].mean(axis=1, keepdims=True)).ravel() for name in names])
    correlations = _correlations(centred)
    np.fill_diagonal(correlations, 0.0)
    one, other = np.unravel_index(np.argmax(np.abs(correlations)), correlations.shape)
    if abs(correlations[one, other]) < _RIDGE:
        return None
    pair = sorted((names[one], names[other]))
    return {"scalars": pair, "correlation": round(float(correlations[one, other]), 4)}


def _correlations(rows: np.ndarray) -> np.ndarray:
    scales = rows.std(axis=1, keepdims=True)
    scaled = (rows - rows.mean(axis=1, keepdims=True)) / np.where(scales > 0, scales, 1.0)
    return np.asarray(scaled @ scaled.T / rows.shape[1])


def _unmixed(known: Mapping[str, np.ndarray], quantities: Mapping[str, Quantity]) -> Dict[str, Any]:
    """Tell chains that wander from chains that mix by themselves and sit in different places."""
    halves = 2 * len(next(iter(known.values())))
    suspects = [
        label
        for label in known
        if (quantities[label].rhat or 0.0) > MAX_RHAT
        and (quantities[label].ess_bulk or 0.0) < MIN_ESS_PER_HALF * halves
    ]
    wandering = [
        label for label in suspects if (quantities[label].ess_within or 0.0) < _MIXES_BY_ITSELF * halves / 2
    ]
    if wandering:
        return {"wanders": _direction({label: known[label] for label in wandering})}
    if suspects:
        worst = max(suspects, key=lambda label: quantities[label].rhat or 0.0)
        places = [float(f"{mean:.4g}") for mean in known[worst].mean(axis=1)]
        return {"apart": {"scalar": worst, "chain_means": places}}
    return {}


def _direction(wandering: Mapping[str, np.ndarray]) -> Dict[str, Any]:
    """Name the direction along which scalars wander together: of the largest eigenvalue, in units of sds."""
    names = list(wandering)
    values, vectors = np.linalg.eigh(_correlations(np.stack([draws.ravel() for draws in wandering.values()])))
    share, vector = float(values[-1] / values.sum()), vectors[:, -1]
    if len(names) == 1 or share < _ONE_DIRECTION:
        return {"along": names[0], "scalars": names[:1], "share": round(share, 3)}
    parts = _parts(names, vector)
    text = " ".join(f"{sign} {name}" for sign, name in parts)
    more = len([weight for weight in vector if abs(weight) > 0.5 * np.abs(vector).max()]) - len(parts)
    text = text[2:] if text.startswith("+ ") else text
    return {
        "along": text + (f" and {more} more" if more > 0 else ""),
        "scalars": [name for _, name in parts],
        "share": round(share, 3),
    }


def _parts(names: Sequence[str], vector: np.ndarray) -> List[Tuple[str, str]]:
    """Return sign and name of the scalars with most weight in a direction, four at the most."""
    strong = [
        index for index in np.argsort(-np.abs(vector)) if abs(vector[index]) > 0.5 * np.abs(vector).max()
    ]
    first = np.sign(vector[strong[0]])
    return [("+" if np.sign(vector[index]) == first else "-", names[index]) for index in strong[:4]]
