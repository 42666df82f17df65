"""Counts the instructions of the NUTS core, under valgrind: the same on every machine of an architecture.

``valgrind --tool=callgrind ... python -m harness.instructions SOCKET PARENT`` imports a stack once, and
then forks for each model that it is asked for: importing PyMC3 under valgrind takes longer than all the
rest. :mod:`harness.tracking.counts` starts it and asks it.

An instruction is no time: one that waits for memory counts as one that does not, and neither the clock
nor the order in which the compiler puts them shows.
"""

import ctypes
import gc
import json
import os
import random
import re
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
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

import models
from harness import compile_cache, core

#: Instructions of the gradient that a count is made of, about: what is done once (two calls through ctypes)
#: is then less than a thousandth of it.
_ENOUGH, _MOST_CALLS = 20_000_000, 300
#: CPython 3.8 compiles caches into a function at its 1,024th call. Calls that compute for longer than this,
#: CPU seconds under valgrind, are fewer: those caches are little of what they do.
_WARM_CALLS, _WARM_CALL_S, _FEWEST_CALLS = 1100, 0.003, 3
#: Leapfrogs of transitions; and from how many instructions of a gradient on all is counted once, with fewer
#: of them: what depends on addresses is little of it.
_LEAPFROGS, _HEAVY, _LEAPFROGS_OF_HEAVY = 40, 2_500_000, 15
#: CPython finds attributes through a table whose collisions follow from addresses; a count is over some
#: tables, in which these packages' types have other numbers.
_TABLES = 4
_PACKAGES = frozenset({"builtins", "numpy", "theano", "pymc3", "cutils_ext", "lazylinker_ext"})
#: Its generic lookup in a dictionary probes by the addresses of objects: of one program 1 to 3 % of all
#: instructions, and all that differs much from process to process. So its own are not counted.
_BY_ADDRESS = frozenset({"lookdict"})
#: How often it looks whether its parent still lives, seconds.
_LOOK_S = 1.0
#: How often it looks whether a count is done, seconds.
_WAIT_S = 0.02

_FOLDED = re.compile(r"\((\d+)\)(?: (.*))?")
#: Where instructions are spent, by the name of the library; the first that fits.
KINDS = ("python", "numpy", "compiled", "libm and BLAS", "other")


def kind_of(library: str, compiledir: str) -> str:
    """Return which of :data:`KINDS` a library's instructions are.

    Parameters
    ----------
    library : str
        Path of the shared library or program.
    compiledir : str
        Theano's folder of compiled modules.
    """
    name = os.path.basename(library)
    if compiledir and library.startswith(compiledir):
        return "compiled"
    if re.match(r"(lib)?python\d", name):
        return "python"
    if re.match(r"lib(m|mvec)[-.]|lib(open)?blas|liblapack|libgfortran|libquadmath", name):
        return "libm and BLAS"
    if "/scipy/linalg/" in library or "umath_linalg" in name:
        return "libm and BLAS"
    return "numpy" if "/numpy/" in library else "other"


def _name(text: str, known: Dict[str, str]) -> str:
    """Return the name that callgrind folds into a number where it says it again."""
    found = _FOLDED.match(text)
    if not found:
        return text
    number, name = found.groups()
    if name:
        known[number] = name
    return known.get(number, number)


def _own_costs(lines: Iterator[str]) -> Iterator[Tuple[str, str, int]]:
    """Yield library, function and own instructions of each line of a callgrind file that has any."""
    libraries: Dict[str, str] = {}
    functions: Dict[str, str] = {}
    library, function, of_call = "", "", False
    for line in lines:
        key, _, text = line.partition("=")
        if key == "ob":
            library = _name(text.strip(), libraries)
        elif key == "fn":
            function = _name(text.strip(), functions)
        elif key == "cob":
            _name(text.strip(), libraries)
        elif key == "cfn":
            _name(text.strip(), functions)
        elif key == "calls":
            of_call = True  # The next line's cost is that of what was called.
        elif line[:1] in "+-*" or line[:1].isdigit():
            parts = line.split()
            if len(parts) > 1 and not of_call:
                yield library, function, int(parts[1])
            of_call = False


def read(path: Path, compiledir: str) -> Dict[str, int]:
    """Return how many instructions of each of :data:`KINDS` a callgrind file counts.

    Parameters
    ----------
    path : Path
        The file.
    compiledir : str
        Theano's folder of compiled modules.

    Raises
    ------
    ValueError
        If it counts none.
    """
    by_kind = dict.fromkeys(KINDS, 0)
    with path.open() as file:
        for library, function, cost in _own_costs(file):
            if function.partition("'")[0] not in _BY_ADDRESS:
                by_kind[kind_of(library, compiledir)] += cost
    if not any(by_kind.values()):
        raise ValueError(f"{path.name} counts nothing")
    return by_kind


def _types() -> List[type]:
    """Return all types of :data:`_PACKAGES`, in an order that follows from their names."""
    found: Dict[int, type] = {}
    todo: List[type] = [object]
    while todo:
        for one in type.__subclasses__(todo.pop()):
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
        from theano import config

        self._library = ctypes.CDLL(str(requests))
        if not self._library.nutsbench_is_counted():
            raise RuntimeError("this process does not run under valgrind")
        self._prefix, self._compiledir, self._parts = prefix, str(config.compiledir), 0
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

    def count(self, call: Callable[[], object], calls: int = 1, tables: int = 1) -> Dict[str, int]:
        """Return the instructions of some calls by :data:`KINDS`, over some tables of attributes."""
        turns = range(calls)
        for order in self._orders[:tables]:
            _another_table(order)
            if calls > 1:
                call()  # Fills the table.
            self._library.nutsbench_toggle()
            for _ in turns:
                call()
            self._library.nutsbench_toggle()
        self._library.nutsbench_dump()
        self._parts += 1
        path = Path(f"{self._prefix}.{os.getpid()}.{self._parts}")
        found = read(path, self._compiledir)
        path.unlink()
        return found


def _warm(call: Callable[[], object]) -> None:
    began = time.process_time()
    for _ in range(_FEWEST_CALLS):
        call()
    if (time.process_time() - began) / _FEWEST_CALLS < _WARM_CALL_S:
        for _ in range(_WARM_CALLS):
            call()


def count(name: str, counter: Counter) -> Dict[str, Any]:
    """Count a model's core, in this process.

    Parameters
    ----------
    name : str
        The model.
    counter : Counter
        What counts.

    Returns
    -------
    dict
        ``instructions`` and ``shares`` by workload (gradient, leapfrog, and transitions: those of each of
        their leapfrogs); ``leapfrogs`` of the transitions; ``cold``, whether something had to be compiled
        first, which disturbs a count.
    """
    known, cached = compile_cache.loaded_modules(), compile_cache.cached_modules()
    one = core.Core(models.get(name))
    compile_cache.remove_unversioned(known)
    if compile_cache.cached_modules() > cached:
        return {"cold": True}
    for call in (one.gradient, one.leapfrog, partial(one.leapfrogs, _LEAPFROGS)):
        _warm(call)
    with counter:
        gradient = sum(counter.count(one.gradient).values())
        heavy = gradient > _HEAVY
        tables = 1 if heavy else _TABLES
        calls = max(1, min(_MOST_CALLS, round(_ENOUGH / gradient / tables)))
        leapfrogs = _LEAPFROGS_OF_HEAVY if heavy else _LEAPFROGS
        of_transitions = max(1, tables // 2)
        # By workload what it costs, and how many there are of it.
        counted = {
            "gradient": (counter.count(one.gradient, calls, tables), calls * tables),
            "leapfrog": (counter.count(one.leapfrog, calls, tables), calls * tables),
            "transitions": (
                counter.count(partial(one.leapfrogs, leapfrogs), 1, of_transitions),
                leapfrogs * of_transitions,
            ),
        }
    return {
        "cold": False,
        "instructions": {
            name: round(sum(found.values()) / number) for name, (found, number) in counted.items()
        },
        "shares": {
            name: {kind: round(cost / sum(found.values()), 3) for kind, cost in found.items()}
            for name, (found, _) in counted.items()
        },
        "leapfrogs": leapfrogs,
    }


def _answer(request: Mapping[str, Any], counter: Counter) -> Dict[str, Any]:
    try:
        for file in request.get("models_files", ()):
            models.load_file(Path(file))
        return count(str(request["model"]), counter)
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


def main(arguments: Tuple[str, ...]) -> None:
    """Serve counts at a socket until the parent is gone.

    Parameters
    ----------
    arguments : tuple of str
        Path of the socket, number of the process to end with, path of the library, prefix of the counts.
    """
    place, parent, requests, prefix = arguments
    try:
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
    main(tuple(sys.argv[1:]))
