"""Where a cell is measured: processor, compiler, BLAS, threads, versions, load, commit.

What a stack is made of, its own process tells (:mod:`nutsbench.inside.facts`). No path and no
host name is among the answers, so that they can be shared.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

import platformdirs
import psutil

from nutsbench.base import git
from nutsbench.base.paths import CHECKOUT, importable
from nutsbench.inside import engines, modules
from nutsbench.stacks.stack import Stack

#: What limits the threads of OpenMP and of each BLAS; read at import, so set before it.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)

#: Linker flags of BLAS libraries, best first.
BLAS_FLAGS = ("-lopenblas", "-lmkl_rt", "-lblis", "-lblas")

#: Seconds after which a process looks again whether another still compiles: Theano's own five to ten
#: are longer than most modules take. The second, after which a lock counts as left behind, is Theano's.
_COMPILE_LOCK = {"wait": 1, "timeout": 120}

#: A third of a core used by others is felt on a machine of two.
_BUSY_PER_CORE = 0.15


def usable_cores() -> int:
    """Return how many processors this process may run on."""
    return len(os.sched_getaffinity(0))


def processor() -> str:
    """Return the processor's model name."""
    names = [one["model name"] for one in _cpuinfo() if "model name" in one]
    return " ".join(names[0].split()) if names else platform.processor() or platform.machine()


def _cpuinfo() -> List[Dict[str, str]]:
    """Return what the kernel says of each processor, by its own names; nothing where it does not."""
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return []
    blocks = [
        re.findall(r"^([^:\n\t]+?)\s*:[ \t]*(.*)$", block, re.MULTILINE) for block in text.split("\n\n")
    ]
    return [dict(block) for block in blocks if block]


#: What tells one generation of processors from another: of x86, and under Arm's names.
_GENERATION = {
    "vendor": ("vendor_id", "CPU implementer"),
    "family": ("cpu family", "CPU architecture"),
    "model": ("model", "CPU part"),
    "stepping": ("stepping", "CPU revision"),
}
#: Vector instructions, widest first: compilers and BLAS choose their code by them.
_VECTORS = ("avx512f", "avx2", "avx", "sse4_2", "sve2", "sve", "asimd")


def cpu() -> Dict[str, Any]:
    """Return what kind of processor it is, beyond its name: two generations may share that.

    Nothing in it changes from boot to boot: no frequency and no BogoMIPS. Nor is the microcode part
    of it, which every update of the system may replace: a history would begin anew each time.

    Returns
    -------
    dict
        ``architecture``; ``vendor``, ``family``, ``model`` and ``stepping``, each with all values
        that the processors have; ``vectors``; ``caches`` by level and kind, in the kernel's words.
    """
    known = _cpuinfo()

    def values(names: Tuple[str, ...]) -> str:
        return "+".join(sorted({one[name] for one in known for name in names if name in one}))

    flags = set(values(("flags", "Features")).replace("+", " ").split())
    return {
        "architecture": platform.machine(),
        **{name: values(names) for name, names in _GENERATION.items()},
        "vectors": next((name for name in _VECTORS if name in flags), ""),
        "caches": _caches(),
    }


def _caches() -> Dict[str, str]:
    found: Dict[str, Set[str]] = {}
    for folder in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cache/index*"):
        try:
            level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        found.setdefault(f"L{level} {kind.lower()}", set()).add(size)
    return {name: "+".join(sorted(sizes)) for name, sizes in sorted(found.items())}


def governors() -> List[str]:
    """Return the frequency governors in use; none where the machine does not tell."""
    files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    return sorted({path.read_text().strip() for path in files})


@lru_cache(maxsize=1)
def compiler() -> Optional[str]:
    """Return the first line that ``g++ --version`` prints, ``None`` without a compiler."""
    path = shutil.which("g++")
    if path is None:
        return None
    done = subprocess.run([path, "--version"], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.splitlines()[0] if done.stdout else None


@lru_cache(maxsize=1)
def blas_flags() -> str:
    """Return the linker flags of a BLAS that this machine can link to, empty if it has none.

    A trial: a program that calls ``dgemm_`` is linked with one library after the other.
    Theano's own search fails on NumPy 1.22 and falls back to a slower one in silence.
    """
    if compiler() is None:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "try.c"
        source.write_text("void dgemm_(void); int main(void) { dgemm_(); return 0; }\n")
        for flags in BLAS_FLAGS:
            command = ["g++", "-x", "c", str(source), "-x", "none", "-o", f"{folder}/try", flags]
            if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                return flags
    return ""


def modules_store() -> Path:
    """Return the folder of compiled modules that all stacks and checkouts of a user share."""
    given = os.environ.get(modules.VARIABLE)
    return Path(given or Path(platformdirs.user_cache_dir("nutsbench"), "modules")).absolute()


def worker_variables(compiledir: Path, theano_pymc: bool, threads: int) -> Dict[str, str]:
    """Return the environment variables that a stack's process is started with.

    Parameters
    ----------
    compiledir : Path
        The stack's compile cache.
    theano_pymc : bool
        Whether the stack has Theano-PyMC, which spells its flags in another way.
    threads : int
        Threads of BLAS and OpenMP.
    """
    dot = "__" if theano_pymc else "."
    flags = [f"base_compiledir={compiledir}", f"blas{dot}ldflags={blas_flags()}"]
    flags += [f"compile{dot}{name}={seconds}" for name, seconds in _COMPILE_LOCK.items()]
    own = os.environ.get("THEANO_FLAGS", "")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name not in ("VIRTUAL_ENV", "THEANO_FLAGS", "THEANORC")
    }
    return {
        **kept,
        **{name: str(threads) for name in THREAD_VARIABLES},
        # The user's flags come last, so they win; a file of flags in the home folder does not count.
        "THEANO_FLAGS": ",".join([*flags, *([own] if own else [])]),
        "THEANORC": os.devnull,
        "MPLBACKEND": "agg",
        "MATPLOTLIBRC": str(Path(__file__).resolve().parent / "matplotlibrc"),
        "PYTHONPATH": str(importable()),
        modules.VARIABLE: str(modules_store()),
        "PYTHONUNBUFFERED": "1",
        # Whatever the locale: a model may print, and name its variables, in any letters.
        "PYTHONUTF8": "1",
        # Theano 1.0 puts hash() of a string into the key of some modules: with another
        # hash seed in every process they would be compiled, and cached, again and again.
        "PYTHONHASHSEED": "0",
    }


def variables_of(stack: Stack, threads: int, compiledir: Optional[Path] = None) -> Dict[str, str]:
    """Return the environment variables that a stack's process is started with, whichever PyMC it has.

    Parameters
    ----------
    stack : Stack
        The stack.
    threads : int
        Threads of BLAS and OpenMP.
    compiledir : Path, optional
        Another compile cache than its own.
    """
    cache = compiledir or stack.compiledir
    found = worker_variables(cache, stack.has_theano_pymc, threads)
    return {**found, **(_later_variables(cache, stack.sampler, threads) if stack.is_later else {})}


def _later_variables(compiledir: Path, sampler: str, threads: int) -> Dict[str, str]:
    """Return what the process of a later PyMC is started with beside :func:`worker_variables`.

    Parameters
    ----------
    compiledir : Path
        The stack's compile cache.
    sampler : str
        As of :class:`nutsbench.stacks.rows.Row`.
    threads : int
        Threads of BLAS, of Numba and of what JAX runs for one chain.
    """
    given = {"base_compiledir": compiledir, "blas__ldflags": blas_flags()}
    flags = [f"{name}={value}" for name, value in given.items()]
    flags += [f"compile__{name}={seconds}" for name, seconds in _COMPILE_LOCK.items()]
    found = {
        f"{name}_FLAGS": ",".join([*flags, *([own] if own else [])])
        for name in ("AESARA", "PYTENSOR")
        for own in [os.environ.get(f"{name}_FLAGS", "")]
    }
    return {
        **found,
        engines.VARIABLE: sampler,
        "NUMBA_NUM_THREADS": str(threads),
        # A chain is a device of its own: within one, one thread at a time.
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "JAX_PLATFORMS": "cpu",
    }


def machine(threads: int) -> Dict[str, Any]:
    """Return what a machine's times depend on, and this project's commit.

    Parameters
    ----------
    threads : int
        Threads that BLAS and OpenMP are pinned to.
    """
    facts = {
        "processor": processor(),
        "cpu": cpu(),
        "cores": usable_cores(),
        "cores_physical": psutil.cpu_count(logical=False),
        "memory_bytes": psutil.virtual_memory().total,
        "os": f"{platform.system()} {platform.release()}",
        "compiler": compiler(),
        "governors": governors(),
        "threads": threads,
    }
    return {**facts, **kind(facts), **commit(CHECKOUT), "host": host()}


def host() -> Dict[str, str]:
    """Return the versions of what judges draws: this program, its Python, its libraries of statistics.

    A record without them was judged in its stack, by the ArviZ among that stack's packages.
    """
    names = ("nutsbench", "arviz-stats", "numpy", "scipy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def kind(facts: Mapping[str, Any]) -> Dict[str, str]:
    """Return the digest of a kind of machine, and what it was before processors were told apart by ``cpu``.

    Parameters
    ----------
    facts : dict
        Of :func:`machine`.
    """
    before = _identity(facts)
    return {
        "machine": digest({**before, "cpu": facts["cpu"]}) if "cpu" in facts else digest(before),
        "machine_before": digest(before),
    }


def _identity(facts: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what times depend on most: not which machine it is, only of what kind."""
    gibibytes = round(facts["memory_bytes"] / 2**30)
    return {"processor": facts["processor"], "cores": facts["cores"], "gibibytes": gibibytes}


def same_kind(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two machines are of one kind, as far as both are known.

    Parameters
    ----------
    one, other : dict
        Anything with ``machine``, and ``machine_before`` where it has the new one: a record's
        environment, or a row of trials.
    """
    own, others = one.get("machine"), other.get("machine")
    # Of what was measured before, no more is known than the digest of those days.
    return own == others or own == other.get("machine_before") or one.get("machine_before") == others


def kinds(known: Iterable[Mapping[str, Any]]) -> Dict[str, str]:
    """Return which kind of machine each digest of before stands for; none that may stand for several.

    It follows from what is known alone, not from the machine that asks: what was published reads the
    same everywhere.

    Parameters
    ----------
    known : iterable of dict
        As of :func:`same_kind`.

    Returns
    -------
    dict of str
        ``machine`` by ``machine_before``.
    """
    found: Dict[str, Set[str]] = {}
    for facts in known:
        if "machine_before" in facts:
            found.setdefault(str(facts["machine_before"]), set()).add(str(facts["machine"]))
    return {before: now.pop() for before, now in found.items() if len(now) == 1}


@lru_cache(maxsize=1)
def here() -> Dict[str, str]:
    """Return the kind of this machine, as of :func:`kind`."""
    memory = psutil.virtual_memory().total
    facts = {"processor": processor(), "cpu": cpu(), "cores": usable_cores(), "memory_bytes": memory}
    return kind(facts)


def digest(facts: Any) -> str:
    """Return a short digest of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def commit(folder: Optional[Path]) -> Dict[str, Any]:
    """Return a git checkout's commit and whether it has changes; ``None`` for both elsewhere.

    Elsewhere is also a folder that lies in a checkout of something else, and is no part of it.
    """
    if folder is None:
        return {"commit": None, "dirty": None}

    head = git.says(folder, "rev-parse", "HEAD") if git.says(folder, "ls-files", "--", ".") else None
    changes = git.says(folder, "status", "--porcelain")
    return {"commit": head, "dirty": None if head is None else bool(changes)}


def load() -> float:
    """Return the mean number of running processes over the last minute."""
    return os.getloadavg()[0]


def busy_cores(seconds: float = 0.3) -> float:
    """Return how many cores others use at the moment, looked at for some seconds.

    The load of the last minute would count this harness's own last cell.
    """
    return float(psutil.cpu_percent(interval=seconds) / 100 * (psutil.cpu_count() or 1))


def is_busy(cores: float) -> bool:
    """Return whether so many cores are used by others that times will show it."""
    return cores > _BUSY_PER_CORE * usable_cores()
