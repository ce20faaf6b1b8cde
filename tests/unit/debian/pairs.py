"""Keys and certificates of every kind, good and bad, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "photos.example.net"
NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)


@cache
def key_of(who: str, kind: str = "rsa2048"):
    """A private key; the same word always gets the same one."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa")))


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    private: object

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key(self, passphrase: bytes = b"", *, old: bool = False) -> bytes:
        encryption = (
            serialization.BestAvailableEncryption(passphrase)
            if passphrase
            else serialization.NoEncryption()
        )
        kind = serialization.PrivateFormat
        return self.private.private_bytes(
            serialization.Encoding.PEM, kind.TraditionalOpenSSL if old else kind.PKCS8, encryption
        )


def make(
    who: str,
    issuer: Made | None = None,
    *,
    ca: bool = False,
    path_length: int | None = None,
    names: tuple[str, ...] = (),
    common: str | None = "",
    kind: str = "rsa2048",
    begins: timedelta = -YEAR,
    ends: timedelta = YEAR,
    usage: object = None,
) -> Made:
    """Make a certificate.

    :param who: its common name unless ``common`` says another, and whose key it has
    :param issuer: who signs; itself if nobody
    """
    private = key_of(who, kind)
    common = who if common == "" else common
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, common)]
        if common
        else [x509.NameAttribute(NameOID.ORGANIZATION_NAME, who)]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + begins)
        .not_valid_after(NOW + ends)
        .add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
    )
    # What a strict client wants to see, such as Python 3.13.
    identifier = x509.SubjectKeyIdentifier.from_public_key(private.public_key())
    builder = builder.add_extension(identifier, critical=False)
    if issuer:
        whose = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.private.public_key())
        builder = builder.add_extension(whose, critical=False)
    if ca:
        builder = builder.add_extension(_key_usage(key_cert_sign=True), critical=True)
    if names:
        san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(san, critical=False)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    signer = issuer.private if issuer else private
    return Made(builder.sign(signer, hashes.SHA256()), private)


def _key_usage(**granted: bool) -> x509.KeyUsage:
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**(dict.fromkeys(names, False) | granted))


ROOT = make("a root", ca=True)
MIDDLE = make("an intermediate", ROOT, ca=True, path_length=0)
LOWER = make("a lower one", MIDDLE, ca=True)
OTHER_ROOT = make("another root", ca=True)


def leaf(issuer: Made | None = MIDDLE, **different: object) -> Made:
    """The server's certificate, good but for what is different."""
    said = {"names": (HOST,), "usage": ExtendedKeyUsageOID.SERVER_AUTH} | different
    return make(HOST, issuer, **said)


LEAF = leaf()
GOOD = LEAF.pem + MIDDLE.pem
