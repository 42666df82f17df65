"""What counting instructions with callgrind asks of the machine, and what its files say."""

import os
import re
import shutil
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Tuple

#: valgrind does not know AVX-512, and what is compiled for one processor must not meet another.
PROCESSOR = "-march=haswell"
#: Where instructions are spent, by the name of the library; the first that fits.
KINDS = ("python", "numpy", "compiled", "libm and BLAS", "other")
#: CPython's generic lookup in a dictionary probes by the addresses of objects: of one program 1 to 3 % of
#: all instructions, and all that differs much from process to process. So its own are not counted.
_BY_ADDRESS = frozenset({"lookdict"})
_FOLDED = re.compile(r"\((\d+)\)(?: (.*))?")


def missing() -> List[str]:
    """Return which of the programs that counting needs are not installed."""
    needed = ("valgrind", "callgrind_control", "g++")
    return [name for name in needed if shutil.which(name) is None]


def package(program: str) -> str:
    """Return the package of Debian that has one of those programs."""
    return "g++" if program == "g++" else "valgrind"


def variables(has_theano_pymc: bool, flags: str = "") -> Dict[str, str]:
    """Return the environment variables under which Theano and OpenBLAS leave AVX-512 alone.

    Parameters
    ----------
    has_theano_pymc : bool
        Whether the stack's Theano is Theano-PyMC, which spells its flags otherwise.
    flags : str
        Other flags of Theano, separated by commas.
    """
    own = f"gcc{'__' if has_theano_pymc else '.'}cxxflags={PROCESSOR}"
    return {"THEANO_FLAGS": ",".join(filter(None, [flags, own])), "OPENBLAS_CORETYPE": "Haswell"}


def command(output: str) -> List[str]:
    """Return the start of a command that runs under callgrind, which waits to be switched on.

    Parameters
    ----------
    output : str
        The file that counts go to; ``%p`` is the process.
    """
    return ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet", f"--callgrind-out-file={output}"]


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


def by_function(path: Path, compiledir: str, names: Mapping[str, str]) -> Dict[str, int]:
    """Return a callgrind file's own instructions by function, those that :func:`read` counts.

    Parameters
    ----------
    path : Path
        The file.
    compiledir : str
        Theano's folder of compiled modules.
    names : dict of str
        By the file of a compiled module, what it is called: its functions have no names of their own.

    Returns
    -------
    dict of str to int
        By kind and function: ``libm and BLAS: exp``.
    """
    found: Dict[str, int] = {}
    with path.open() as file:
        for library, function, cost in _own_costs(file):
            plain = function.partition("'")[0]
            if plain not in _BY_ADDRESS:
                name = f"{kind_of(library, compiledir)}: {names.get(library, plain)}"
                found[name] = found.get(name, 0) + cost
    return found


def total(path: Path) -> int:
    """Return how many instructions a callgrind file counts in all, without reading through it."""
    found = re.findall(rb"^(?:totals|summary): *(\d+)", path.read_bytes(), re.MULTILINE)
    if not found:
        raise ValueError(f"{path.name} counts nothing")
    return int(found[-1])
