"""NUTS gets its arguments beside other step methods, and what is not known then is said."""

import pytest

from nutsbench import models
from nutsbench.inside import steppers
from nutsbench.models.spec import SamplerSettings

SPEC = models.get("addition")
MIXED = {"before": "NUTS", "change": "Metropolis", "after": "NUTS"}


def test_alone_nuts_is_given_its_arguments_as_ever() -> None:
    assert steppers.arguments(SamplerSettings(), compound=False) == SamplerSettings().to_dict()


def test_among_others_it_is_given_them_by_its_name() -> None:
    found = steppers.arguments(SamplerSettings(target_accept=0.9, max_treedepth=8), compound=True)
    assert found.pop("nuts") == {"target_accept": 0.9, "max_treedepth": 8}
    assert set(found) == {"draws", "tune", "chains", "cores", "init"}


def test_what_is_not_known_of_mixed_draws_is_said() -> None:
    assert steppers.notes({"a": "NUTS"}, SamplerSettings()) == []
    (note,) = steppers.notes(MIXED, SamplerSettings())
    assert note.startswith("change by Metropolis, not by NUTS: divergences, step size, tree depth and E-BFMI")
    assert "(before, after)" in note
    assert len(steppers.notes(MIXED, SamplerSettings(init="advi"))) == 2


def test_a_model_with_nothing_for_nuts_is_refused_with_what_takes_its_variables() -> None:
    steppers.check(SPEC, MIXED)
    with pytest.raises(steppers.UnsampleableError, match=r"nothing for NUTS.*k \(Metropolis\)") as refused:
        steppers.check(SPEC, {"k": "Metropolis"})
    assert refused.value.clause == "continuous"
