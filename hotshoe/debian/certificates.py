"""A certificate authority for one host name, and the server's certificate."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hotshoe.errors import HotshoeError
from hotshoe.plan.model import Plan

RSA_BITS = 2048
# Cameras keep the root for as long as they live; it can sign for one host name only.
CA_DAYS = 20 * 365
# The longest life that common platforms accept of a server certificate under a private root.
SERVER_DAYS = 825
# A deploy renews when less than this is left, so a home that is deployed once a year stays valid.
RENEW_DAYS = 400
# Cameras' clocks are set by hand and know no time zone.
BACKDATED = timedelta(days=2)
# OpenSSL takes no more (PEM_BUFSIZE - 1).
LONGEST_PASSPHRASE = 1023

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Authority:
    """A certificate authority on the computer that deploys.

    :param certificate: what cameras trust
    :param key: its private key, which never leaves that computer
    """

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


@dataclass(frozen=True)
class AuthorityFiles:
    """Where an authority is kept.

    :param folder: one folder per host name, since an authority is good for one only
    """

    folder: Path

    @classmethod
    def of(cls, plan: Plan, root: Path) -> AuthorityFiles:
        """The authority of a home.

        :param root: the folder that holds deploy.py, or a stage's own
        """
        return cls(root / "pki" / plan.hostname)

    @property
    def key(self) -> Path:
        """The private key, PKCS #8 PEM, encrypted, and after it the root certificate."""
        return self.folder / "ca.key"

    @property
    def certificate(self) -> Path:
        """A copy of the root certificate, under a name that cameras look for on their card."""
        return self.folder / "ROOT.CRT"

    def load_certificate(self) -> x509.Certificate | None:
        """The root certificate, or None before the first deploy.

        A ROOT.CRT that somebody moved to a card is no reason for a new authority, so the one beside
        the key counts as well.

        :raises HotshoeError: if the file is no certificate
        """
        file = self.certificate if self.certificate.exists() else self.key
        if not file.exists():
            return None
        try:
            return x509.load_pem_x509_certificate(file.read_bytes())
        except ValueError:
            raise HotshoeError(
                f"{file}: holds no PEM certificate\n"
                "    -> restore ca.key and ROOT.CRT from the same backup"
            ) from None

    def load(self, passphrase: str) -> Authority | None:
        """Load the authority, or None before the first deploy.

        :raises HotshoeError: if half of it is missing or the passphrase does not open it
        """
        certificate = self.load_certificate()
        if certificate is None:
            return None
        if not self.key.exists():
            raise HotshoeError(
                f"{self.key}: is missing, so no certificate can be renewed\n"
                f"    -> restore it from a backup; or remove {self.folder} for a new authority, "
                "whose ROOT.CRT every camera must then be given"
            )
        try:
            key = serialization.load_pem_private_key(self.key.read_bytes(), passphrase.encode())
        except (ValueError, TypeError):
            raise HotshoeError(
                f"{self.key}: ca_passphrase from the vault does not open it\n"
                "    -> put back the passphrase that it was made with"
            ) from None
        if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
            raise HotshoeError(
                f"{self.key}: does not belong to {self.certificate}\n"
                "    -> restore both from the same backup"
            )
        return Authority(certificate, key)

    def load_or_create(self, hostname: str, passphrase: str, now: datetime) -> Authority:
        """Load the authority; make it first if there is none.

        Key and certificate are in one file, which is written in one step; only the copy for
        cameras can be missing after a killed run, and is written again.

        :raises HotshoeError: as :meth:`load` does
        """
        found = self.load(passphrase)
        if found is not None:
            if not self.certificate.exists():
                _write(self.certificate, found.certificate.public_bytes(_PEM), 0o644)
            return found
        made = make_authority(hostname, now)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        encrypted = made.key.private_bytes(
            _PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode()),
        )
        root = made.certificate.public_bytes(_PEM)
        _write(self.key, encrypted + root, 0o600)
        _write(self.certificate, root, 0o644)
        return made


def is_passphrase(text: str) -> bool:
    """Whether a private key can be encrypted with it."""
    try:
        return len(text.encode()) <= LONGEST_PASSPHRASE
    except UnicodeEncodeError:
        return False


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replace a file in one step, so that a killed run leaves the old one or the new one."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def make_authority(hostname: str, now: datetime) -> Authority:
    """Make an authority that can vouch for one host name and for nothing else.

    Its name constraints (RFC 5280, section 4.2.1.10) permit that DNS name and mail of that
    host, and exclude every IP address, so that whoever steals the key can impersonate nobody else.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hotshoe root")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(
            x509.NameConstraints(
                permitted_subtrees=[x509.DNSName(hostname), x509.RFC822Name(hostname)],
                excluded_subtrees=[
                    x509.IPAddress(IPv4Network("0.0.0.0/0")),
                    x509.IPAddress(IPv6Network("::/0")),
                ],
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def issue(authority: Authority, hostname: str, now: datetime) -> bytes:
    """Make a key and a certificate for the server.

    :returns: PEM, the private key first and then the certificate, as vsftpd reads them from one
        file; one file is replaced in one step, so key and certificate always fit
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    root = authority.certificate
    until = min(now + timedelta(days=SERVER_DAYS), root.not_valid_after_utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname)]))
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True, key_encipherment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )
    return key.private_bytes(
        _PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(_PEM)


def why_renew(
    pem: str | None, root: x509.Certificate | None, hostname: str, now: datetime
) -> str | None:
    """Say why the server needs a new certificate.

    :param pem: the certificate that the server has, if any
    :param root: the root certificate, if there is one yet
    :returns: the reason as a clause, or None if the server's certificate is good
    """
    if not pem:
        return "the server has no certificate"
    if root is None:
        return "there is no certificate authority here yet"
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return "the server's certificate is not from this certificate authority"
    if not _is_for(certificate, hostname):
        return f"the server's certificate is not for {hostname}"
    left = certificate.not_valid_after_utc - now
    can_last_longer = certificate.not_valid_after_utc < root.not_valid_after_utc
    if left < timedelta(days=RENEW_DAYS) and can_last_longer:
        return f"the server's certificate has {left.days} days left"
    return None


def is_lost(pem: str | None, root: x509.Certificate | None, hostname: str) -> bool:
    """Whether the server's certificate for this host name is from an authority that is not here.

    Cameras trust that one, so a new one must not take its place unasked.
    """
    if root is not None or not pem:
        return False
    try:
        return _is_for(x509.load_pem_x509_certificate(pem.encode()), hostname)
    except ValueError:
        return False


def _is_for(certificate: x509.Certificate, hostname: str) -> bool:
    """Whether a certificate has this host name, and no other, in both CN and SAN."""
    names = [str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names += san.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass
    return names == [hostname, hostname]


def _key_usage(**granted: bool) -> x509.KeyUsage:
    usages = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**(usages | granted))


def utc_now() -> datetime:
    """The time, for those who may ask for it (the core's functions take it as a parameter)."""
    return datetime.now(UTC)
