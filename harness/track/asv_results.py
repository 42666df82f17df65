"""Records into asv's result files, so that a sweep that was run need not run again.

asv's own classes write the files, so they are what its commands read.
"""

import datetime
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from nutsbench import models
from nutsbench.base import git
from nutsbench.base.errors import UserError
from nutsbench.base.paths import ROOT
from nutsbench.inside.whole import whole
from nutsbench.models.spec import SamplerSettings
from nutsbench.records import configuration
from nutsbench.records.export import exporter
from nutsbench.records.stored import Stored
from nutsbench.stacks import environment
from nutsbench.track import cells
from nutsbench.track.figures import FIGURES, result


@exporter("asv")
def write(records: List[Stored], folder: Path, machine: Optional[str]) -> Tuple[List[Path], List[str]]:
    """Write records as results of asv, merged into those that are there.

    Parameters
    ----------
    records : sequence of dict
        Records.
    folder : Path
        asv's folder of results.
    machine : str or None
        The machine's name in asv; the one that asv would take if ``None``.

    Returns
    -------
    files : list of Path
        What was written.
    left_out : list of str
        Which records were not, and why.

    Raises
    ------
    UserError
        If asv does not know the machine, or a file there is not one of this asv's.
    """
    from asv import util
    from asv.machine import Machine
    from asv.results import Results

    try:
        known = Machine.load(machine_name=machine, interactive=False)
    except (util.UserError, KeyError) as error:
        raise UserError("asv does not know this machine yet: `asv machine --yes` tells it.") from error
    known.save(str(folder))
    files: List[Path] = []
    left_out: List[str] = []
    here = _of_one_kind(records, None if machine else environment.here(), left_out)
    for (commit, stack), chosen in _by_place(here, left_out).items():
        requirements = {"stack": stack}
        params = {**known.__dict__, "python": "3.8", **requirements}
        results = Results(params, requirements, commit, _date(commit), "3.8", stack, {})
        try:
            results.load_data(str(folder))
        except (util.UserError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{results._filename} in {folder.name} is not this asv's: {error}") from error
        if _add(results, chosen, left_out):
            results.save(str(folder))
            files.append(folder / results._filename)
    return files, left_out


def keep_superseded(folder: Path, commit: str, environment: str) -> List[Path]:
    """Keep what asv is about to write over: results of a commit under another version of a benchmark.

    Parameters
    ----------
    folder : Path
        asv's folder of results.
    commit : str
        The commit's hash.
    environment : str
        Name of the environment.

    Returns
    -------
    list of Path
        The copies, compressed, in ``superseded``; asv itself reads no file of that name.
    """
    kept = []
    for path in folder.glob(f"*/{commit[:8]}-{environment}.json"):
        try:
            content = path.read_bytes()
            stored, known = json.loads(content), json.loads((folder / "benchmarks.json").read_text())
            where = stored["result_columns"].index("version")
            superseded = [
                name
                for name, row in stored["results"].items()
                if name in known and len(row) > where and row[where] != known[name]["version"]
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # asv says what is wrong with its files.
        copy = folder / "superseded" / f"{path.stem}-{hashlib.sha256(content).hexdigest()[:8]}.json.gz"
        if superseded and not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            with whole(copy) as part:
                part.write_bytes(gzip.compress(content, mtime=0))
            kept.append(copy)
    return kept


def _by_place(records: Sequence[Stored], left_out: List[str]) -> Dict[Tuple[str, str], List[Stored]]:
    found: Dict[Tuple[str, str], List[Stored]] = {}
    for record in records:
        commit = record["environment"].get("commit")
        name = f"{record['model']}, seed {record['seed']}, {record['stack']}"
        if commit is None:
            left_out.append(f"{name}: measured outside of a git checkout, so at no commit")
        elif record["environment"].get("dirty"):
            left_out.append(f"{name}: measured with changes that no commit holds")
        elif _date(commit) is None:
            left_out.append(f"{name}: its commit {commit[:8]} is not in this repository")
        else:
            found.setdefault((commit, record["stack"]), []).append(record)
    return found


def _of_one_kind(
    records: Sequence[Stored], here: Optional[Mapping[str, Any]], left_out: List[str]
) -> List[Stored]:
    """Return the records of one kind of machine: of this one, or of the newest record's.

    Parameters
    ----------
    records : sequence of dict
        Records.
    here : dict or None
        What this machine says of itself, ``None`` if the user has named another one.
    left_out : list of str
        Gets a sentence on the others.
    """
    known = [record for record in records if "machine" in record["environment"]]
    last = max(known, key=lambda record: str(record["started_at"]), default=None)
    newest: Mapping[str, Any] = {} if last is None else last["environment"]
    wanted = newest if here is None else here
    others = [record for record in known if not environment.same_kind(record["environment"], wanted)]
    if others:
        whose = "the newest record's" if here is None else "this one"
        left_out.append(f"{len(others)} records of another kind of machine than {whose} (--machine names it)")
    return [record for record in records if record not in others]


def _add(results: Any, records: Sequence[Stored], left_out: List[str]) -> int:
    """Add every benchmark that the records are enough for, and return how many."""
    from asv.runner import BenchmarkResult

    added = 0
    used: Set[str] = set()
    for profile in cells.PROFILES:
        for model in dict.fromkeys(record["model"] for record in records):
            if model not in models.names():
                continue
            spec = models.get(model)
            by_label = cells.settings(spec, profile)
            chosen = {label: _seeds(records, model, settings) for label, settings in by_label.items()}
            used.update(row["id"] for rows in chosen.values() for row in rows)
            whole = {label: rows for label, rows in chosen.items() if len(rows) == len(cells.SEEDS)}
            if any(chosen.values()) and not whole:
                have = sorted(row["seed"] for rows in chosen.values() for row in rows)
                lacking = [seed for seed in cells.SEEDS if seed not in have]
                left_out.append(f"{model}, {profile}: seeds {lacking} are missing")
            if len(whole) < len(by_label):
                continue
            for figure in FIGURES:
                values = [_parts(None if _bad(rows) else result(figure, rows)) for rows in whole.values()]
                value, samples, number = (list(column) for column in zip(*values))
                benchmark = {
                    "name": f"{profile}.{model}.track_{figure.name}",
                    "version": cells.version(spec, by_label, cells.SEEDS, figure.name),
                    "params": [[repr(label) for label in by_label]],
                }
                outcome = BenchmarkResult(value, samples, number, 0, "", None)
                began = datetime.datetime.fromisoformat(str(records[0]["started_at"]))
                results.add_result(benchmark, outcome, started_at=began, record_samples=True)
                added += 1
    left_out += _without_a_benchmark([record for record in records if record["id"] not in used])
    return added


def _without_a_benchmark(records: Sequence[Stored]) -> List[str]:
    """Say which configurations have no place among asv's benchmarks, or have lost it to a newer one."""
    by_model: Dict[str, int] = {}
    for record in records:
        label = cells.label(SamplerSettings.from_dict(record["settings"]))
        told = (f"{name} {configuration.FACETS[name](record)}" for name in ("threads", "cache", "profile"))
        name = ", ".join([f"{record['model']} {label}", *told])
        by_model[name] = by_model.get(name, 0) + 1
    return [f"{name}: {count} records that no benchmark of asv's is of" for name, count in by_model.items()]


def _bad(rows: Sequence[Stored]) -> bool:
    return bool(cells.why_failed(rows))


def _parts(value: Any) -> Tuple[Any, Any, Any]:
    """Return a benchmark's value as asv's runner splits it: result, samples, number."""
    if isinstance(value, dict):
        return True, value["samples"], value["number"]
    return value, None, None


def _seeds(records: Sequence[Stored], model: str, settings: Any) -> List[Stored]:
    """Return the record of each tracked seed, in the order of seeds, all of one configuration.

    asv samples with one thread. Of several configurations it is that with most of the seeds, then the
    newest.
    """
    digest = models.model_digest(models.get(model))
    groups: Dict[Tuple[str, ...], Dict[int, Stored]] = {}
    for record in records:
        asked = record["model"] == model and record["settings"] == settings.to_dict()
        # Records of before threads were recorded had one.
        if asked and record["model_digest"] == digest and record["environment"].get("threads", 1) == 1:
            groups.setdefault(_as_asv(record), {})[record["seed"]] = record
    tracked = [[rows[seed] for seed in cells.SEEDS if seed in rows] for rows in groups.values()]
    return max(
        tracked,
        key=lambda rows: (len(rows), max((str(row["started_at"]) for row in rows), default="")),
        default=[],
    )


def _as_asv(record: Stored) -> Tuple[str, ...]:
    """Return what has to be the same for all seeds of a result; asv's own differ in none of it."""
    return tuple(configuration.FACETS[name](record) for name in ("profile", "flags", "BLAS", "cache"))


def _date(commit: str) -> Optional[int]:
    """Return when a commit was made, in milliseconds since 1970, ``None`` if it is not known here."""
    said = git.says(ROOT, "show", "-s", "--format=%ct", commit)
    return int(said) * 1000 if said else None


def machines(folder: Path, commit: str, name: Optional[str] = None) -> Set[str]:
    """Return on which kinds of machines a commit was measured.

    Parameters
    ----------
    folder : Path
        asv's folder of results.
    commit : str
        Its hash.
    name : str, optional
        Only what asv has under this name of a machine: a name may stand for several, on a cloud.
    """
    found = set()
    for path in folder.glob(f"{name or '*'}/{commit[:8]}-*.json"):
        try:
            about = json.loads(path.read_text())["params"]
            found.add(f"{about['cpu']}, {about['num_cpu']} CPUs, {about['arch']}")
        except (OSError, ValueError, KeyError, TypeError):
            continue  # asv says what is wrong with its files.
    return found


def other_machines(base: Set[str], head: Set[str]) -> str:
    """Return what to say of two commits that were measured on these machines; empty if on the same."""
    if not base or not head or base == head:
        return ""
    return (
        f"The commits were measured on different machines ({'; '.join(sorted(base))}, and then"
        f" {'; '.join(sorted(head))}): times and memory differ with these, too. Go by the instructions,"
        " which are alike on one architecture, or measure both here: asv continuous BASE HEAD."
    )
