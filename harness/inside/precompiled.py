"""A precompiled header for the modules that Theano compiles: half of their time is headers that all have.

gcc takes a precompiled header only where it was made with the very flags of what is compiled, and else the
plain one without a word. So one is made for each set of flags, and kept beside the stack's compile cache. The
machine code is the same either way. What Theano caches modules by does not change: the header is added to
the command alone.
"""

import contextlib
import hashlib
import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

#: What Theano includes in every module, and what it includes in nearly half of them.
_TEXT = """#include <Python.h>
#include <iostream>
#include "theano_mod_helper.h"
#include <math.h>
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
#include <vector>
#include <algorithm>
"""
_NAME = "theano_includes.h"
#: What Theano compiles with beside a module's own flags, which a header has to be made with too.
DEBUG = "-g"
#: Which of these a header is made with.
_debug = [DEBUG]
#: How often a process uses a set of flags before a header is made for it, which takes as long as two modules.
_USES = 2
_LONGEST_S = 120.0


def use() -> None:
    """Have Theano compile with precompiled headers in this process; doing so twice changes nothing.

    Without g++, or where a header cannot be made, modules are compiled as ever.
    """
    compiler, includes = _theano()
    plain = compiler.compile_str
    if not hasattr(plain, "precompiled"):
        compiler.compile_str = staticmethod(_with_header(plain, includes))


@contextlib.contextmanager
def without_debug() -> Iterator[None]:
    """Make and take headers for modules without debugging information while the context lasts."""
    kept = _debug[:]
    _debug.clear()
    try:
        yield
    finally:
        _debug.extend(kept)


def cmodule() -> Any:
    """Return the module of Theano that compiles."""
    try:
        from theano.link.c import cmodule as found  # Theano-PyMC
    except ImportError:
        from theano.gof import cmodule as found
    return found


def linker() -> Any:
    """Return Theano's class that makes a compiled function of a piece of its graph."""
    try:
        from theano.link.c import basic  # Theano-PyMC
    except ImportError:
        from theano.gof import cc as basic
    return basic.CLinker


def cache_key(piece: Any) -> Any:
    """Return what Theano's own cache keeps an object of :func:`linker`'s class under; None if it cannot."""
    try:
        return piece.cmodule_key()
    except KeyError:
        return None


def is_cached(key: Any) -> bool:
    """Return whether Theano's own cache has a module under a key."""
    try:
        from theano.link.c.basic import get_module_cache  # Theano-PyMC
    except ImportError:
        from theano.gof.cc import get_module_cache
    return key is not None and key in get_module_cache().entry_from_key


def _theano() -> Any:
    """Return Theano's compiler, and the function that tells the folders of its standard headers."""
    found = cmodule()
    return found.GCC_compiler, found.std_include_dirs


def _with_header(plain: Callable[..., Any], includes: Callable[[], List[str]]) -> Callable[..., Any]:
    uses: Dict[Tuple[str, ...], int] = {}

    def compile_str(
        module_name: str,
        src_code: str,
        location: Any = None,
        include_dirs: Any = None,
        lib_dirs: Any = None,
        libs: Any = None,
        preargs: Any = None,
        py_module: bool = True,
        hide_symbols: bool = True,
    ) -> Any:
        flags = tuple(preargs or ())
        if src_code.lstrip().startswith("#include <Python.h>"):
            hidden = ("-fvisibility=hidden",) if hide_symbols else ()
            uses[flags + hidden] = uses.get(flags + hidden, 0) + 1
            header = _header((*flags, *hidden), tuple(includes()), uses[flags + hidden] >= _USES)
            flags = (*flags, "-include", header) if header else flags
        return plain(
            module_name,
            src_code,
            location,
            include_dirs,
            lib_dirs,
            libs,
            list(flags),
            py_module,
            hide_symbols,
        )

    compile_str.precompiled = True  # type: ignore[attr-defined]
    return compile_str


def _header(flags: Sequence[str], includes: Sequence[str], make: bool) -> str:
    """Return the path of the header for these flags; empty if there is none, and none is to be made."""
    from theano import config

    compiler = str(config.cxx)
    if not re.match(r"(.*-)?g\+\+", os.path.basename(compiler)):
        return ""  # clang++ has headers of its own kind.
    text = "\0".join([_TEXT, version(compiler), _of_headers(tuple(includes)), *_debug, *flags, *includes])
    folder = Path(config.base_compiledir, f"precompiled-{hashlib.sha256(text.encode()).hexdigest()[:16]}")
    header = folder / _NAME
    known = header.with_suffix(".h.gch").exists() or (
        make and _make(compiler, header, (*_debug, *flags), includes)
    )
    return str(header) if known else ""


@lru_cache(maxsize=None)
def _of_headers(includes: Sequence[str]) -> str:
    """Return what tells the headers of one environment from those that may come in its place."""
    import numpy

    own = [Path(folder, "theano_mod_helper.h") for folder in includes]
    texts = [path.read_text() for path in own if path.is_file()]
    return "\0".join([sys.version, numpy.__version__, *texts])


@lru_cache(maxsize=None)
def version(compiler: str) -> str:
    """Return what a compiler says that it is, empty if it does not run."""
    try:
        done = subprocess.run([compiler, "--version"], capture_output=True, text=True, timeout=_LONGEST_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.partition("\n")[0]


@lru_cache(maxsize=None)
def _make(compiler: str, header: Path, flags: Sequence[str], includes: Sequence[str]) -> bool:
    """Make a precompiled header, as one step for whoever looks; return whether it is there."""
    target = header.with_suffix(".h.gch")
    new = header.with_suffix(f".{os.getpid()}")
    try:
        header.parent.mkdir(parents=True, exist_ok=True)
        if not header.exists():
            new.write_text(_TEXT)
            new.replace(header)
        command = [compiler, *flags, *(f"-I{folder}" for folder in includes if folder)]
        command += ["-x", "c++-header", "-o", str(new), str(header)]
        done = subprocess.run(command, capture_output=True, timeout=_LONGEST_S)
        if done.returncode == 0:
            new.replace(target)
            return True
    except (OSError, subprocess.TimeoutExpired):
        pass
    if new.exists():
        new.unlink()
    return False
