"""Functions, classes and modules: the user's own by their code and what it reaches, others by name."""

import ast
import builtins
import enum
import functools
import types
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from nutsbench.models.errors import NotByValueError
from nutsbench.models.identity import canonical, own, scope, tree
from nutsbench.models.identity.arrays import named
from nutsbench.models.identity.encoder import EXACT, Encoder

#: Names of a module that say where it is, not what it does.
_OF_MODULE = frozenset(
    {"__file__", "__name__", "__doc__", "__package__", "__spec__", "__loader__", "__path__", "__builtins__"}
)
#: Builtins whose result no digest can know, and what to write instead.
_UNKNOWABLE = {
    "open": "read the file in the data function, and return what it holds as data",
    "input": "write the value itself",
    "eval": "write the code itself",
    "exec": "write the code itself",
    "globals": "use the names themselves",
    "__import__": "write an import statement",
}
#: What libraries call the reading of files; and of names that others use as well, who calls it so.
_READERS = frozenset(
    [
        "open",
        "read_text",
        "read_bytes",
        "loadtxt",
        "genfromtxt",
        "fromfile",
        "memmap",
        "read_csv",
        "read_table",
        "read_fwf",
        "read_excel",
        "read_json",
        "read_parquet",
        "read_feather",
        "read_hdf",
        "read_pickle",
        "read_sql",
        "read_html",
        "loadmat",
        "open_dataset",
        "load_dataset",
        "from_netcdf",
        "urlopen",
        "urlretrieve",
        "get_data",
    ]
)


_READERS_OF = frozenset(
    (library, name)
    for name, libraries in {
        "load": ("np", "numpy", "pickle", "joblib"),
        "open": ("io", "gzip", "bz2", "lzma", "codecs", "os"),
        "get_data": ("pm", "pymc3"),
    }.items()
    for library in libraries
)


def function(encoder: Encoder, value: Any, path: str) -> bytes:
    """Return the number of a user's own function, or the name of a library's."""
    filename = value.__code__.co_filename
    if own.is_own(filename):
        return encoder.define(_content, value, id(value), path)
    if not value.__closure__ and not hasattr(value, "__wrapped__"):
        found = named(value) or canonical.spelled(f"{value.__module__}.{value.__qualname__}")
        return canonical.digest("library", canonical.text(found))
    return _made_by_library(encoder, value, path)


def _made_by_library(encoder: Encoder, value: Any, path: str) -> bytes:
    """Take what a library has made around other functions: ``contextmanager``, say."""
    code = getattr(_innermost(value), "__code__", value.__code__)
    if named(value) and not own.is_own(code.co_filename):
        return canonical.digest("library", canonical.text(named(value)))
    if hasattr(value, "registry") and hasattr(value, "dispatch"):  # functools.singledispatch
        return encoder.parts("singledispatch", [(dict(value.registry), f"{path}.registry")])
    made_by = canonical.spelled(f"{value.__globals__.get('__name__')}.{value.__code__.co_name}")
    parts = [canonical.text(made_by), encoder.part(value.__defaults__, path)]
    parts.append(encoder.part(getattr(value, "__wrapped__", None), path))
    for name, cell in sorted(zip(value.__code__.co_freevars, value.__closure__ or ())):
        parts += [canonical.text(name), _cell(encoder, cell, f"{path} -> {name}")]
    return canonical.digest("made by library", *parts)


def _innermost(value: Any) -> Any:
    for _ in range(100):
        value = getattr(value, "__wrapped__", value)
    return value


def _cell(encoder: Encoder, cell: Any, path: str) -> bytes:
    try:
        return encoder.part(cell.cell_contents, path)
    except ValueError:
        return canonical.digest("empty")


def _content(encoder: Encoder, value: Any, path: str) -> bytes:
    code = value.__code__
    try:
        node = tree.node_of(code)
    except tree.NoSourceError as error:
        why = f"is a function that cannot be taken by value: {error}"
        raise NotByValueError(path, why, "write it with def, in a file") from None
    _check_reading(node, path)
    cells = dict(zip(code.co_freevars, value.__closure__ or ()))
    keywords = value.__kwdefaults__ or {}
    attributes = {
        name: one
        for name, one in vars(value).items()
        if name == "__wrapped__" or not (name.startswith("__") and name.endswith("__"))
    }
    parts = [tree.encode(node)]
    parts.append(_named(encoder, "defaults", _defaults(value), path))
    parts.append(_named(encoder, "keywords", keywords, path))
    parts.append(_named(encoder, "attributes", attributes, path))
    asked = scope.chains(node)
    for name in sorted(set(cells) - {chain[0] for chain in asked}):
        parts += [canonical.text(name), _cell(encoder, cells[name], f"{path} -> {name}")]
    for chain in asked:
        parts += [canonical.text(".".join(chain)), _outer(encoder, value, cells, chain, path)]
    parts += _lazy(encoder, value.__globals__, node, path)
    return canonical.digest("function", *parts)


def _defaults(value: Any) -> Dict[str, Any]:
    given = value.__defaults__ or ()
    names = value.__code__.co_varnames[: value.__code__.co_argcount]
    return dict(zip(names[len(names) - len(given) :], given))


def _named(encoder: Encoder, tag: str, values: Mapping[str, Any], path: str) -> bytes:
    parts: List[bytes] = []
    for name in sorted(values):
        parts += [canonical.text(name), encoder.part(values[name], f"{path} -> {name}")]
    return canonical.digest(tag, *parts)


def _outer(encoder: Encoder, value: Any, cells: Mapping[str, Any], chain: scope.Chain, path: str) -> bytes:
    """Take what an outer name of a function stands for: a closure's, its module's, or a builtin."""
    name = chain[0]
    space = value.__globals__
    if name in cells:
        try:
            found = cells[name].cell_contents
        except ValueError:
            return canonical.digest("empty")
        return _follow(encoder, found, chain, path)
    if name in _OF_MODULE:
        return canonical.digest("of the module")
    if name.startswith("__") and not name.endswith("__") and name not in space:
        name = next((one for one in sorted(space) if one.endswith(name) and one.startswith("_")), name)
    parsed = tree.parsed(value.__code__.co_filename)
    library = _reassigned(parsed).get(name)
    if library and not own.files_of(space, 0, library, ()):
        return canonical.digest("library", canonical.text(".".join([library, *chain[1:]])))
    if name not in space and library is None:
        return _builtin(name, path)
    if library is not None:
        raise NotByValueError(
            f"{path} -> {name}",
            "is bound anew by a function (`global`), so its value is not known when the file is loaded",
            "return it from the data function, or pass it as an argument",
        )
    origin = _imported(parsed).get(name)
    if origin and _is_that(space[name], *origin):
        _check_outside(".".join(origin), f"{path} -> {name}")
        return canonical.digest("library", canonical.text(".".join(origin)))
    return _follow(encoder, space[name], (name, *chain[1:]), path)


def _builtin(name: str, path: str) -> bytes:
    if name in _UNKNOWABLE:
        raise NotByValueError(
            f"{path} -> {name}", "does what cannot be known when the file is loaded", _UNKNOWABLE[name]
        )
    if not hasattr(builtins, name):
        why = "is not there when the file has been loaded"
        raise NotByValueError(f"{path} -> {name}", why, "define it at the top of the file")
    return canonical.digest("builtin", canonical.text(name))


def _check_reading(node: Any, path: str) -> None:
    for chain in scope.calls(node):
        if chain[-1] in _READERS or chain[-2:] in _READERS_OF or chain == ("...", "open"):
            why = "reads what cannot be known when the file is loaded"
            raise NotByValueError(f"{path} -> {'.'.join(chain)}", why, _UNKNOWABLE["open"])


@functools.lru_cache(maxsize=None)
def _reassigned(parsed: ast.Module) -> Dict[str, str]:
    return scope.reassigned(parsed)


@functools.lru_cache(maxsize=None)
def _imported(parsed: ast.Module) -> Dict[str, Tuple[str, str]]:
    return scope.imported_names(parsed)


def _check_outside(name: str, path: str) -> None:
    """Refuse what another process or another start of the same would find otherwise."""
    if name.startswith(("os.environ", "os.getenv", "sys.argv")):
        why = "is another from one start of the program to the next"
        raise NotByValueError(path, why, "write the value itself, or read it in the data function")


def _is_that(value: Any, module: str, name: str) -> bool:
    """Return whether a value is what an import statement takes from a library."""
    found = canonical.loaded(module)
    if found is None or own.is_own_module(found) or isinstance(value, types.ModuleType):
        return False
    return getattr(found, name, None) is value


def _follow(encoder: Encoder, value: Any, chain: scope.Chain, path: str) -> bytes:
    """Go from module to module along a chain, and take what it comes to."""
    rest = list(chain[1:])
    path = f"{path} -> {chain[0]}"
    while isinstance(value, types.ModuleType):
        if not own.is_own_module(value):
            _check_outside(".".join([value.__name__, *rest]), path)
            return canonical.digest("library", own.text_of(value, tuple(rest)))
        if not rest:
            break
        name = rest.pop(0)
        path = f"{path}.{name}"
        if not hasattr(value, name):
            raise NotByValueError(
                path, "is not there when the file has been loaded", "import it at the top of the file"
            )
        value = getattr(value, name)
    return encoder.part(value, path)


def _lazy(encoder: Encoder, space: Mapping[str, Any], node: Any, path: str) -> List[bytes]:
    """Take what a function imports when it is called, if it is the user's own, by its text.

    It is not run: it may import PyMC3, which listing models must not.
    """
    parts = []
    for level, module, names in scope.imports(node):
        for file in own.files_of(space, level, module, names) or ():
            known = {"__file__": file, "__package__": space.get("__package__")}
            name = f"{path} -> {module or '.'}"
            parts.append(encoder.define(_source, known, ("source", file), name))
    return parts


def _source(encoder: Encoder, space: Dict[str, Any], path: str) -> bytes:
    try:
        found = tree.parsed(space["__file__"])
    except tree.NoSourceError as error:
        raise NotByValueError(path, f"cannot be imported: {error}", "write it in Python") from None
    _check_reading(found, path)
    return canonical.digest("source", tree.encode(found), *_lazy(encoder, space, found, path))


def module(encoder: Encoder, value: Any, path: str) -> bytes:
    """Return the name of a library's module, or the number of a user's own, taken as a whole."""
    if not own.is_own_module(value):
        return canonical.digest("library", own.text_of(value))
    return encoder.define(_whole, value, id(value), path)


def _whole(encoder: Encoder, value: Any, path: str) -> bytes:
    parts: List[bytes] = []
    for name in sorted(vars(value)):
        if not (name.startswith("__") and name.endswith("__")):
            parts += [canonical.text(name), _follow(encoder, value, ("", name), path)]
    return canonical.digest("module", *parts)


def builtin(encoder: Encoder, value: Any, path: str) -> bytes:
    """Return the name of a function of C, with what it is bound to."""
    owner = getattr(value, "__self__", None)
    shared = getattr(canonical.loaded("numpy.random"), "mtrand", None)
    if owner is not None and owner is getattr(shared, "_rand", None):
        return canonical.digest("library", canonical.text(f"numpy.random.{value.__name__}"))
    if owner is None or isinstance(owner, types.ModuleType):
        home = canonical.loaded(str(value.__module__ or "builtins"))
        if home is not None and own.is_own_module(home):
            raise NotByValueError(
                path, "is compiled code of your own, which cannot be taken by value", "write it in Python"
            )
        return canonical.digest("library", canonical.text(f"{value.__module__}.{value.__qualname__}"))
    return encoder.parts("bound", [(value.__name__, path), (owner, f"{path}.__self__")])


def _unbound(_: Encoder, value: Any, __: str) -> bytes:
    owner = value.__objclass__
    name = canonical.spelled(f"{owner.__module__}.{owner.__qualname__}.{value.__name__}")
    return canonical.digest("library", canonical.text(name))


def _library_object(encoder: Encoder, value: Any, path: str) -> Optional[bytes]:
    """Take a library's callable by its public name, and compilers' wrappers by what they compile."""
    inner = getattr(value, "py_func", None)
    if canonical.library_of(value) == "numba" and isinstance(inner, types.FunctionType):
        return encoder.parts("compiled", [(inner, path)])
    if isinstance(value, (type, enum.Enum)):
        return None
    found = named(value) if canonical.library_of(value) != "builtins" and callable(value) else ""
    home = canonical.loaded(str(getattr(value, "__module__", "")))
    if found and home is not None and not own.is_own_module(home):
        return canonical.digest("library", canonical.text(found))
    return None


_SIMPLE: Dict[type, Callable[[Encoder, Any, str], bytes]] = {
    types.FunctionType: function,
    types.ModuleType: module,
    types.BuiltinFunctionType: builtin,
    type(str.upper): _unbound,
    type(object.__init__): _unbound,
    type("".__str__): builtin,
    type(dict.__dict__["fromkeys"]): _unbound,
}
EXACT.update(_SIMPLE)
FAMILY = (_library_object,)
