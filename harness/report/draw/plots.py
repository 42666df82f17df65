"""Diagnostic figures of one cell's draws, by ArviZ and matplotlib: what explains a verdict.

Each function takes the draws as ArviZ keeps them and returns a matplotlib figure, for a
page or for a notebook.
"""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from nutsbench.judge import estimators
from nutsbench.judge.diagnostics import scalars
from nutsbench.records.draws import read

#: Okabe and Ito's colours, which colour-blind readers can tell apart; dark enough on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#000000")
_DASHES = ("-", "--", "-.", ":")
_MARKERS = (".", "x", "^", "s")
_WIDTH = 9.0


class Draws:
    """One cell's draws and sampler statistics.

    Parameters
    ----------
    path : Path
        A netCDF file that ``nutsbench run --keep-draws`` has written.

    Attributes
    ----------
    posterior : dict of ndarray
        By variable, shape (chain, draw, ...).
    stats, tune_stats : dict of ndarray
        Sampler statistics after and during tuning, shape (chain, transition).
    """

    def __init__(self, path: Path) -> None:
        groups = read(path)
        self.posterior = groups.get("posterior", {})
        self.stats = groups.get("sample_stats", {})
        self.tune_stats = groups.get("warmup_sample_stats", {})

    @property
    def scalars(self) -> Dict[str, np.ndarray]:
        """Draws of each scalar by its label, shape (chain, draw)."""
        return {label: values for _, label, values in scalars(self.posterior)}

    def worst(self, quantities: Mapping[str, Mapping[str, Any]], count: int) -> List[str]:
        """Return the limiting scalars, those with the smallest bulk ESS, the smallest first.

        Parameters
        ----------
        quantities : dict
            Of the record.
        count : int
            How many at the most.
        """
        known = [label for label in self.scalars if (quantities.get(label) or {}).get("ess_bulk")]
        return sorted(known, key=lambda label: quantities[label]["ess_bulk"])[:count]


def _axes(rows: int, columns: int, height: float = 2.4, **options: Any) -> Tuple[Any, Any]:
    # Not pyplot: figures of a page of many would pile up in it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height * rows), constrained_layout=True)
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def trace(draws: Draws, labels: Sequence[str]) -> Any:
    """Draw each chain's density and its path: chains that mix lie over each other.

    Parameters
    ----------
    draws : Draws
        The draws.
    labels : sequence of str
        Scalars, one row each.
    """
    figure, axes = _axes(len(labels), 2)
    for (left, right), label in zip(axes, labels):
        values = draws.scalars[label]
        for chain, path in enumerate(values):
            colour, dash = COLOURS[chain % len(COLOURS)], _DASHES[chain % len(_DASHES)]
            grid, density = _density(path)
            left.plot(grid, density, dash, color=colour, label=f"chain {chain}", rasterized=True)
            right.plot(path, color=colour, linewidth=0.9, alpha=0.8, rasterized=True)
        left.set(xlabel=_plain(label), ylabel="density", title=f"{_plain(label)}: density by chain")
        right.set(xlabel="draw", ylabel=_plain(label), title=f"{_plain(label)}: path by chain")
        _mark(right, draws.stats.get("diverging"), values)
    axes[0][0].legend(fontsize="small")
    return figure


def _density(values: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    from scipy.stats import gaussian_kde

    if np.ptp(values) == 0:
        return values[:1], np.ones(1)
    grid = np.linspace(values.min(), values.max(), 200)
    return grid, gaussian_kde(values)(grid)


def _mark(axis: Any, diverging: Optional[np.ndarray], values: np.ndarray) -> None:
    """Mark the divergences along the foot of a path."""
    if diverging is not None and diverging.any():
        places = np.nonzero(diverging.any(axis=0))[0]
        axis.plot(places, np.full(len(places), values.min()), "|", color="black", label="divergence")
        axis.legend(fontsize="small", loc="upper right")


def rank(draws: Draws, labels: Sequence[str], bins: int = 20) -> Any:
    """Draw rank histograms: flat where every chain visits the whole of the posterior alike.

    Parameters
    ----------
    draws : Draws
        The draws.
    labels : sequence of str
        Scalars, one row each.
    bins : int
        Bars.

    Notes
    -----
    Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021, section 4.
    """
    from scipy.stats import rankdata

    chains = len(next(iter(draws.scalars.values())))
    figure, axes = _axes(len(labels), chains, 1.9, sharey="row")
    for row, label in zip(axes, labels):
        values = draws.scalars[label]
        ranks = rankdata(values, method="average").reshape(values.shape)
        for chain, axis in enumerate(row):
            counts, edges = np.histogram(ranks[chain], bins=bins, range=(0.5, values.size + 0.5))
            axis.bar(edges[:-1], counts, np.diff(edges), align="edge", color=COLOURS[chain % len(COLOURS)])
            axis.axhline(values.shape[1] / bins, color="black", linestyle="--", linewidth=1)
            axis.set(xlabel="rank over all chains", title=f"{_plain(label)}, chain {chain}")
        row[0].set_ylabel("draws")
    return figure


def ess_evolution(draws: Draws, labels: Sequence[str], points: int = 12) -> Any:
    """Draw ESS by the number of draws used: a straight line where more draws bring more.

    Parameters
    ----------
    draws : Draws
        The draws.
    labels : sequence of str
        Scalars.
    points : int
        How many lengths.
    """
    figure, axes = _axes(1, 2, 3.0)
    for axis, method in zip(axes[0], ("bulk", "tail")):
        for number, label in enumerate(labels):
            values = draws.scalars[label]
            lengths = np.unique(
                np.linspace(max(20, values.shape[1] // points), values.shape[1], points, dtype=int)
            )
            found = [estimators.ess(values[:, :length], method) for length in lengths]
            style = _DASHES[number % len(_DASHES)]
            axis.plot(
                lengths * len(values),
                found,
                "o" + style,
                color=COLOURS[number % len(COLOURS)],
                label=_plain(label),
                markersize=3,
            )
        axis.axhline(100 * len(values), color="black", linestyle=":", linewidth=1, label="100 a chain")
        axis.set(xlabel="draws, all chains", ylabel=f"{method} ESS", title=f"{method} ESS as draws are added")
    axes[0][0].legend(fontsize="small")
    return figure


def energy(draws: Draws) -> Any:
    """Draw the energy beside its changes: much narrower changes mean slow exploration.

    Notes
    -----
    Betancourt 2016, "Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte
    Carlo": E-BFMI is the ratio of the two variances, and 0.3 is low.
    """
    values = draws.stats["energy"]
    figure, axes = _axes(1, 1, 3.0)
    axis = axes[0][0]
    for data, label, style in (
        (values - values.mean(axis=1, keepdims=True), "energy, less its mean", "-"),
        (np.diff(values, axis=1), "change from draw to draw", "--"),
    ):
        grid, density = _density(data.ravel())
        colour = COLOURS[0] if style == "-" else COLOURS[1]
        axis.plot(grid, density, style, color=colour, label=label)
        axis.fill_between(grid, density, alpha=0.15, color=colour)
    axis.set(xlabel="energy (nats)", ylabel="density", title="Energy, and its changes")
    axis.legend(fontsize="small")
    return figure


def autocorrelation(draws: Draws, labels: Sequence[str], lags: int = 60) -> Any:
    """Draw the autocorrelation of each chain: how many draws it takes to forget.

    Parameters
    ----------
    draws : Draws
        The draws.
    labels : sequence of str
        Scalars, one panel each.
    lags : int
        Lags shown.
    """
    figure, axes = _axes(1, len(labels), 2.8, sharey="row")
    for axis, label in zip(axes[0], labels):
        for chain, path in enumerate(draws.scalars[label]):
            found = estimators.autocorrelation(path)[:lags]
            dash = _DASHES[chain % len(_DASHES)]
            axis.plot(found, dash, color=COLOURS[chain % len(COLOURS)], label=f"chain {chain}")
        axis.axhline(0, color="black", linewidth=0.8)
        axis.set(xlabel="lag (draws)", title=_plain(label), ylim=(-0.3, 1.02))
    axes[0][0].set_ylabel("autocorrelation")
    axes[0][0].legend(fontsize="small")
    return figure


def pair(draws: Draws, labels: Sequence[str]) -> Any:
    """Draw two scalars against each other, divergences marked: where the sampler cannot go.

    Parameters
    ----------
    draws : Draws
        The draws.
    labels : sequence of str
        Two scalars.
    """
    figure, axes = _axes(1, 1, 4.2)
    axis = axes[0][0]
    x, y = (draws.scalars[label] for label in labels[:2])
    axis.plot(
        x.ravel(), y.ravel(), ".", color=COLOURS[0], markersize=4, alpha=0.4, label="draw", rasterized=True
    )
    diverging = draws.stats.get("diverging")
    if diverging is not None and diverging.any():
        where = diverging.astype(bool)
        axis.plot(x[where], y[where], "x", color=COLOURS[1], markersize=6, label="divergence")
    one, other = map(_plain, labels[:2])
    axis.set(xlabel=one, ylabel=other, title=f"{one} and {other}")
    axis.legend(fontsize="small")
    return figure


def over_the_run(draws: Draws) -> Any:
    """Draw step size and tree depth of every transition, tuning included.

    Notes
    -----
    Statistics are those of the first chain's transitions and of all others, one line each.
    """
    figure, axes = _axes(2, 1, 2.4, sharex=True)
    tuned = next(iter(draws.tune_stats.values())).shape[1] if draws.tune_stats else 0
    for axis, names, title in (
        (axes[0][0], ("step_size",), "Step size"),
        (axes[1][0], ("depth", "tree_depth"), "Tree depth"),
    ):
        name = next((one for one in names if one in draws.stats), None)
        if name is None:
            axis.text(0.5, 0.5, "not recorded by this sampler", ha="center", transform=axis.transAxes)
            continue
        for chain, after in enumerate(draws.stats[name]):
            before = draws.tune_stats[name][chain] if name in draws.tune_stats else after[:0]
            colour = COLOURS[chain % len(COLOURS)]
            axis.plot(
                np.concatenate([before, after]),
                _MARKERS[chain % len(_MARKERS)],
                markersize=3,
                markerfacecolor="none",
                color=colour,
                label=f"chain {chain}",
                rasterized=True,
            )
        axis.axvline(tuned, color="black", linestyle="--", linewidth=1, label="end of tuning")
        axis.set(title=title, ylabel=title.lower())
    axes[0][0].set_yscale("log")
    axes[1][0].set_xlabel("transition")
    axes[0][0].legend(fontsize="small", markerscale=4)
    return figure


def posterior(record: Mapping[str, Any], truth: Optional[Any], labels: Optional[Sequence[str]] = None) -> Any:
    """Draw each scalar's interval beside the reference posterior's, and by how many MCSE they differ.

    Parameters
    ----------
    record : dict
        The record.
    truth : Truth or None
        The reference posterior, where there is one.
    labels : sequence of str, optional
        Scalars; all if not given.
    """
    wanted = list(record["quantities"]) if labels is None else labels
    quantities = {label: record["quantities"][label] for label in wanted}
    quantities = {label: one for label, one in quantities.items() if one.get("sd")}
    figure, axes = _axes(
        1, 2, 0.32 * len(quantities) + 1.5, sharey=True, gridspec_kw={"width_ratios": [3, 2]}
    )
    left, right = axes[0]
    scores = (record.get("accuracy") or {}).get("scores", {})
    for place, (label, one) in enumerate(quantities.items()):
        known = truth.quantities.get(label) if truth is not None else None
        middle, scale = (known["mean"], known["sd"]) if known else (one["mean"], one["sd"])
        if known:
            ends = [(known[name] - middle) / scale for name in ("q05", "q95")]
            left.plot(ends, [place + 0.15] * 2, color=COLOURS[6], linewidth=5, solid_capstyle="butt",
                      label="reference")  # fmt: skip
        ends = [(one[name] - middle) / scale for name in ("q05", "q95")]
        left.plot(
            ends,
            [place - 0.15] * 2,
            color=COLOURS[0],
            linewidth=2,
            label="draws",
        )
        left.plot((one["mean"] - middle) / scale, place - 0.15, "o", color=COLOURS[0], markersize=4)
        for number, name in enumerate(("mean", "sd", "q05", "q95")):
            if name in scores.get(label, {}):
                right.plot(scores[label][name][0], place, "os^v"[number], color=COLOURS[number], markersize=4,
                           label=name)  # fmt: skip
    limit = (record.get("accuracy") or {}).get("threshold")
    if limit:
        for end in (-limit, limit):
            right.axvline(end, color="black", linestyle="--", linewidth=1)
    left.set(yticks=range(len(quantities)), yticklabels=[_plain(label) for label in quantities])
    middle_is = "reference" if truth is not None else "draws'"
    left.set(xlabel=f"posterior sds from the {middle_is} mean", title="Intervals, 90 %")
    left.set_ylim(len(quantities) - 0.5, -0.5)
    right.set(xlabel="MCSE from the reference posterior (z)", title="How far off; dashed: beyond chance")
    # Below the axes: inside it would hide some interval.
    below = {"fontsize": "small", "loc": "upper center", "frameon": False}
    offset = -0.55 / (0.32 * len(quantities) + 0.5)
    for axis, columns in ((left, 2), (right, 4)):
        handles, texts = axis.get_legend_handles_labels()
        once = dict(zip(texts, handles))
        if once:
            axis.legend(
                once.values(),
                once.keys(),
                ncol=columns,
                bbox_to_anchor=(0.5, offset),
                columnspacing=1.0,
                **below,
            )
    return figure


def _plain(label: str) -> str:
    """Return a label that matplotlib does not take for mathematics."""
    return label.replace("$", r"\$")


def svg(figure: Any, title: str) -> str:
    """Return a figure as SVG for a page: no date, no random ids, and a title for who cannot see it."""
    import io
    import re
    import zlib
    from html import escape

    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": "nutsbench", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", dpi=120, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # Several figures share a page, and each calls its parts figure_1, axes_1 and so on.
    prefix = f"f{zlib.crc32(text.encode()):08x}-"
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = re.sub(r'(url\(|href=")#', rf"\1#{prefix}", text)
    return re.sub(r"<svg ", f'<svg role="img" aria-label="{escape(title, quote=True)}" ', text, count=1)
