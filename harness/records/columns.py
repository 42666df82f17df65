"""Records as columns: what of each is one value, for tables, spreadsheets and the index."""

from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence

from nutsbench.judge import claims
from nutsbench.records import configuration
from nutsbench.records.stored import Stored

if TYPE_CHECKING:
    import pandas as pd


def flat(record: Stored) -> Dict[str, Any]:
    """Return a record as one row, nested values as ``metrics.ess_per_s``.

    Quantities and packages are left out: they are tables of their own.
    """
    values: Mapping[str, Any] = record
    row = {name: values[name] for name in ("model", "stack", "seed", "status", "reason")}
    row.update({f"settings.{name}": value for name, value in record["settings"].items()})
    row.update({f"metrics.{name}": value for name, value in record["metrics"].items()})
    for phase, time in record["phases"].items():
        row.update({f"phases.{phase}.{unit}": value for unit, value in time.items()})
    row["quality"] = record["quality"]["verdict"]
    row["quality.reasons"] = "; ".join(record["quality"]["reasons"])
    judged = record.get("accuracy") or {}
    row["accuracy"] = judged.get("verdict")
    row["accuracy.reasons"] = "; ".join(judged.get("reasons", []))
    row.update({f"accuracy.worst.{name}": v for name, v in (judged.get("worst") or {}).items()})
    row["claims"] = claims.counted(record.get("claims", []))
    row.update({name: values[name] for name in ("profile", "started_at", "id")})
    # What else two rows of the same settings can differ in.
    row.update({name: values[name] for name in ("schema", "origin", "model_digest", "stack_digest")})
    row.update({name: facet(record) for name, facet in configuration.FACETS.items() if name not in row})
    row["source"] = record.get("details", {}).get("source")
    return row


def frame(records: Sequence[Stored]) -> "pd.DataFrame":
    """Return records as a table, one row a record, with the columns of :func:`flat`."""
    import pandas as pd

    return pd.DataFrame([flat(record) for record in records])
