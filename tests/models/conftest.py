"""What tests of models share."""

from typing import Iterator

import pytest

from nutsbench import models
from nutsbench.models import registry


@pytest.fixture
def registry_as_it_was() -> Iterator[None]:
    """Forget after the test what it loaded."""
    models.names()
    registered, loaded = dict(registry._registered), dict(registry._loaded)
    yield
    registry._registered.clear()
    registry._registered.update(registered)
    registry._loaded.clear()
    registry._loaded.update(loaded)
