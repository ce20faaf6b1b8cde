"""How servers speak TLS, and where their certificates come from."""

from __future__ import annotations

from hotshoe.plan import tls_suites
from hotshoe.plan.model import Acme, CertificateFiles, CertificatePlan, DnsUpdate, Encryption
from hotshoe.site.model import Certificate, Ftp, Site

# Let's Encrypt's directories.
ACME_DIRECTORY = "https://acme-v02.api.letsencrypt.org/directory"
ACME_STAGING_DIRECTORY = "https://acme-staging-v02.api.letsencrypt.org/directory"


def encryption_of(ftp: Ftp) -> Encryption | None:
    """How servers speak TLS; None without."""
    if ftp.tls == "none":
        return None
    versions = (
        *(("1.0", "1.1") if ftp.legacy_tls else ()),
        "1.2",
        *(("1.3",) if ftp.tls_1_3 else ()),
    )
    return Encryption(versions, tls_suites.chosen(rsa_key_exchange=ftp.rsa_key_exchange))


def certificate_of(site: Site) -> CertificatePlan | None:
    """Where servers' certificates come from; None without TLS."""
    said = site.certificate
    if site.ftp.tls == "none":
        return None
    files = CertificateFiles(said.chain, said.key) if said.chain and said.key else None
    return CertificatePlan(
        issuer=said.issuer,
        acme=_acme(said) if said.issuer == "letsencrypt" else None,
        files=files,
        root=said.root,
    )


def _acme(said: Certificate) -> Acme:
    """How an ACME authority issues certificates."""
    usual = ACME_STAGING_DIRECTORY if said.staging else ACME_DIRECTORY
    update = None
    if said.server and said.key_name:
        update = DnsUpdate(said.server, said.key_name, said.algorithm)
    return Acme(
        directory=said.directory or usual,
        ca_bundle=said.ca_bundle,
        email=said.email,
        challenge=said.challenge or "http-01",
        update=update,
        hook=said.hook,
        propagation_seconds=said.propagation_seconds,
    )
