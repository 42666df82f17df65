"""Counts the instructions of the NUTS core, under valgrind: the same on every machine of an architecture.

``valgrind ... python -m nutsbench.inside.instructions SOCKET PARENT LIBRARY PREFIX`` imports a stack once,
and forks for each model that it is asked for. A model's core comes pickled from a process that has compiled
it, for under valgrind that takes ten times as long. :mod:`nutsbench.track.counts` starts it and asks it.

An instruction is no time: one that waits for memory counts as one that does not, and neither the clock
nor the order in which the compiler puts them shows.
"""

import ctypes
import gc
import json
import os
import pickle
import random
import select
import shutil
import signal
import socket
import sys
import time
import traceback
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from nutsbench import models
from nutsbench.inside import callgrind, compile_cache, core, modules

#: Instructions of the gradient that a count is made of, about: what is done once (two calls through ctypes)
#: is then less than a thousandth of it.
_ENOUGH, _MOST_CALLS = 5_000_000, 100
#: CPython 3.8 compiles caches into a function at its 1,024th call. Calls that compute for longer than this,
#: CPU seconds under valgrind, are fewer: those caches are little of what they do.
_WARM_CALLS, _WARM_CALL_S, _FEWEST_CALLS = 1100, 0.003, 3
#: Leapfrogs of transitions; and from how many instructions of a gradient on all is counted once, with fewer
#: of them: what depends on addresses is little of it.
_LEAPFROGS, _HEAVY, _LEAPFROGS_OF_HEAVY = 24, 2_500_000, 15
#: CPython finds attributes through a table whose collisions follow from addresses. So each call is counted
#: with some tables, in which these packages' types have other numbers; that with the least collisions counts.
_TABLES, _TABLES_OF_TRANSITIONS = 16, 4
_PACKAGES = frozenset({"builtins", "numpy", "theano", "pymc3", "cutils_ext", "lazylinker_ext"})
#: How often it looks whether its parent still lives, seconds.
_LOOK_S = 1.0
#: How often it looks whether a count is done, seconds.
_WAIT_S = 0.02
#: A graph of Theano is as deep as it has operations.
_DEEP = 50_000


def _types() -> List[type]:
    """Return all types of :data:`_PACKAGES`, in an order that follows from their names."""
    found: Dict[int, type] = {}
    todo: List[type] = [object]
    while todo:
        kinds: List[type] = type.__subclasses__(todo.pop())
        for one in kinds:
            if id(one) not in found:
                found[id(one)] = one
                todo.append(one)
    ours = [one for one in found.values() if str(one.__module__).partition(".")[0] in _PACKAGES]
    return sorted(ours, key=lambda one: (str(one.__module__), one.__qualname__))


def _another_table(types: Sequence[type]) -> None:
    """Have CPython number its types anew, in this order, so that other attributes collide in its table."""
    sys._clear_type_cache()
    for _ in map(attrgetter("__doc__"), types):
        pass


class Counter:
    """Counts calls in this process, which runs under callgrind.

    Parameters
    ----------
    requests : Path
        The library of ``callgrind_requests.c``.
    prefix : str
        Where callgrind writes the counts of its first process; those of a fork have its own number.

    Raises
    ------
    RuntimeError
        If it does not.
    """

    def __init__(self, requests: Path, prefix: str) -> None:
        self._library = ctypes.CDLL(str(requests))
        if not self._library.nutsbench_is_counted():
            raise RuntimeError("this process does not run under valgrind")
        self._prefix, self._parts = prefix, 0
        types = _types()
        self._orders = [random.Random(table).sample(types, len(types)) for table in range(_TABLES)]

    def __enter__(self) -> "Counter":
        # What is done under it takes fifty times as long, and each beginning translates all code anew.
        gc.collect()
        gc.disable()
        self._library.nutsbench_begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._library.nutsbench_end()
        gc.enable()

    def of_a_fork(self) -> "Counter":
        """Return this counter in a fork of its process: callgrind begins anew to number its files."""
        self._parts = 0
        return self

    def count(
        self,
        call: Callable[[], object],
        calls: int,
        tables: int,
        fill: Optional[Callable[[], object]] = None,
    ) -> List[Path]:
        """Count some calls with each of some tables of attributes, and return callgrind's files.

        What ``fill`` does, a call if not given, fills a table.
        """
        turns, files = range(calls), []
        for order in self._orders[:tables]:
            _another_table(order)
            (fill or call)()
            self._library.nutsbench_toggle()
            for _ in turns:
                call()
            self._library.nutsbench_toggle()
            self._library.nutsbench_dump()
            self._parts += 1
            files.append(Path(f"{self._prefix}.{os.getpid()}.{self._parts}"))
        return files


def _warm(call: Callable[[], object]) -> None:
    began = time.process_time()
    for _ in range(_FEWEST_CALLS):
        call()
    if (time.process_time() - began) / _FEWEST_CALLS < _WARM_CALL_S:
        for _ in range(_WARM_CALLS):
            call()


def dump(one: core.Core, path: Path) -> bool:
    """Pickle a model's core; return whether it could be: what a user's functions hold sometimes cannot.

    Parameters
    ----------
    one : Core
        The core.
    path : Path
        The file to write.
    """
    sys.setrecursionlimit(_DEEP)
    try:
        path.write_bytes(pickle.dumps(one, protocol=4))
    except Exception as error:
        print(f"compiled again under valgrind: {type(error).__name__}: {error}", file=sys.stderr)
        return False
    return True


def _core(name: str, pickled: Optional[Path]) -> Tuple[core.Core, bool, Dict[str, str]]:
    """Return a model's core, whether modules had to be compiled that the cache lacked, and their names."""
    known = compile_cache.loaded_modules()
    with modules.taken_over(), modules.noted() as made:
        one = pickle.loads(pickled.read_bytes()) if pickled else core.Core(models.get(name))
    named, cold = compile_cache.operations(), compile_cache.was_cold(made)
    compile_cache.remove_unversioned(known)
    return one, cold, named


def count(
    name: str, pickled: Optional[Path], counter: Counter, leapfrogs: int = 0, tables: int = 1
) -> Dict[str, Any]:
    """Count a model's core, in this process.

    Parameters
    ----------
    name : str
        The model.
    pickled : Path, optional
        Its core as :func:`dump` wrote it; without it is compiled here.
    counter : Counter
        What counts.
    leapfrogs : int
        Count nothing but transitions, of so many leapfrogs.
    tables : int
        With so many tables of attributes; of transitions alone.

    Returns
    -------
    dict
        By workload (gradient, leapfrog, and transitions: those of each of their leapfrogs) callgrind's files,
        and of how many of it each is: ``files``, ``numbers``. ``operations``: by the file of a compiled
        module what it computes. ``cold``: whether something had to be compiled first, which disturbs a count;
        then there are none.
    """
    one, cold, named = _core(name, pickled)
    if cold:
        return {"cold": True}
    found = _of_transitions(one, counter, leapfrogs, tables) if leapfrogs else _of_all(one, counter)
    return {"cold": False, "operations": named, **found}


def _of_transitions(one: core.Core, counter: Counter, leapfrogs: int, tables: int) -> Dict[str, Any]:
    few = partial(one.leapfrogs, _LEAPFROGS)
    _warm(one.leapfrog)
    few()  # What a first run fills.
    with counter:
        files = counter.count(partial(one.leapfrogs, leapfrogs), 1, tables, few)
    return {"files": {"transitions": [path.name for path in files]}, "numbers": {"transitions": leapfrogs}}


def _of_all(one: core.Core, counter: Counter) -> Dict[str, Any]:
    for call in (one.gradient, one.leapfrog, partial(one.leapfrogs, _LEAPFROGS)):
        _warm(call)
    with counter:
        (first,) = counter.count(one.gradient, 1, 1)
        gradient = callgrind.total(first)
        first.unlink()
        heavy = gradient > _HEAVY
        tables, of_transitions = (1, 1) if heavy else (_TABLES, _TABLES_OF_TRANSITIONS)
        calls = max(1, min(_MOST_CALLS, round(_ENOUGH / gradient)))
        leapfrogs = _LEAPFROGS_OF_HEAVY if heavy else _LEAPFROGS
        # In a fork, at the same time: a count does not mind what else runs.
        transitions = _beside(
            lambda: counter.of_a_fork().count(partial(one.leapfrogs, leapfrogs), 1, of_transitions)
        )
        files = {
            "gradient": counter.count(one.gradient, calls, tables),
            "leapfrog": counter.count(one.leapfrog, calls, tables),
            "transitions": transitions(),
        }
    return {
        "files": {workload: [path.name for path in paths] for workload, paths in files.items()},
        "numbers": {"gradient": calls, "leapfrog": calls, "transitions": leapfrogs},
    }


def _beside(function: Callable[[], List[Path]]) -> Callable[[], List[Path]]:
    """Begin a function in a fork, and return what waits for the files that it returns."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.write(writing, "\n".join(map(str, function())).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)

    def wait() -> List[Path]:
        with os.fdopen(reading, "rb") as pipe:
            lines = pipe.read().decode().splitlines()
        if os.waitpid(pid, 0)[1] != 0:
            raise RuntimeError("a process that counted has failed")
        return [Path(line) for line in lines]

    return wait


def _answer(request: Mapping[str, Any], counter: Counter) -> Dict[str, Any]:
    try:
        for file in request["models_files"]:
            models.load_file(Path(file))
        path = Path(request["pickle"]) if request["pickle"] else None
        return count(str(request["model"]), path, counter, request["leapfrogs"], request["tables"])
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def _serve(connection: socket.socket, counter: Counter, parent: int) -> None:
    """Answer one request, in a fork: what it compiles and loads is gone with it."""
    pid = os.fork()
    if pid:
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if not _lives(parent):
                os.kill(pid, signal.SIGKILL)
            time.sleep(_WAIT_S)
        return
    code = 1
    try:
        with connection.makefile("rw") as stream:
            stream.write(json.dumps(_answer(json.loads(stream.readline()), counter)) + "\n")
        code = 0
    finally:
        os._exit(code)


def main(arguments: Sequence[str]) -> None:
    """Serve at a socket until the parent is gone.

    Parameters
    ----------
    arguments : sequence of str
        Path of the socket, number of the process to end with, path of the library, prefix of the counts.
    """
    import theano

    place, parent, requests, prefix = arguments
    try:
        sys.setrecursionlimit(_DEEP)
        # What is unpickled has been optimised.
        theano.config.reoptimize_unpickled_function = False
        compile_cache.warm_up()
        _serve_all(Path(place), int(parent), Counter(Path(requests), prefix))
    finally:
        # Nobody else knows of it once the parent is gone.
        shutil.rmtree(Path(place).parent, ignore_errors=True)


def _serve_all(place: Path, parent: int, counter: Counter) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        # Named when it is ready: who can connect is answered.
        server.bind(f"{place}.new")
        server.listen(1)
        os.rename(f"{place}.new", place)
        while _lives(parent):
            if select.select([server], [], [], _LOOK_S)[0]:
                connection, _ = server.accept()
                with connection:
                    _serve(connection, counter, parent)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
