"""What asv measured over the releases, as steps from one release to the next, beside the noise.

A step is the ratio of a figure to its value at the release before, for each model and as a
geometric mean over models. The noise of a time is the same ratio where nothing changed: of a
release that was measured twice, in two runs apart. What draws are worth has Monte Carlo noise,
which follows from the spread over seeds: another release may draw other numbers, just as good.

Where the chains of a model have not mixed there is no ESS, and no figure that is made of it.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

import numpy as np
import pandas as pd

from nutsbench.base.errors import UserError
from nutsbench.track.gaps import Gap

Key = Tuple[str, str, str]

_TIME = ("quick", "track_us_per_leapfrog")
_EFFICIENCY = ("quick", "track_leapfrogs_per_ess")
_PACE = ("quick", "track_pace_s")
#: Figures whose steps are told, by what they are of; smaller is better in all of them.
FIGURES = {
    ("core", "time_gradient"): "gradient",
    ("core", "time_leapfrog"): "leapfrog",
    ("core", "time_transitions"): "transitions",
    ("core", "peakmem_transitions"): "peak memory",
    ("core", "track_compile_warm"): "warm compile",
    _TIME: "time / leapfrog",
    _EFFICIENCY: "leapfrogs / ESS",
    _PACE: "time / ESS",
}
_CORE_TIMES = ("gradient", "leapfrog", "transitions")
#: The machine's own figure, which every step may hide behind.
MACHINE = ("machine", "time_plain_python")
_ALL = {**FIGURES, MACHINE: "machine"}
#: How many times the largest difference of a repeat a step in time has to be ...
BEYOND = 2.0
#: ... and how many standard errors a step in leapfrogs per effective sample.
BEYOND_ERRORS = 3.0
#: The smallest noise that is believed: a VM's clock is not steadier, however few repeats say so.
_LEAST_NOISE = 0.01
#: Between the quartiles of a Gaussian, in standard deviations.
_QUARTILES_APART = 1.349


@dataclass(frozen=True)
class Step:
    """One figure, from one release to the next.

    Parameters
    ----------
    release, before : str
        Versions.
    figure : str
        One of the values of :data:`FIGURES`.
    ratio : float
        Geometric mean over models of the figure at ``release`` over that at ``before``.
    ratios : dict of float
        The ratio of each model that both have.
    limit : float or None
        The ratio that is as far from 1 as noise is taken to go; ``None`` without a repeat.
    """

    release: str
    before: str
    figure: str
    ratio: float
    ratios: Dict[str, float]
    limit: Optional[float]

    @property
    def models(self) -> int:
        """How many models it is the mean of."""
        return len(self.ratios)

    @property
    def of_time(self) -> bool:
        """Whether the figure is a time alone, which seeds have no part in."""
        return self.figure not in (FIGURES[_EFFICIENCY], FIGURES[_PACE])

    @property
    def beyond_noise(self) -> Optional[bool]:
        """Whether the ratio is further from 1 than the limit."""
        return None if self.limit is None else abs(math.log(self.ratio)) > math.log(self.limit)

    def to_dict(self) -> Dict[str, Any]:
        """Return the step, ready for JSON."""
        return {**vars(self), "models": self.models, "beyond_noise": self.beyond_noise}


@dataclass(frozen=True)
class Measured:
    """What asv stored of the releases on one machine.

    Parameters
    ----------
    values : pandas.DataFrame
        A row a version, oldest first, a column a (suite, figure, model); NaN without a result.
    errors : pandas.DataFrame
        Of the same shape: the standard error of the value's logarithm over samples.
    gaps : tuple of Gap
        Where figures made of ESS were taken out, since chains have not mixed.
    """

    values: pd.DataFrame
    errors: pd.DataFrame
    gaps: Tuple[Gap, ...] = ()

    def without(self, gaps: Iterable[Gap]) -> "Measured":
        """Return the same with no figure made of ESS where chains have not mixed.

        Parameters
        ----------
        gaps : iterable of Gap
            Of :func:`nutsbench.track.gaps.find`, whose places are the versions here.
        """
        here = tuple(gap for gap in gaps if gap.place in self.values.index)
        values = self.values.copy()
        for gap in here:
            for key in (_EFFICIENCY, _PACE):
                if (*key, gap.model) in values.columns:
                    values.loc[gap.place, (*key, gap.model)] = math.nan
        return Measured(values, self.errors, here)

    def gaps_of(self, key: Tuple[str, str]) -> Tuple[Gap, ...]:
        """Return the gaps of a figure, a key of :data:`FIGURES`; none of one that no ESS is in."""
        return self.gaps if key in (_EFFICIENCY, _PACE) else ()


@dataclass(frozen=True)
class Noise:
    """What a figure differs by where nothing changed, as natural logarithms.

    Parameters
    ----------
    all_models : float
        Largest difference of the geometric mean over models, of any repeat.
    one_model : float
        Standard deviation over models of a single model's difference, the mean taken out.
    repeats : dict of float
        By release, the ratio of the geometric mean of the repeat to the first.
    """

    all_models: float
    one_model: float
    repeats: Dict[str, float]

    def to_dict(self) -> Dict[str, Any]:
        """Return the noise, ready for JSON, which has no NaN: of one model there is no spread over models."""
        return {**vars(self), "one_model": None if math.isnan(self.one_model) else self.one_model}


def read(folder: Path, commits: Mapping[str, str], environment: str = "*") -> Measured:
    """Read what asv stored of the releases on one machine.

    Parameters
    ----------
    folder : Path
        The machine's folder in asv's results.
    commits : dict of str
        The history's commit of each version, oldest first.
    environment : str
        Name of asv's environment, where there are several.

    Raises
    ------
    UserError
        If a file there is not asv's.

    Notes
    -----
    What was stored under another version of a benchmark than asv's list of them has is left
    out, as asv leaves it out: it measured something else.
    """
    known = _versions(folder.parent / "benchmarks.json")
    values: Dict[str, Dict[Key, float]] = {}
    errors: Dict[str, Dict[Key, float]] = {}
    for version, commit in commits.items():
        for path in sorted(folder.glob(f"{commit[:8]}-{environment}.json")):
            for key, (value, error) in _results(path, known).items():
                values.setdefault(version, {})[key] = value
                errors.setdefault(version, {})[key] = error
    return Measured(_frame(values), _frame(errors))


def _frame(rows: Mapping[str, Mapping[Key, float]]) -> pd.DataFrame:
    columns = pd.MultiIndex.from_tuples(
        sorted({key for row in rows.values() for key in row}) or [("", "", "")],
        names=("suite", "figure", "model"),
    )
    cells = [[row.get(key, math.nan) for key in columns] for row in rows.values()]
    return pd.DataFrame(cells, index=list(rows), columns=columns, dtype=float)


def _versions(path: Path) -> Dict[str, str]:
    """Return the version of each benchmark, nothing where asv has not listed any yet."""
    try:
        listed = json.loads(path.read_text()) if path.is_file() else {}
        return {name: str(one["version"]) for name, one in listed.items() if name != "version"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path.name} is no list of asv's benchmarks: {error!r}.") from error


def _results(path: Path, known: Mapping[str, str]) -> Dict[Key, Tuple[float, float]]:
    """Return value and standard error of each of a file's benchmarks; of several settings the first's."""
    try:
        content = json.loads(path.read_text())
        columns = content["result_columns"]
        found = {}
        for name, cells in content["results"].items():
            suite, *model, figure = name.split(".")
            row = dict(zip(columns, cells))
            if row["version"] != known.get(name):
                continue
            value = row["result"][0] if row["result"] else None
            key = (suite, figure, ".".join(model))
            found[key] = (math.nan if value is None else float(value), _error(row))
        return found
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(f"{path.name} is no result of asv's: {error!r}.") from error


def _error(row: Mapping[str, Any]) -> float:
    """Return the standard error of a value's logarithm: over samples if asv kept them, else by quartiles."""
    samples = (row.get("samples") or [None])[0] or []
    if len(samples) > 1 and min(samples) > 0:
        return float(np.std(np.log(samples), ddof=1) / math.sqrt(len(samples)))
    lower, upper, count = ((row.get(f"stats_{name}") or [None])[0] for name in ("q_25", "q_75", "repeat"))
    if lower and upper and count and lower > 0:
        return math.log(upper / lower) / _QUARTILES_APART / math.sqrt(count)
    return math.nan


def noise(first: Measured, again: Measured) -> Dict[str, Noise]:
    """Return what each figure differs by between two runs over the same releases.

    Parameters
    ----------
    first, again : Measured
        Of :func:`read`.
    """
    found = {}
    for key, label in _ALL.items():
        logs = {
            version: _logs(_row(first.values, version), _row(again.values, version), key)
            for version in again.values.index.intersection(first.values.index)
        }
        logs = {version: ratios for version, ratios in logs.items() if len(ratios)}
        if not logs:
            continue
        means = {version: float(ratios.mean()) for version, ratios in logs.items()}
        apart = np.concatenate([ratios - ratios.mean() for ratios in logs.values()])
        freedom = len(apart) - len(logs)
        found[label] = Noise(
            all_models=max(abs(mean) for mean in means.values()),
            one_model=float(np.sqrt(np.sum(apart**2) / freedom)) if freedom else math.nan,
            repeats={version: math.exp(mean) for version, mean in means.items()},
        )
    return found


def _logs(before: "pd.Series[float]", after: "pd.Series[float]", key: Tuple[str, str]) -> "pd.Series[float]":
    """Return the log ratio of each model that has a positive figure on both sides."""
    names = [column[2] for column in before.index if column[:2] == key and column in after.index]
    ratios = {
        name: after[(*key, name)] / before[(*key, name)]
        for name in names
        if before[(*key, name)] > 0 and after[(*key, name)] > 0
    }
    return pd.Series({name: math.log(ratio) for name, ratio in ratios.items()}, dtype=float)


def _row(frame: pd.DataFrame, version: str) -> "pd.Series[float]":
    return frame.T[version]


def steps(measured: Measured, known: Mapping[str, Noise]) -> List[Step]:
    """Return every figure's step from each release to the next that has it.

    Parameters
    ----------
    measured : Measured
        Of :func:`read`.
    known : dict of Noise
        Of :func:`noise`; may be empty.
    """
    return [
        found
        for key, label in _ALL.items()
        for before, release in _pairs(measured.values, key)
        for found in [step(measured, before, release, key, known)]
        if found is not None
    ]


def overall(measured: Measured, known: Mapping[str, Noise]) -> List[Step]:
    """Return every figure's step from the first release to the last.

    Parameters
    ----------
    measured : Measured
        Of :func:`read`.
    known : dict of Noise
        Of :func:`noise`; may be empty.
    """
    first, *_, last = map(str, measured.values.index)
    found = (step(measured, first, last, key, known) for key in _ALL)
    return [one for one in found if one is not None]


def _pairs(values: pd.DataFrame, key: Tuple[str, str]) -> Iterator[Tuple[str, str]]:
    columns = [column for column in values.columns if tuple(column[:2]) == key]
    if columns:
        known = values[columns].notna().any(axis=1)
        having = [str(version) for version in known.index[known]]
        yield from zip(having, having[1:])


def step(
    measured: Measured, before: str, release: str, key: Tuple[str, str], known: Mapping[str, Noise]
) -> Optional[Step]:
    """Return a figure's step between two releases, ``None`` if no model has it at both.

    Parameters
    ----------
    measured : Measured
        Of :func:`read`.
    before, release : str
        Versions.
    key : tuple of str
        A key of :data:`FIGURES`, or :data:`MACHINE`.
    known : dict of Noise
        Of :func:`noise`; may be empty.
    """
    logs = _logs(_row(measured.values, before), _row(measured.values, release), key)
    if not len(logs):
        return None
    label = _ALL[key]
    limit = _limit(label, known, _efficiency_error(measured, before, release, list(logs.index)))
    return Step(
        release=release,
        before=before,
        figure=label,
        ratio=math.exp(float(logs.mean())),
        ratios={str(model): float(ratio) for model, ratio in logs.apply(math.exp).items()},
        limit=None if limit is None else math.exp(limit),
    )


def _efficiency_error(measured: Measured, before: str, release: str, names: List[str]) -> float:
    """Return the standard error of the mean log ratio of leapfrogs per effective sample."""
    squares = 0.0
    for version in (before, release):
        for name in names:
            column = (*_EFFICIENCY, name)
            if column in measured.errors.columns:
                # Not known of a single seed, and then of none of what rests on it.
                squares += float(_row(measured.errors, version)[column]) ** 2
    return math.sqrt(squares) / len(names)


def _limit(label: str, known: Mapping[str, Noise], efficiency_error: float) -> Optional[float]:
    by_draws = BEYOND_ERRORS * efficiency_error
    if label == FIGURES[_EFFICIENCY]:
        return None if math.isnan(by_draws) else by_draws
    # The time per effective sample is the product of the two, so it has the noise of both; its own samples
    # have time's alone.
    of_time = known.get(FIGURES[_TIME] if label == FIGURES[_PACE] else label)
    if of_time is None:
        return None
    # What repeats differ by is the machine's mood, which all times of the core share.
    alike = [known[one] for one in _CORE_TIMES if label in _CORE_TIMES and one in known] or [of_time]
    by_time = BEYOND * max(_LEAST_NOISE, *(one.all_models for one in alike))
    if label != FIGURES[_PACE]:
        return by_time
    return None if math.isnan(by_draws) else math.hypot(by_time, by_draws)
