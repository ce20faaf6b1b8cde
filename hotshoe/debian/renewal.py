"""When the server needs another certificate, and who is told that one ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from hotshoe.debian.authority import NAME, Roots
from hotshoe.site.model import Issuer

# A deploy renews when less than this is left, so a home that is deployed once a year stays valid.
RENEW_DAYS = 400
# From here on, the server's journal tells twice a day that its certificate ends.
WARN_DAYS = 21
# What to do about one that ends, by who issues it.
REMEDIES: dict[Issuer, str] = {
    "own-ca": "deploy, which renews it",
    "files": "put a new one in the place of the files that the Site names, and deploy",
    "letsencrypt": "the journal of hotshoe-acme says why it is not renewed",
}


def why_renew(pem: str | None, roots: Roots | None, hostname: str, now: datetime) -> str | None:
    """Say why the server needs a new certificate of the home's own authority.

    :param pem: the certificates that the server has, its own first, if any
    :param roots: the authority, if there is one yet
    :returns: the reason as a clause, or None if what the server has is good
    """
    if not pem:
        return "the server has no certificate"
    if roots is None:
        return "there is no certificate authority here yet"
    try:
        certificate, *issuers = x509.load_pem_x509_certificates(pem.encode())
        certificate.verify_directly_issued_by(roots.current)
    except (ValueError, TypeError, InvalidSignature):
        return "the server's certificate is not from this certificate authority"
    if not _is_for(certificate, hostname):
        return f"the server's certificate is not for {hostname}"
    if now < certificate.not_valid_before_utc:
        return "the server's certificate is not valid yet: a clock was wrong when it was issued"
    if issuers != [each for each in (roots.cross,) if each]:
        if roots.cross:
            return "cameras may still trust the previous certificate authority"
        return "no camera trusts the previous certificate authority any more"
    left = certificate.not_valid_after_utc - now
    can_last_longer = certificate.not_valid_after_utc < roots.current.not_valid_after_utc
    if left < timedelta(days=RENEW_DAYS) and can_last_longer:
        return f"the server's certificate has {left.days} days left"
    return None


def is_lost(pem: str | None, roots: Roots | None, hostname: str) -> bool:
    """Whether the server's certificate for this host name is of an authority that is not here.

    Cameras trust that one, so a new one must not take its place unasked. A certificate that is not
    of an authority of hotshoe's is another matter.
    """
    if roots is not None or not pem:
        return False
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return False
    issuers = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    ours = any(str(issuer.value).startswith(NAME) for issuer in issuers)
    return ours and _is_for(certificate, hostname)


def _is_for(certificate: x509.Certificate, hostname: str) -> bool:
    """Whether a certificate has this host name, and no other, in both CN and SAN."""
    names = [str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names += san.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass
    return names == [hostname, hostname]
