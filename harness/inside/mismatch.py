"""Why a model is another one in a stack's process than in the command's own, in words.

A record names a model by its digest. Where the process that samples finds another one, it is one of three
things: the data differ from call to call, or between two interpreters with other packages, or a file
was changed on disk meanwhile. Each has a remedy of its own.
"""

from pathlib import Path
from typing import Callable, Dict, List, Mapping, Sequence

from nutsbench import models

#: Instead of what differs from process to process, or between releases of numpy.
_INSTEAD = (
    "draw them from np.random.RandomState(1), whose numbers are the same in every release of numpy (those of"
    " np.random.default_rng are not), or read them from a file"
)


class MismatchError(Exception):
    """A model is not the one that a record would name.

    Parameters
    ----------
    spec : ModelSpec
        The model; its data function is called twice.

    Attributes
    ----------
    digests : dict of str
        Digest of each of its data as they are here; none where they differ from call to call.
    """

    def __init__(self, spec: models.ModelSpec) -> None:
        here = data_digests(spec)
        moving = differing(here, data_digests(spec))
        self.digests = {} if moving else here
        super().__init__(from_call_to_call(spec.name, moving) if moving else changed(spec.source))


def data_digests(spec: models.ModelSpec) -> Dict[str, str]:
    """Return the digest of each of a model's data, by its name; the data function is called."""
    return {str(name): models.data_digest({name: values}) for name, values in spec.data().items()}


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> List[str]:
    """Return the names of the data that are not the same in both."""
    return [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name)]


def from_call_to_call(name: str, data: Sequence[str]) -> str:
    """Say that a data function returns other data each time that it is called."""
    return (
        f"the data of {name} differ from call to call ({', '.join(data)}), so that no record could be found"
        f" again: {_INSTEAD}; keep the time and the process out of them"
    )


def between(name: str, data: Sequence[str], here: str, there: str) -> str:
    """Say that a data function returns other data on one stack than on another.

    Parameters
    ----------
    name : str
        The model.
    data : sequence of str
        Names of the data that differ.
    here, there : str
        The stacks.
    """
    return (
        f"the data of {name} ({', '.join(data)}) are others on {here} than on {there}, so that to compare"
        f" the two would mean nothing: {_INSTEAD}"
    )


def changed(source: str) -> str:
    """Say that a file was changed while a run went on."""
    return f"{source}, or a file that its data come from, was changed while the run went on: start it again"


def explain(
    name: str,
    digests: Mapping[str, str],
    stack: str,
    own: str,
    elsewhere: Callable[[str], Mapping[str, str]],
) -> str:
    """Say why a model was another one in a stack's process than in this one.

    Parameters
    ----------
    name : str
        The model.
    digests : dict of str
        Of its data in the stack's process, by :func:`data_digests`.
    stack, own : str
        Names of that stack, and of where this process runs.
    elsewhere : callable
        Returns the digests of a model's data in another process like this one.
    """
    spec = models.get(name)
    path = Path(spec.build.__code__.co_filename)
    since = models.read_at(spec)
    newer = [file.name for file in sorted(path.parent.glob("*.py")) if file.stat().st_mtime > since]
    if newer:
        return changed(path.name if path.name in newer else newer[0])
    try:
        mine = data_digests(spec)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        return f"the data of {name} cannot be made in {own}: {what}"
    moving = differing(mine, data_digests(spec))
    if moving:
        return from_call_to_call(name, moving)
    apart = differing(mine, digests)
    moving = differing(mine, elsewhere(name)) if apart else []
    if moving:
        return from_process_to_process(name, moving)
    return between(name, apart, stack, own) if apart else changed(spec.source)


def from_process_to_process(name: str, data: Sequence[str]) -> str:
    """Say that a data function returns other data in each process."""
    return from_call_to_call(name, data).replace("from call to call", "from process to process")
