"""Pairs of model files that differ in their code or not at all, and files that are refused."""

from typing import Dict, Tuple

from tests.models.pairs import DECORATED, MUTUAL, PD, SP, Files, case, observed, two, value

#: Two models each, whose digests differ.
DIFFER: Dict[str, Tuple[Files, Files]] = {
    # Functions.
    "literal in the build function": (case(sd="1"), case(sd="2")),
    "operator": (case(sd="1 + 1"), case(sd="1 - -1")),
    "keyword only default": (case(args=", *, s=1", sd="s"), case(args=", *, s=2", sd="s")),
    "helper": two("def sd():\n    return {}", (1,), (9,), sd="sd()"),
    "helper of a helper": two("def sd():\n    return base()\ndef base():\n    return {}", (1,), (9,), sd="sd()"),
    "default of a helper": two("T = [{}]\ndef sd(s=T):\n    return s[0]", (1,), (9,), sd="sd()"),
    "functions that call each other": two(MUTUAL, (1,), (3,), sd="1 + even(3)"),
    "lambda": two("sd = lambda: {}", (1,), (9,), sd="sd()"),
    "one of two lambdas on a line": (
        case(top="S = (lambda x: x + 1, lambda x: x - 1)[0]", sd="S(1)"),
        case(top="S = (lambda x: x + 1, lambda x: x - 1)[1]", sd="S(1)"),
    ),
    "lambdas of one name set": two("S = [lambda x: x * {}, lambda x: x * {}]", (1, 2), (2, 1), sd="S[0](1)"),
    "decorator's code": two(DECORATED, (1, 1, 1), (2, 1, 1), sd="sd()"),
    "decorator's argument": two(DECORATED, (1, 1, 1), (1, 2, 1), sd="sd()"),
    "what is decorated": two(DECORATED, (1, 1, 1), (1, 1, 2), sd="sd()"),
    "decorator of the build function": (
        case(top=DECORATED.format(1, 1, 1), above="@scaled(1)\n"), case(top=DECORATED.format(1, 1, 1), above="@scaled(2)\n")
    ),
    "closure of a list": two("def maker(v):\n    return lambda: v[0]\nsd = maker([{}])", (1,), (9,), sd="sd()"),
    "closure of a closure": two("def maker(v):\n    def a():\n        return v\n    def b():\n        return a()\n    return b\nsd = maker({})", (1,), (9,), sd="sd()"),
    "partial's keyword": two("import functools\nsd = functools.partial(int, '11', base={})", (2,), (3,), sd="sd()"),
    "partial of one's own": two("import functools\ndef f(a):\n    return {} * a\nsd = functools.partial(f, 1)", (1,), (9,), sd="sd()"),
    "cached function": two("import functools\n@functools.lru_cache()\ndef sd():\n    return {}", (1,), (9,), sd="sd()"),
    "cached function over one's own": two("import functools\n@functools.lru_cache(maxsize=None)\ndef sd():\n    return S\nS = [{}]", (1,), (9,), sd="sd()[0]"),
    "context manager": two("import contextlib\n@contextlib.contextmanager\ndef sd():\n    yield {}", (1,), (9,), first="with sd() as s:\n        pass", sd="s"),
    "single dispatch": two("import functools\n@functools.singledispatch\ndef sd(x):\n    return 1\n@sd.register(int)\ndef _(x):\n    return {}", (1,), (9,), sd="sd(1)"),
    "attribute of a function": two("def sd():\n    return sd.s\nsd.s = {}", (1,), (9,), sd="sd()"),
    "operator's getter": two("import operator\nS = operator.itemgetter({})", (0,), (1,), sd="S([1, 9])"),
    "method of a builtin": two("S = [{}, 2].count", (1,), (2,), sd="1 + S(2)"),
    "which builtin": two("S = {}", ("min",), ("max",), sd="S(1, 9)"),
    "which function of numpy": two("S = [np.{}]", ("sin",), ("cos",), sd="S[0](1)"),
    "which function is imported": two("from math import {} as f", ("sin",), ("cos",), sd="f(1)"),
    "module's function by another name": two("import math\nf = math.{}", ("sin",), ("cos",), sd="f(1)"),
    "inner function": two("def sd():\n    def inner():\n        return S\n    return inner()\nS = [{}]", (1,), (9,), sd="sd()[0]"),
    "comprehension": two("S = [{}]", (1,), (9,), sd="sum(s for s in S)"),
    "class inside of a function": two("def sd():\n    class A:\n        s = S\n    return A.s\nS = (1, {})", (1,), (9,), sd="sd()[0]"),
    "name with global rules": two("S = [{}]\ndef sd():\n    x = [S for S in [1]]\n    return S[0]", (1,), (9,), sd="sd()"),
    "vectorize": two("S = np.vectorize(lambda x: x * {})", (1,), (9,), sd="S(1)"),
    # Modules beside the file.
    "function beside": (
        case(top="import helpers", sd="helpers.sd()", helpers="def sd():\n    return 1"),
        case(top="import helpers", sd="helpers.sd()", helpers="def sd():\n    return 2"),
    ),
    "value beside": (
        case(top="import helpers", sd="helpers.S", helpers="S = 1"), case(top="import helpers", sd="helpers.S", helpers="S = 2")
    ),
    "name from beside": (
        case(top="from helpers import S as T", sd="T", helpers="S = 1"), case(top="from helpers import S as T", sd="T", helpers="S = 2")
    ),
    "beside what is beside": (
        case(top="from helpers import sd", sd="sd()", helpers="import base\ndef sd():\n    return base.S", base="S = 1"),
        case(top="from helpers import sd", sd="sd()", helpers="import base\ndef sd():\n    return base.S", base="S = 2"),
    ),
    "module handed on": (
        case(top="import helpers\nh = [helpers]", sd="h[0].S", helpers="S = 1"), case(top="import helpers\nh = [helpers]", sd="h[0].S", helpers="S = 2")
    ),
    "module by getattr": (
        case(top="import helpers", sd="getattr(helpers, 'S')", helpers="S = 1"), case(top="import helpers", sd="getattr(helpers, 'S')", helpers="S = 2")
    ),
    "imported when it is built": (
        case(first="from helpers import sd", sd="sd()", helpers="import pymc3\nS = 1\ndef sd():\n    return S"),
        case(first="from helpers import sd", sd="sd()", helpers="import pymc3\nS = 2\ndef sd():\n    return S"),
    ),
    "beside what is imported when it is built": (
        case(first="import helpers", sd="helpers.sd()", helpers="import pymc3\nfrom base import sd", base="def sd():\n    return 1"),
        case(first="import helpers", sd="helpers.sd()", helpers="import pymc3\nfrom base import sd", base="def sd():\n    return 2"),
    ),
    "star import": (
        case(top="from helpers import *", sd="S", helpers="S = 1"), case(top="from helpers import *", sd="S", helpers="S = 2")
    ),
    "class beside": (
        case(top="from helpers import A", sd="A().sd()", helpers="class A:\n    def sd(self):\n        return 1"),
        case(top="from helpers import A", sd="A().sd()", helpers="class A:\n    def sd(self):\n        return 2"),
    ),
    "relative import": (
        case(top="from . import helpers", sd="helpers.S", helpers="S = 1"), case(top="from . import helpers", sd="helpers.S", helpers="S = 2")
    ),
}  # fmt: skip

LINES = "def sd(a,b = 1) :\n    # A comment.\n    '''A docstring.'''\n    x = [ 1,\n          2 ]   # another\n    return (a\n        + b)\n"
PLAIN = "def sd(a, b=1):\n    x = [1, 2]\n    return a + b\n"

#: One model each.
SAME: Dict[str, Tuple[Files, Files]] = {
    "comments, docstring and whitespace": (case(top=LINES, sd="sd(1)"), case(top=PLAIN, sd="sd(1)")),
    "quotes and lines of a text": value("'ab'", '"a" "b"', "len(S)"),
    "annotations": (
        case(top="def sd(a):\n    b = a\n    return b", sd="sd(1)"),
        case(top="def sd(a: 'float') -> float:\n    b: float = a\n    return b", sd="sd(1)"),
    ),
    "what nobody uses": (case(top="T = 1"), case(top="T = 2\ndef unused():\n    return T")),
    "order of definitions": (
        case(top="def a():\n    return b()\ndef b():\n    return 1", sd="a()"), case(top="def b():\n    return 1\ndef a():\n    return b()", sd="a()")
    ),
    "order of mutual functions": (
        case(top="def a(n):\n    return n and b(n - 1)\ndef b(n):\n    return n and a(n - 1)", sd="1 + a(2) + b(2)"),
        case(top="def b(n):\n    return n and a(n - 1)\ndef a(n):\n    return n and b(n - 1)", sd="1 + a(2) + b(2)"),
    ),
    "order of a dictionary": value("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", "S['a']"),
    "order of a set": value("{'a', 'b', 'c'}", "{'c', 'b', 'a'}", "len(S)"),
    "order of data": (case(data='{"y": np.arange(4.0), "x": 1}'), case(data='{"x": 1, "y": np.arange(4.0)}')),
    "order of bytes": observed("np.arange(3, dtype='<f8')", "np.arange(3, dtype='>f8')"),
    "order in memory": observed("np.ones((2, 3), order='C')", "np.ones((2, 3), order='F')"),
    "a view": observed("np.arange(6)[::2]", "np.array([0, 2, 4])"),
    "NaN": observed("np.array([np.nan, 1])", "np.array([-np.nan, 1])"),
    "NaN of Python": value("float('nan')", "-float('nan')", "1 + (S == S)"),
    "mask of none": observed("np.ma.masked_array([1.0])", "np.ma.masked_array([1.0], [0])"),
    "one list twice": (
        case(top="T = [1]\nS = [T, T]", sd="len(S)"), case(top="S = [[1], [1]]", sd="len(S)")
    ),
    "self-referring list": (
        case(top="S = [1]\nS.append(S)", sd="len(S)"), case(top="T = 1\nS = [T]\nS += [S]", sd="len(S)")
    ),
    "range index": observed("pd.Series([1, 2], index=pd.RangeIndex(2))", "pd.Series([1, 2], index=[0, 1])", PD),
    "way to a sparse matrix": observed(
        "sp.csr_matrix(([1, 1], ([0, 0], [0, 1])))", "sp.csr_matrix(([1, 1], ([0, 0], [1, 0])))", SP
    ),
    "words and settings": (
        case(), {"case.py": case()["case.py"].replace("A case.", "Others.").replace("teaches=", "tags=('t',), teaches=")}
    ),
    "unused part of a module beside": (
        case(top="import helpers", sd="helpers.S", helpers="S = 1\nT = 2"), case(top="import helpers", sd="helpers.S", helpers="S = 1")
    ),
    "text that names the folder": (
        case(top="import os\nS = os.path.dirname(os.path.abspath(__file__))", sd="1 + (S == '')"),
        case(top="import os\nS = os.path.dirname(os.path.abspath(__file__)) ", sd="1 + (S == '')"),
    ),
    "path beside the file": (
        case(top="from pathlib import Path\nS = Path(__file__).parent / 'x'", sd="len(S.name)"),
        case(top="from pathlib import Path\nS = Path(__file__).parent / 'x' ", sd="len(S.name)"),
    ),
    "logger": (
        case(top="import logging\nlog = logging.getLogger('a')", first="log.info('built')"),
        case(top="import logging\nlog = logging.getLogger('b')", first="log.info('built')"),
    ),
}  # fmt: skip

#: Files that are refused, with what the message names.
REFUSED: Dict[str, Tuple[Files, str]] = {
    "open file": (case(top="import os\nS = open(os.devnull)", sd="1 + len(S.name)"), "case -> S is an open file"),
    "generator": (case(top="S = [(i for i in [1])]", sd="next(S[0])"), r"case -> S\[0\] is a generator"),
    "iterator": (case(top="S = iter([1])", sd="next(S)"), "case -> S is an iterator"),
    "map": (case(top="S = map(int, '12')", sd="next(S)"), "case -> S is an iterator"),
    "itertools": (case(top="import itertools\nS = itertools.count(1)", sd="next(S)"), "case -> S is an iterator"),
    "lock": (case(top="import threading\nS = threading.Lock()", sd="1 + S.locked()"), "case -> S is a lock"),
    "lock inside of an object": (
        case(top="import threading\nclass A:\n    def __init__(self):\n        self.lock = threading.Lock()\nS = A()", sd="1 + (S is None)"),
        r"case -> S\.lock is a lock",
    ),
    "socket": (case(top="import socket\nS = socket.socket()", sd="S.family"), "case -> S is an open connection"),
    "database": (case(top="import sqlite3\nS = sqlite3.connect(':memory:')", sd="1 + S.in_transaction"), "case -> S is an open connection"),
    "memory of C": (case(top="import ctypes\nS = ctypes.c_int(1)", sd="S.value"), "case -> S is bound to memory of C"),
    "function of C": (case(top="import ctypes\nS = (lambda f: lambda: f(1))(ctypes.CDLL(None).abs)", sd="S()"), "case -> S -> f is bound to memory of C"),
    "thread": (case(top="import threading\nS = threading.Thread()", sd="1 + S.daemon"), "case -> S is a lock or another part of a thread"),
    "made by exec": (case(top="exec('def sd():\\n    return 1')", sd="sd()"), "case -> sd is a function that cannot be taken"),
    "weak reference": (case(top="import weakref\nclass A:\n    pass\na = A()\nS = weakref.ref(a)", sd="1 + (S() is None)"), "case -> S is a weak reference"),
    "name that is not there": (case(sd="missing"), "case -> missing is not there"),
    "bound anew": (
        case(top="S = 1\ndef set_it():\n    global S\n    S = 9", sd="S"), "case -> S is bound anew by a function"
    ),
    "reads a file when it is built": (case(sd="len(open('x').read())"), "case -> open does what cannot be known"),
    "reads a table when it is built": (case(sd="np.loadtxt('x')[0]"), r"case -> np\.loadtxt reads"),
    "helper that reads a file": (case(top="def sd():\n    with open('x') as f:\n        return len(f.read())", sd="sd()"), "case -> sd -> open does what"),
    "environment": (case(top="import os", sd="float(os.environ['SD'])"), "case -> os is another from one start"),
    "environment by name": (case(top="from os import getenv", sd="getenv('SD')"), "case -> getenv is another"),
    "eval": (case(sd="eval('1')"), "case -> eval does what cannot be known"),
    "library's inside": (
        case(top="from scipy.interpolate import interp1d\nS = interp1d([0, 1], [1, 2])", sd="S(0.5)"), "case -> S is a scipy.*keep the numbers"
    ),
}  # fmt: skip

#: The same, of data, when they are first asked for.
REFUSED_DATA: Dict[str, Tuple[Files, str]] = {
    "generator": (case(data='{"y": (i for i in range(3))}'), r"data\['y'\] is a generator"),
    "no dictionary": (case(data="[1, 2]"), "what the data function returns is a list"),
    "data that change what is used": (
        case(top="S = {'s': 1}\ndef numbers():\n    S['s'] += 1\n    return np.arange(4.0)", data='{"y": numbers()}', sd="S['s']"),
        "its data function changes what the build function uses",
    ),
}  # fmt: skip
