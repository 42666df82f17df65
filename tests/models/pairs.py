"""Model files in pairs: two that are two models, two that are one, and some that have to be refused.

A file is a dictionary of names and texts; the model stands in ``case.py``. Run as a program, it prints
the digest of each file of a catalogue that it reads from standard input, or why it has none.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

HEAD = """
import numpy as np
from models import model
{top}
def data():
    return {data}

@model(data=data, notation="a ~ Normal(0, 1)", teaches="A case.")
{above}def case(d{args}):
    import pymc3 as pm
    {first}
    with pm.Model() as m:
        a = pm.Normal("a", 0, {sd})
        pm.Normal("y", a, 1, observed=d["y"])
    return m
"""
Y = '{"y": np.arange(4.0)}'
Files = Dict[str, str]


def case(
    top: str = "",
    data: str = Y,
    sd: str = "1",
    args: str = "",
    first: str = "",
    above: str = "",
    **others: str,
) -> Files:
    text = HEAD.format(top=top, data=data, sd=sd, args=args, first=first, above=above)
    return {"case.py": text, **{f"{name}.py": other for name, other in others.items()}}


def value(one: str, other: str, sd: str = "S", imports: str = "") -> Tuple[Files, Files]:
    """Two files with another value at module level."""
    return tuple(case(top=f"{imports}\nS = {text}", sd=sd) for text in (one, other))  # type: ignore[return-value]


def observed(one: str, other: str, imports: str = "") -> Tuple[Files, Files]:
    """Two files with other data."""
    return tuple(case(top=imports, data=f'{{"y": np.arange(4.0), "x": {text}}}') for text in (one, other))  # type: ignore[return-value]


PD = "import pandas as pd"
XR = "import xarray as xr"
SP = "import scipy.sparse as sp"
DT = "import datetime as dt"
ENUM = "import enum\nclass E(enum.Enum):\n    A = {}\nS = E.A"
CLASS = "class P:\n    scale = {0}\n    def sd(self):\n        return {1} * self.scale\nS = P()"
SLOTS = "class P:\n    __slots__ = ('s', '__t')\n    def __init__(self, s):\n        self.s = s\n        self.__t = {}\nS = P({})"
DECORATED = """import functools
def scaled(k):
    def around(f):
        @functools.wraps(f)
        def inner(*a):
            return {} * k * f(*a)
        return inner
    return around
@scaled({})
def sd():
    return {}
"""
MUTUAL = "def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != {} and even(n - 1)\n"


def two(template: str, one: Tuple[Any, ...], other: Tuple[Any, ...], **words: str) -> Tuple[Files, Files]:
    """Two files whose top is a template filled in twice."""
    return case(top=template.format(*one), **words), case(top=template.format(*other), **words)


#: Two models each, whose digests differ.
DIFFER: Dict[str, Tuple[Files, Files]] = {
    "bool and int": value("True", "1"),
    "int and float": value("1", "1.0"),
    "float and numpy float": value("1.0", "np.float64(1)"),
    "two dtypes of a scalar": value("np.float32(1)", "np.float64(1)"),
    "zero and negative zero": value("0.0", "-0.0", sd="1 / (S + 1)"),
    "large integers": value("2**70", "2**70 + 1"),
    "negative integer": value("255", "-1", sd="S + 2"),
    "complex": value("1 + 2j", "1 + 3j", sd="abs(S)"),
    "str and bytes": value("'a'", "b'a'", sd="len(S)"),
    "bytearray": value("bytearray(b'a')", "bytearray(b'b')", sd="len(S)"),
    "list and tuple": value("[1, 2]", "(1, 2)", sd="S[0]"),
    "where an element stands": value("[[1], 2]", "[[1, 2]]", sd="len(S)"),
    "texts cut elsewhere": value("['ab', 'c']", "['a', 'bc']", sd="len(S)"),
    "order of a list": value("[1, 2]", "[2, 1]", sd="S[0]"),
    "list of floats": value("[1.0, 2.0]", "[1.0, 2.5]", sd="S[0]"),
    "set and frozenset": value("{1, 2}", "frozenset({1, 2})", sd="len(S)"),
    "set of tuples": value("{(1, 'a')}", "{(1, 'b')}", sd="len(S)"),
    "set of functions": two("S = {{lambda: {}}}", (1,), (2,), sd="[f() for f in S][0]"),
    "dict": value("{'a': 1}", "{'a': 2}", sd="S['a']"),
    "dict's key": value("{'a': 1}", "{'b': 1}", sd="len(S)"),
    "which key has which value": value("{'a': 1, 'b': 2}", "{'a': 2, 'b': 1}", sd="S['a']"),
    "dict of dicts": value("{'a': {'b': [1]}}", "{'a': {'b': [2]}}", sd="S['a']['b'][0]"),
    "ordered dict": value(
        "c.OrderedDict([('a', 1), ('b', 2)])", "c.OrderedDict([('b', 2), ('a', 1)])", "len(S)", "import collections as c"
    ),
    "default dict": value("c.defaultdict(int)", "c.defaultdict(float)", "S[0] + 1", "import collections as c"),
    "counter": value("c.Counter('ab')", "c.Counter('abb')", "S['b']", "import collections as c"),
    "deque": value("c.deque([1], 2)", "c.deque([1], 3)", "len(S)", "import collections as c"),
    "namespace": value("t.SimpleNamespace(s=1)", "t.SimpleNamespace(s=9)", "S.s", "import types as t"),
    "Decimal": value("D('1.0')", "D('1.00')", "float(S)", "from decimal import Decimal as D"),
    "Fraction": value("F(1, 3)", "F(2, 3)", "float(S)", "from fractions import Fraction as F"),
    "range": value("range(3)", "range(4)", "len(S)"),
    "slice": value("slice(0, 3)", "slice(0, 4)", "S.stop"),
    "date": value("dt.date(2020, 1, 1)", "dt.date(2020, 1, 2)", "S.day", DT),
    "datetime": value("dt.datetime(2020, 1, 1)", "dt.datetime(2020, 1, 1, 1)", "S.day", DT),
    "time zone": value(
        "dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)", "dt.datetime(2020, 1, 1)", "S.day", DT
    ),
    "timedelta": value("dt.timedelta(1)", "dt.timedelta(2)", "S.days", DT),
    "path": value("Path('a')", "Path('b')", "len(S.name)", "from pathlib import Path"),
    "pattern": value("re.compile('a')", "re.compile('a', re.I)", "S.groups + 1", "import re"),
    "enum": two(ENUM, (1,), (9,), sd="S.value"),
    "enum member": (
        case(top="import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\nS = E.A", sd="S.value"),
        case(top="import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\nS = E.B", sd="S.value"),
    ),
    "method of an enum": two(
        "import enum\nclass E(enum.IntEnum):\n    A = 1\n    def sd(self):\n        return {}\nS = E.A", (1,), (9,), sd="S.sd()"
    ),
    "attribute of a class": two(CLASS, (1, 1), (9, 1), sd="S.sd()"),
    "method of a class": two(CLASS, (1, 1), (1, 9), sd="S.sd()"),
    "class itself": two(CLASS, (1, 1), (9, 1), sd="P.scale"),
    "inherited method": two(
        "class A:\n    def sd(self):\n        return {}\nclass B(A):\n    pass\nS = B()", (1,), (9,), sd="S.sd()"
    ),
    "static method": two("class A:\n    @staticmethod\n    def sd():\n        return {}", (1,), (9,), sd="A.sd()"),
    "class method": two("class A:\n    @classmethod\n    def sd(cls):\n        return {}", (1,), (9,), sd="A.sd()"),
    "property": two("class A:\n    @property\n    def sd(self):\n        return {}\nS = A()", (1,), (9,), sd="S.sd"),
    "bound method": two("class A:\n    def __init__(self, s):\n        self.s = s\n    def sd(self):\n        return self.s\nS = A({}).sd", (1,), (9,), sd="S()"),
    "slots": two(SLOTS, (1, 1), (1, 9), sd="S.s"),
    "private slots": two(SLOTS, (1, 1), (9, 1), sd="S.s"),
    "attribute of an object": two("class A:\n    pass\nS = A()\nS.s = {}", (1,), (9,), sd="S.s"),
    "callable object": two("class A:\n    def __call__(self):\n        return {}\nS = A()", (1,), (9,), sd="S()"),
    "subclass of dict": two("class A(dict):\n    pass\nS = A(s={})", (1,), (9,), sd="S['s']"),
    "subclass of float": two("class A(float):\n    pass\nS = A({})", (1,), (9,), sd="S"),
    "subclass of an array": two("class A(np.ndarray):\n    pass\nS = np.array([{}]).view(A)", (1,), (9,), sd="S[0]"),
    "named tuple": two("import collections\nP = collections.namedtuple('P', 's')\nS = P({})", (1,), (9,), sd="S.s"),
    "typed named tuple": two("import typing\nclass P(typing.NamedTuple):\n    s: float\n    t: int = {}\nS = P(1)", (1,), (9,), sd="S.s"),
    "default of a dataclass": two(
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    s: float = {}\n    def sd(self):\n        return self.s\n", (1,), (9,), sd="P().sd()"
    ),
    "dataclass that holds an array": two(
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    s: object\nS = P(np.array([{}]))", (1,), (9,), sd="S.s[0]"
    ),
    "made dataclass": two("import dataclasses\nP = dataclasses.make_dataclass('P', ['s'])\nS = P({})", (1,), (9,), sd="S.s"),
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
    # Arrays.
    "array": value("np.array([1.0])", "np.array([9.0])", "S[0]"),
    "dtype of an array": value("np.array([1.0])", "np.array([1])", "S[0]"),
    "shape of an array": value("np.ones((2, 3))", "np.ones((3, 2))", "S[0, 0]"),
    "a number and an array of one": observed("np.array(8)", "np.array([8])"),
    "list and array": value("[1.0]", "np.array([1.0])", "S[0]"),
    "dtype of data": observed("np.arange(3)", "np.arange(3.0)"),
    "shape of data": observed("np.ones((2, 3))", "np.ones((3, 2))"),
    "bool and int data": observed("np.array([True])", "np.array([1], dtype=np.int8)"),
    "matrix": observed("np.matrix([[1]])", "np.array([[1]])"),
    "mask": observed("np.ma.masked_array([1.0, 2.0], [0, 1])", "np.ma.masked_array([1.0, 2.0], [1, 0])"),
    "masked or not": observed("np.ma.masked_array([1.0, 2.0])", "np.array([1.0, 2.0])"),
    "fill value": observed("np.ma.masked_array([1.0], [1], fill_value=0)", "np.ma.masked_array([1.0], [1], fill_value=9)"),
    "structured": observed("np.array([(1, 2.0)], 'i4,f8')", "np.array([(1, 3.0)], 'i4,f8')"),
    "names of fields": observed("np.zeros(1, [('a', 'i4')])", "np.zeros(1, [('b', 'i4')])"),
    "object array": observed("np.array(['a', None], object)", "np.array(['a', 0], object)"),
    "array of arrays": observed("np.array([np.zeros(1), np.zeros(2)], object)", "np.array([np.zeros(1), np.ones(2)], object)"),
    "texts": observed("np.array(['a', 'b'])", "np.array(['a', 'c'])"),
    "unit of time": observed("np.array(['2020-01-01'], 'M8[D]')", "np.array(['2020-01-01'], 'M8[s]')"),
    "NaN's place": observed("np.array([np.nan, 1])", "np.array([1, np.nan])"),
    "extended precision": observed("np.array([1], np.longdouble) / 3", "np.array([1], np.longdouble) / 3 + np.finfo(np.longdouble).eps"),
    "random state": value("np.random.RandomState(1)", "np.random.RandomState(2)", "S.rand()"),
    "generator": value("np.random.default_rng(1)", "np.random.default_rng(2)", "S.random()"),
    "dtype": value("np.dtype('f4')", "np.dtype('f8')", "S.itemsize"),
    "nested data": observed("[{'a': np.zeros(2)}]", "[{'a': np.ones(2)}]"),
    "name of data": (case(data='{"y": np.arange(4.0), "x": 1}'), case(data='{"y": np.arange(4.0), "z": 1}')),
    "small change of large data": observed("np.zeros(10**6)", "np.r_[np.zeros(10**6 - 1), 1e-300]"),
    # Tables.
    "index": observed("pd.Series([1.0], index=[0])", "pd.Series([1.0], index=[1])", PD),
    "order of rows": observed("pd.Series([1, 2], index=[0, 1])", "pd.Series([2, 1], index=[1, 0])", PD),
    "name of a series": observed("pd.Series([1.0], name='a')", "pd.Series([1.0], name='b')", PD),
    "dtype of a series": observed("pd.Series([1, 2])", "pd.Series([1.0, 2.0])", PD),
    "series and array": observed("pd.Series([1.0])", "np.array([1.0])", PD),
    "strings of a series": observed("pd.Series(['a', 'b'])", "pd.Series(['a', 'c'])", PD),
    "missing in a series": observed("pd.Series([1.0, np.nan])", "pd.Series([1.0, 2.0])", PD),
    "categories": observed("pd.Categorical(['a'], ['a', 'b'])", "pd.Categorical(['a'], ['a', 'c'])", PD),
    "codes": observed("pd.Categorical(['a', 'b'])", "pd.Categorical(['b', 'a'])", PD),
    "order of categories": observed("pd.Categorical(['a'], ['a', 'b'], ordered=True)", "pd.Categorical(['a'], ['a', 'b'])", PD),
    "columns": observed("pd.DataFrame({'a': [1], 'b': [2]})", "pd.DataFrame({'b': [2], 'a': [1]})", PD),
    "cell of a frame": observed("pd.DataFrame({'a': [1, 2]})", "pd.DataFrame({'a': [1, 3]})", PD),
    "category in a frame": observed("pd.DataFrame({'a': pd.Categorical(['x', 'y'])})", "pd.DataFrame({'a': pd.Categorical(['y', 'x'])})", PD),
    "levels": observed(
        "pd.Series([1], index=pd.MultiIndex.from_tuples([(1, 'a')]))", "pd.Series([1], index=pd.MultiIndex.from_tuples([(1, 'b')]))", PD
    ),
    "times": observed("pd.date_range('2020', periods=3)", "pd.date_range('2021', periods=3)", PD),
    "zone of times": observed("pd.date_range('2020', periods=3, tz='UTC')", "pd.date_range('2020', periods=3)", PD),
    "nullable": observed("pd.array([1, None], dtype='Int64')", "pd.array([1, 2], dtype='Int64')", PD),
    "period": observed("pd.Period('2020-01')", "pd.Period('2020-02')", PD),
    "interval": observed("pd.Interval(0, 1)", "pd.Interval(0, 1, 'left')", PD),
    "timestamp": observed("pd.Timestamp('2020-01-01')", "pd.Timestamp('2020-01-02')", PD),
    "data array": observed("xr.DataArray([1.0], dims='a')", "xr.DataArray([2.0], dims='a')", XR),
    "dimension": observed("xr.DataArray([1.0], dims='a')", "xr.DataArray([1.0], dims='b')", XR),
    "coordinate": observed("xr.DataArray([1.0], {'a': [0]}, 'a')", "xr.DataArray([1.0], {'a': [1]}, 'a')", XR),
    "dataset": observed("xr.Dataset({'x': ('a', [1])})", "xr.Dataset({'x': ('a', [2])})", XR),
    "sparse": observed("sp.eye(3, format='csr')", "2 * sp.eye(3, format='csr')", SP),
    "place in a sparse matrix": observed("sp.csc_matrix([[1, 0]])", "sp.csc_matrix([[0, 1]])", SP),
    "frozen distribution": value("stats.norm(0, 1)", "stats.norm(0, 2)", "S.std()", "from scipy import stats"),
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


def texts() -> List[Files]:
    """Every file of the pairs, in order."""
    return [files for pair in [*DIFFER.values(), *SAME.values()] for files in pair]


def write(files: Files, folder: Path) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder / "case.py"


def digest(files: Files) -> str:
    """Return a model's digest in this process, or why it has none."""
    import models
    from models import registry

    with tempfile.TemporaryDirectory() as folder:
        try:
            models.load_file(write(files, Path(folder)))
            return models.model_digest(models.get("case"))
        except models.ModelError as error:
            return f"refused: {error}"
        finally:
            registry._registered.pop("case", None)


if __name__ == "__main__":
    print(json.dumps([digest(files) for files in json.load(sys.stdin)]))
