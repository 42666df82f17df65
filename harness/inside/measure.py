"""The NUTS core, measured when a host's benchmarks ask: times, memory, compiling.

Each function runs in a fork of a process that has imported the stack, which ends with it.
"""

from pathlib import Path
from typing import Any, Dict, List, Optional

from nutsbench import models
from nutsbench.inside import core, instructions, samples, system, yardstick


def core_of(model: str, processes: int, pickle: str = "", call: str = "") -> Dict[str, Any]:
    """Build, compile and time a model's core.

    Parameters
    ----------
    model : str
        The model.
    processes : int
        How many forks time it, one after the other.
    pickle : str
        File for the compiled core, for who counts its instructions; empty to keep none.
    call : str
        The one workload to time (gradient, leapfrog or transitions), with the seconds of each burst too;
        empty for all.

    Returns
    -------
    dict
        ``compile``: CPU time of building and compiling, in units of one call of
        :func:`nutsbench.inside.yardstick.work`, None if the cache was not warm. ``values``: by workload a
        value a process, in these units; of one workload ``seconds``, CPU seconds of a call in each burst.
        ``leapfrogs`` of the transitions. ``peak_rss_bytes`` of the process that compiled and made them.
        ``pickled``: whether it could be.
    """
    one, spent = samples.compiled(model)
    found: Dict[str, Any] = {"compile": spent}
    if call:
        values, found["seconds"] = samples.of_call(getattr(one, call), processes)
        found["values"] = {call: values}
    else:
        found["values"] = samples.of_compiled(one, processes)
    # In a fork: it would be part of this process's peak memory.
    found["pickled"] = bool(pickle) and samples.in_fork(lambda: instructions.dump(one, Path(pickle)))
    found["leapfrogs"] = one.transitions()
    found["peak_rss_bytes"] = system.own_peak_rss_bytes()
    return found


def compiling(model: str, cpu: int) -> Dict[str, Optional[float]]:
    """Return the CPU time of building and compiling with a warm cache, on one CPU: ``compile``, as above."""
    system.pin({cpu})
    return {"compile": samples.compiled(model)[1]}


def cold(model: str) -> Dict[str, float]:
    """Return the wall seconds of building and compiling with an empty cache: ``seconds``."""
    return {"seconds": core.cold_compile_s(model)}


def reference(readings: int, cpu: Optional[int] = None) -> Dict[str, List[float]]:
    """Return the CPU seconds of a piece of reference work, so many times, on one CPU or any: ``readings``."""
    if cpu is not None:
        system.pin({cpu})
    return {"readings": [samples.reference_s() for _ in range(readings)]}


def plain(readings: int) -> Dict[str, List[float]]:
    """Return the CPU seconds of a piece of plain Python, so many times: ``readings``."""
    yardstick.plain_work()
    return {"readings": [samples.seconds_of(yardstick.plain_work, 1) for _ in range(readings)]}


def digest(model: str) -> Dict[str, str]:
    """Return the digest of a model as this stack has it: ``digest``."""
    return {"digest": models.model_digest(models.get(model))}
