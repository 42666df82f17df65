"""What a stack has handed out of a cell: diagnosed, judged, and its draws kept.

A cell's times are known before anything here begins, and nothing that goes wrong here takes
them away: it becomes a warning beside them.
"""

import logging
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import numpy as np

from nutsbench import models
from nutsbench.inside import arrays
from nutsbench.inside.clock import PhaseTime
from nutsbench.judge import accuracy, claims, diagnostics, hints, metrics, quality
from nutsbench.models import truths
from nutsbench.records import draws
from nutsbench.records.grid import Cell

_LOG = logging.getLogger(__name__)
#: What stands in for a diagnosis that failed: the times are known all the same.
_NOTHING_KNOWN = diagnostics.Diagnostics({}, None, None, None, None, None, None, (), None, None)


@dataclass(frozen=True)
class HandedOut:
    """What a stack knows of a cell that it has sampled.

    Parameters
    ----------
    free : tuple of str
        Which of the variables are free, the others being Deterministics.
    chain_draw_s : float or None
        Wall seconds after tuning, summed over chains; None where a sampler does not tell.
    gradient_us : float or None
        Microseconds of one call of log-probability and gradient.
    dimensions : int or None
        Number of scalars that NUTS moves.
    peak_rss_bytes : int or None
        Largest resident set of any one process of the cell; None of the first draws of a longer run, whose
        memory is another one.
    draws : dict of ndarray
        For each monitored variable its draws after tuning, shape (chain, draw, *shape).
    stats, tune_stats : dict of ndarray
        NUTS's statistics of each transition after and during tuning, shape (chain, transition).
    lost : str
        Why there are no draws; empty where there are.
    """

    free: Tuple[str, ...]
    chain_draw_s: Optional[float]
    gradient_us: Optional[float]
    dimensions: Optional[int]
    peak_rss_bytes: Optional[int]
    draws: Mapping[str, np.ndarray] = field(default_factory=dict)
    stats: Mapping[str, np.ndarray] = field(default_factory=dict)
    tune_stats: Mapping[str, np.ndarray] = field(default_factory=dict)
    lost: str = ""

    @classmethod
    def read(cls, sampled: Mapping[str, Any], lost: str, path: Path) -> "HandedOut":
        """Take in what a cell's process has told, and its file of arrays.

        Parameters
        ----------
        sampled : dict
            ``sampled`` of its outcome.
        lost : str
            Why there is no file.
        path : Path
            The file.
        """
        known = {name: value for name, value in sampled.items() if name not in ("names", "prefixes", "first")}
        groups: Mapping[str, Any] = {}
        if not lost:
            try:
                groups = _first(arrays.read(path, sampled["names"]), sampled.get("first"))
            except Exception as error:
                lost = f"the draws could not be read: {type(error).__name__}: {error}"
        return cls(**{**known, "free": tuple(sampled["free"])}, **groups, lost=lost)


def _first(groups: Mapping[str, Any], draws: Optional[int]) -> Mapping[str, Any]:
    """Return the first draws of each chain; all of them if it is not said how many."""
    cut = {
        group: {name: one[:, :draws] for name, one in groups[group].items()} for group in ("draws", "stats")
    }
    return {**groups, **cut}


def draws_of(outcome: Mapping[str, Any], path: Path) -> Mapping[str, np.ndarray]:
    """Return the draws that a cell has handed out, shape (chain, draw, *shape); none if they were lost.

    Parameters
    ----------
    outcome : dict
        Of :func:`nutsbench.inside.cell.sample`.
    path : Path
        The file of arrays that goes with it.
    """
    if "sampled" not in outcome:
        return {}
    return HandedOut.read(outcome["sampled"], outcome.get("lost", ""), path).draws


def of_prefix(outcome: Mapping[str, Any], draws: int) -> Dict[str, Any]:
    """Return what a run of fewer draws would have given, of the outcome of the longer one that holds it.

    Parameters
    ----------
    outcome : dict
        Of :func:`nutsbench.inside.cell.sample`, which was asked for this number of draws.
    draws : int
        That number.
    """
    part = outcome["sampled"]["prefixes"][str(draws)]
    sampled = {
        **outcome["sampled"],
        "first": draws,
        "chain_draw_s": part["chain_draw_s"],
        "peak_rss_bytes": None,
    }
    return {**outcome, "phases": {**outcome["phases"], **part["phases"]}, "sampled": sampled}


def complete(
    cell: Cell,
    outcome: Mapping[str, Any],
    path: Path,
    keep: Optional[Path],
    directions: Callable[[], List[str]],
) -> Dict[str, Any]:
    """Return a cell's outcome with all that its draws say.

    Parameters
    ----------
    cell : Cell
        The cell.
    outcome : dict
        Of :func:`nutsbench.inside.cell.sample`.
    path : Path
        The file of arrays that goes with it.
    keep : Path or None
        netCDF file for the draws.
    directions : callable
        Returns the directions in which the model's posterior has no end, which the stack has to be asked.

    Returns
    -------
    dict
        ``phases``, ``metrics``, ``worst``, ``quality``, ``accuracy``, ``claims``, ``quantities``,
        ``details`` and ``warnings``, as a record has them.
    """
    found = {name: value for name, value in outcome.items() if name not in ("sampled", "lost")}
    if "sampled" not in outcome:
        return found
    handed = HandedOut.read(outcome["sampled"], outcome.get("lost", ""), path)
    spec, details = models.get(cell.model), dict(outcome["details"])
    missing = [handed.lost] if handed.lost else []
    found["details"] = details
    found.update(_judged(spec, cell, handed, outcome["phases"], details, missing, directions))
    if keep is not None and not handed.lost:
        missing += _keep_draws(handed, keep, details)
    found["warnings"] = [*outcome.get("warnings", []), *missing]
    return {name: _plain(value) for name, value in found.items()}


def _judged(
    spec: models.ModelSpec,
    cell: Cell,
    handed: HandedOut,
    phases: Mapping[str, Mapping[str, float]],
    details: Dict[str, Any],
    missing: List[str],
    directions: Callable[[], List[str]],
) -> Dict[str, Any]:
    """Return what the draws say; ``missing`` is told what cannot be said: the rest stays."""

    def tried(what: str, make: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return make()
        except Exception as error:
            _LOG.debug(what, exc_info=True)
            missing.append(f"{what}: {type(error).__name__}: {error}".strip(": "))
            return otherwise

    wall, cpu = time.perf_counter(), time.process_time()
    diagnosed = None
    if not handed.lost:
        diagnosed = tried("the draws could not be diagnosed", lambda: _diagnosed(cell, handed), None)
    times = {name: PhaseTime(**one) for name, one in phases.items()}
    before = times.get("diagnose", PhaseTime(0.0, 0.0))
    times["diagnose"] = PhaseTime(
        before.wall_s + time.perf_counter() - wall, before.cpu_s + time.process_time() - cpu
    )
    known = diagnosed or _NOTHING_KNOWN
    measurement = metrics.Measurement(
        cell.settings, times, known, handed.chain_draw_s, handed.gradient_us, handed.peak_rss_bytes
    )
    found: Dict[str, Any] = {
        "phases": {name: one.to_dict() for name, one in times.items()},
        "metrics": tried("no metrics", lambda: metrics.compute(measurement), {}),
        "worst": {
            figure: metrics.extreme(known.quantities, figure, largest=figure == "rhat")
            for figure in ("ess_bulk", "ess_tail", "rhat")
        },
        "quantities": {name: quantity.to_dict() for name, quantity in known.quantities.items()},
    }
    details["hints"] = {}
    if diagnosed:
        details["hints"] = tried(
            "no hints",
            lambda: hints.hints(handed.draws, handed.stats, handed.free, known.quantities),
            {},
        )
    if "wanders" in details["hints"]:
        # Chains that come back from nowhere: it is worth a few seconds to know whether they could.
        no_end = tried("no check for an improper posterior", directions, [])
        details["hints"].update({"improper": no_end} if no_end else {})
    seen = quality.Seen.of({**found, "settings": cell.settings.to_dict(), "details": details})
    unknown = quality.Quality("unknown", tuple(missing[:1])).to_dict()
    found["quality"] = unknown
    if diagnosed:
        found["quality"] = tried("no verdict on quality", lambda: quality.judge(seen).to_dict(), unknown)
    found["accuracy"] = tried(
        "no verdict on accuracy", lambda: _accuracy(spec, handed, known, seen).to_dict(), {}
    )
    found["claims"] = []
    if not handed.lost:
        found["claims"] = tried("no claims", lambda: claims.of_draws(spec.claims, handed.draws), [])
    return found


def _diagnosed(cell: Cell, handed: HandedOut) -> diagnostics.Diagnostics:
    return diagnostics.diagnose(
        handed.draws,
        handed.stats,
        handed.tune_stats,
        handed.free,
        cell.settings.max_treedepth,
        handed.dimensions,
    )


def _accuracy(
    spec: models.ModelSpec, handed: HandedOut, known: diagnostics.Diagnostics, seen: quality.Seen
) -> accuracy.Accuracy:
    exact, why_none = truths.find(spec.name)
    try:
        shares = accuracy.shares_below(handed.draws, exact) if exact else {}
        return accuracy.judge(
            seen.quantities,
            shares,
            exact,
            why_none,
            not_mixed=quality.not_mixed(seen),
            kinetic=known.kinetic,
        )
    except Exception as error:  # A measurement is not lost to a verdict that cannot be given.
        _LOG.debug("no accuracy", exc_info=True)
        return accuracy.unknown(
            f"it cannot be compared with the reference posterior: {type(error).__name__}: {error}"
        )


def _keep_draws(handed: HandedOut, path: Path, details: Dict[str, Any]) -> List[str]:
    """Write the draws; if they cannot be written, the measurement stands all the same."""
    groups = {
        "posterior": handed.draws,
        "sample_stats": handed.stats,
        "warmup_sample_stats": handed.tune_stats,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draws.write(groups, path)
    except Exception as error:
        _LOG.debug("no draws kept", exc_info=True)
        said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        return [f"the draws could not be kept: {said}"]
    details["draws_file"] = path.name
    return []


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a value; what it cannot is left out, rather than the measurement."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
