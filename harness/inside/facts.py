"""What a stack's own process is made of: versions, BLAS with its threads, Theano's flags."""

import contextlib
import ctypes
import importlib
import os
import platform
import re
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Dict, List

from nutsbench.dialect import installed
from nutsbench.inside import system

#: Theano's flags that decide what is compiled, by their name without punctuation.
_THEANO_FLAGS = (
    "device",
    "floatX",
    "mode",
    "linker",
    "optimizer",
    "openmp",
    "cxx",
    "gcc.cxxflags",
    "blas.ldflags",
)

#: Libraries that have threads of their own: what they are of, their names, and who asks for threads.
_THREADED = (
    ("blas", "openblas", r"lib(?:scipy_)?openblas", "openblas_get_num_threads"),
    ("blas", "mkl", r"libmkl_rt", "MKL_Get_Max_Threads"),
    ("blas", "blis", r"libblis", "bli_thread_get_num_threads"),
    ("openmp", "openmp", r"lib(?:gomp|iomp5|omp)", "omp_get_max_threads"),
)
#: How OpenBLAS's names end in builds of others.
_SUFFIXES = ("", "64_", "_64")


def of_stack() -> Dict[str, Any]:
    """Return what this process's stack is made of; PyMC must be imported already.

    Returns
    -------
    dict
        ``python``, ``packages`` (versions by name), ``blas`` (libraries loaded, with
        their threads), and ``theano_flags``. No path is among them but the compiler's flags'.
    """
    tensors = importlib.import_module(installed.packages()[1])
    # This program is no part of the stack, though a checkout has its metadata beside what is on the path.
    found = {dist.metadata["Name"]: dist.version for dist in distributions()}
    packages = {name: version for name, version in found.items() if name != "nutsbench"}
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
        "blas": pools(),
        "theano_flags": {name: _theano_flag(tensors.config, name) for name in _THEANO_FLAGS},
    }


def pools() -> List[Dict[str, Any]]:
    """Return the BLAS and OpenMP libraries that this process has loaded.

    Returns
    -------
    list of dict
        ``user_api`` (blas or openmp), ``internal_api``, ``version``, ``num_threads`` and
        ``architecture``, each None where the library does not tell.
    """
    found = []
    for path in system.loaded_libraries():
        for user_api, internal_api, pattern, threads in _THREADED:
            if re.match(pattern, os.path.basename(path)):
                library = _opened(path)
                if library is None:
                    continue
                configuration = _text(library, "openblas_get_config")
                version = re.search(r"OpenBLAS (\S+)", configuration)
                found.append(
                    {
                        "user_api": user_api,
                        "internal_api": internal_api,
                        "version": version[1] if version else None,
                        "num_threads": _number(library, threads),
                        "architecture": _text(library, "openblas_get_corename") or None,
                    }
                )
    return found


def _opened(path: str) -> Any:
    # Only one that is loaded already: loading another would change what is measured.
    with contextlib.suppress(OSError):
        return ctypes.CDLL(path, mode=os.RTLD_NOLOAD)
    return None


def _function(library: Any, name: str) -> Any:
    for prefix in ("", "scipy_"):
        for suffix in _SUFFIXES:
            with contextlib.suppress(AttributeError):
                return getattr(library, f"{prefix}{name}{suffix}")
    return None


def _text(library: Any, name: str) -> str:
    function = _function(library, name)
    if function is None:
        return ""
    function.restype = ctypes.c_char_p
    return (function() or b"").decode(errors="replace")


def _number(library: Any, name: str) -> Any:
    function = _function(library, name)
    return None if function is None else int(function())


def _theano_flag(config: Any, name: str) -> str:
    """Read a flag as Theano 1.0 nests it or as Theano-PyMC spells it."""
    value = getattr(config, name.replace(".", "__"), None)
    if value is None:
        value = config
        for part in name.split("."):
            value = getattr(value, part, "")
    text = str(value)
    return Path(text).name if name == "cxx" else text
