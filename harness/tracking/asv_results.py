"""Records into asv's result files, so that a sweep that was run need not run again.

asv's own classes write the files, so they are what its commands read.
"""

import datetime
import gzip
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import models
from harness.errors import UserError
from harness.paths import ROOT
from harness.tracking import cells
from harness.tracking.figures import FIGURES, result

Record = Mapping[str, Any]


def write(records: Sequence[Record], folder: Path, machine: Optional[str]) -> Tuple[List[Path], List[str]]:
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
    for (commit, stack), chosen in _by_place(records, left_out).items():
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
            part = copy.with_suffix(".part")
            part.write_bytes(gzip.compress(content, mtime=0))
            part.replace(copy)
            kept.append(copy)
    return kept


def _by_place(records: Sequence[Record], left_out: List[str]) -> Dict[Tuple[str, str], List[Record]]:
    found: Dict[Tuple[str, str], List[Record]] = {}
    for record in records:
        commit = record["environment"].get("commit")
        name = f"{record['model']}, seed {record['seed']}, {record['stack']}"
        if commit is None or record["environment"].get("dirty"):
            left_out.append(f"{name}: measured with changes that no commit holds")
        elif _date(commit) is None:
            left_out.append(f"{name}: its commit {commit[:8]} is not in this repository")
        else:
            found.setdefault((commit, record["stack"]), []).append(record)
    return found


def _add(results: Any, records: Sequence[Record], left_out: List[str]) -> int:
    """Add every benchmark that the records are enough for, and return how many."""
    from asv.runner import BenchmarkResult

    added = 0
    for profile in cells.PROFILES:
        for model in dict.fromkeys(record["model"] for record in records):
            if model not in models.names():
                continue
            spec = models.get(model)
            by_label = cells.settings(spec, profile)
            chosen = {label: _seeds(records, model, settings) for label, settings in by_label.items()}
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
    return added


def _bad(rows: Sequence[Record]) -> bool:
    return bool(cells.why_failed(rows))


def _parts(value: Any) -> Tuple[Any, Any, Any]:
    """Return a benchmark's value as asv's runner splits it: result, samples, number."""
    if isinstance(value, dict):
        return True, value["samples"], value["number"]
    return value, None, None


def _seeds(records: Sequence[Record], model: str, settings: Any) -> List[Record]:
    """Return the newest record of each tracked seed, in the order of seeds."""
    newest = {
        record["seed"]: record
        for record in records
        if record["model"] == model and record["settings"] == settings.to_dict()
    }
    digest = models.model_digest(models.get(model))
    return [newest[seed] for seed in cells.SEEDS if seed in newest and newest[seed]["model_digest"] == digest]


def _date(commit: str) -> Optional[int]:
    """Return when a commit was made, in milliseconds since 1970, ``None`` if it is not known here."""
    command = ["git", "-C", str(ROOT), "show", "-s", "--format=%ct", commit]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return int(done.stdout) * 1000 if done.returncode == 0 and done.stdout.strip() else None
