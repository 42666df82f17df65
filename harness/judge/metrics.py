"""One table of metrics: name, unit, direction, definition, function.

A new metric is one function with one decorator; it then stands in every record, in
``nutsbench show``, and in the README's table, which is generated from here.
"""

import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Union

from nutsbench.inside.clock import PhaseTime
from nutsbench.judge.diagnostics import Diagnostics, Quantity
from nutsbench.models.spec import SamplerSettings

Number = Union[int, float]


@dataclass(frozen=True)
class Measurement:
    """All that a metric may look at.

    Parameters
    ----------
    settings : SamplerSettings
        What the cell was sampled with.
    phases : dict of str to PhaseTime
        Wall and CPU seconds of each phase.
    diagnostics : Diagnostics
        What the draws and the sampler's statistics say.
    chain_draw_s : float or None
        Wall seconds after tuning, summed over chains; None where a sampler does not tell.
    gradient_us : float or None
        Microseconds of one call of log-probability and gradient.
    peak_rss_bytes : int or None
        Largest resident set of any one process of the cell; None where that is not known.
    """

    settings: SamplerSettings
    phases: Mapping[str, PhaseTime]
    diagnostics: Diagnostics
    chain_draw_s: Optional[float]
    gradient_us: Optional[float]
    peak_rss_bytes: Optional[int]

    def wall_s(self, *names: str) -> float:
        """Return the wall seconds of some phases together."""
        return sum(self.phases[name].wall_s for name in names)


MetricFunction = Callable[[Measurement], Optional[Number]]


@dataclass(frozen=True)
class Metric:
    """One row of :data:`METRICS`.

    Parameters
    ----------
    name : str
        Key in a record's ``metrics``.
    unit : str
        Unit; ``1`` for counts and ratios.
    direction : str
        ``higher`` or ``lower``, whichever is better, or ``none``.
    definition : str
        What it is, its denominator included.
    function : callable
        Computes it; ``None`` where it does not exist.
    """

    name: str
    unit: str
    direction: str
    definition: str
    function: MetricFunction


#: Every metric by its name, in the order in which they are shown.
METRICS: Dict[str, Metric] = {}
#: Units of what a clock tells.
_OF_TIME = ("s", "1/s", "us")


def untimed(values: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a record's metrics without those that rest on a clock.

    Parameters
    ----------
    values : dict
        By metric.
    """
    timed = {name for name, one in METRICS.items() if one.unit in _OF_TIME} | {"gradient_share"}
    return {name: value for name, value in values.items() if name not in timed}


def metric(unit: str, direction: str, definition: str) -> Callable[[MetricFunction], MetricFunction]:
    """Add the decorated function to :data:`METRICS` under its own name."""

    def register(function: MetricFunction) -> MetricFunction:
        name = function.__name__
        text = " ".join(definition.split())
        METRICS[name] = Metric(name, unit, direction, text, function)
        return function

    return register


def compute(measurement: Measurement) -> Dict[str, Optional[Number]]:
    """Return every metric of a cell; what does not exist, or is not finite, is ``None``."""
    values: Dict[str, Optional[Number]] = {}
    for name, row in METRICS.items():
        value = row.function(measurement)
        values[name] = value if value is not None and math.isfinite(value) else None
    return values


def markdown() -> str:
    """Return :data:`METRICS` as a Markdown table, as the README has it."""
    better = {"higher": "higher", "lower": "lower", "none": ""}
    rows = [f"| `{m.name}` | {m.unit} | {better[m.direction]} | {m.definition} |" for m in METRICS.values()]
    return "\n".join(["| metric | unit | better | definition |", "| --- | --- | --- | --- |", *rows])


def extreme(quantities: Mapping[str, Quantity], figure: str, largest: bool = False) -> Optional[str]:
    """Return the scalar whose figure is smallest (or largest), ``None`` if none has it."""
    known = {
        label: getattr(quantity, figure)
        for label, quantity in quantities.items()
        if getattr(quantity, figure) is not None
    }
    if not known:
        return None
    return (max if largest else min)(known, key=lambda label: known[label])


def _figure(m: Measurement, figure: str, largest: bool = False) -> Optional[float]:
    label = extreme(m.diagnostics.quantities, figure, largest)
    value = None if label is None else getattr(m.diagnostics.quantities[label], figure)
    return None if value is None else float(value)


def _ratio(numerator: Optional[Number], denominator: Optional[Number]) -> Optional[float]:
    if numerator is None or not denominator:
        return None
    return numerator / denominator


@metric(
    "1/s", "higher", "Headline: the smallest bulk ESS of any scalar over the wall seconds of tune and draw."
)
def ess_per_s(m: Measurement) -> Optional[Number]:
    return _ratio(_figure(m, "ess_bulk"), m.wall_s("tune", "draw"))


@metric("1/s", "higher", "The smallest bulk ESS over the wall seconds of draw alone.")
def ess_per_draw_s(m: Measurement) -> Optional[Number]:
    return _ratio(_figure(m, "ess_bulk"), m.wall_s("draw"))


@metric(
    "1/s",
    "higher",
    "The smallest bulk ESS over the wall seconds of build, compile, tune and draw: what a user waits for.",
)
def ess_per_total_s(m: Measurement) -> Optional[Number]:
    return _ratio(_figure(m, "ess_bulk"), m.wall_s("build", "compile", "tune", "draw"))


@metric("s", "lower", "Seconds per effective sample: the inverse of ess_per_s.")
def pace_s(m: Measurement) -> Optional[Number]:
    return _ratio(m.wall_s("tune", "draw"), _figure(m, "ess_bulk"))


@metric("s", "lower", "Wall seconds of build, compile, tune, draw and diagnose; import not counted.")
def wall_s(m: Measurement) -> Optional[Number]:
    return m.wall_s("build", "compile", "tune", "draw", "diagnose")


@metric("s", "lower", "CPU seconds of build, compile, tune, draw and diagnose, all processes of the cell.")
def cpu_s(m: Measurement) -> Optional[Number]:
    return sum(time.cpu_s for name, time in m.phases.items() if name != "import")


@metric("1", "higher", "Smallest bulk ESS of any scalar, all chains together.")
def ess_bulk_min(m: Measurement) -> Optional[Number]:
    return _figure(m, "ess_bulk")


@metric("1", "higher", "Smallest tail ESS (5 and 95 % quantiles) of any scalar, all chains together.")
def ess_tail_min(m: Measurement) -> Optional[Number]:
    return _figure(m, "ess_tail")


@metric("1", "lower", "Largest rank-normalised split R-hat of any scalar.")
def rhat_max(m: Measurement) -> Optional[Number]:
    return _figure(m, "rhat", largest=True)


@metric("1", "lower", "Largest Monte Carlo standard error of a mean, in posterior sds of its scalar.")
def mcse_mean_max(m: Measurement) -> Optional[Number]:
    ratios = [
        quantity.mcse_mean / quantity.sd
        for quantity in m.diagnostics.quantities.values()
        if quantity.mcse_mean is not None and quantity.sd
    ]
    return max(ratios) if ratios else None


@metric("1", "lower", "Divergent transitions after tuning, all chains.")
def divergences(m: Measurement) -> Optional[Number]:
    return m.diagnostics.divergences


@metric("1", "none", "Divergent transitions during tuning, all chains.")
def tune_divergences(m: Measurement) -> Optional[Number]:
    return m.diagnostics.tune_divergences


@metric("1", "higher", "Smallest E-BFMI of any chain.")
def ebfmi_min(m: Measurement) -> Optional[Number]:
    return min(m.diagnostics.ebfmi, default=None)


@metric("1", "lower", "Mean depth of the trajectory trees after tuning.")
def tree_depth_mean(m: Measurement) -> Optional[Number]:
    return m.diagnostics.tree_depth_mean


@metric(
    "1", "lower", "Share of transitions after tuning that made all the leapfrogs that max_treedepth allows."
)
def tree_depth_max_share(m: Measurement) -> Optional[Number]:
    return m.diagnostics.tree_depth_max_share


@metric("1", "none", "Leapfrog steps after tuning, all chains.")
def leapfrogs(m: Measurement) -> Optional[Number]:
    return m.diagnostics.leapfrogs


@metric("1", "none", "Leapfrog steps during tuning, all chains.")
def tune_leapfrogs(m: Measurement) -> Optional[Number]:
    return m.diagnostics.tune_leapfrogs


@metric(
    "1/s",
    "higher",
    """Leapfrog steps after tuning, all chains, over the wall seconds of draw; times ess_per_leapfrog
    it is ess_per_draw_s.""",
)
def leapfrogs_per_s(m: Measurement) -> Optional[Number]:
    return _ratio(m.diagnostics.leapfrogs, m.wall_s("draw"))


@metric(
    "us",
    "lower",
    "Microseconds of one chain per leapfrog step: draw seconds summed over chains, over leapfrogs.",
)
def us_per_leapfrog(m: Measurement) -> Optional[Number]:
    spent = m.chain_draw_s
    return _ratio(None if spent is None else 1e6 * spent, m.diagnostics.leapfrogs)


@metric("1", "higher", "The smallest bulk ESS over the leapfrog steps after tuning, all chains.")
def ess_per_leapfrog(m: Measurement) -> Optional[Number]:
    return _ratio(_figure(m, "ess_bulk"), m.diagnostics.leapfrogs)


@metric(
    "us",
    "lower",
    "Microseconds of one compiled call of log-probability and gradient, median, at the last draw.",
)
def gradient_us(m: Measurement) -> Optional[Number]:
    return m.gradient_us


@metric(
    "1",
    "none",
    "Share of a leapfrog that its one gradient takes: gradient_us over us_per_leapfrog; the rest is Python.",
)
def gradient_share(m: Measurement) -> Optional[Number]:
    return _ratio(m.gradient_us, us_per_leapfrog(m))


@metric("1", "none", "Mean acceptance statistic after tuning; near target_accept when tuning worked.")
def accept_mean(m: Measurement) -> Optional[Number]:
    return m.diagnostics.accept_mean


@metric(
    "1",
    "none",
    """Mean of twice the kinetic energy at the draws, over the number of scalars that NUTS moves: 1 but for
    chance where the sampler is right.""",
)
def kinetic_ratio(m: Measurement) -> Optional[Number]:
    found = m.diagnostics.kinetic
    return None if found is None else found.mean / found.dimensions


@metric("1", "none", "Step size after tuning, mean over chains, in units of the tuned mass matrix.")
def step_size(m: Measurement) -> Optional[Number]:
    return m.diagnostics.step_size


@metric("B", "lower", "Largest resident set of any one process of the cell, shared pages included.")
def peak_rss_bytes(m: Measurement) -> Optional[Number]:
    return m.peak_rss_bytes
