"""The truth that a model's draws are checked against: read, written, and computed anew.

A truth file lies beside the models, ``truth/<model>.json``: those of this project under
``models/truth/``, those of a user's own file in a folder ``truth`` next to it.
"""

import functools
import hashlib
import json
import math
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from nutsbench import models
from nutsbench.models.exact import STATISTICS, solve
from nutsbench.models.spec import ModelSpec

#: Version of the file's layout.
FORMAT = 1
#: Largest error bound of an exact truth, and MCSE of a reference, in posterior sds.
MAX_EXACT_ERROR = 1e-4
MAX_REFERENCE_ERROR = 0.5


class TruthError(Exception):
    """There is no truth that can be used; the message says why and what to do."""


@dataclass(frozen=True)
class Truth:
    """The posterior of one model, to a known error.

    Parameters
    ----------
    model, model_digest : str
        The model, and the digest of the definition and data that this is the truth of.
    kind : str
        ``exact`` (integrated) or ``reference`` (a long run of NUTS).
    method : str
        How it came about, in a line.
    command : str
        The command that makes it again.
    versions : dict of str
        Of what it was computed with.
    quantities : dict
        By scalar ``mean``, ``sd``, ``q05``, ``q50``, ``q95`` and ``error``, a bound on the
        error of each of the five; of reference draws also their Monte Carlo standard
        errors, ``mcse_mean`` and so on, which are the errors then.
    combinations : dict
        The same of the linear combinations of scalars that the model's claims are about.
    details : dict
        Of reference draws the settings, ESS, R-hat and divergences.
    """

    model: str
    model_digest: str
    kind: str
    method: str
    command: str
    versions: Dict[str, str]
    quantities: Dict[str, Dict[str, float]]
    combinations: Dict[str, Dict[str, float]] = field(default_factory=dict)
    details: Dict[str, Any] = field(default_factory=dict)

    def error(self, scalar: str, statistic: str) -> float:
        """Return the error of one figure: a bound, or of reference draws one standard error."""
        figures = self.quantities[scalar]
        return figures.get(f"mcse_{statistic}", figures["error"])

    @property
    def error_sds(self) -> float:
        """Largest error of any scalar, in its posterior sds."""
        return max(figures["error"] / figures["sd"] for figures in self.quantities.values())

    @property
    def digest(self) -> str:
        """Short digest of all that a verdict depends on."""
        parts = [self.model_digest, self.quantities]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> Dict[str, Any]:
        """Return the truth, ready for JSON."""
        return {"format": FORMAT, **vars(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Truth":
        """Make a truth from :meth:`to_dict`'s dictionary.

        Raises
        ------
        TruthError
            If a figure is missing or makes no sense.
        """
        if values.get("format") != FORMAT:
            raise TruthError(f"its format is {values.get('format')!r}, and this nutsbench reads {FORMAT}")
        known = {name: value for name, value in values.items() if name != "format"}
        try:
            truth = cls(**known)
        except TypeError as error:
            raise TruthError(f"it is damaged: {str(error).replace('__init__() ', '')}") from error
        if not isinstance(truth.quantities, dict) or not truth.quantities:
            raise TruthError("it is damaged: it has no quantities")
        for scalar, figures in truth.quantities.items():
            _check_figures(scalar, figures)
            _check_errors(scalar, figures, truth.kind)
        return truth


def _check_figures(scalar: str, figures: Any) -> None:
    for name in (*STATISTICS, "error"):
        value = figures.get(name) if isinstance(figures, dict) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise TruthError(f"it is damaged: {name} of {scalar} is {value!r}")
    if figures["sd"] <= 0 or figures["error"] < 0 or not figures["q05"] <= figures["q50"] <= figures["q95"]:
        raise TruthError(f"it is damaged: the figures of {scalar} contradict each other")


def _check_errors(scalar: str, figures: Dict[str, float], kind: str) -> None:
    """Refuse errors so large that any draws would agree with the truth."""
    if kind == "exact":
        if figures["error"] > MAX_EXACT_ERROR * figures["sd"]:
            raise TruthError(f"it is damaged: the error of {scalar} is too large for an exact truth")
        return
    for name in (*(f"mcse_{statistic}" for statistic in STATISTICS), "ess_q05", "ess_q95"):
        value = figures.get(name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 < float(value) < math.inf:  # type: ignore[arg-type]
            raise TruthError(f"it is damaged: {name} of {scalar} is {value!r}")
        if name.startswith("mcse") and float(value) > MAX_REFERENCE_ERROR * figures["sd"]:  # type: ignore[arg-type]
            raise TruthError(f"it is damaged: {name} of {scalar} is too large for a reference")


def truth_file(spec: ModelSpec) -> Path:
    """Return where the truth of a model is kept, whether it is there or not."""
    own = Path(__file__).parent
    folder = own if own in Path(spec.file).parents else Path(spec.file).parent
    return folder / "truth" / f"{spec.name}.json"


def load(spec: ModelSpec) -> Truth:
    """Read the truth of a model.

    Raises
    ------
    TruthError
        If the file is missing, damaged, or made for another version of the model; of a variant, if its model
        is not there or has other data.
    """
    if spec.variant_of:
        return load(_base(spec))
    path = truth_file(spec)
    again = f"make it again with `{_command(spec)}`"
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        reason = spec.no_truth or f"make it with `{_command(spec)}`"
        raise TruthError(f"there is no truth of {spec.name}: {reason}") from None
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise TruthError(f"the truth of {spec.name} cannot be read: {said}; {again}") from error
    if not isinstance(values, dict):
        raise TruthError(f"the truth of {spec.name} cannot be read: it is damaged; {again}")
    try:
        truth = Truth.from_dict(values)
    except TruthError as error:
        raise TruthError(f"the truth of {spec.name} cannot be read: {error}; {again}") from error
    if truth.model != spec.name or truth.model_digest != models.model_digest(spec):
        raise TruthError(
            f"the truth of {spec.name} was made for another version of the model, or by a nutsbench that"
            f" told models apart in another way; {again}"
        )
    return truth


def _base(spec: ModelSpec) -> ModelSpec:
    """Return the model that a variant is one of."""
    said = f"there is no truth of {spec.name}: it is a variant of {spec.variant_of}, which"
    try:
        base = models.get(spec.variant_of)
    except models.UnknownModelError as error:
        raise TruthError(f"{said} is not registered: load its file, too, with --models") from error
    if base.variant_of:
        raise TruthError(f"{said} is a variant itself: name {base.variant_of}")
    if models.data_digest(base.data()) != models.data_digest(spec.data()):
        raise TruthError(f"{said} has other data, and so another posterior")
    return base


def _command(spec: ModelSpec) -> str:
    of_project = truth_file(spec).parent.parent == Path(models.__file__).parent
    own = "" if of_project else f" --models {_from_here(Path(spec.file))}"
    return (
        f"nutsbench truth {spec.name} --write{own}" if spec.exact else f"nutsbench reference {spec.name}{own}"
    )


def _from_here(path: Path) -> str:
    """Return a file's path as one would type it; its name if it lies elsewhere."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return path.name


def find(name: str) -> Tuple[Optional[Truth], str]:
    """Return a model's truth, or ``None`` and why there is none that can be used."""
    try:
        return load(models.get(name)), ""
    except TruthError as error:
        return None, str(error)
    except Exception as error:  # A model or its data that fail are another check's matter.
        return None, f"the model {name} cannot be loaded: {error}"


def combinations(spec: ModelSpec) -> Dict[str, Dict[str, float]]:
    """Return the linear combinations of scalars that a model's claims are about."""
    parts = [part for claim in spec.claims for part in claim.parts]
    return {part.of: dict(part.terms) for part in parts if part.of != part.terms[0][0]}


def compute(spec: ModelSpec) -> Truth:
    """Integrate a model's exact posterior.

    Raises
    ------
    TruthError
        If the model has none, or if its figures do not stand still.
    """
    if spec.variant_of:
        raise TruthError(
            f"{spec.name} is a variant of {spec.variant_of}, whose posterior it has; use"
            f" `{_command(models.get(spec.variant_of))}`"
        )
    if spec.exact is None:
        reason = spec.no_truth or "its definition gives no `exact` posterior"
        raise TruthError(f"{spec.name} cannot be integrated: {reason}; use `{_command(spec)}`")
    wanted = combinations(spec)
    try:
        posterior = spec.exact(spec.data())
        solved = solve(posterior, wanted)
    except Exception as error:  # The model's own code, and figures that cannot be computed.
        said = error.args[0] if isinstance(error, KeyError) else error
        raise TruthError(f"{spec.name} could not be integrated: {type(error).__name__}: {said}") from error
    figures = {name: {**summary, "error": solved.errors[name]} for name, summary in solved.summaries.items()}
    return Truth(
        model=spec.name,
        model_digest=models.model_digest(spec),
        kind="exact",
        method=f"{posterior.method} ({solved.level} doublings)",
        command=_command(spec),
        versions=versions(),
        quantities={name: value for name, value in figures.items() if name not in wanted},
        combinations={name: figures[name] for name in wanted},
    )


@functools.lru_cache(maxsize=1)
def versions() -> Dict[str, str]:
    """Return the versions of what a truth is computed with."""
    import numpy
    import scipy

    return {"python": platform.python_version(), "numpy": numpy.__version__, "scipy": scipy.__version__}
