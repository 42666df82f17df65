"""The classes that asv finds: one a model, each with a cache and a version of its own."""

import json
import math
import pickle
from pathlib import Path
from typing import Any, Dict, List

import pytest

from nutsbench import models
from nutsbench.base.errors import UserError
from nutsbench.track import cells, classes, counts
from nutsbench.track.measured import ROUNDS, Measured

runner = pytest.importorskip("asv_runner.benchmarks._base")


@pytest.fixture(scope="module")
def sampling() -> Dict[str, Any]:
    return classes.sampling_classes("suite.quick", "quick")


def test_every_model_has_a_class_of_its_name(sampling: Dict[str, Any]) -> None:
    assert list(sampling) == models.names()
    assert list(classes.core_classes("suite.core", "quick", models.names())) == models.names()


def test_no_two_classes_share_a_cache(sampling: Dict[str, Any]) -> None:
    every = [*sampling.values(), *classes.core_classes("suite.core", "quick", models.names()).values()]
    keys = {runner.get_setup_cache_key(one.setup_cache) for one in every}
    assert len(keys) == len(every)


def test_a_version_follows_the_model_its_settings_and_the_figure(
    sampling: Dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = models.get("addition")
    before = cells.version(spec, "settings", "pace_s")
    assert before == cells.version(spec, "settings", "pace_s")
    assert before != cells.version(spec, "other settings", "pace_s")
    assert before != cells.version(spec, "settings", "rhat_max")
    assert before != cells.version(models.get("coin_toss"), "settings", "pace_s")
    monkeypatch.setattr(models, "model_digest", lambda _: "another prior")
    assert before != cells.version(spec, "settings", "pace_s")


def test_a_failed_seed_fails_the_benchmark_and_says_why(sampling: Dict[str, Any]) -> None:
    (label,) = sampling["addition"].params[0]
    records = {label: [{"seed": 7, "status": "crashed", "reason": "killed by SIGKILL in draw"}]}
    with pytest.raises(RuntimeError, match="seed 7: crashed, killed by SIGKILL in draw"):
        sampling["addition"]().track_pace_s(records, label)


def test_a_commit_of_another_model_is_not_stored_as_the_newest(
    sampling: Dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NUTSBENCH_ASV", str(tmp_path))
    (label,) = sampling["addition"].params[0]
    ok = {"seed": 1, "status": "ok", "metrics": {"divergences": 3}}
    track = sampling["addition"]().track_divergences
    assert track({label: [ok]}, label) == 3
    name = "quick.addition.track_divergences"
    (tmp_path / "benchmarks.json").write_text(json.dumps({name: {"version": "another"}}))
    assert track({label: [ok]}, label) != 3
    assert "skipped" in capsys.readouterr().err


def test_the_core_of_another_model_is_skipped_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUTSBENCH_ASV", str(tmp_path))
    mark = pytest.importorskip("asv_runner.benchmarks.mark")
    one = classes.core_classes("suite.core", "quick", models.names())["addition"]
    known = {"core.addition.peakmem_transitions": {"version": "another"}}
    (tmp_path / "benchmarks.json").write_text(json.dumps(known))
    compiled = pickle.loads(pickle.dumps(one().setup_cache()))
    every = [name for name in dir(one) if name.startswith(("time_", "peakmem_", "track_"))]
    assert len(every) == len(classes.BENCHMARKS)
    for name in every:
        with pytest.raises(mark.SkipNotImplemented):
            getattr(one(), name)(compiled)


@pytest.mark.parametrize("name", [row.name for row in classes.BENCHMARKS])
def test_a_benchmark_says_what_it_is(name: str) -> None:
    function = getattr(classes.core_classes("suite.core", "tutorial", ["addition"])["addition"], name)
    assert function.unit in ("seconds", "bytes", "instructions", "%")
    assert function.pretty_name.startswith("addition: ")
    assert function.pretty_source.startswith("# ")


def test_asv_takes_a_sample_of_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    time = pytest.importorskip("asv_runner.benchmarks.time")
    one = classes.core_classes("suite.core", "quick", models.names())["addition"]()
    values = iter([3.0, 1.0, 2.0, 5.0, 4.0])
    monkeypatch.setattr(Measured, "next_s", lambda _, workload: next(values) if workload == "leapfrog" else 0)
    monkeypatch.setattr(classes, "_is_other_model", lambda *_: False)
    benchmark = time.TimeBenchmark("core.addition.time_leapfrog", one.time_leapfrog, [one])
    benchmark.set_cache(one.setup_cache())
    benchmark.do_setup()
    assert benchmark.do_run() == {"samples": [3.0, 1.0, 2.0, 5.0], "number": 1}
    assert benchmark.rounds == ROUNDS


def test_without_valgrind_instructions_are_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(counts, "why_not", lambda: "valgrind is not installed: do this")
    one = classes.core_classes("suite.core", "quick", models.names())["addition"]()
    assert math.isnan(one.track_instructions_leapfrog(Measured("addition")))
    assert math.isnan(one.track_share_python(Measured("addition")))
    assert "skipped: valgrind is not installed: do this" in capsys.readouterr().err


def test_instructions_and_shares_are_read_off_one_count(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"instructions": {"leapfrog": 12}, "shares": {"transitions": {"libm and BLAS": 0.25}}}
    monkeypatch.setattr(counts, "why_not", lambda: "")
    monkeypatch.setattr(Measured, "counted", lambda _: found)
    one = classes.core_classes("suite.core", "quick", models.names())["addition"]()
    assert one.track_instructions_leapfrog(Measured("addition")) == 12
    assert one.track_share_libm_blas(Measured("addition")) == 25


def test_quick_compiles_with_an_empty_cache_only_what_it_says() -> None:
    def cold(profile: str) -> List[Any]:
        found = classes.core_classes("suite.core", profile, models.names())
        return [name for name, one in found.items() if hasattr(one, "track_compile_cold")]

    assert cold("quick") == list(classes.COMPILED_MODELS)
    assert cold("tutorial") == models.names()


def test_there_are_enough_seeds_for_asvs_test() -> None:
    statistics = pytest.importorskip("asv._stats")
    lower, upper = list(range(len(cells.SEEDS))), list(range(100, 100 + len(cells.SEEDS)))
    _, p = statistics.mann_whitney_u(lower, upper)
    assert p < 0.002


def test_an_unknown_profile_is_named_with_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUTSBENCH_PROFILE", "quik")
    with pytest.raises(UserError, match=r"'quik'.*'quick'.*quick, tutorial"):
        cells.profile()
