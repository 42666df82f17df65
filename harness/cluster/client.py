"""Who asks: hands orders to a cluster, and has each record once, whatever happens on the way.

A record is in the results folder before its worker is told that it is safe. Who comes back, after a crash of
its own or of the scheduler, asks all machines first for what they have kept, and what they are at.
"""

import json
import time
import uuid
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
from nutsbench.judge.goal import Goal
from nutsbench.records.store import RunFile
from nutsbench.records.stored import Stored
from nutsbench.run import plan, runner
from nutsbench.run.options import Options
from nutsbench.run.plan import Job

#: How long nobody may be there to take an order, or to speak to, before it is given up.
PATIENCE_S = 60.0
#: How long members may take to say what they have: one that hangs is asked again.
_ASK_S = 10.0
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
    is_fresh : bool
        Whether what was measured before does not do.
    """

    at: place.Place
    certs: Optional[Path]
    say: Say
    is_fresh: bool = False


def run(
    todo: Sequence[Job],
    options: Options,
    origin: str,
    run_file: RunFile,
    wish: Wish,
    seconds: Sequence[Optional[float]] = (),
    goal: Optional[Goal] = None,
) -> Iterator[Stored]:
    """Have jobs run on a cluster, and yield the record of each once it is on disk here.

    Parameters
    ----------
    todo, options, origin, run_file, goal
        As of :func:`nutsbench.run.runner.run`.
    wish : Wish
        How and where.
    seconds : sequence of float or None
        How long each run of :func:`nutsbench.run.plan.together` will take; the longest are first.

    Raises
    ------
    KeyboardInterrupt
        On ctrl-C, once what was interrupted is told; the cluster has no orders of this command any more.
    UserError
        If there is no such cluster, or nobody there runs this very program.
    """
    runs = plan.together(todo, options.share and goal is None)
    longest = sorted(range(len(runs)), key=lambda n: -((seconds[n] if seconds else None) or float("inf")))
    mark = uuid.uuid4().hex[:8] if wish.is_fresh else ""
    orders: Dict[str, Order] = {}
    jobs: Dict[str, List[Job]] = {}
    for number in longest:
        one = order.of_run(runs[number], options, goal, origin, mark, wish.at.is_here)
        orders[one.key], jobs[one.key] = one, runs[number]
    with place.opened(wish.at, wish.certs, not options.at_a_time) as (address, security):
        asking = _Asking(address, security, orders, jobs, options, origin, run_file, wish.say)
        try:
            yield from asking.records()
        except KeyboardInterrupt:
            yield from asking.interrupted()
            raise
        finally:
            asking.close()


class _Asking:
    """One command's orders, from the first to the last answer."""

    def __init__(
        self,
        address: str,
        security: Any,
        orders: Mapping[str, Order],
        jobs: Mapping[str, List[Job]],
        options: Options,
        origin: str,
        run_file: RunFile,
        say: Say,
    ) -> None:
        self._address, self._security, self._say = address, security, say
        self._orders, self._jobs, self._options = orders, jobs, options
        self._origin, self._run_file = origin, run_file
        self._todo: Deque[str] = deque(orders)
        self._out: Dict[str, Future[str]] = {}
        self._elsewhere: Set[str] = set()
        self._safe: List[str] = []
        self._known: Set[str] = set()
        self._answered: Set[str] = set()
        self._refused: Dict[str, str] = {}
        self._client: Optional[distributed.Client] = None
        self._members: List[str] = []
        self._looked = self._alone_since = self._looked_kept = 0.0

    def records(self) -> Iterator[Stored]:
        """Yield records until every order is answered."""
        while len(self._answered) < len(self._orders):
            try:
                self._join()
                yield from self._kept()
                while len(self._answered) < len(self._orders):
                    self._look()
                    self._submit()
                    yield from self._come()
                    if self._elsewhere:
                        yield from self._kept()
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
                if time.monotonic() - since > PATIENCE_S:
                    raise UserError(
                        f"No scheduler answers at {self._address}: start one (nutsbench cluster scheduler),"
                        " and give this command again: what is measured is kept."
                    ) from error
                time.sleep(0.5)
        link = self._client.dashboard_link
        if link and not self._known:
            self._say(f"What goes on is shown at {link}")
        self._looked, self._alone_since = 0.0, time.monotonic()

    def _lose(self, error: BaseException) -> None:
        """Begin anew after the scheduler was lost; what was out is out no more."""
        self._say(f"The scheduler is lost ({type(error).__name__}); trying again ...")
        self._todo.extendleft(reversed(list(self._out)))
        self._out.clear()
        client, self._client = self._client, None
        if client is not None:
            client.close(timeout=2)
        self._known.add("")
        time.sleep(0.5)

    def _look(self) -> None:
        """Find out who is there, and who of them runs another program."""
        assert self._client is not None
        now = time.monotonic()
        if now - self._looked < 1.0:
            return
        self._looked = now
        there = set(self._client.nthreads())
        for address in sorted(there - self._known):
            (text,) = self._ask(member.facts, [address]).values() or [""]
            if not text:
                there.discard(address)  # It hangs, or is gone: seen again in a second.
                continue
            self._known.add(address)
            if json.loads(text)["code"] != order.code():
                self._refused[address] = "it runs another nutsbench: install this very version there"
                self._say(f"{address} is left out: {self._refused[address]}.")
        self._members = sorted(there & self._known - set(self._refused))
        if self._members:
            self._alone_since = now
        elif now - self._alone_since > PATIENCE_S:
            why = "; ".join(f"{address}: {why}" for address, why in self._refused.items())
            raise UserError(
                f"Nobody at {self._address} measures ({why or 'no member joined'}). Start one there:"
                f" nutsbench worker {self._address}"
            )

    def _ask(
        self, function: Callable[..., Any], members: Optional[Sequence[str]], *words: Any
    ) -> Dict[str, Any]:
        """Return what members answer; nothing of those that take too long."""
        assert self._client is not None
        try:
            return dict(
                self._client.sync(
                    self._client._run, function, *words, workers=members, on_error="ignore",
                    callback_timeout=_ASK_S,
                )
            )  # fmt: skip
        except TimeoutError:
            return {}

    def _submit(self) -> None:
        """Hand out as many orders as members need not to wait for the next one."""
        assert self._client is not None
        waiting: List[str] = []
        while self._todo and len(self._out) < _AHEAD * len(self._members):
            key = self._todo.popleft()
            if key in self._elsewhere:
                waiting.append(key)
                continue
            one = self._orders[key]
            resources = {member.MEASURING: 1, **({member.TIMED: 1} if one.is_timed else {})}
            self._out[key] = self._client.submit(
                member.measure, one.to_text(), key=f"nutsbench-{self._origin}-{key}", resources=resources,
                workers=self._members, allow_other_workers=False, retries=0, pure=False,
            )  # fmt: skip
        self._todo.extend(waiting)

    def _come(self) -> Iterator[Stored]:
        """Yield the records of answers that have come, having waited a little for the first."""
        assert self._client is not None
        if not self._out:
            time.sleep(0.2)
            return
        try:
            with self._client.as_current():
                distributed.wait(list(self._out.values()), timeout=0.5, return_when="FIRST_COMPLETED")
        except TimeoutError:
            return
        for key, future in list(self._out.items()):
            if not future.done():
                continue
            if future.status in ("cancelled", "lost"):
                raise CancelledError(key)
            if future.status == "error":
                del self._out[key]
                yield from self._failed(key, str(future.exception()).partition("\n")[0])
                continue
            answer = Answer.from_text(future.result())
            del self._out[key]
            if answer.refused:
                self._take_back(answer)
            elif answer.broken:
                yield from self._failed(key, answer.broken)
            else:
                yield from self._accept(answer)
        self._tell_some()

    def _take_back(self, answer: Answer) -> None:
        raise UserError(f"A member refuses {self._jobs[answer.key][0].cell.model}: {answer.refused}")

    def _failed(self, key: str, reason: str) -> Iterator[Stored]:
        """Record that the workers of an order were lost; that is a result too."""
        if key in self._answered:
            return
        self._answered.add(key)
        for job in self._jobs[key]:
            record = runner.lost(job, self._options, self._origin, f"its worker was lost: {reason}")
            self._run_file.append(record)
            yield record.to_dict()

    def _accept(self, answer: Answer) -> Iterator[Stored]:
        """Put records on disk and yield them, unless their order was answered before."""
        self._safe.append(answer.key)
        self._elsewhere.discard(answer.key)
        if answer.key in self._answered:
            return
        self._answered.add(answer.key)
        for record in answer.records:
            self._run_file.append_stored(record)
            yield record

    def _kept(self) -> Iterator[Stored]:
        """Take what machines have kept for this folder, and note what they are at."""
        now = time.monotonic()
        if self._elsewhere and now - self._looked_kept < _LOOK_S:
            return
        self._looked_kept = now
        at: Set[str] = set()
        for text in self._ask(member.state, None, self._origin).values():
            found = json.loads(text)
            at.update(found["working"])
            for one in found["answers"]:
                answer = Answer.from_text(one)
                if answer.key in self._orders and answer.key not in self._out:
                    yield from self._accept(answer)
                    with_out = [key for key in self._todo if key != answer.key]
                    self._todo = deque(with_out)
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
        at = {key for keys in self._client.processing().values() for key in keys}
        begun = {key: one for key, one in self._out.items() if one.key in at}
        self._client.cancel([one for key, one in self._out.items() if key not in begun])
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
            client.close(timeout=5)
