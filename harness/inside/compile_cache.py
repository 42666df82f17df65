"""Theano's cache of compiled modules: warm it, count it, keep it clean. Only for workers.

Some of Theano's operations (Alloc, Shape, ViewOp) have no version, so no process may
take over the module that another one compiled: 0.4 s each, in every process anew. A
worker compiles a small model before it forks, so that its cells find the common ones.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Any, Dict, Iterable, Set

import numpy as np

from nutsbench.inside import ahead, modules, precompiled

#: What Theano writes at the head of an operation's code.
_OPERATION = re.compile(r"^// Op class (\w+)", re.MULTILINE)


def _module_cache() -> Any:
    try:
        from theano.link.c.basic import get_module_cache  # Theano-PyMC
    except ImportError:
        from theano.gof.cc import get_module_cache
    return get_module_cache()


def warm_up() -> None:
    """Build and compile a small regression and a matrix product, and forget them."""
    precompiled.use()
    ahead.compile_ahead("warm_up", _small_model)
    with modules.taken_over():
        _small_model()


def _small_model() -> None:
    import pymc3 as pm

    with pm.Model() as model:
        x = pm.Data("x", np.array([0.0, 1.0]))
        y = pm.Data("y", np.array([0.0, 1.0]))
        slope = pm.Normal("slope", 0, 1)
        error = pm.Exponential("error", lam=1)
        pm.Normal("y_hat", slope * x, error, observed=y)
    model.logp_dlogp_function(model.free_RVs)
    load_blas()


def load_blas() -> None:
    """Multiply two matrices, so that the BLAS that Theano links to is loaded and can be recorded."""
    import theano
    import theano.tensor as tt

    a, b = theano.shared(np.eye(2)), theano.shared(np.eye(2))
    theano.function([], tt.dot(a, b))()


def was_cold(made: Iterable[Path]) -> bool:
    """Return whether some modules are new to the cache: other processes can take them over.

    Parameters
    ----------
    made : iterable of Path
        Files of modules that this process made, by :func:`nutsbench.inside.modules.noted`.
    """
    return any(Path(file).with_name("key.pkl").exists() for file in made)


def cached_folders() -> Set[Path]:
    """Return the folders of the modules that other processes can take over from the cache."""
    from theano import config

    with os.scandir(config.compiledir) as entries:
        return {Path(entry.path) for entry in entries if Path(entry.path, "key.pkl").exists()}


def loaded_modules() -> Set[str]:
    """Return the files of the modules that this process has loaded."""
    return set(_module_cache().module_from_name)


def operations() -> Dict[str, str]:
    """Return, by the file of each module that this process has loaded, the operation that it computes."""
    found = {}
    for file in loaded_modules():
        try:
            source = Path(file).with_name("mod.cpp").read_text(errors="replace")
        except OSError:
            continue  # Of a process that has ended.
        named = _OPERATION.search(source)
        if named:
            found[file] = named.group(1)
    return found


def remove_unversioned(known: Set[str]) -> int:
    """Remove modules that no other process may use, and return how many there were.

    A fork ends without Theano's own cleaning, so they would pile up.

    Parameters
    ----------
    known : set of str
        Modules to leave alone: those that the fork got from its parent.
    """
    return remove_folders(loaded_modules() - known)


def remove_folders(files: Iterable[str]) -> int:
    """Remove those of some modules that no other process may use, and return how many there were.

    Parameters
    ----------
    files : iterable of str
        Files of modules.
    """
    folders = {Path(file).parent for file in files}
    unversioned = [folder for folder in folders if not (folder / "key.pkl").exists()]
    for folder in unversioned:
        shutil.rmtree(folder, ignore_errors=True)
    return len(unversioned)
