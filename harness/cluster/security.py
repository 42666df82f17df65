"""Certificates for a cluster of one's own, and what Dask makes of them.

One authority, and one certificate that all members, the scheduler and those who ask have: who has its key
belongs to the cluster, and may run code on all of it.
"""

import datetime
import os
from pathlib import Path
from typing import Optional

import distributed
import platformdirs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nutsbench.base.errors import UserError

#: Names the folder of certificates.
VARIABLE = "NUTSBENCH_CERTS"
#: What is in the folder: the authority's certificate, and that of all members with its key.
AUTHORITY, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"
#: How many days certificates hold.
DAYS = 365


def folder() -> Path:
    """Return the folder of certificates: ``NUTSBENCH_CERTS``, else one in the user's configuration."""
    given = os.environ.get(VARIABLE)
    return Path(given).absolute() if given else Path(platformdirs.user_config_dir("nutsbench"), "certs")


def make(place: Path) -> None:
    """Make certificates for a new cluster.

    Parameters
    ----------
    place : Path
        Folder for them; for this user alone to read.

    Raises
    ------
    UserError
        If there are some.
    """
    if (place / KEY).exists():
        raise UserError(f"There are certificates in {place}: remove the folder, or name another one.")
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority, member = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = _certificate("nutsbench cluster", authority, authority, is_authority=True)
    # The authority's key is not kept: there is one certificate, and to shut somebody out all are made anew.
    own = _certificate("nutsbench member", member, authority, is_authority=False)
    for name, certificate in ((AUTHORITY, ca), (CERTIFICATE, own)):
        (place / name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    text = member.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle = os.open(place / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text)


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, is_authority: bool
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nutsbench cluster")])
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of machines differ.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(by, hashes.SHA256())
    )


def of(address: str, place: Optional[Path] = None) -> Optional[distributed.Security]:
    """Return how a scheduler's address is spoken to; None for one without encryption.

    Parameters
    ----------
    address : str
        The address.
    place : Path, optional
        Folder of certificates; that of :func:`folder` if not given.

    Raises
    ------
    UserError
        If there are no certificates.
    """
    if not address.startswith("tls://"):
        return None
    place = place or folder()
    missing = [name for name in (AUTHORITY, CERTIFICATE, KEY) if not (place / name).is_file()]
    if missing:
        raise UserError(
            f"There is no {missing[0]} in {place}, which {address} needs: copy the folder from where"
            " `nutsbench cluster certs` made it, or name it with --certs."
        )
    ca, certificate, key = (str(place / name) for name in (AUTHORITY, CERTIFICATE, KEY))
    return distributed.Security(
        require_encryption=True, tls_ca_file=ca,
        tls_client_cert=certificate, tls_client_key=key,
        tls_worker_cert=certificate, tls_worker_key=key,
        tls_scheduler_cert=certificate, tls_scheduler_key=key,
    )  # fmt: skip
