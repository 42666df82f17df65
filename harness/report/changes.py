"""Changes of all models together from release to release, in words and as a table."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

from nutsbench.records.table import counted, percent
from nutsbench.report.section import Table


def whole(overall: Sequence[Any]) -> List[str]:
    """Say what changed from the first release to the last: beyond the noise, and not."""
    parts = []
    for beyond, words in ((True, ""), (False, "within the noise, or of unknown noise, ")):
        said = told([step for step in overall if bool(step.beyond_noise) is beyond])
        if said:
            parts.append(f"{words}{said}")
    return [f"{overall[0].release} against {overall[0].before}: {'; '.join(parts)}."] if parts else []


def told(steps: Sequence[Any]) -> str:
    """Say changes, and of how many models together they are the mean."""
    by_models: Dict[int, List[str]] = {}
    for step in steps:
        by_models.setdefault(step.models, []).append(f"{step.figure} {text(step)}")
    return "; ".join(f"{', '.join(told)} ({counted(models, 'model')})" for models, told in by_models.items())


def table(steps: Sequence[Any]) -> Optional[Table]:
    """Return changes with what each rests on."""
    rows = [
        [
            f"{step.release} against {step.before}",
            step.figure,
            f"{100 * (step.ratio - 1):+.1f} %",
            "not known" if step.limit is None else _noise(step.limit),
            {True: "beyond the noise", False: "within the noise", None: "not judged"}[step.beyond_noise],
            str(step.models),
        ]
        for step in steps
    ]
    header = ("what", "metric", "change, geometric mean", "noise alone", "judged", "models")
    return Table(header, rows) if rows else None


def _noise(limit: float) -> str:
    """Return how far noise is taken to go, down and up: as far as a ratio and its inverse."""
    return f"{100 * (1 / limit - 1):+.1f} to {100 * (limit - 1):+.1f} %"


def changes(steps: Sequence[Any]) -> List[str]:
    """Say what changed at each release or commit, in all models together and beyond the noise."""
    by_place: Dict[Tuple[str, str], List[Any]] = {}
    for step in steps:
        by_place.setdefault((step.release, step.before), []).append(step)
    return [f"{place} against {before}: {told(own)}." for (place, before), own in by_place.items()]


def text(step: Any) -> str:
    """Return a change in percent, which no line ends within."""
    return percent(step.ratio, digits=0).replace(" ", "\u00a0")
