"""The certificate that vsftpd starts with, and what an authority's own HTTPS is verified by."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from hotshoe.debian.acme import RSA_BITS, STAND_IN
from hotshoe.errors import HotshoeError

_STAND_IN_DAYS = 30


def stand_in(hostname: str, now: datetime) -> str:
    """A key and a certificate that nobody trusts, so that vsftpd starts; PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, STAND_IN),
            x509.NameAttribute(NameOID.COMMON_NAME, hostname),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=_STAND_IN_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return (private + certificate.public_bytes(serialization.Encoding.PEM)).decode()


def read_bundle(file: Path) -> str:
    """Read the PEM file by which an authority's own HTTPS is verified.

    :raises HotshoeError: if it cannot be read, or holds no certificate
    """
    remedy = (
        "correct certificate.ca_bundle: a PEM file here, with the root of that authority's HTTPS"
    )
    try:
        text = file.read_text("ascii")
    except OSError as error:
        raise HotshoeError(f"{file}: {error.strerror}\n    -> {remedy}") from None
    except UnicodeDecodeError:
        raise HotshoeError(f"{file}: is no PEM file\n    -> {remedy}") from None
    try:
        x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise HotshoeError(f"{file}: holds no certificate\n    -> {remedy}") from None
    return text
