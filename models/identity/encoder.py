"""Walks a value down to what has no parts, and makes one digest of it.

Values are taken as they are: two equal lists have one digest, whether they are one object
or two. What a name stands for (a function, a class, a module) is taken once and then
spoken of by its number, in the order in which it was met; so functions that call each
other come to an end. A container inside of itself is spoken of by how far up it stands.
"""

from collections import deque
from typing import Any, Callable, Deque, Dict, Hashable, Iterable, List, Optional, Tuple

from nutsbench.models.errors import NotByValueError
from nutsbench.models.identity import canonical

#: Takes one kind of value, or passes it on with ``None``.
Taker = Callable[["Encoder", Any, str], Optional[bytes]]

_NOWHERE = 1 << 60
#: By exact type; and those that look at a value themselves, in this order.
EXACT: Dict[type, Callable[["Encoder", Any, str], bytes]] = {}
FAMILIES: List[Taker] = []


class Encoder:
    """Makes the digest of one value and of all that it reaches.

    Parameters
    ----------
    home : str
        Folder of the user's file; where it lies is no part of a text that names it.
    around : tuple of int
        Sets that are being taken further up.
    """

    def __init__(self, home: str = "", around: Tuple[int, ...] = ()) -> None:
        self.home = home
        self._around = around
        self._known: Dict[int, bytes] = {}
        self._kept: List[Any] = []
        self._open: Dict[int, int] = {}
        self._lowest = _NOWHERE
        self._numbers: Dict[Hashable, bytes] = {}
        self._todo: Deque[Tuple[Callable[[Encoder, Any, str], bytes], Any, str]] = deque()

    def digest(self, value: Any, path: str) -> bytes:
        """Return the digest of a value.

        Parameters
        ----------
        value : object
            What is taken.
        path : str
            What a reader calls it.

        Raises
        ------
        NotByValueError
            If something that it reaches has no value.
        """
        try:
            parts = [self.part(value, path)]
            while self._todo:
                take, thing, where = self._todo.popleft()
                parts.append(take(self, thing, where))
        except RecursionError:
            raise NotByValueError(
                path, "is nested too deeply to be taken by value", "keep it flat, in an array say"
            ) from None
        return canonical.digest("value", canonical.EDITION, *parts)

    def part(self, value: Any, path: str) -> bytes:
        """Return the digest of a part of the value; definitions in it are taken later."""
        if type(value) is str:
            return self._text(value)
        found = canonical.leaf(value)
        key = id(value)
        found = self._known.get(key) if found is None else found
        if found is not None:
            return found
        depth = len(self._open)
        if key in self._open:
            self._lowest = min(self._lowest, self._open[key])
            return canonical.digest("inside of itself", canonical.whole(depth - self._open[key]))
        outer, self._lowest = self._lowest, _NOWHERE
        self._open[key] = depth
        try:
            found = self._take(value, path)
        finally:
            del self._open[key]
        if self._lowest >= depth:  # It speaks of nothing further up, so it is the same anywhere.
            self._known[key] = found
            self._kept.append(value)
            self._lowest = outer
        self._lowest = min(self._lowest, outer)
        return found

    def parts(self, tag: str, values: Iterable[Tuple[Any, str]]) -> bytes:
        """Return the digest of several parts in their order; each comes with what it is called."""
        return canonical.digest(tag, *(self.part(value, path) for value, path in values))

    def alone(self, value: Any, path: str) -> bytes:
        """Return the digest of a value as if nothing stood around it, to sort it by."""
        found = self._text(value) if type(value) is str else canonical.leaf(value)
        if found is not None:
            return found
        if type(value) is tuple and all(type(one) in canonical.LEAVES for one in value):
            part = self.parts("tuple", ((one, path) for one in value))  # The same, and quicker.
            return canonical.digest("value", canonical.EDITION, part)
        return Encoder(self.home, self._around).digest(value, path)

    def unordered(self, tag: str, values: Iterable[Any], owner: Any, path: str) -> bytes:
        """Return the digest of a set's elements, whatever their order."""
        if id(owner) in self._around:
            up = len(self._around) - self._around.index(id(owner))
            return canonical.digest("inside of itself", canonical.whole(up))
        inner = Encoder(self.home, (*self._around, id(owner)))
        made = sorted(inner.alone(one, f"an element of {path}") for one in values)
        return canonical.digest(tag, *made)

    def pairs(self, tag: str, values: Dict[Any, Any], path: str) -> bytes:
        """Return the digest of a dictionary, whatever its order."""
        rows = [(self.alone(key, f"a key of {path}"), key) for key in values]
        rows.sort(key=lambda row: row[0])
        if len({made for made, _ in rows}) < len(rows):  # NaN is a key as often as one likes.
            rows.sort(key=lambda row: (row[0], self.alone(values[row[1]], path)))
        made = []
        for key_digest, key in rows:
            made += [key_digest, self.part(values[key], f"{path}[{shown(key)}]")]
        return canonical.digest(tag, *made)

    def define(
        self, take: Callable[["Encoder", Any, str], bytes], thing: Any, key: Hashable, path: str
    ) -> bytes:
        """Return the number of a definition, which is taken when its turn comes.

        Parameters
        ----------
        take : callable
            Makes the digest of its content.
        thing : object
            The function, class or module; kept, so that its address stays its own.
        key : hashable
            What it is known by.
        path : str
            What a reader calls it.
        """
        known = self._numbers.get(key)
        if known is None:
            known = canonical.digest("definition", canonical.whole(len(self._numbers)))
            self._numbers[key] = known
            self._kept.append(thing)
            self._todo.append((take, thing, path))
        return known

    def _text(self, value: str) -> bytes:
        if self.home and value.startswith(self.home) and value[len(self.home) :][:1] in ("", "/", "\\"):
            return canonical.digest("in the model's folder", canonical.text(value[len(self.home) :]))
        return canonical.LEAVES[str](value)

    def _take(self, value: Any, path: str) -> bytes:
        take = EXACT.get(type(value))
        if take is not None:
            return take(self, value, path)
        for family in FAMILIES:
            found = family(self, value, path)
            if found is not None:
                return found
        raise AssertionError(f"no family takes {type(value)}")


def shown(key: Any) -> str:
    """Return a key as a message names it."""
    return repr(key) if isinstance(key, (str, int, float, tuple)) else "..."
