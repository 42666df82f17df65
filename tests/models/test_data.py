"""The data are the tutorial's very numbers."""

from typing import Any

import numpy as np
import pytest

from nutsbench import models

#: Frozen from running the tutorial's own code for each data set, NumPy 1.19.5.
DIGESTS = {
    "coin_toss": "805d2a1a54ea5280411f3602b39f88986aecc1afc41f2f6f72f759086f522e83",
    "simple_regression": "d9775ba3f69b88fcc442ac6b429b38eb0b348b7e8a62750d6df738624765afff",
    "independent_regression": "fc3e5a5cdd5d1ea2b55adccc6f52ca965d94e1c41430ee717025edf7affd8544",
    "pipe_confound": "e06177679701b4888823b1143ec1bd8a697c7a4cf876bed65913c47732f9604a",
    "path_analysis": "e06177679701b4888823b1143ec1bd8a697c7a4cf876bed65913c47732f9604a",
    "no_fork": "e3498fff99bd3194a30494422cf1f807c1c1f191b59ab40ad6e3eb121ba96889",
    "fork": "e3498fff99bd3194a30494422cf1f807c1c1f191b59ab40ad6e3eb121ba96889",
    "include_collider": "b3ed6970f83e2b31d041b1528a03342b8db5113e4e7e37b8f8b05f4d652fc0a6",
    "exclude_collider": "b3ed6970f83e2b31d041b1528a03342b8db5113e4e7e37b8f8b05f4d652fc0a6",
    "combined_exclude_collider": "015aa398b0b991a1e9c95a2209753dbde42c9cf5c2776950d4b49f2fc07c98d1",
    "categorical": "78cf0c1734c5ec5f031d73de565ba45a5584646ec9ea995155553c884aa68ec0",
    "pooled_categorical": "78cf0c1734c5ec5f031d73de565ba45a5584646ec9ea995155553c884aa68ec0",
    "no_heterogenous": "3bd488ac1f35deeb47d09c3f5b1477fc3ec225220e56490c762470cda26fc6e3",
    "heterogenous": "3bd488ac1f35deeb47d09c3f5b1477fc3ec225220e56490c762470cda26fc6e3",
    "count_heterogenous": "b4b72856a08f414a30d1de2adf8912f4a8646f8b543077154ca1d6757d0d859a",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_data_are_the_tutorials(name: Any) -> None:
    assert models.data_digest(models.get(name).data()) == DIGESTS[name]


def test_a_changed_number_changes_the_digest() -> None:
    data = models.get("simple_regression").data()
    data["y1"][7] = np.nextafter(data["y1"][7], np.inf)
    assert models.data_digest(data) != DIGESTS["simple_regression"]


@pytest.mark.parametrize("name", models.names())
def test_data_leave_the_global_random_state_alone(name: Any) -> None:
    before = np.random.get_state()[1].copy()
    models.get(name).data()
    assert np.array_equal(np.random.get_state()[1], before)
