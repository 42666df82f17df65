"""What was measured of moving from PyMC3 to later ones, gathered from a results folder."""

from typing import Dict, List, Sequence, Tuple

from nutsbench import models
from nutsbench.migrate import moves
from nutsbench.migrate.moves import Move
from nutsbench.migrate.sides import Side
from nutsbench.records.record import newest, place
from nutsbench.records.stored import Stored
from nutsbench.report import data
from nutsbench.report.data import Source
from nutsbench.stacks import stack

#: Moves by model and the stack that it is moved to.
Moves = Dict[Tuple[str, str], Move]


def records(source: Source) -> List[Stored]:
    """Return the records of the models' own settings on stacks that models are moved between.

    Parameters
    ----------
    source : Source
        Everything.

    Returns
    -------
    list of dict
        Of one machine; none where nothing was measured on a later PyMC.
    """
    # What was measured beside a stack on one day stays, though it was measured again beside another.
    meant = {(one["model"], one["model_digest"]) for one in source.records}
    found = [
        record
        for record in newest(source.every, place).values()
        if (record["model"], record["model_digest"]) in meant
        and record["stack"] in stack.PINNED
        and source.is_tutorial(record)
        and not record["details"].get("untimed")
        and (record["status"] != "ok" or data.machine(record) == source.main)
    ]
    # Old and new are of one machine, and of one kind of code: a stack without a later one has no place here.
    return found if any(record["stack"] in stack.LATER for record in found) else []


def variants(known: Sequence[Stored]) -> List[Move]:
    """Compare variants with the models that they are variants of, on each stack.

    Parameters
    ----------
    known : list of dict
        Of :func:`records`.
    """
    of = models.variants(models.names())
    if not of:
        return []
    # A model and its variants are compared that were measured in one folder.
    of_family: Dict[Tuple[str, str], str] = {}
    for record in sorted(known, key=lambda one: one["started_at"]):
        of_family[of.get(record["model"], record["model"]), record["stack"]] = record["origin"]
    sides: Dict[Tuple[str, str], List[Stored]] = {}
    for record in known:
        if record["origin"] == of_family[of.get(record["model"], record["model"]), record["stack"]]:
            sides.setdefault((record["model"], record["stack"]), []).append(record)
    return moves.variants([Side(name, on, own) for (name, on), own in sides.items()], of)


def order(known: Sequence[Stored]) -> List[str]:
    """Return the stacks that some records are of, oldest first."""
    there = {record["stack"] for record in known}
    return [name for name in stack.PINNED if name in there]


def found(known: Sequence[Stored]) -> Moves:
    """Compare each model on each stack with the same on the first, with a level that is shared among all.

    Parameters
    ----------
    known : list of dict
        Of :func:`records`.
    """
    # Times are compared that were measured in one folder: on another day a machine is another one.
    of: Dict[Tuple[str, str], List[Stored]] = {}
    for record in sorted(known, key=lambda one: one["started_at"], reverse=True):
        own = of.setdefault((record["model"], record["stack"]), [])
        if not own or own[0]["origin"] == record["origin"]:
            own.append(record)
    names = list(dict.fromkeys(record["model"] for record in known))

    def old(name: str, origin: str) -> Side:
        own = [one for one in known if (one["model"], one["stack"]) == (name, stack.DEFAULT)]
        return Side(name, stack.DEFAULT, [one for one in own if one["origin"] == origin])

    pairs = [
        (old(name, of[name, one][0]["origin"]), Side(name, one, of[name, one]))
        for one in order(known)
        if one != stack.DEFAULT
        for name in names
        if (name, one) in of
    ]
    return {(move.model, move.new.stack): move for move in moves.moves(pairs)}
