"""Compiles the modules that a model needs on all processors, before the model is built for a measurement.

Theano compiles one module after the other, as its graph asks for each: PyMC3 wants every
operation's value as soon as it is made. So a fork builds the model first with Theano's Python
implementations, hands each operation's C source to as many compilers as there are processors, and ends. What
they make is in the store (:mod:`nutsbench.inside.modules`) when the cell asks for it. What the fork
cannot do, or a module that it has not seen, is compiled by the cell as ever.
"""

import contextlib
import hashlib
import os
import signal
import sys
import tempfile
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Set
from unittest import mock

from nutsbench.inside import modules, precompiled

#: How long the fork may take; what it has compiled by then is kept.
_LONGEST_S = 300.0
_POLL_S = 0.01


class _Taken(BaseException):
    """A module's source has been taken to be compiled elsewhere; no error that Theano would look into."""


def compile_ahead(what: str, build: Callable[[], Any]) -> Dict[str, Any]:
    """Compile what building something needs, once for each Theano, PyMC3 and set of flags.

    Parameters
    ----------
    what : str
        What is built, so that it is done once.
    build : callable
        Builds it, in a fork of this process.

    Returns
    -------
    dict
        ``modules``, how many were compiled, and ``wall_s``; empty where it was done before, or there is no
        store.
    """
    kept = modules.store()
    mark = _mark(what)
    if kept is None or kept.get(mark) is not None:
        return {}
    began = time.perf_counter()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _collect(build, writing)
    os.close(writing)
    done = _wait(pid)
    with os.fdopen(reading) as told:
        count = told.read()
    if done:
        kept.put(mark, b"")
    return {"modules": int(count or 0), "wall_s": time.perf_counter() - began}


def _mark(what: str) -> str:
    """Return the key under which the store keeps that something was done."""
    import pymc3
    import theano

    compiler = precompiled.cmodule().GCC_compiler
    known = [what, sys.version, theano.__version__, theano.__file__, pymc3.__version__, pymc3.__file__]
    known += [precompiled.version(str(theano.config.cxx)), *compiler.compile_args()]
    return hashlib.sha256("\0".join(["ahead", *known]).encode()).hexdigest()


def _wait(pid: int) -> bool:
    """Wait for the fork, and return whether it came to its end."""
    deadline = time.monotonic() + _LONGEST_S
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status == 0
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False
        time.sleep(_POLL_S)


def _collect(build: Callable[[], Any], count: int) -> None:
    """Build something, compile its modules, tell how many these were, and end; never returns."""
    status = 1
    try:
        with collected() as found:
            build()
        os.write(count, str(len(found)).encode())
        status = 0
    except BaseException:
        # The cell itself will fail in the same way, and be told of.
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@contextlib.contextmanager
def collected() -> Iterator[Dict[str, "Future[None]"]]:
    """Let Theano work in Python while the context lasts, and compile its modules into the store beside that.

    Yields
    ------
    dict of Future
        By key what is being compiled; all of it is done when the context has ended.
    """
    kept, cmodule, linker = modules.store(), precompiled.cmodule(), precompiled.linker()
    assert kept is not None
    pending: Dict[str, Future[None]] = {}
    seen: Set[Any] = set()
    is_piece = False
    plain, factory = cmodule.output_subprocess_Popen, linker.cthunk_factory

    with contextlib.ExitStack() as helped:
        folder = Path(helped.enter_context(tempfile.TemporaryDirectory(prefix="nutsbench-ahead-")))
        pool = helped.enter_context(ThreadPoolExecutor(len(os.sched_getaffinity(0))))

        def compiled(command: Any, options: Any, key: str, target: Path) -> None:
            # It takes a seventh of the time, and changes no instruction.
            if plain([word for word in command if word != precompiled.DEBUG], **options)[2] == 0:
                kept.put(key, target.read_bytes())

        def run(command: Any, **options: Any) -> Any:
            named = modules.parts(command)
            if named is None or not is_piece:  # Of Theano's own, which it needs at once.
                return plain(command, **options)
            source, target, words = named
            key = modules.key_of(source, words)
            if key not in pending and kept.get(key) is None:
                pending[key] = pool.submit(compiled, command, options, key, target)
            raise _Taken

        def cthunk_factory(self: Any, *arguments: Any, **options: Any) -> Any:
            nonlocal is_piece
            key = precompiled.cache_key(self)
            if precompiled.is_cached(key):
                return factory(self, *arguments, **options)
            if key in seen:
                raise NotImplementedError
            seen.update(() if key is None else (key,))
            is_piece = True
            try:
                self.compile_cmodule(tempfile.mkdtemp(dir=str(folder)))
            except _Taken:
                pass
            finally:
                is_piece = False
            # Theano takes an operation's Python implementation then.
            raise NotImplementedError

        helped.enter_context(precompiled.without_debug())
        helped.enter_context(mock.patch.object(cmodule, "output_subprocess_Popen", run))
        helped.enter_context(mock.patch.object(linker, "cthunk_factory", cthunk_factory))
        yield pending
