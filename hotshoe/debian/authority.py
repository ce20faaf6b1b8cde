"""A certificate authority for one host name, and what it issues. Reads and writes no file.

When the authority is replaced, the old one vouches for the new one for a while, by a cross
certificate (RFC 4949; RFC 4210, section 4.4, has the idea): the server sends it along, so a camera
that has the old root certificate accepts the server as well as one that has the new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

RSA_BITS = 2048
# Cameras keep the root for as long as they live; it can sign for one host name only.
CA_DAYS = 20 * 365
# The longest life that common platforms accept of a server certificate under a private root.
SERVER_DAYS = 825
# Cameras' clocks are set by hand and know no time zone.
BACKDATED = timedelta(days=2)
# OpenSSL takes no more (PEM_BUFSIZE - 1).
LONGEST_PASSPHRASE = 1023
# What the names of our authorities begin with. What follows tells two of one home apart, on a
# camera's display as well.
NAME = "hotshoe root"

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Roots:
    """What of an authority is no secret.

    :param current: the root certificate that cameras are given
    :param previous: the one that it replaces, while cameras may have either; None otherwise
    :param cross: what the previous authority vouches for the current one by, meanwhile
    """

    current: x509.Certificate
    previous: x509.Certificate | None = None
    cross: x509.Certificate | None = None


@dataclass(frozen=True)
class Authority:
    """A certificate authority on the computer that deploys.

    :param roots: what cameras trust
    :param key: the current one's private key, which never leaves that computer
    """

    roots: Roots
    key: rsa.RSAPrivateKey

    @property
    def certificate(self) -> x509.Certificate:
        """The root certificate that cameras are given."""
        return self.roots.current


def is_passphrase(text: str) -> bool:
    """Whether a private key can be encrypted with it."""
    try:
        return len(text.encode()) <= LONGEST_PASSPHRASE
    except UnicodeEncodeError:
        return False


def make_authority(hostname: str, now: datetime) -> Authority:
    """Make an authority that can vouch for one host name and for nothing else."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    name = _name_of(key)
    until = now + timedelta(days=CA_DAYS)
    # One authority below it: the next one, while cameras may have either.
    unsigned = _authority_certificate(name, name, key, hostname, now, until, path_length=1)
    return Authority(Roots(unsigned.sign(key, hashes.SHA256())), key)


def can_be_succeeded(root: x509.Certificate) -> bool:
    """Whether an authority may vouch for another (RFC 5280, section 4.2.1.9).

    Authorities that earlier versions of hotshoe made may not.
    """
    basic = root.extensions.get_extension_for_class(x509.BasicConstraints).value
    return basic.path_length is None or basic.path_length > 0


def succeed(old: Authority, hostname: str, now: datetime) -> Authority:
    """Make the authority that replaces another, which vouches for it.

    :param old: one that :func:`can_be_succeeded`
    """
    made = make_authority(hostname, now)
    cross = _authority_certificate(
        made.certificate.subject,
        old.certificate.subject,
        made.key,
        hostname,
        now,
        min(made.certificate.not_valid_after_utc, old.certificate.not_valid_after_utc),
        path_length=0,
    ).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(old.key.public_key()), critical=False
    )
    signed = cross.sign(old.key, hashes.SHA256())
    return Authority(Roots(made.certificate, old.certificate, signed), made.key)


def _name_of(key: rsa.RSAPrivateKey) -> x509.Name:
    digest = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{NAME} {digest[:6]}")])


def _authority_certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    hostname: str,
    now: datetime,
    until: datetime,
    path_length: int,
) -> x509.CertificateBuilder:
    """A certificate that makes a key an authority's, not signed yet.

    Its name constraints (RFC 5280, section 4.2.1.10) permit that DNS name and mail of that
    host, and exclude every IP address, so that whoever steals the key can pose as that
    host, and names below it, alone.
    They are not critical, as the RFC wants them: Mbed TLS 2.28, as old cameras may have it, refuses
    a root whose critical extensions it does not know; OpenSSL and GnuTLS obey them either way.
    """
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(
            x509.NameConstraints(
                permitted_subtrees=[x509.DNSName(hostname), x509.RFC822Name(hostname)],
                excluded_subtrees=[
                    x509.IPAddress(IPv4Network("0.0.0.0/0")),
                    x509.IPAddress(IPv6Network("::/0")),
                ],
            ),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def issue(authority: Authority, hostname: str, now: datetime) -> bytes:
    """Make a key and a certificate for the server.

    :returns: PEM, the private key first and then the certificate, as vsftpd reads them from one
        file, and the cross certificate while there is one; one file is replaced in one step, so key
        and certificate always fit
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    root, cross = authority.certificate, authority.roots.cross
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
    ) + b"".join(each.public_bytes(_PEM) for each in (certificate, cross) if each)


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
