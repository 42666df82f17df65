"""What is to be changed in a file is found where it is, and written so that nothing else changes."""

import ast
import codecs
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nutsbench.dialect import changes, names, table
from nutsbench.dialect.names import DialectError
from nutsbench.stacks import stack
from tests.conftest import ROOT

CASES = Path(__file__).parent / "cases"
TARGET = names.load("pymc-6.4")
HEAD = "import pymc3 as pm\nimport theano.tensor as tt\n"


def migrated(tmp_path: Path, text: str) -> changes.Checked:
    path = tmp_path / "models.py"
    path.write_text(text, encoding="utf-8")
    return changes.check(path, TARGET)


def after(tmp_path: Path, text: str) -> str:
    """Return what becomes of some lines below the usual imports."""
    done = migrated(tmp_path, HEAD + text)
    assert done.after.startswith("import pymc as pm\nimport pytensor.tensor as tt\n")
    return done.after.split("\n", 2)[2]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ('pm.Normal("a", 0, sd=1)', 'pm.Normal("a", 0, sigma=1)'),
        ('pm.Normal.dist(0, sd = 1)', 'pm.Normal.dist(0, sigma = 1)'),
        ('pm.Gamma("é", mu=1,\n   sd=2, testval=3)', 'pm.Gamma("é", mu=1,\n   sigma=2, initval=3)'),
        # The third of a Student's t was its precision, and cannot be given by its place since.
        ('pm.StudentT("a", 3, 0, 2)', 'pm.StudentT("a", 3, 0, lam=2)'),
        # Without a word, mu would be taken for alpha.
        ('pm.SkewNormal("a", 1, 2)', 'pm.SkewNormal("a", mu=1, sigma=2)'),
        ('pm.LKJCorr("c", 2, 3)', 'pm.LKJCorr("c", eta=2, n=3)'),
        ('pm.LKJCholeskyCov("c", 2, 3)', 'pm.LKJCholeskyCov("c", 2, 3, compute_corr=False)'),
        ('pm.Lognormal("a", 0, sd=1)', 'pm.LogNormal("a", 0, sigma=1)'),
        ("tt.nnet.sigmoid(tt.abs_(x))", "tt.sigmoid(tt.abs(x))"),
        ("pm.invlogit(x)", "pm.math.invlogit(x)"),
        ("trace = pm.sample(500, njobs=2)", "trace = pm.sample(500, cores=2, return_inferencedata=False)"),
        ("pm.sample(return_inferencedata=True)", "pm.sample(return_inferencedata=True)"),
        (
            'm = pm.Normal("m", 0, 1)\npm.Normal("y", 0, sd=tt.inv(2), observed=y - tt.inv(m))',
            'm = pm.Normal("m", 0, 1)\n'
            'pm.Potential("y", pm.logp(pm.Normal.dist(0, sigma=tt.reciprocal(2)), y - tt.reciprocal(m)))',
        ),
        (
            'm = pm.Normal("m", 0, 1)\npm.Normal("y", observed=m, mu=1)',
            'm = pm.Normal("m", 0, 1)\npm.Potential("y", pm.logp(pm.Normal.dist(mu=1), m))',
        ),
        ('self.m = pm.Normal("m", 0)\npm.Normal("y", 0, observed=self.y)\npm.__version__',) * 2,
        ('pm.Normal("y", 0, 1, observed=y - 1)', 'pm.Normal("y", 0, 1, observed=y - 1)'),
        ('pm.Normal("a", *both, **more)', 'pm.Normal("a", *both, **more)'),
    ],
)  # fmt: skip
def test_what_is_safe_is_written_anew(tmp_path: Path, before: str, expected: str) -> None:
    assert after(tmp_path, before + "\n") == expected + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('pm.Bound(pm.Normal, lower=0)("a", 0, 1)', "pm.Truncated"),
        ("pm.DensityDist('a', f, observed=y)", "pm.CustomDist"),
        ("pm.traceplot(trace)", "arviz.plot_trace"),
        ("tt.nnet.softmax(x)", "axis=-1"),
        ("pm.math.block_diagonal([a, b])", "not a list"),
        ("pm.sample_ppc(trace)", "returns InferenceData"),
        ("pm.GaussianRandomWalk('w', sd=1, shape=4)", "its default was flat and is Normal(0, 100)"),
        ("pm.AR('w', rho, 1)", "init_dist=..."),
        ("tt.nnet.conv2d(x, y)", "no pytensor.tensor.nnet"),
        ("pm.distributions.transforms.lowerbound(0)", "Interval(lower, None)"),
        ('pm.MatrixNormal("a", mu=0, rowtau=1, colcov=c)', "MatrixNormal takes no rowtau"),
        ('y = pm.Normal("y", 0, 1, observed=pm.Normal("m", 0, 1) - 2)', "pm.Potential"),
        ("model.test_point", "initial_point()"),
        ("from pymc3 import traceplot", "arviz.plot_trace"),
        ("from theano.tensor.nnet import sigmoid", "from pytensor.tensor import sigmoid"),
    ],
)
def test_what_has_another_meaning_or_is_gone_is_left_to_a_person(
    tmp_path: Path, text: str, said: str
) -> None:
    found = [one for one in migrated(tmp_path, HEAD + text + "\n").changes if one.by_hand]
    assert said in " ".join(f"{one.after} {one.why}" for one in found)
    assert {one.line for one in found} == {3}


def test_however_it_is_imported_it_is_found(tmp_path: Path) -> None:
    text = (
        "import pymc3, os\nfrom theano import tensor as T, shared\nfrom pymc3 import Normal as N, Lognormal\n"
        "def f():\n    return pymc3.math.exp(T.inv(shared(1))), N('a', sd=1), Lognormal('b', sd=1)\n"
    )
    assert migrated(tmp_path, text).after == (
        "import pymc, os\nfrom pytensor import tensor as T, shared\n"
        "from pymc import Normal as N, LogNormal as Lognormal\n"
        "def f():\n    return pymc.math.exp(T.reciprocal(shared(1))), N('a', sigma=1),"
        " Lognormal('b', sigma=1)\n"
    )


def test_what_is_not_pymc3s_stays(tmp_path: Path) -> None:
    text = "import numpy as np\nnp.random.normal(sd=1, testval=2)\nclass Normal: ...\nNormal.test_point\n"
    done = migrated(tmp_path, text)
    assert (done.changes, done.after, done.diff()) == ([], text, "")


@pytest.mark.parametrize("path", sorted(CASES.glob("*.py")), ids=lambda path: str(path.stem))
def test_a_file_that_was_changed_asks_for_no_more(path: Path, tmp_path: Path) -> None:
    done = changes.check(path, TARGET)
    assert done.changes
    assert not [one for one in done.changes if one.by_hand]
    again = tmp_path / path.name
    again.write_text(done.after)
    assert changes.check(again, TARGET).changes == []
    lines = done.before.splitlines()
    for one in done.changes:
        assert one.before.partition("(")[0].partition("\n")[0] in lines[one.line - 1]


def test_the_table_leads_from_what_was_to_what_is() -> None:
    before = names.load(names.BEFORE)
    for old, new in table.RENAMED.items():
        assert TARGET.has(new), new
        was = old.replace("pytensor", "theano").replace("pymc", "pymc3")
        gone = ("ConstantDist", "Lognormal")
        assert before.has(was) or old.rpartition(".")[2] in gone, was


def test_how_a_file_is_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "models.py"
    path.write_bytes(codecs.BOM_UTF8 + b"import pymc3 as pm\r\nx = '\\d \xc3\xa9'; pm.Normal('a', sd=1)\r\n")
    changed = changes.check(path, TARGET).after.encode()
    assert (
        changed == codecs.BOM_UTF8 + b"import pymc as pm\r\nx = '\\d \xc3\xa9'; pm.Normal('a', sigma=1)\r\n"
    )
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(DialectError, match=r"models\.py is no Python"):
        changes.check(path, TARGET)


def test_a_file_that_is_no_python_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DialectError, match=r"models\.py, line 2"):
        migrated(tmp_path, "import pymc3\nwith\n")


#: Parts of calls, to be put together at random.
_CALLS = st.builds(
    lambda one, arguments, keywords: f"pm.{one}({', '.join([*arguments, *keywords])})",
    st.sampled_from([*sorted(TARGET.parameters)[::3], "Lognormal", "Bound", "sample", "LKJCholeskyCov"]),
    st.lists(st.sampled_from(["'n'", "1", "x", "tt.inv(x)", "pm.abs_(y)"]), max_size=4),
    st.lists(
        st.sampled_from(["sd=1", "testval=x", "mu=m", "observed=m - 1", "shape=(2,\n 3)",
                         "tau=pm.Normal.dist(sd=1)"]),
        max_size=3, unique_by=lambda text: text.partition("=")[0],
    ),
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(calls=st.lists(_CALLS, min_size=1, max_size=4))
def test_whatever_is_called_stays_python_and_asks_for_no_more(
    tmp_path_factory: pytest.TempPathFactory, calls: List[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    done = migrated(folder, f"{HEAD}m = pm.Normal('m')\n" + "\n".join(calls) + "\n")
    ast.parse(done.after)
    again = migrated(
        folder, done.after.replace("import pymc as", "import pymc3 as").replace("pytensor", "theano")
    )
    # Of what was written anew nothing is left but the packages' names.
    left = [one for one in again.changes if not one.by_hand and one.why != "the package's name"]
    assert left == []


def test_a_python_of_pymc3s_days_makes_the_same_changes(tmp_path: Path) -> None:
    """Python 3.8 does not say where keywords and imports stand: they are looked for in the text."""
    rows = (
        'pm.Normal("a", 0, sd = ( # a comment)\n  1), testval=(2))\nfrom theano import tensor as T , shared\n'
    )
    (tmp_path / "own.py").write_text(f"{HEAD}{rows}\npm.Normal('b', **more, sd=(lambda sd: 1)(0))\n")
    files = [*map(str, [*sorted(CASES.glob("*.py")), tmp_path / "own.py"])]
    script = (
        "import sys; from pathlib import Path; from nutsbench.dialect import changes, names\n"
        "for one in sys.argv[1:]:\n"
        "    found = changes.check(Path(one), names.load('pymc-6.4'))\n"
        "    print(found.after, [(change.line, change.after) for change in found.changes])\n"
    )
    said = [
        subprocess.run(
            [str(python), "-c", script, *files], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True,
            text=True, check=True,
        ).stdout
        for python in (sys.executable, stack.named("pymc3-3.8").python)
    ]  # fmt: skip
    assert said[0] == said[1]
    assert "sigma = (" in said[0]
