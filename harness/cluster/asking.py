"""One command's orders on a cluster: each is answered once, whatever happens on the way.

A record is in the results folder before its worker is told that it is safe. Who comes back, after a crash of
its own or of the scheduler, asks all machines first for what they have kept, and what they are at.
"""

import contextlib
import json
import queue
import time
from collections import deque
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Deque, Dict, Iterator, List, Mapping, Optional, Sequence, Set

import distributed
from distributed.client import Future
from distributed.comm import CommClosedError

from nutsbench.base.errors import UserError
from nutsbench.cluster import member, order, place
from nutsbench.cluster.order import Answer, Order
from nutsbench.records.stored import Stored

#: How long nobody may be there to take an order, or to speak to after a while, before it is given up; and how
#: long where nobody has ever answered.
PATIENCE_S, FIRST_S = 60.0, 10.0
#: How long all members may take to say something; and one, where one of them did not.
_ASK_S, _ASK_ONE_S = 10.0, 2.0
#: How long members may take to find a scheduler again that was lost: what they are at is not handed out anew.
_BACK_S = 30.0
#: How often machines are asked that are at orders of an earlier command.
_LOOK_S = 2.0
#: Orders that are out for each member: one that it is at, and one that it needs not wait for.
_AHEAD = 2
#: How long what is interrupted may take to tell how far it was.
_ENDING_S = 20.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """How and where things are to be measured.

    Parameters
    ----------
    at : Place
        The cluster.
    certs : Path or None
        Folder of certificates.
    say : callable
        Told what goes on.
    shown : callable
        Told again and again how many members there are, and how many orders are out.
    is_fresh : bool
        Whether what was measured before does not do.
    """

    at: place.Place
    certs: Optional[Path]
    say: Say
    shown: Callable[[int, int], None] = lambda *_: None
    is_fresh: bool = False

    @property
    def patience_s(self) -> float:
        """For how many seconds nobody may be there; without end where jobs wait in a queue."""
        return float("inf") if self.at.starts else PATIENCE_S


class Asking:
    """One command's orders, from the first to the last answer.

    Parameters
    ----------
    address, security
        Of :func:`nutsbench.cluster.place.opened`.
    orders : dict of Order
        By key, what is asked for, in the order in which it is handed out.
    origin : str
        Mark of the results folder.
    wish : Wish
        How and where.
    taken : callable
        Takes a row or a record, which is safe when it returns.
    failed : callable
        Returns the records of an order that nobody could answer, given its key and why.
    measure : callable
        What members do with an order, as text, to answer it, as text.
    """

    def __init__(
        self,
        address: str,
        security: Any,
        orders: Mapping[str, Order],
        origin: str,
        wish: Wish,
        taken: Callable[[Any], None],
        failed: Callable[[str, str], Sequence[Stored]],
        measure: Callable[[str], str],
    ) -> None:
        self._measure = measure
        self._address, self._security = address, security
        self._wish, self._say = wish, wish.say
        self._orders, self._origin = orders, origin
        self._taken, self._records_of_failed = taken, failed
        self._todo: Deque[str] = deque(orders)
        self._out: Dict[str, Future[str]] = {}
        self._ended: queue.SimpleQueue[Future[str]] = queue.SimpleQueue()
        #: Whom an order that is out was given to; nobody in particular if empty.
        self._given: Dict[str, Set[str]] = {}
        self._elsewhere: Set[str] = set()
        self._safe: List[str] = []
        self._known: Set[str] = set()
        self._answered: Set[str] = set()
        self._refused: Dict[str, str] = {}
        self._client: Optional[distributed.Client] = None
        self._members: List[str] = []
        self._has_new = False
        self._expected, self._most, self._hold_until = 0, 0, 0.0
        self._looked = self._alone_since = self._looked_kept = 0.0
        self._was_there = self._said_alone = False

    def records(self) -> Iterator[Stored]:
        """Yield records until every order is answered."""
        while len(self._answered) < len(self._orders):
            try:
                self._join()
                while len(self._answered) < len(self._orders):
                    self._look()
                    if self._has_new or self._elsewhere:
                        yield from self._kept()
                    self._submit()
                    self._wish.shown(len(self._members), len(self._out) + len(self._elsewhere))
                    yield from self._come()
            except (CommClosedError, CancelledError, OSError, TimeoutError) as error:
                self._lose(error)
        self._tell()

    def _join(self) -> None:
        """Connect, for as long as it takes a scheduler to be started again."""
        since = time.monotonic()
        more = {"security": self._security} if self._security is not None else {}
        while self._client is None:
            try:
                # Text alone is read from members: nobody there can hand over a pickle.
                self._client = distributed.Client(
                    self._address, timeout=5, set_as_default=False, serializers=["pickle", "msgpack"],
                    deserializers=["msgpack", "error"], **more,
                )  # fmt: skip
            except (OSError, TimeoutError) as error:
                if time.monotonic() - since > (PATIENCE_S if self._was_there else FIRST_S):
                    tls = "" if self._security else ", or write tls:// if it has certificates"
                    raise UserError(
                        f"No scheduler answers at {self._address}: start one (nutsbench cluster scheduler)"
                        f"{tls}, and give this command again: what is measured is kept."
                    ) from error
                time.sleep(0.5)
        link = self._client.dashboard_link
        if link and not self._was_there:
            self._say(f"What goes on is shown at {link}")
        self._was_there = True
        self._looked, self._alone_since = 0.0, time.monotonic()

    def _lose(self, error: BaseException) -> None:
        """Begin anew after the scheduler was lost; what was out is out no more."""
        self._say(f"The scheduler is lost ({type(error).__name__}); trying again ...")
        self._todo.extendleft(reversed(list(self._out)))
        self._out.clear()
        self._given.clear()
        # Members come back under other addresses, with what they were at.
        self._expected, self._hold_until = self._most, time.monotonic() + _BACK_S
        self._members, self._most = [], 0
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.close(timeout=2)
        time.sleep(0.5)

    def _look(self) -> None:
        """Find out who is there, and who of them runs another program."""
        assert self._client is not None
        now = time.monotonic()
        if now - self._looked < 1.0:
            return
        self._looked = now
        there = set(self._client.nthreads())
        new = sorted(there - self._known)
        # Who does not answer hangs, or is gone: it is asked again in a second.
        for address, text in (self._ask(member.facts, new) if new else {}).items():
            self._known.add(address)
            self._has_new = True
            if json.loads(text)["code"] != order.code():
                self._leave_out(address, "it runs another nutsbench: install this very version there")
        self._members = sorted(there & self._known - set(self._refused))
        for key, given in list(self._given.items()):
            if given and not given & set(self._members):
                # Whom it was for are gone, and nobody else would take it.
                self._client.cancel([self._out.pop(key)])
                del self._given[key]
                self._todo.appendleft(key)
        self._most = max(self._most, len(self._members))
        if self._members:
            self._alone_since = now
        elif self._refused and set(self._refused) >= there:
            why = "; ".join(f"{address}: {why}" for address, why in self._refused.items())
            raise UserError(f"Nobody at {self._address} can measure this. {why}")
        elif now - self._alone_since > self._wish.patience_s:
            raise UserError(
                f"Nobody at {self._address} measures. Start a member: nutsbench worker {self._address}"
            )
        elif now - self._alone_since > _BACK_S and not self._said_alone:
            self._say("Waiting for a member of the cluster ...")
            self._said_alone = True

    def _leave_out(self, address: str, why: str) -> None:
        self._refused[address] = why
        self._say(f"{address} is left out: {why}")

    def _ask(
        self, function: Callable[..., Any], members: Optional[Sequence[str]], *words: Any
    ) -> Dict[str, Any]:
        """Return what members answer; nothing of those that take too long."""
        members = self._members if members is None else list(members)
        try:
            return self._ask_all(function, members, _ASK_S, *words)
        except TimeoutError:
            # One that hangs keeps the others' answers back.
            found: Dict[str, Any] = {}
            for one in members if len(members) > 1 else ():
                with contextlib.suppress(TimeoutError):
                    found.update(self._ask_all(function, [one], _ASK_ONE_S, *words))
            return found

    def _ask_all(
        self, function: Callable[..., Any], members: Sequence[str], within_s: float, *words: Any
    ) -> Dict[str, Any]:
        assert self._client is not None
        answers = self._client.sync(
            self._client._run, function, *words, workers=members, on_error="ignore", callback_timeout=within_s
        )
        return dict(answers)

    def _submit(self) -> None:
        """Hand out as many orders as members need not to wait for the next one."""
        assert self._client is not None
        if len(self._members) < self._expected and time.monotonic() < self._hold_until:
            return
        waiting: List[str] = []
        # Who runs another program has the resource all the same.
        given = self._members if self._refused else None
        while self._todo and len(self._out) < _AHEAD * len(self._members):
            key = self._todo.popleft()
            if key in self._elsewhere:
                waiting.append(key)
                continue
            one = self._orders[key]
            resources = {member.MEASURING: 1, **({member.TIMED: 1} if one.is_timed else {})}
            self._out[key] = self._client.submit(
                self._measure, one.to_text(), key=f"nutsbench-{self._origin}-{key}", resources=resources,
                workers=given, allow_other_workers=False, retries=0, pure=False,
            )  # fmt: skip
            self._given[key] = set(given or ())
            self._out[key].add_done_callback(self._ended.put)
        self._todo.extend(waiting)

    def _come(self) -> Iterator[Stored]:
        """Yield the records of answers that have come, having waited a little for the first."""
        assert self._client is not None
        ended: Dict[str, Future[str]] = {}
        with contextlib.suppress(queue.Empty):
            # Looked at together, or each would cost a way there and back.
            ended = self._noted(self._ended.get(timeout=0.5 if self._out else 0.2))
            while True:
                ended.update(self._noted(self._ended.get_nowait()))
        for future in ended.values():
            if future.status in ("cancelled", "lost"):
                raise CancelledError(future.key)
        good = {key: future for key, future in ended.items() if future.status == "finished"}
        texts = dict(zip(good, self._client.gather(list(good.values()))))
        for key, future in ended.items():
            if key not in good:
                self._took(key)
                yield from self._failed(key, str(future.exception()).partition("\n")[0])
                continue
            answer = Answer.from_text(texts[key])
            if answer.refused:
                for address in next(iter(self._client.who_has([future]).values()), ()):
                    self._leave_out(address, answer.refused)
                self._todo.appendleft(key)
                self._looked = 0.0
            self._took(key)
            if answer.broken:
                yield from self._failed(key, answer.broken)
            elif not answer.refused:
                yield from self._accept(answer)
        self._tell_some()

    def _noted(self, future: "Future[str]") -> Dict[str, "Future[str]"]:
        """Return which order a future that ended is of; none if it is not out any more."""
        key = str(future.key).rpartition("-")[2]
        return {key: future} if self._out.get(key) is future else {}

    def _took(self, key: str) -> None:
        del self._out[key]
        self._given.pop(key, None)

    def _failed(self, key: str, reason: str) -> Iterator[Stored]:
        """Record that the workers of an order were lost; that is a result too."""
        if key in self._answered:
            return
        self._answered.add(key)
        for record in self._records_of_failed(key, reason):
            self._taken(record)
            yield record

    def _accept(self, answer: Answer) -> Iterator[Stored]:
        """Put records on disk and yield them, unless their order was answered before."""
        self._safe.append(answer.key)
        self._elsewhere.discard(answer.key)
        if answer.key in self._answered:
            return
        self._answered.add(answer.key)
        for record in answer.records:
            self._taken(record)
            yield record

    def _kept(self) -> Iterator[Stored]:
        """Take what machines have kept for this folder, and note what they are at."""
        now = time.monotonic()
        if not self._has_new and now - self._looked_kept < _LOOK_S:
            return
        self._looked_kept, self._has_new = now, False
        at: Set[str] = set()
        for text in self._ask(member.state, None, self._origin).values():
            found = json.loads(text)
            at.update(found["working"])
            for one in found["answers"]:
                answer = Answer.from_text(one)
                if answer.key in self._orders and answer.key not in self._out:
                    yield from self._accept(answer)
                    self._todo = deque(key for key in self._todo if key != answer.key)
        self._elsewhere = (at & set(self._todo)) - set(self._out)
        self._tell_some()

    def _tell_some(self) -> None:
        if len(self._safe) >= 20:
            self._tell()

    def _tell(self) -> None:
        """Tell machines which answers are safe."""
        if self._safe and self._client is not None:
            self._ask(member.forget, None, self._origin, self._safe)
            self._safe = []

    def interrupted(self) -> Iterator[Stored]:
        """Take back what is out, end what is measured, and yield the records of that."""
        if self._client is None or not self._out:
            return
        until = time.monotonic() + _ENDING_S
        # Dask takes what waits at a member for begun, too.
        states = self._ask(member.state, None, self._origin).values()
        at = {key for text in states for key in json.loads(text)["working"]}
        begun = {key: one for key, one in self._out.items() if key in at}
        self._client.cancel([one for key, one in self._out.items() if key not in begun])
        self._say("Ending what is measured ...")
        self._ask(member.stop, None, list(begun))
        while begun and time.monotonic() < until:
            time.sleep(0.2)
            for key, future in list(begun.items()):
                if future.done():
                    del begun[key]
                    if future.status == "finished":
                        yield from self._accept(Answer.from_text(future.result()))
        self._client.cancel(list(begun.values()))
        self._tell()

    def close(self) -> None:
        """Leave the cluster."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.close(timeout=5)
