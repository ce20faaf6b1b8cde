"""The root certificates that cameras are given, to know the server by."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from hotshoe.debian.authority_files import AuthorityFiles
from hotshoe.errors import HotshoeError
from hotshoe.plan.model import CertificatePlan


def roots_of(
    certificate: CertificatePlan, project: Path, authority: AuthorityFiles
) -> list[x509.Certificate]:
    """The root certificates that cameras have to be given.

    :param certificate: the server's
    :param project: the folder that holds deploy.py
    :param authority: the home's own
    :returns: none if cameras know the issuer, or nobody says which root it has
    :raises HotshoeError: if a file cannot be read, or there is no authority yet
    """
    if certificate.root:
        return _certificates_in(project / certificate.root)
    if certificate.files:
        # A chain may hold its root, and then that is what cameras need.
        last = _certificates_in(project / certificate.files.chain)[-1]
        return [last] if last.subject == last.issuer else []
    if certificate.issuer != "own-ca":
        return []
    roots = authority.load_roots()
    if roots is None:
        raise HotshoeError(
            f"{authority.folder}: there is no certificate authority yet\n"
            "    -> deploy first, which makes one; or run this where that folder is"
        )
    return [roots.current]


def _certificates_in(path: Path) -> list[x509.Certificate]:
    """The certificates in a PEM file, at least one."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        raise HotshoeError(
            f"{path}: holds no PEM certificate, or cannot be read\n"
            "    -> correct certificate in the Site"
        ) from None
