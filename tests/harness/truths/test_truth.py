"""A truth that cannot be used is said to be so, and why."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from nutsbench import models
from nutsbench.models import truths
from nutsbench.models.claims import claim, difference, includes
from nutsbench.models.truths import Truth, TruthError
from nutsbench.truths import truth

FIGURES = {"mean": 1.0, "sd": 2.0, "q05": -2.0, "q50": 1.0, "q95": 4.0, "error": 1e-9}


def a_truth(spec: Any, **changes: Any) -> Any:
    values = {
        "model": spec.name,
        "model_digest": models.model_digest(spec),
        "kind": "exact",
        "method": "by hand",
        "command": "none",
        "versions": {},
        "quantities": {"mu": dict(FIGURES)},
    }
    return Truth(**{**values, **changes})


@pytest.fixture
def spec(models_file: Callable[..., Path]) -> Iterator[Any]:
    path = models_file("judged")
    models.load_file(path)
    yield models.get("judged")
    models.registry._registered.pop("judged")
    models.registry._loaded.pop(str(path.resolve()))


def test_what_is_written_is_read_again(spec: Any) -> None:
    made = a_truth(spec)
    truth.write(made, truths.truth_file(spec))
    assert truths.load(spec) == made
    assert [path.name for path in truths.truth_file(spec).parent.iterdir()] == ["judged.json"]


def test_a_truth_that_is_missing_says_what_to_do(spec: Any) -> None:
    with pytest.raises(TruthError, match="there is no truth of judged: make it with `nutsbench reference"):
        truths.load(spec)
    found, why = truths.find("judged")
    assert found is None
    assert "no truth" in why


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[:50], "it is no JSON"),
        (lambda _: "[]", "it is damaged"),
        (lambda text: text.replace('"quantities"', '"quantites"'), "damaged.*quantites"),
        (lambda text: text.replace('"sd": 2.0', '"sd": NaN'), "sd of mu is nan"),
        (lambda text: text.replace('"sd": 2.0', '"sd": "2"'), "sd of mu is '2'"),
        (lambda text: text.replace('"sd": 2.0', '"sd": -2.0'), "contradict each other"),
        (lambda text: text.replace('"q05": -2.0', '"q05": 9.0'), "contradict each other"),
        (lambda text: text.replace(', "error": 1e-09', ""), "error of mu is None"),
        (lambda text: text.replace('"format": 1', '"format": 7'), "format is 7"),
        (lambda text: text.replace('"mu"', '"nu"').replace('{"nu": {', '{"nu": 3, "mu": {'), "mean of nu"),
    ],
)
def test_a_damaged_truth_is_said_to_be_damaged(spec: Any, spoil: Any, said: Any) -> None:
    path = truths.truth_file(spec)
    path.parent.mkdir()
    path.write_text(spoil(json.dumps(a_truth(spec).to_dict())))
    with pytest.raises(TruthError, match=said) as error:
        truths.load(spec)
    assert "cannot be read" in str(error.value)


def test_a_truth_of_another_version_is_not_used(spec: Any) -> None:
    truth.write(a_truth(spec, model_digest="0" * 16), truths.truth_file(spec))
    with pytest.raises(TruthError, match="made for another version of the model"):
        truths.load(spec)


def test_a_model_can_say_why_it_has_no_truth(models_file: Callable[..., Path]) -> None:
    reason = '    no_truth="it is chaotic",\n    teaches='
    text = models_file("untrue").read_text().replace("    teaches=", reason)
    path = models_file("untrue", text)
    models.load_file(path)
    try:
        with pytest.raises(TruthError, match="there is no truth of untrue: it is chaotic"):
            truths.load(models.get("untrue"))
        with pytest.raises(TruthError, match="cannot be integrated: it is chaotic"):
            truths.compute(models.get("untrue"))
    finally:
        models.registry._registered.pop("untrue")
        models.registry._loaded.pop(str(path.resolve()))


def test_a_write_that_fails_leaves_the_old_file(spec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = truths.truth_file(spec)
    truth.write(a_truth(spec), path)
    before = path.read_text()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        truth.write(a_truth(spec, method="other"), path)
    assert path.read_text() == before
    assert len(list(path.parent.iterdir())) == 1


def test_truths_are_compared_figure_by_figure(spec: Any) -> None:
    one = a_truth(spec)
    other = a_truth(spec, quantities={"mu": {**FIGURES, "q95": 4.5}})
    apart = truth.compare(one, other)
    assert apart.scalar == "mu"
    assert apart.in_sds == pytest.approx(0.25)
    assert apart.in_errors == pytest.approx(0.5 / 2e-9, rel=1e-6)
    # A file does not come to agree by claiming a large error.
    rough = a_truth(spec, quantities={"mu": {**FIGURES, "q95": 4.5, "error": 1.0}})
    assert truth.compare(one, rough).in_errors > 1e6
    with pytest.raises(TruthError, match="only one of the two has nu - mu"):
        truth.compare(one, a_truth(spec, combinations={"nu - mu": FIGURES}))
    with pytest.raises(TruthError, match="only one of the two has nu"):
        truth.compare(one, a_truth(spec, quantities={"mu": FIGURES, "nu": FIGURES}))


def test_the_digest_is_of_what_a_verdict_depends_on(spec: Any) -> None:
    one = a_truth(spec)
    assert one.digest == a_truth(spec, command="another", versions={"numpy": "9"}).digest
    assert one.digest != a_truth(spec, quantities={"mu": {**FIGURES, "mean": 1.1}}).digest


@pytest.mark.parametrize("name", models.names())
def test_every_model_of_the_tutorial_has_an_exact_truth(name: Any) -> None:
    spec = models.get(name)
    found = truths.load(spec)
    assert found.kind == "exact"
    variables = {scalar.split("[")[0] for scalar in found.quantities}
    assert variables == set(spec.monitored)
    assert all(figures["error"] < 1e-6 * figures["sd"] for figures in found.quantities.values())


REFERENCE = {
    **FIGURES, "error": 0.2,
    "mcse_mean": 0.02, "mcse_sd": 0.02, "mcse_q05": 0.1, "mcse_q50": 0.03, "mcse_q95": 0.1,
    "ess_q05": 8000.0, "ess_q95": 8000.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("exact", {"error": 20.0}, "the error of mu is too large for an exact truth"),
        ("reference", {"mcse_mean": None}, "mcse_mean of mu is None"),
        ("reference", {"mcse_sd": float("inf")}, "mcse_sd of mu is inf"),
        ("reference", {"mcse_q05": 9.0}, "mcse_q05 of mu is too large"),
        ("reference", {"ess_q05": -100.0}, "ess_q05 of mu is -100"),
        ("reference", {"ess_q95": "x"}, "ess_q95 of mu is 'x'"),
    ],
)
def test_errors_by_which_anything_would_agree_are_refused(
    spec: Any, kind: Any, changes: Any, said: Any
) -> None:
    figures = {**(FIGURES if kind == "exact" else REFERENCE), **changes}
    values = a_truth(spec, kind=kind, quantities={"mu": figures}).to_dict()
    with pytest.raises(TruthError, match=said):
        Truth.from_dict(values)
    assert Truth.from_dict(a_truth(spec, kind="reference", quantities={"mu": REFERENCE}).to_dict())


def test_an_exact_posterior_that_fails_is_said_to_fail(spec: Any) -> None:
    broken = dataclasses.replace(spec, exact=lambda _: 1 / 0)
    with pytest.raises(TruthError, match="could not be integrated: ZeroDivisionError"):
        truths.compute(broken)
    line = models.get("path_analysis")
    across = (claim("apart", includes(difference("coeff_1", "coeff_2"), 0)),)
    with pytest.raises(TruthError, match="'coeff_1 - coeff_2' is not linear"):
        truths.compute(dataclasses.replace(line, claims=across))
