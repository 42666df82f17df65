"""What a run tells the person who typed it: a table that fits the screen, what limits, what to type next.

Everything is made of records as they are judged today; nothing is measured or judged here.
"""

from collections import Counter
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from nutsbench.judge import accuracy, quality
from nutsbench.records.stored import Stored, setting
from nutsbench.records.table import counted, number, settings_text, varying, wall

#: Wider than this no table gets; a narrower screen loses the columns that say least.
WIDTH = 100
#: Worst first; the verdict of one record, of its status, quality and accuracy.
ORDER = (
    "failed", "stuck", "not converged", "inaccurate", "divergent", "too few draws", "treedepth limited",
    "unknown", "good",
)  # fmt: skip
_STYLES = {"good": "green", "treedepth limited": "cyan", "unknown": "cyan", "too few draws": "yellow"}
#: Columns that a narrow screen does without, the first one first.
_DISPENSABLE = ("time s", "ESS", "div", "ESS/s")
_NUMBERS = ("R-hat", "ESS", "ESS/s", "div", "time s", "seed")
#: How a model without a reference posterior is told, as :mod:`nutsbench.models.truths` says it.
_NO_REFERENCE = "there is no truth of"
#: How many commands are offered.
_COMMANDS = 2


def word(record: Stored) -> str:
    """Return the one word that a record is sorted by, of :data:`ORDER`."""
    if record["status"] != "ok":
        return "failed"
    verdict = str(record["quality"]["verdict"])
    if (record.get("accuracy") or {}).get("verdict") == "inaccurate":
        return min(verdict, "inaccurate", key=ORDER.index)
    return verdict


#: The same of a row of the index; of one that is not ok its status.
WORD_IN_SQL = """
CASE WHEN status <> 'ok' THEN status
    WHEN accuracy = 'inaccurate' AND quality NOT IN ('stuck', 'not converged') THEN 'inaccurate'
    ELSE quality END
"""


def worst_first(records: Sequence[Stored]) -> List[Stored]:
    """Return records by their word, those of one word by their R-hat."""
    return sorted(records, key=lambda one: (ORDER.index(word(one)), -(one["metrics"].get("rhat_max") or 0)))


def reason(record: Stored) -> str:
    """Return the one thing to know about a record that is not good, empty for one that is."""
    if record["status"] != "ok":
        return str(record["reason"])
    judged = record.get("accuracy") or {}
    if word(record) == "inaccurate":
        return str(judged["reasons"][0])
    reasons = [*record["quality"]["reasons"], *_doubts(judged)]
    return str(reasons[0]) if reasons else ""


def _doubts(judged: Mapping[str, Any]) -> List[str]:
    # That there is nothing to compare with is said once, under the table.
    return list(judged.get("reasons", [])) if judged.get("truth") else []


def _accuracy(record: Stored) -> str:
    judged = record.get("accuracy") or {}
    return str(judged["verdict"]) if judged.get("truth") else "-"


def _usual(records: Sequence[Stored], settings: Sequence[str]) -> Dict[str, Dict[str, Any]]:
    """Return, by model, the value of each setting that most of its records have."""
    found: Dict[str, Dict[str, Any]] = {}
    for model in {record["model"] for record in records}:
        own = [record for record in records if record["model"] == model]
        found[model] = {
            name: Counter(setting(one, name) for one in own).most_common(1)[0][0] for name in settings
        }
    return found


def _row(record: Stored, usual: Mapping[str, Mapping[str, Any]]) -> Dict[str, str]:
    metrics = record["metrics"]
    rhat, divergences = metrics.get("rhat_max"), metrics.get("divergences")
    own, others = record["settings"], usual.get(record["model"], {})
    return {
        "model": record["model"],
        "stack": record["stack"],
        "settings": settings_text(own, [name for name in others if setting(record, name) != others[name]]),
        "seed": str(record["seed"]),
        "verdict": record["status"] if record["status"] != "ok" else record["quality"]["verdict"],
        "R-hat": "-" if rhat is None else f"{rhat:.3f}",
        "ESS": number(metrics.get("ess_bulk_min")),
        "ESS/s": number(metrics.get("ess_per_s")),
        "div": "-" if divergences is None else str(divergences),
        "time s": wall(record),
        "accuracy": _accuracy(record),
    }


def _columns(records: Sequence[Stored], settings: Sequence[str]) -> List[str]:
    """Name the columns that say something that is not the same of all records."""
    told = {
        "stack": len({record["stack"] for record in records}) > 1,
        "settings": bool(settings),
        "seed": len({record["seed"] for record in records}) > 1,
        "accuracy": any((record.get("accuracy") or {}).get("truth") for record in records),
    }
    names = (
        "model", "stack", "settings", "seed", "verdict", "R-hat", "ESS", "ESS/s", "div", "time s", "accuracy",
    )  # fmt: skip
    return [name for name in names if told.get(name, True)]


def table(records: Sequence[Stored], width: Optional[int]) -> List[Tuple[str, str]]:
    """Return the lines of the table, worst first, each with the style that it is printed in.

    Parameters
    ----------
    records : sequence of dict
        Records.
    width : int or None
        Columns of the screen, of which at most :data:`WIDTH` are used: the reason then stands on a line of
        its own. ``None`` for a pipe: one line a record, however long.

    Returns
    -------
    list of (str, str)
        Text and style, the header first.
    """
    settings = varying(records)
    names, ordered = _columns(records, settings), worst_first(records)
    usual = _usual(records, settings)
    rows = [_row(record, usual) for record in ordered]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    limit = None if width is None else min(width, WIDTH)
    for name in _DISPENSABLE:
        if limit is not None and name in widths and sum(widths.values()) + 2 * (len(widths) - 1) > limit:
            del widths[name]
    lines = [(_line({name: name for name in widths}, widths) + ("  why" if limit is None else ""), "bold")]
    for record, row in zip(ordered, rows):
        why, text = reason(record), _line(row, widths)
        style = _STYLES.get(word(record), "red")
        if limit is None:
            lines.append((f"{text}  {why}".rstrip(), style))
        else:
            lines.append((_cut(text, limit), style))
            lines += [(_cut(f"  {why}", limit), "dim")] if why else []
    return lines


def _line(row: Mapping[str, str], widths: Mapping[str, int]) -> str:
    cells = [
        row[name].rjust(width) if name in _NUMBERS else row[name].ljust(width)
        for name, width in widths.items()
    ]
    return "  ".join(cells)


def _cut(text: str, width: int) -> str:
    text = text.rstrip()
    return text if len(text) <= width else text[: width - 3] + "..."


def line(record: Stored) -> str:
    """Return a record in one plain line, for the log of a run."""
    if record["status"] != "ok":
        return f"{record['model']}  {record['status']}: {record['reason']}"
    row = _row(record, {})
    told = [
        f"{row['model']}  {row['verdict']}",
        f"R-hat {row['R-hat']}",
        f"ESS/s {row['ESS/s']}",
        *([f"{row['time s']} s"] if row["time s"] != "-" else []),
    ]
    told += [row["accuracy"]] if row["accuracy"] != "-" else []
    why = reason(record)
    return ", ".join(told) + (f": {why}" if why else "")


def sentences(records: Sequence[Stored], files: Sequence[str] = ()) -> List[str]:
    """Say how many are good, what limits the others, and what to type next.

    Parameters
    ----------
    records : sequence of dict
        Records.
    files : sequence of str
        Files of models, as they were typed.
    """
    said = [counts(Counter(word(one) if one["status"] == "ok" else one["status"] for one in records))]
    said += _over_seeds(records)
    said += _warnings(records)
    said += _by_chance(records, files)
    said += _without_reference(records, files)
    said += _next(records, files)
    return said


def counts(words: Mapping[str, int]) -> str:
    """Say how many records there are of which kind: by their word, or by their status if that is not ok."""
    good = [(words[name], name) for name in reversed(ORDER) if name in words and name != "failed"]
    others = [(count, name) for name, count in words.items() if name not in ORDER or name == "failed"]
    told = ", ".join(f"{count} {name}" for count, name in [*good, *others])
    return f"{counted(sum(words.values()), 'record')}: {told}."


def _over_seeds(records: Sequence[Stored]) -> List[str]:
    """Judge configurations of several seeds as one, where there are any."""
    groups: Dict[Tuple[Any, ...], List[Stored]] = {}
    for record in records:
        if record["status"] == "ok":
            settings = tuple(sorted(record["settings"].items()))
            name = (record["model"], record["stack"], record["environment"].get("machine"), settings)
            groups.setdefault(name, []).append(record)
    several = {name: group for name, group in groups.items() if len({one["seed"] for one in group}) > 1}
    by_verdict: Dict[str, List[str]] = {}
    for (model, *_), group in several.items():
        by_verdict.setdefault(quality.over_seeds(group).verdict, []).append(model)
    if not several:
        return []
    told = []
    for verdict in sorted(by_verdict, key=quality.VERDICTS.index, reverse=True):
        of = "" if verdict == "good" else f" ({', '.join(dict.fromkeys(by_verdict[verdict]))})"
        told.append(f"{len(by_verdict[verdict])} {verdict}{of}")
    return [f"Over their seeds, {counted(len(several), 'configuration')}: {', '.join(told)}."]


def _warnings(records: Sequence[Stored]) -> List[str]:
    """Repeat what records warn of, each once: what is not known of them, and what could not be kept."""
    of = Counter((one["model"], warning) for one in records for warning in one.get("warnings", []))
    by_text: Dict[str, List[str]] = {}
    for model, warning in of:
        by_text.setdefault(warning, []).append(model)
    return [
        f"Note on {', '.join(models[:3])}{' and others' if len(models) > 3 else ''}: {text}."
        for text, models in by_text.items()
    ]


def _by_chance(records: Sequence[Stored], files: Sequence[str]) -> List[str]:
    """Put records that are called inaccurate beside how many would be so by chance."""
    ended = [one for one in records if one["status"] == "ok" and one.get("accuracy")]
    judged = [one for one in ended if one["accuracy"]["verdict"] in ("accurate", "inaccurate")]
    wrong = [one for one in judged if one["accuracy"]["verdict"] == "inaccurate"]
    if not wrong:
        return []
    first = wrong[0]
    seed = max(one["seed"] for one in records) + 1
    same = {"remedy": {"settings": first["settings"]}}
    again = quality.command({**first, "seed": seed, "quality": same}, files)
    return [
        f"{len(wrong)} of {len(judged)} judged records inaccurate; {accuracy.LEVEL * len(judged):.2g} would"
        f" be by chance. Another seed confirms it or does not: {again}"
    ]


def _without_reference(records: Sequence[Stored], files: Sequence[str]) -> List[str]:
    """Say once of which models there is nothing to compare with; of a reference that cannot be used, why."""
    why = {
        one["model"]: str((one.get("accuracy") or {}).get("reasons", [""])[0])
        for one in records
        if one["status"] == "ok" and _accuracy(one) == "-"
    }
    missing = [model for model, text in why.items() if not text or text.startswith(_NO_REFERENCE)]
    said = [f"Accuracy is not judged of {model}: {why[model]}." for model in why if model not in missing]
    if missing:
        own = "".join(f" --models {file}" for file in files)
        names = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
        said.append(
            f"Accuracy is not judged of {names}: there is no reference posterior."
            f" `nutsbench reference {missing[0]}{own}` makes one from a long run."
        )
    return said


def _next(records: Sequence[Stored], files: Sequence[str]) -> List[str]:
    """Offer the remedies that are worth most: of the worst record, and of the worst of another kind."""
    found: Dict[str, str] = {}
    for kinds in (True, False):
        for record in worst_first(records):
            typed = quality.command(record, files)
            told = record["quality"].get("remedy")
            is_new = not kinds or word(record) not in {word(one) for one in records if one["model"] in found}
            if typed and told and record["model"] not in found and is_new and len(found) < _COMMANDS:
                found[record["model"]] = f"{record['model']}: {told['says']}: {typed}"
    return [f"Next, {text}" for text in found.values()]
