"""Certificates: for this user alone, good for TLS, and never in the place of others."""

import ssl
from pathlib import Path

import pytest

from nutsbench.base.errors import UserError
from nutsbench.cluster import security


def test_certificates_are_good_and_the_key_is_ones_own(tmp_path: Path) -> None:
    place = tmp_path / "certs"
    security.make(place)
    assert (place / security.KEY).stat().st_mode & 0o777 == 0o600
    assert place.stat().st_mode & 0o777 == 0o700
    context = ssl.create_default_context(cafile=str(place / security.AUTHORITY))
    context.load_cert_chain(str(place / security.CERTIFICATE), str(place / security.KEY))
    found = security.of("tls://127.0.0.1:8786", place)
    assert found is not None
    assert found.require_encryption
    assert security.of("tcp://127.0.0.1:8786", place) is None


def test_others_are_not_replaced(tmp_path: Path) -> None:
    security.make(tmp_path / "certs")
    with pytest.raises(UserError, match="There are certificates in"):
        security.make(tmp_path / "certs")


def test_where_there_are_none_it_is_said_how_to_have_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nutsbench cluster certs"):
        security.of("tls://127.0.0.1:8786", tmp_path)
