"""Certificates, and a look at a server on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.probe.server import HOSTNAME

NOW = datetime.now(UTC)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


@dataclass
class Issuer:
    """A certificate authority."""

    name: str
    parent: Issuer | None = None
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        ca = x509.BasicConstraints(ca=True, path_length=None)
        signer = self.parent or self
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(self.name))
            .issuer_name(_name(signer.name))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=10))
            .not_valid_after(NOW + timedelta(days=1000))
            .add_extension(ca, critical=True)
            .sign(signer.key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(
        self,
        common_name: str = HOSTNAME,
        names: tuple[str, ...] = (HOSTNAME,),
        begins: float = -5,
        ends: float = 400,
    ) -> tuple[str, str]:
        """A certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common_name))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days=begins))
            .not_valid_after(NOW + timedelta(days=ends))
        )
        if names:
            alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternative, critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return pem, secret.decode()


@pytest.fixture
def dials_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the name is, and whoever is asked for it: certificates are for the name."""
    monkeypatch.setattr("hotshoe.probe.run.name.ask", lambda _: None)
    monkeypatch.setattr("hotshoe.probe.run.name.look", lambda *_: "127.0.0.1")


@pytest.fixture(scope="session")
def root() -> Issuer:
    return Issuer("hotshoe root 1234")


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ssl.SSLContext]:
    """Make a TLS server of certificates, the server's own first, and its key."""
    folder: Path = tmp_path_factory.mktemp("tls")

    def make(certificate: str, key: str, *chain: str) -> ssl.SSLContext:
        path = folder / "server.pem"
        path.write_text("".join((key, certificate, *chain)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.num_tickets = 0
        context.load_cert_chain(path)
        return context

    return make


@pytest.fixture(scope="session")
def good(root: Issuer, tls: Callable[..., ssl.SSLContext]) -> ssl.SSLContext:
    """The TLS of a server whose certificate is right."""
    return tls(*root.issue())
