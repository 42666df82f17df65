"""Reading callgrind's files: whose instructions they are."""

from pathlib import Path

import pytest

from nutsbench.inside import callgrind

FILE = """# callgrind format
version: 1
events: Ir
ob=(1) /usr/bin/python3.8
fl=(1) ceval.c
fn=(1) _PyEval_EvalFrameDefault
10 100
+2 50
cob=(2) /cache/compiledir_Linux/tmp1/m.so
cfn=(2) run
calls=3 7
* 4000
fn=(3) lookdict
5 999
ob=(2)
fn=(2)
1 30
* 5
ob=(3) /env/lib/python3.8/site-packages/numpy/core/_multiarray_umath.cpython-38.so
fn=(4) DOUBLE_add
1 7
ob=(4) /lib/x86_64-linux-gnu/libm.so.6
fn=(5) exp
1 11
ob=(5) /lib/x86_64-linux-gnu/libc.so.6
fn=(6) memcpy
1 2
totals: 1204
"""


def test_own_instructions_are_added_up_by_kind(tmp_path: Path) -> None:
    path = tmp_path / "out.1.1"
    path.write_text(FILE)
    # What was called is no cost of the caller; what probes by addresses is left out.
    assert callgrind.read(path, "/cache") == {
        "python": 150,
        "numpy": 7,
        "compiled": 35,
        "libm and BLAS": 11,
        "other": 2,
    }


def test_own_instructions_are_added_up_by_function(tmp_path: Path) -> None:
    path = tmp_path / "out.1.1"
    path.write_text(FILE)
    names = {"/cache/compiledir_Linux/tmp1/m.so": "Elemwise"}
    assert callgrind.by_function(path, "/cache", names) == {
        "python: _PyEval_EvalFrameDefault": 150,
        "compiled: Elemwise": 35,
        "numpy: DOUBLE_add": 7,
        "libm and BLAS: exp": 11,
        "other: memcpy": 2,
    }
    assert callgrind.by_function(path, "/cache", {})["compiled: run"] == 35


def test_the_total_is_read_off_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.1.1"
    path.write_text(FILE)
    assert callgrind.total(path) == 1204
    path.write_text("version: 1\n")
    with pytest.raises(ValueError, match=r"out\.1\.1"):
        callgrind.total(path)


def test_a_file_that_counts_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out.1.1"
    path.write_text("version: 1\nevents: Ir\ntotals: 0\n")
    with pytest.raises(ValueError, match=r"out\.1\.1"):
        callgrind.read(path, "/cache")


@pytest.mark.parametrize(
    ("library", "kind"),
    [
        ("/cache/compiledir/tmpab/m1.so", "compiled"),
        ("/usr/lib/libpython3.8.so.1.0", "python"),
        ("/root/versions/3.8.18/bin/python3.8", "python"),
        ("/lib/libm-2.36.so", "libm and BLAS"),
        ("/lib/libmvec.so.1", "libm and BLAS"),
        ("/env/numpy.libs/libopenblasp-r0.so", "libm and BLAS"),
        ("/env/scipy/linalg/_flapack.so", "libm and BLAS"),
        ("/env/numpy/linalg/_umath_linalg.so", "libm and BLAS"),
        ("/env/numpy/random/mtrand.so", "numpy"),
        ("/env/lib/python3.8/lib-dynload/math.so", "other"),
        ("/lib/libmagic.so.1", "other"),
    ],
)
def test_a_librarys_kind_follows_from_its_name(library: str, kind: str) -> None:
    assert callgrind.kind_of(library, "/cache/compiledir") == kind
