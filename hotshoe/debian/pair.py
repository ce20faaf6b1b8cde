"""Whether a key and a chain of certificates are fit for the server, before they go live.

It runs on the computer that deploys and on servers, so it imports nothing of hotshoe, and keeps to
what cryptography 38 (Debian 12) knows: ``load_pem_x509_certificates``,
``verify_directly_issued_by`` and ``not_valid_after_utc`` came later.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SMALLEST_RSA_BITS = 2048
# A chain has three or four; nobody sends a hundred.
MOST_CERTIFICATES = 10
# Debian's OpenSSL refuses to load what is signed with them (security level 2).
_BROKEN_HASHES = (hashes.MD5, hashes.SHA1)
# What cryptography raises of a certificate that it cannot read, over all its versions.
_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n.*?-----END \1-----", re.DOTALL)


T = TypeVar("T", bound=x509.ExtensionType)


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a pair.

    :param findings: why it must not go live, a clause each; none if it may
    :param notes: what may trouble some cameras
    :param ends: when the first certificate of the chain ends; None if it cannot be read
    :param pem: the server's file: the key, its certificate, and those of its issuers without the
        root, which cameras have; empty if there are findings
    """

    findings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    ends: datetime | None = None
    pem: bytes = field(default=b"", repr=False)


def check(
    chain: bytes,
    key: bytes,
    hostname: str,
    now: datetime,
    root: bytes | None = None,
    known: bytes | None = None,
) -> Verdict:
    """Judge a key and a chain of certificates.

    :param chain: PEM, the server's certificate first, then that of each one's issuer; the root may
        be left out
    :param key: PEM, the private key
    :param hostname: what cameras dial
    :param now: the time, with its time zone
    :param root: PEM, the root certificate that the chain has to end in; None if that is not said
    :param known: PEM, root certificates that are known; where the chain holds no root, one of them
        must have issued its end. None if it is not known which roots there are: whoever issued the
        chain is then believed that it is complete, if it has more than one certificate
    """
    private, wrong_key = _read_key(key)
    certificates, wrong_chain = _read_certificates(chain)
    findings = [f"the key {reason}" for reason in wrong_key]
    findings += [f"the chain {reason}" for reason in wrong_chain]
    if not certificates:
        return Verdict(tuple(findings))
    leaf = certificates[0]
    if private and not _fits(private, leaf):
        findings.append(_why_it_does_not_fit(private, certificates))
    findings += _of_leaf(leaf, hostname, now)
    anchors = _anchors(root, known)
    findings += _of_issuers(certificates, now)
    findings += _of_end(certificates[-1], len(certificates), root, anchors)
    if findings or private is None:
        return Verdict(tuple(dict.fromkeys(findings)), ends=_not_after(leaf))
    sent = [leaf, *(each for each in certificates[1:] if not _is_root(each))]
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ) + b"".join(each.public_bytes(serialization.Encoding.PEM) for each in sent)
    return Verdict((), tuple(_notes(leaf, hostname)), _not_after(leaf), pem)


def top_of(chain: bytes) -> bytes:
    """The last certificate of a chain, PEM: what cameras have to trust where nothing else is said.

    :raises ValueError: if it holds none
    """
    certificates, _ = _read_certificates(chain)
    if not certificates:
        raise ValueError("holds no certificate")
    return certificates[-1].public_bytes(serialization.Encoding.PEM)


def _read_key(text: bytes) -> tuple[rsa.RSAPrivateKey | None, list[str]]:
    blocks = [m for m in _BLOCK.finditer(text) if m[1].endswith(b"PRIVATE KEY")]
    if not blocks:
        return None, ["is no PEM private key"]
    if len(blocks) > 1:
        return None, [f"has company: the file holds {len(blocks)} private keys"]
    try:
        key = serialization.load_pem_private_key(blocks[0][0], None)
    except TypeError:
        return None, ["is encrypted, and no passphrase is there when vsftpd starts"]
    except (ValueError, UnsupportedAlgorithm):
        return None, ["is no private key that can be read"]
    if not isinstance(key, rsa.RSAPrivateKey):
        return None, [_why_not_rsa(key.public_key())]
    if key.key_size < SMALLEST_RSA_BITS:
        return None, [f"is RSA of {key.key_size} bits, fewer than {SMALLEST_RSA_BITS}"]
    return key, []


def _read_certificates(text: bytes) -> tuple[list[x509.Certificate], list[str]]:
    blocks = [m[0] for m in _BLOCK.finditer(text) if m[1] in (b"CERTIFICATE", b"X509 CERTIFICATE")]
    if not blocks:
        return [], ["holds no PEM certificate"]
    if len(blocks) > MOST_CERTIFICATES:
        return [], [f"has {len(blocks)} certificates, more than {MOST_CERTIFICATES}"]
    found: list[x509.Certificate] = []
    for number, block in enumerate(blocks, 1):
        try:
            certificate = x509.load_pem_x509_certificate(block)
            certificate.public_key()
            list(certificate.extensions)
        except _UNREADABLE:
            return [], [f"has a certificate, number {number}, that cannot be read"]
        found.append(certificate)
    return found, []


def _why_not_rsa(key: object) -> str:
    kind = "ECDSA" if isinstance(key, ec.EllipticCurvePublicKey) else "of another kind"
    return f"is {kind}, not RSA, which is the only one that all cameras and cipher suites take"


def _fits(private: rsa.RSAPrivateKey, certificate: x509.Certificate) -> bool:
    public = certificate.public_key()
    return isinstance(public, rsa.RSAPublicKey) and (
        public.public_numbers() == private.public_key().public_numbers()
    )


def _why_it_does_not_fit(
    private: rsa.RSAPrivateKey, certificates: Sequence[x509.Certificate]
) -> str:
    if any(_fits(private, other) for other in certificates[1:]):
        return "the chain is not in order: the certificate that the key belongs to is not the first"
    return "the key does not belong to the first certificate of the chain"


def _of_leaf(leaf: x509.Certificate, hostname: str, now: datetime) -> Iterator[str]:
    """What is wrong with the server's own certificate, but for its issuers."""
    public = leaf.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        yield f"the certificate {_why_not_rsa(public)}"
    elif public.key_size < SMALLEST_RSA_BITS:
        yield f"the certificate has RSA of {public.key_size} bits, fewer than {SMALLEST_RSA_BITS}"
    names = _dns_names(leaf)
    if not any(_matches(name, hostname) for name in names):
        said = ", ".join(map(_printable, names)) or "no name"
        yield f"the certificate is not for {hostname}: its subjectAltName has {said}"
    if _is_authority(leaf) and not _is_root(leaf):
        yield "the chain is not in order: the first certificate is that of an authority"
    usages = _extension(leaf, x509.ExtendedKeyUsage)
    wanted = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    if usages is not None and not any(usage in usages for usage in wanted):
        yield "the certificate is for other purposes, not for a server (extendedKeyUsage)"
    yield from _of_time(leaf, "the certificate", now)


def _of_time(certificate: x509.Certificate, what: str, now: datetime) -> Iterator[str]:
    if now < _not_before(certificate):
        yield f"{what} is not valid before {_not_before(certificate):%Y-%m-%d %H:%M} UTC"
    if now > _not_after(certificate):
        yield f"{what} expired on {_not_after(certificate):%Y-%m-%d %H:%M} UTC"


def _of_issuers(chain: Sequence[x509.Certificate], now: datetime) -> Iterator[str]:
    """Whether each certificate is issued by the next (RFC 5246, section 7.4.2)."""
    for at, (each, issuer) in enumerate(pairwise(chain), 1):
        if not _is_issued_by(each, issuer):
            if any(_is_issued_by(each, other) for other in chain if other is not each):
                yield (
                    f"the chain is not in order: {_who(each)} has to be followed by the "
                    "certificate of its issuer"
                )
            else:
                yield (
                    f"the chain has {_who(issuer)} after {_who(each)}, which it did not issue: one "
                    "is missing or does not belong there"
                )
            return
        basic = _extension(issuer, x509.BasicConstraints)
        if basic is None or not basic.ca:
            yield f"the chain has {_who(issuer)} as an issuer, which may not issue certificates"
        elif basic.path_length is not None and at - 1 > basic.path_length:
            yield f"the chain is longer than {_who(issuer)} permits (pathLenConstraint)"
        yield from _of_time(issuer, f"{_who(issuer)}", now)
    for each in chain:
        if not _is_root(each) and isinstance(_hash_of(each), _BROKEN_HASHES):
            yield f"{_who(each)} is signed with MD5 or SHA-1, which OpenSSL refuses"


def _of_end(
    end: x509.Certificate, length: int, root: bytes | None, anchors: Sequence[x509.Certificate]
) -> Iterator[str]:
    """Whether a chain ends at a root, or just below one."""
    issued = any(_is_issued_by(end, anchor) or end == anchor for anchor in anchors)
    if root is not None:
        if not anchors:
            yield "the root certificate cannot be read: it holds no PEM certificate"
        elif not issued:
            yield (
                f"the chain ends with {_who(end)}, which {_name(end.issuer)} issued and not the "
                f"root certificate, {_name(anchors[0].subject)}: one is missing, or the root "
                "certificate is another"
            )
    elif not issued and not _is_root(end) and (length == 1 or anchors):
        yield (
            f"the chain is not complete: it ends with {_who(end)}, and the certificate of its "
            f"issuer, {_name(end.issuer)}, is missing"
        )


def _anchors(root: bytes | None, known: bytes | None) -> list[x509.Certificate]:
    found: list[x509.Certificate] = []
    for block in _BLOCK.finditer(root if root is not None else known or b""):
        try:
            certificate = x509.load_pem_x509_certificate(block[0])
            certificate.public_key()
        except _UNREADABLE:
            continue
        found.append(certificate)
    return found


def _notes(leaf: x509.Certificate, hostname: str) -> Iterator[str]:
    common = [
        str(a.value).lower() for a in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]
    if common != [hostname]:
        has = f"is {', '.join(map(_printable, common))}" if common else "is missing"
        yield (
            f"the certificate's common name {has}: a camera that looks there alone, as some of "
            "Canon's do, may refuse it, or has to be told to trust the server anyway"
        )
    if hostname not in _dns_names(leaf):
        yield "the certificate is for a wildcard, which old TLS stacks may not match"
    if _is_root(leaf):
        yield (
            "the certificate is signed by its own key: cameras have to trust it itself, and some "
            "take only certificates of authorities"
        )


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's name is right, and the signature is of its key."""
    if certificate.issuer != issuer.subject:
        return False
    key, algorithm = issuer.public_key(), _hash_of(certificate)
    signed = (certificate.signature, certificate.tbs_certificate_bytes)
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm:
            key.verify(*signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm:
            key.verify(*signed, ec.ECDSA(algorithm))
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(*signed)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _hash_of(certificate: x509.Certificate) -> hashes.HashAlgorithm | None:
    try:
        return certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None


def _is_root(certificate: x509.Certificate) -> bool:
    return _is_issued_by(certificate, certificate)


def _is_authority(certificate: x509.Certificate) -> bool:
    basic = _extension(certificate, x509.BasicConstraints)
    return basic is not None and basic.ca


def _extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _dns_names(certificate: x509.Certificate) -> list[str]:
    names = _extension(certificate, x509.SubjectAlternativeName)
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)] if names else []


def _matches(name: str, hostname: str) -> bool:
    """Whether a name of a certificate is that of a host (RFC 6125, section 6.4.3)."""
    if name.startswith("*."):
        return name[1:] == f".{hostname.partition('.')[2]}"
    return name == hostname


def _not_before(certificate: x509.Certificate) -> datetime:
    if hasattr(certificate, "not_valid_before_utc"):
        return certificate.not_valid_before_utc
    return certificate.not_valid_before.replace(tzinfo=UTC)


def _not_after(certificate: x509.Certificate) -> datetime:
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_after_utc
    return certificate.not_valid_after.replace(tzinfo=UTC)


def _who(certificate: x509.Certificate) -> str:
    return f"the certificate of {_name(certificate.subject)}"


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return _printable(str(common[0].value) if common else name.rfc4514_string() or "nobody")


def _printable(text: str) -> str:
    """What others chose, in quotes, short and without what a terminal would obey."""
    return repr(text if len(text) <= 80 else f"{text[:80]}…")


def main(arguments: Sequence[str]) -> int:
    """Print the server's file of a chain and a key, or say why it must not go live.

    :param arguments: what cameras dial, and the files of the chain and of the key
    :returns: what the program ends with: 0, 1 if there are findings, 2 if a file cannot be read
    """
    hostname, chain, key = arguments
    try:
        texts = Path(chain).read_bytes(), Path(key).read_bytes()
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    verdict = check(*texts, hostname, datetime.now(UTC))
    for said in (*verdict.findings, *verdict.notes):
        print(said, file=sys.stderr)
    sys.stdout.buffer.write(verdict.pem)
    return 1 if verdict.findings else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
