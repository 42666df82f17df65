"""Times a cell's phases, and splits sampling into tuning and drawing.

The split is read off the instants at which draws reach the trace, which every release
has; PyMC3 has a clock of its own in the sampler statistics only from 3.9.3 on.
"""

import heapq
import multiprocessing
import os
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from nutsbench.inside import system
from nutsbench.models.spec import SamplerSettings

#: What a cell is doing, in order. ``import`` happens once for all cells of a worker.
PHASES = ("import", "build", "compile", "tune", "draw", "diagnose")

#: How the split of sampling into tune and draw was timed; see :class:`DrawClock`.
SPLIT_SOURCE = "record_clock"


@dataclass(frozen=True)
class PhaseTime:
    """Time of one phase.

    Parameters
    ----------
    wall_s : float
        Wall time, seconds.
    cpu_s : float
        Processor time of this process and its children, user and system, seconds.
    """

    wall_s: float
    cpu_s: float

    def to_dict(self) -> Dict[str, float]:
        """Return both times, ready for JSON."""
        return {"wall_s": self.wall_s, "cpu_s": self.cpu_s}


@dataclass(frozen=True)
class Progress:
    """How far a cell is.

    Parameters
    ----------
    phase : str
        One of :data:`PHASES`.
    done, total : int
        Draws recorded and expected, all chains and tuning included.
    divergences : int
        Divergent transitions after tuning, so far.
    """

    phase: str
    done: int = 0
    total: int = 0
    divergences: int = 0


Listener = Callable[[Progress], None]


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class PhaseTimer:
    """A stopwatch for phases that follow each other without a gap.

    Parameters
    ----------
    listener : callable
        Told of each phase as it begins.

    Attributes
    ----------
    phases : dict of str to PhaseTime
        The phases that have ended, a failed one included.
    current : str
        The phase that is running; empty before the first and after the last.
    """

    def __init__(self, listener: Listener) -> None:
        self.phases: Dict[str, PhaseTime] = {}
        self.current = ""
        self._listener = listener
        self._wall = self._cpu = 0.0

    def enter(self, name: str) -> None:
        """End the phase that is running and begin phase ``name``."""
        self.stop()
        self.current = name
        self._listener(Progress(name))
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()

    def stop(self) -> None:
        """End the phase that is running, if any."""
        if self.current:
            self.phases[self.current] = PhaseTime(time.perf_counter() - self._wall, cpu_seconds() - self._cpu)
        self.current = ""

    def add(self, name: str, more: PhaseTime) -> None:
        """Count time that was spent before, and for several cells at once, to phase ``name``."""
        own = self.phases[name]
        self.phases[name] = PhaseTime(own.wall_s + more.wall_s, own.cpu_s + more.cpu_s)

    def replace(self, name: str, part: PhaseTime) -> None:
        """Say what phase ``name`` took, where it is known otherwise."""
        self.phases[name] = part


@dataclass
class ChainClock:
    """When one chain was where: perf_counter seconds, and CPU seconds that it had used.

    In ``ends`` both for each number of draws that is asked about, the whole chain's included.
    """

    done: int = 0
    first: float = 0.0
    tuned: float = 0.0
    cpu_before: float = 0.0
    cpu_tuned: float = 0.0
    ends: Dict[int, Tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """What sampling took up to a number of draws, as a run of that many would have taken it.

    Parameters
    ----------
    tune, draw : PhaseTime
        Both parts of sampling.
    chain_draw_s : float
        Wall seconds after tuning, summed over chains.
    """

    tune: PhaseTime
    draw: PhaseTime
    chain_draw_s: float

    def to_dict(self) -> Dict[str, Any]:
        """Return the part, ready for JSON: ``phases`` and ``chain_draw_s``."""
        phases = {"tune": self.tune.to_dict(), "draw": self.draw.to_dict()}
        return {"phases": phases, "chain_draw_s": self.chain_draw_s}


class DrawClock:
    """Notes when each chain's draws reach the trace.

    Only a few instants a chain are kept: its first draw, its last tuning draw, its last draw,
    and those of the shorter runs that it holds. A draw reaches the trace when the chain has computed
    it, and before it has finished the next one, so a boundary is late by less than one transition.

    Parameters
    ----------
    settings : SamplerSettings
        What is being sampled.
    timer : PhaseTimer
        Told that tuning begins, as soon as PyMC3 sets up the first chain's trace.
    listener : callable
        Told how far sampling is, five times a second.
    prefixes : sequence of int
        Smaller numbers of draws that are asked about too.
    """

    _REPORT_EVERY_S = 0.2

    def __init__(
        self, settings: SamplerSettings, timer: PhaseTimer, listener: Listener, prefixes: Sequence[int] = ()
    ) -> None:
        self._settings = settings
        self._timer = timer
        self._listener = listener
        self._total = settings.chains * (settings.tune + settings.draws)
        self._ends = {settings.tune + draws: draws for draws in (*prefixes, settings.draws)}
        self._done = 0
        self._divergences = 0
        self._reported = 0.0
        self.chains: Dict[int, ChainClock] = {}
        self.started = self._cpu_started = 0.0
        self._in_process = True

    def set_up(self, chain: int) -> None:
        """Note that a chain's trace is ready; PyMC3 calls this once it has compiled."""
        if not self.chains:
            self._timer.enter("tune")
            self.started = time.perf_counter()
            self._cpu_started = time.process_time()
        self.chains[chain] = ChainClock(cpu_before=time.process_time())

    def begin(self) -> float:
        """Note that sampling begins where no draw will be told of; return when, by ``time.perf_counter``."""
        self._timer.enter("tune")
        self.started = time.perf_counter()
        return self.started

    def end(self) -> None:
        """Note that it has ended."""
        self._timer.stop()

    def recorded(self, chain: int, stats: Optional[Sequence[Dict[str, Any]]]) -> None:
        """Note one draw of a chain, with the statistics of its step methods."""
        now = time.perf_counter()
        clock = self.chains[chain]
        clock.done += 1
        if clock.done == 1:
            clock.first = now
        if clock.done == self._settings.tune:
            clock.tuned = now
            clock.cpu_tuned = self._chain_cpu(chain)
        elif clock.done in self._ends:
            clock.ends[self._ends[clock.done]] = (now, self._chain_cpu(chain))
        self._done += 1
        tuning = clock.done <= self._settings.tune
        if not tuning and any(one.get("diverging") for one in stats or ()):
            self._divergences += 1
        if now - self._reported > self._REPORT_EVERY_S:
            self._reported = now
            phase = "tune" if tuning else "draw"
            self._listener(Progress(phase, self._done, self._total, self._divergences))

    def _chain_cpu(self, chain: int) -> float:
        """CPU seconds of a chain: of its own process, else of this one."""
        for process in multiprocessing.active_children():
            if process.name == f"worker_chain_{chain}" and process.pid is not None:
                self._in_process = False
                used = system.cpu_s_of(process.pid)
                if used is not None:
                    return used
        return time.process_time()

    def spans(self, draws: Optional[int] = None) -> List[Tuple[float, float, float]]:
        """Return (start, end of tuning, end) of each chain, seconds since sampling started.

        PyMC3 starts as many chains as there are cores, and each further one when one
        has ended; that gives the starts, which nothing else tells on every release.

        Parameters
        ----------
        draws : int, optional
            Of a run of so many draws, one of those that were asked about; of the whole one if not given.
        """
        whole = self._settings.draws
        clocks = [self.chains[chain] for chain in sorted(self.chains)]
        parallel = min(self._settings.cores, self._settings.chains)
        last = [clock.ends[whole][0] for clock in clocks]
        if all(end <= after.first for end, after in zip(last, clocks[1:])):
            parallel = 1
        ends = sorted(last)
        starts = [self.started] * parallel + ends[: len(clocks) - parallel]
        spans = [
            (start - self.started, (clock.tuned or start) - self.started, end - self.started)
            for start, clock, end in zip(starts, clocks, last)
        ]
        if draws in (None, whole):
            return spans
        # The later chains of a shorter run begin sooner.
        free, found = [0.0] * parallel, []
        for (start, tuned, _), clock in zip(spans, clocks):
            begin = heapq.heappop(free)
            end = begin + clock.ends[draws][0] - self.started - start
            heapq.heappush(free, end)
            found.append((begin, begin + tuned - start, end))
        return found

    def part(self, sampling: PhaseTime, draws: Optional[int] = None) -> Part:
        """Return what tuning and drawing took, of the whole run or of a shorter one that it holds.

        What ``pm.sample`` does after the last draw counts in full for a shorter run too, and is shared out
        between both as the rest is.

        Parameters
        ----------
        sampling : PhaseTime
            What the whole took, tuning and drawing together, seconds.
        draws : int, optional
            As :meth:`spans` has it.
        """
        of = self._settings.draws if draws is None else draws
        spans, whole = self.spans(of), self.spans()
        left_out = _end(whole) - _end(spans)
        wall_s, share = sampling.wall_s - left_out, tuning_share(spans)
        cpu_s = sampling.cpu_s - self._cpu_left_out(of, sampling.cpu_s, left_out / sampling.wall_s)
        tune_cpu = cpu_s * self._tune_cpu_share(of, cpu_s, share, wall_s / sampling.wall_s)
        return Part(
            PhaseTime(wall_s * share, tune_cpu),
            PhaseTime(wall_s * (1 - share), cpu_s - tune_cpu),
            sum(end - tuned for _, tuned, end in spans),
        )

    def _collecting_s(self) -> float:
        """Return the CPU seconds that this process has spent beside chains that have their own."""
        return time.process_time() - self._cpu_started

    def _cpu_left_out(self, draws: int, sampling_cpu_s: float, left_out: float) -> float:
        """Return the CPU seconds that a shorter run would not use; ``left_out`` is its share of time."""
        if draws == self._settings.draws:
            return 0.0
        used = sum(clock.ends[draws][1] for clock in self.chains.values())
        if self._in_process:
            return sum(clock.ends[self._settings.draws][1] for clock in self.chains.values()) - used
        # What this process used to collect the draws is shared out like the wall time. What a chain's
        # process used is known of the ends of shorter runs; of its own end, together with all others'.
        collecting = self._collecting_s()
        return max(0.0, sampling_cpu_s - collecting - used) + collecting * left_out

    def _tune_cpu_share(self, draws: int, cpu_s: float, wall_share: float, of_whole: float) -> float:
        """Return the share of sampling's CPU time that went into tuning.

        Chains that run in this process are told apart by its own clock. Of a chain with a
        process of its own the CPU time until its last tuning draw is known, and what this
        process used beside it, to collect the draws, is shared out like the wall time.
        """
        clocks = [clock for clock in self.chains.values() if clock.tuned]
        if self._in_process:
            tune = sum(clock.cpu_tuned - clock.cpu_before for clock in clocks)
            total = sum(clock.ends[draws][1] - clock.cpu_before for clock in clocks)
        else:
            tune = sum(clock.cpu_tuned for clock in clocks) + wall_share * of_whole * self._collecting_s()
            total = cpu_s
        return min(1.0, tune / total) if total > 0 else 0.0


def _end(spans: Sequence[Tuple[float, float, float]]) -> float:
    return max((end for _, _, end in spans), default=0.0)


def tuning_share(spans: Sequence[Tuple[float, float, float]]) -> float:
    """Return the share of wall time to count as tuning.

    At each moment the running chains that are tuning count as tuning and the others as
    drawing, in proportion; with one chain at a time this is plain addition.

    Parameters
    ----------
    spans : sequence of (float, float, float)
        For each chain its start, the end of its tuning and its end, seconds.

    Returns
    -------
    float
        Between 0 and 1; 0 where no chain ran at all.
    """
    edges = sorted({edge for span in spans for edge in span})
    tune = total = 0.0
    for left, right in zip(edges, edges[1:]):
        running = sum(start <= left < end for start, _, end in spans)
        tuning = sum(start <= left < tuned for start, tuned, _ in spans)
        if running:
            tune += (right - left) * tuning / running
            total += right - left
    return tune / total if total > 0 else 0.0
