"""What makes two records those of two configurations, and a name for each that tells them apart.

Records that differ in nothing but their seed are repeats of one configuration. What newer packages
or a newer schema have replaced is an earlier version of it, as in every table.
"""

import json
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence, Tuple

from nutsbench.models.spec import SamplerSettings
from nutsbench.records.record import Status, newest
from nutsbench.records.stored import Stored
from nutsbench.stacks.environment import digest

Facet = Callable[[Stored], str]

_SHORT = {"target_accept": "accept", "max_treedepth": "depth"}
#: Settings that every name has.
NAMED = SamplerSettings.names()[:5]
_MARK, _LONG = 6, 24


def _environment(name: str) -> Facet:
    return lambda record: str(record["environment"].get(name, "unknown"))


def _detail(record: Stored, name: str) -> Any:
    return (record.get("details") or {}).get(name)


def _cache(record: Stored) -> str:
    used = _detail(record, "compile_cache") or {}
    # What the store gives takes no time of the compiler's.
    stored = " with stored modules" if used.get("modules_from_store") else ""
    plain = " by Theano alone" if _detail(record, "compiled_plainly") else ""
    return f"{used.get('state', 'unknown')}{stored}{plain}"


def _flags(record: Stored) -> str:
    return json.dumps(record["environment"].get("theano_flags") or {}, sort_keys=True)


def _blas(record: Stored) -> str:
    pools = record["environment"].get("blas") or []
    return "+".join(sorted({str(pool.get("internal_api")) for pool in pools})) or "unknown"


#: What a name gets where records differ in it, by what it is called there.
FACETS: Mapping[str, Facet] = {
    "threads": _environment("threads"),
    "cache": _cache,
    "profile": lambda record: str(record["profile"]),
    "sampler": lambda record: str(_detail(record, "sampler") or "unknown"),
    "flags": _flags,
    "BLAS": _blas,
    "definition": lambda record: str(record["model_digest"]),
    "machine": _environment("machine"),
}
#: A newer one replaces an older one.
VERSIONS: Mapping[str, Facet] = {
    "schema": lambda record: str(record["schema"]),
    "packages": lambda record: str(record["stack_digest"]),
}
#: These are random, or so long that the beginning of their digest has to do.
_MARKED = ("definition", "machine", "packages", "origin")


def of(record: Stored) -> Tuple[str, ...]:
    """Return all that a record's configuration is made of; equal for repeats, apart from versions."""
    settings = (f"{record['settings'].get(name)}" for name in SamplerSettings.names())
    return (record["model"], record["stack"], *settings, *(facet(record) for facet in FACETS.values()))


def _version(record: Stored) -> Tuple[str, ...]:
    return tuple(facet(record) for facet in VERSIONS.values())


def current(records: Iterable[Stored]) -> Tuple[List[Stored], List[str]]:
    """Return the newest record of each configuration, seed and results folder, and what was left out.

    Parameters
    ----------
    records : iterable of dict
        Records, oldest first.

    Returns
    -------
    records : list of dict
        In the order of measuring. Of a cell that failed the last time it was run, that failure.
    left_out : list of str
        A sentence for each stack of which records are of what it held before.
    """
    rows = list(records)
    last = newest(rows, _asked)
    kept = [row for row in newest(rows, _ended).values() if _is_last(row, last[_asked(row)])]
    latest: Dict[Tuple[str, ...], Tuple[str, ...]] = {}
    for row in sorted(kept, key=_when):
        if row["status"] == Status.OK.value:
            latest[of(row)] = _version(row)
    found, before = [], dict.fromkeys((row["stack"] for row in kept), 0)
    for row in kept:
        if row["status"] != Status.OK.value or latest[of(row)] == _version(row):
            found.append(row)
        else:
            before[row["stack"]] += 1
    left_out = [
        f"{count} record{'s' * (count > 1)} of what {name} or the metrics' definitions were before"
        for name, count in before.items()
        if count
    ]
    return sorted(found, key=_when), left_out


def _when(record: Stored) -> str:
    return str(record["started_at"])


def _asked(record: Stored) -> str:
    """Return what was asked for: of what only a cell that ended well tells, nothing."""
    asked = [
        *(record["model"], record["model_digest"], record["stack"], record["seed"]),
        *(record["profile"], record["origin"], record["settings"]),
    ]
    return json.dumps([*asked, record["environment"].get("threads")], sort_keys=True, default=str)


def _ended(record: Stored) -> str:
    facets = of(record) if record["status"] == Status.OK.value else ()
    return f"{_asked(record)}|{record['status'] == Status.OK.value}|{'|'.join(facets)}"


def _is_last(record: Stored, last: Stored) -> bool:
    """Return whether a record counts beside the last one of its cell: both ended well, or it is that one."""
    ok = Status.OK.value
    return bool(record["id"] == last["id"] or record["status"] == last["status"] == ok)


def groups(records: Iterable[Stored]) -> Dict[str, List[Stored]]:
    """Return the records that are ok by the name of their configuration, which no other one has.

    The name says model, the first settings and stack; and all else in which records that are
    called so differ, no more.

    Parameters
    ----------
    records : iterable of dict
        Records.
    """
    plain: Dict[str, List[Stored]] = {}
    for record in records:
        if record["status"] == Status.OK.value:
            plain.setdefault(_name(record, [], []), []).append(record)
    found: Dict[str, List[Stored]] = {}
    for rows in plain.values():
        for name, row in zip(_names(rows), rows):
            found.setdefault(name, []).append(row)
    return found


def _names(rows: Sequence[Stored]) -> List[str]:
    """Return the names of records that are called the same in short."""
    settings = [
        name for name in SamplerSettings.names() if len({str(row["settings"].get(name)) for row in rows}) > 1
    ]
    facets = {name: facet for name, facet in FACETS.items() if len(set(map(facet, rows))) > 1}
    by_configuration: Dict[Tuple[str, ...], List[Stored]] = {}
    for row in rows:
        by_configuration.setdefault(of(row), []).append(row)
    found = []
    for row in rows:
        repeats = by_configuration[of(row)]
        told = [_told(name, facet(row), row, rows) for name, facet in facets.items()]
        found.append(_name(row, settings, [*told, *_earlier(row, repeats), *_elsewhere(row, repeats)]))
    return _apart(found, rows)


def _earlier(row: Stored, repeats: Sequence[Stored]) -> List[str]:
    """Return the versions of a record that a newer one of its configuration has others of."""
    last = max(repeats, key=_when)
    return [
        _told(name, facet(row), row, repeats) for name, facet in VERSIONS.items() if facet(row) != facet(last)
    ]


def _elsewhere(row: Stored, repeats: Sequence[Stored]) -> List[str]:
    """Return the mark of a record's results folder, where another folder has the same cells."""
    alike = [one for one in repeats if _version(one) == _version(row)]
    places: Dict[str, set] = {}  # type: ignore[type-arg]
    for one in alike:
        places.setdefault(str(one["origin"]), set()).add(one["seed"])
    seeds = [seed for found in places.values() for seed in found]
    return [_told("origin", str(row["origin"]), row, alike)] if len(seeds) > len(set(seeds)) else []


def _told(name: str, value: str, row: Stored, rows: Sequence[Stored]) -> str:
    if name == "flags":
        return _flags_told(value, rows)
    if name in _MARKED:
        source = _detail(row, "source") if name == "definition" else None
        return f"{name} {value[:_MARK]}" + (f" of {source}" if source else "")
    return f"{name} {_short(value)}"


def _short(value: str) -> str:
    return value if 0 < len(value) <= _LONG else digest(value)[:_MARK]


def _flags_told(value: str, rows: Sequence[Stored]) -> str:
    """Return the flags in which records differ; of long values a mark."""
    own, every = json.loads(value), [json.loads(_flags(row)) for row in rows]
    names = sorted({name for flags in every for name in flags})
    differ = [name for name in names if len({str(flags.get(name)) for flags in every}) > 1]
    texts = {name: str(own.get(name, "unknown")) for name in differ}
    return " ".join(f"{name} {_short(text)}" for name, text in texts.items())


def _apart(names: Sequence[str], rows: Sequence[Stored]) -> List[str]:
    """Make names longer that two configurations share all the same, as by two digests that begin alike."""
    whole = [(*of(row), *_version(row)) for row in rows]
    sharing: Dict[str, set] = {}  # type: ignore[type-arg]
    for name, one in zip(names, whole):
        sharing.setdefault(name, set()).add(one)
    return [
        name if len(sharing[name]) == 1 else f"{name[:-1]}; {digest(one)})" for name, one in zip(names, whole)
    ]


def settings_told(settings: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return some settings in one short line: ``draws 200, accept 0.95``."""
    return ", ".join(f"{_SHORT.get(name, name)} {settings[name]}" for name in names)


def _name(record: Stored, settings: Sequence[str], told: Sequence[str]) -> str:
    more = [name for name in settings if name not in NAMED]
    parts = [settings_told(record["settings"], [*NAMED, *more]), record["stack"], *told]
    return f"{record['model']} ({'; '.join(parts)})"
